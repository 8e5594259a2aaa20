"""Take secrets out of what a server says, in whatever form it repeats them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK = "********"

_JSON_SHORT = {'"': '"', "/": "/", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}
_HTML_NAMES = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}


def masked(text: str, secrets: Iterable[str]) -> str:
    """Return the text with `********` for each secret, also where it is escaped as JSON, HTML or a URL has it."""
    patterns = [_pattern(secret) for secret in sorted(secrets, key=len, reverse=True) if secret]
    return re.sub("|".join(patterns), MASK, text) if patterns else text


def _pattern(secret: str) -> str:
    parts = re.findall(r"\\+|[^\\]", secret)
    return "".join(_backslashes(len(part)) if part[0] == "\\" else _forms(part) for part in parts)


def _backslashes(count: int) -> str:
    """Return a pattern for so many in a row; one for each of them would try every way to share them out."""
    once = (r"%(?i:5c)", r"\\{1,3}u(?i:005c)", r"&#(?:92|x(?i:5c));")
    return "(?:" + "|".join(f"(?:{form}){{{count}}}" for form in once) + rf"|\\{{{count},{4 * count}}})"


def _forms(character: str) -> str:
    """Return a pattern for one character, raw or escaped; letters and digits of ASCII are never escaped in practice."""
    if character.isascii() and character.isalnum():
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    code = ord(character)
    forms = [
        "".join(rf"\\{{1,3}}u(?i:{units[at : at + 2].hex()})" for at in range(0, len(units), 2)),
        "".join(f"%(?i:{byte:02x})" for byte in character.encode("utf-8", "surrogatepass")),
        f"&#0*{code};",
        f"&#[xX]0*(?i:{code:x});",
    ]
    if character in _JSON_SHORT:
        forms.append(r"\\{1,3}" + _JSON_SHORT[character])
    if character in _HTML_NAMES:
        forms.append(f"&{_HTML_NAMES[character]};")
    if character == " ":
        forms.append(r"\+")
    if not character.isascii():
        forms.append("[\udc80-\udcff\ufffd?]")  # a server with another encoding
    return f"(?:{'|'.join([*forms, re.escape(character)])})"  # raw last: `&` begins `&amp;`
