"""The incumbent's stored form of a credential: lower-case hex of the Base64 of the text. It hides nothing."""

from __future__ import annotations

import binascii
import re
from contextlib import suppress

from amtconnector.config.inifile import ANSI


def decode(stored: str) -> str | None:
    """Return the text behind a legacy value, None when the value is none.

    Strict, so that plain text is not taken for it: lower-case hex of Base64 in its one canonical spelling, of UTF-8
    text, else of text in the ANSI code page.
    """
    if not re.fullmatch(r"(?:[0-9a-f]{2})+", stored):
        return None
    encoded = bytes.fromhex(stored)
    try:
        content = binascii.a2b_base64(encoded)
    except binascii.Error:
        return None
    if binascii.b2a_base64(content, newline=False) != encoded:
        return None
    with suppress(UnicodeDecodeError):
        return content.decode()
    with suppress(UnicodeDecodeError):
        text = content.decode(ANSI)
        # Windows decodes what a code page leaves undefined to control characters of the same number: that is no text.
        return None if re.search("[\x80-\x9f]", text) else text
    return None
