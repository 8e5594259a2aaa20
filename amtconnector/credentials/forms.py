"""The forms of a stored value, told from its text alone."""

from __future__ import annotations

import binascii
import re
from enum import Enum

from amtconnector.credentials import legacy

PREFIX = "amt1:"
_ENVELOPE = re.compile(r"amt1:([0-9a-f]{8}):([A-Za-z0-9_-]+={0,2})", re.ASCII)


class Form(Enum):
    """How a value is stored."""

    ENCRYPTED = "encrypted"
    LEGACY = "legacy"
    WRAPPED = "within something else"
    PLAIN = "plain text"
    MISSING = "missing"


def form_of(text: str) -> Form:
    """Return the form of a value; one that starts as an encrypted value is one, if damaged."""
    if not text:
        return Form.MISSING
    if form := _sound_form(text):
        return form
    if wrapping(text):
        return Form.WRAPPED
    return Form.ENCRYPTED if text.startswith(PREFIX) else Form.PLAIN


def wrapping(text: str) -> tuple[str, ...]:
    """Say what stands around or within a value that is sound without it; () where it is not sound without it either."""
    from amtconnector.config import causes  # a sound value needs none

    return causes.of_each_part(text) if _sound_form(causes.without_marks(text)) else ()


def envelope(text: str) -> tuple[str, str]:
    """Return key id and token of an encrypted value; "" and "" where it has not the shape of one."""
    envelope = _ENVELOPE.fullmatch(text)
    return (envelope[1], envelope[2]) if envelope and _is_canonical(envelope[2]) else ("", "")


def _sound_form(text: str) -> Form | None:
    if envelope(text)[0]:
        return Form.ENCRYPTED
    return None if legacy.decode(text) is None else Form.LEGACY


def _is_canonical(token: str) -> bool:
    """Whether a token is the one spelling of its bytes: Base64 ignores stray bits at its end, a careful reader not."""
    standard = token.translate({45: "+", 95: "/"}).encode()
    try:
        content = binascii.a2b_base64(standard)
    except binascii.Error:
        return False
    return binascii.b2a_base64(content, newline=False) == standard
