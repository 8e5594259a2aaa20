"""Make any text safe and short to show: escaped to one line, cut, without secrets; and durations in words."""

from __future__ import annotations

import re
from binascii import b2a_base64
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amtconnector.named_tuple import NamedTuple

MASK = "********"
LONGEST_KEPT = 1024 * 1024
"""In bytes of UTF-8: what is kept, and shown, of one message at most."""

_JSON_SHORT = {'"': '"', "/": "/", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}
_HTML_NAMES = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}
_SHORTEST_ENCODED = 4
_LONGEST_WORD = 16
_ORDINARY = frozenset(
    """
    access account admin administrator amt api application batch call client code connector
    credentials default demo done error false file function guest id invalid job key log logon
    lion message missing name none not null object opcon operator ok parameter parameters
    password queue refused request required result root running schedule script server service
    session start started station status stop string submit system task test text the token
    true type unknown user username value values web wrong
    """.split()  # noqa: SIM905 - reads
)
"""Words that a server's sentences hold anyway; nobody is given away by them."""
_UNSAFE = "[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]"


def escaped(text: str) -> str:
    r"""Return the text with control characters other than tab, U+2028 and U+2029 shown as `\x1b` or `\u2028`.

    The text can then neither break out of its line nor drive a terminal.
    """
    if text.isprintable():
        return text
    return re.sub(_UNSAFE, lambda match: _shown(ord(match[0])), text)


def excerpt(text: str, limit: int = 200) -> str:
    """Return the text on one line, `limit` characters at most, blanks folded and control characters escaped."""
    folded = escaped(" ".join(text.split()))
    return folded if len(folded) <= limit else folded[: limit - 3] + "..."


class CutText(str):
    """The beginning of a very long text; `left_out` is how many bytes of UTF-8 follow it, which nobody keeps."""

    __slots__ = ("left_out",)
    left_out: int


class KeptText:
    """Collects a text piece by piece and keeps at most `limit` bytes of its UTF-8 form, whole characters."""

    def __init__(self, limit: int = LONGEST_KEPT) -> None:
        self._limit = min(limit, LONGEST_KEPT)
        self._pieces: list[str] = []
        self._size = 0
        self._left_out = 0

    def add(self, piece: str) -> None:
        """Take the next piece."""
        size = len(piece) if piece.isascii() else len(piece.encode("utf-8", "surrogatepass"))
        if self._left_out:
            self._left_out += size
        elif self._size + size <= self._limit:
            self._pieces.append(piece)
            self._size += size
        else:
            kept = _beginning(piece, self._limit - self._size)
            self._pieces.append(kept)
            self._left_out = size - len(kept.encode("utf-8", "surrogatepass"))

    @property
    def text(self) -> str:
        """What is kept: a `CutText` when there was more."""
        if not self._left_out:
            return "".join(self._pieces)
        text = CutText("".join(self._pieces))
        text.left_out = self._left_out
        return text


def kept(text: str) -> str:
    """Return what is kept of a text: a `CutText` when there was more."""
    pieces = KeptText()
    pieces.add(text)
    return pieces.text


def _beginning(text: str, size: int) -> str:
    """Return as many characters as fit into so many bytes of UTF-8."""
    data = text[:size].encode("utf-8", "surrogatepass")
    end = min(size, len(data))
    while end < len(data) and data[end] & 0xC0 == 0x80:  # in the middle of a character
        end -= 1
    return data[:end].decode("utf-8", "surrogatepass")


def calm(text: str) -> str:
    """Return a foreign text for a line that a run may print before it ends well: words that sites search for left out.

    They search job logs for "error" and "failed", and a run that ends with 4 must not be found. Its log has the words.
    """
    return re.sub(r"\S+", lambda word: "[...]" if re.search("(?i)error|failed", word[0]) else word[0], text)


def masked(text: str, secrets: Iterable[str], names: Iterable[str] = ()) -> str:
    """Return the text with `********` for each secret, also where it is escaped as JSON, HTML or a URL has it.

    One of four bytes or more is found as Base64 and as hex too, within a longer one (`user:password`) as well. `names`
    are secrets that may look like words: they are found whole, and not at all where they are ordinary words.
    """
    whole = sorted({name for name in names if name and name.casefold() not in _ORDINARY}, key=len, reverse=True)
    ordered = sorted(filter(None, secrets), key=len, reverse=True)
    patterns = [*map(escaped_pattern, ordered), *map(_whole_pattern, whole)]
    patterns += [form for secret in (*ordered, *whole) for form in _encoded_forms(secret)]
    return re.sub("|".join(patterns), MASK, text) if patterns else text


def _whole_pattern(name: str) -> str:
    r"""Return a pattern for a word with no letter or digit beside it, but for the letter of an escape such as `\n`.

    What is longer than a word, or has other characters in it, is found anywhere.
    """
    if len(name) > _LONGEST_WORD or not name.isalnum():
        return escaped_pattern(name)
    return rf"(?:(?<![A-Za-z0-9])|(?<=\\[bfnrt])){escaped_pattern(name)}(?![A-Za-z0-9])"


def sentence(text: str) -> str:
    """Return the text with one full stop at its end, where nothing else ends it."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def described(value: NamedTuple, *hidden: str) -> str:
    """Return the `repr` of a value without the members that may hold a secret."""
    shown = (f"{name}={member!r}" for name, member in zip(value._fields, value, strict=True) if name not in hidden)
    return f"{type(value).__name__}({', '.join(shown)})"


def clock_time(seconds: float) -> str:
    """Return a duration as hours, minutes and seconds: 00:01:21; hours go on beyond 99."""
    whole = int(seconds)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"


def spoken(seconds: float) -> str:
    """Return a duration in words: 45 s, 15 min, 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole if whole or not seconds else round(seconds, 1)} s"
    minutes = whole // 60
    parts = [f"{minutes // 60} h"] if minutes >= 60 else []
    parts += [f"{minutes % 60} min"] if minutes % 60 else []
    parts += [f"{whole % 60} s"] if whole % 60 and minutes < 60 else []
    return " ".join(parts)


def _shown(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def escaped_pattern(secret: str) -> str:
    """Return a pattern for a text, raw or escaped as JSON, HTML or a URL has it."""
    parts = re.findall(r"\\+|[^\\]", secret)
    return "".join(_backslashes(len(part)) if part[0] == "\\" else _escaped_forms(part) for part in parts)


def _encoded_forms(secret: str) -> list[str]:
    """Return patterns for the forms that hide every character of a secret; a shorter one's are in too many texts."""
    content = secret.encode("utf-8", "surrogatepass")
    if len(content) < _SHORTEST_ENCODED:
        return []
    whole = b2a_base64(content, newline=False)  # its hex is the Java connector's form
    percents = "".join(f"%{byte:02x}" for byte in content)
    return [*map(_base64, _base64_cores(content)), *(f"(?i:{form})" for form in (content.hex(), whole.hex(), percents))]


def _base64_cores(content: bytes) -> list[str]:
    """Return what Base64 makes of a secret at each of the three places where it can begin, without shared characters.

    The first is followed by one that only the end of the secret decides.
    """
    cores = []
    for shift in range(3):
        encoded = b2a_base64(b"\0" * shift + content, newline=False).decode("ascii")
        cores.append(encoded[(shift * 8 + 5) // 6 : (shift + len(content)) * 8 // 6])
    return cores


def _base64(core: str) -> str:
    forms = {"+": f"(?:-|{_escaped_forms('+')})", "/": f"(?:_|{_escaped_forms('/')})"}
    return "".join(forms.get(character, character) for character in core) + "[A-Za-z0-9+/_-]?={0,2}"


def _backslashes(count: int) -> str:
    """Return a pattern for so many in a row; one for each of them would try every way to share them out."""
    once = (r"%(?i:5c)", r"\\{1,3}u(?i:005c)", r"&#(?:92|x(?i:5c));")
    return "(?:" + "|".join(f"(?:{form}){{{count}}}" for form in once) + rf"|\\{{{count},{4 * count}}})"


def _escaped_forms(character: str) -> str:
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
