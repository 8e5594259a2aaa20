"""An HTTP/1 answer, read strictly: what a status or a request id is taken from must not be ambiguous.

RFC 9112 is followed where it leaves no choice. Where it allows a client to be lenient, only what can't change a meaning
is accepted: lines that end with a line feed alone, header lines that are folded, trailers that are missing. A header
line that is none is named; http.client takes the rest of the header for a part of the body there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from amtconnector.amtopcon.httpx_import import httpx
from amtconnector.named_tuple import NamedTuple
from amtconnector.text import excerpt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LARGEST_HEAD = 65536
"""Of the status line and all header lines, in bytes; those of interim answers count."""

_TLS_ALERT = b"\x15\x03"
_LONGEST_CHUNK_LINE = 1024
_VERSION = b"HTTP/1."
_STATUS_LINE = re.compile(rb"HTTP/1\.[0-9] ([1-9][0-9]{2})(?: [^\x00-\x08\x0a-\x1f\x7f]*)?")
_IN_NAMES = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CONTROLS = bytes({*range(32), 127} - {ord("\t")})
_LONGEST_LENGTH = 18

Header = tuple[bytes, bytes]


class NoHttp(httpx.RemoteProtocolError):
    """What answers does not begin as HTTP/1 does; the text says with what it begins."""


class SpeaksTls(NoHttp):
    """It begins with an alert of TLS: plain HTTP is not what is spoken on this port."""


class AnswerUnclear(httpx.DecodingError):
    """The answer is HTTP, and something in it is wrong, so that its meaning is in doubt; the text names it."""


class Head(NamedTuple):
    """Status and headers of an answer, and how its body ends."""

    status: int
    headers: tuple[Header, ...]
    length: int | None
    is_chunked: bool

    @property
    def has_known_end(self) -> bool:
        """Whether a body that was cut can be told from a whole one."""
        return self.is_chunked or self.length is not None


class AnswerReader:
    """Reads one answer from what `receive` returns, b"" at the connection's end.

    Raises NoHttp, AnswerUnclear, httpx.RemoteProtocolError for an answer that is cut, and whatever `receive` raises.
    """

    def __init__(self, receive: Callable[[], bytes]) -> None:
        self._receive = receive
        self._buffer = bytearray()

    def head(self) -> Head:
        """Read the head of the final answer; interim answers (1xx) before it are skipped."""
        left = LARGEST_HEAD
        while True:
            status, left = self._status(left)
            headers, left = self._headers(left)
            if status == 101:
                raise AnswerUnclear("it changes the protocol (101), which nobody asked for")
            if status >= 200:
                return _head(status, headers)

    def body(self, head: Head) -> Iterator[bytes]:
        """Yield the body as it comes, to its declared end."""
        if head.is_chunked:
            yield from self._chunks()
        elif head.length is None:
            yield from self._rest()
        else:
            yield from self._exactly(head.length)
            if head.length and self._buffer.strip():
                raise AnswerUnclear("it is longer than its Content-Length says")

    def _status(self, left: int) -> tuple[int, int]:
        while len(self._buffer) < len(_VERSION) and _VERSION.startswith(self._buffer):
            self._more()
        if not self._buffer.startswith(_VERSION):
            kind = SpeaksTls if self._buffer.startswith(_TLS_ALERT) else NoHttp
            raise kind(excerpt(self._buffer[:40].decode("latin-1"), 40))
        line = self._line(left)
        if not (match := _STATUS_LINE.fullmatch(line)):
            raise NoHttp(excerpt(line[:40].decode("latin-1"), 40))
        return int(match[1]), left - len(line)

    def _headers(self, left: int) -> tuple[list[Header], int]:
        headers: list[Header] = []
        while line := self._line(left):
            left -= len(line)
            if line[:1] in b" \t" and headers:
                name, value = headers[-1]
                headers[-1] = (name, value + b" " + _value(name, line))
            else:
                headers.append(_header(line))
        return headers, left

    def _line(self, limit: int, what: str = f"its header is longer than {LARGEST_HEAD // 1024} KiB") -> bytes:
        """Return the next line without its end; raises AnswerUnclear with `what` when it is longer than `limit`."""
        begin = 0
        while (end := self._buffer.find(b"\n", begin)) < 0 and len(self._buffer) <= limit:
            begin = len(self._buffer)
            self._more()
        if end < 0 or end > limit:
            raise AnswerUnclear(what)
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.removesuffix(b"\r")

    def _more(self) -> None:
        if not (piece := self._receive()):
            raise httpx.RemoteProtocolError("cut" if self._buffer else "nothing")
        self._buffer += piece

    def _taken(self, limit: int) -> bytes:
        """Return what has come, at most `limit` bytes of it; at least one."""
        if not self._buffer:
            self._more()
        piece = bytes(self._buffer[:limit])
        del self._buffer[:limit]
        return piece

    def _exactly(self, length: int) -> Iterator[bytes]:
        while length:
            piece = self._taken(length)
            length -= len(piece)
            yield piece

    def _rest(self) -> Iterator[bytes]:
        if self._buffer:
            yield self._taken(len(self._buffer))
        while piece := self._receive():
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        """Yield the content of chunks; the last one, of size 0, ends the answer, and what follows is not needed."""
        while size := self._chunk_size():
            yield from self._exactly(size)
            too_long = "one of its chunks is longer than its size says"
            if self._line(_LONGEST_CHUNK_LINE, too_long):
                raise AnswerUnclear(too_long)

    def _chunk_size(self) -> int:
        no_size = "one of its chunks has no size"
        size = self._line(_LONGEST_CHUNK_LINE, no_size).partition(b";")[0].rstrip(b" \t")
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,15}", size):
            raise AnswerUnclear(no_size)
        return int(size, 16)


def _header(line: bytes) -> Header:
    name, colon, value = line.partition(b":")
    if not colon:
        raise AnswerUnclear(f"its header line '{_shown(line)}' has no colon")
    if _is_name(name.strip(b" \t")) and name[-1:] in b" \t":
        raise AnswerUnclear(f"its header line '{_shown(name)} :' has a blank before its colon")
    if not _is_name(name):
        raise AnswerUnclear(f"its header line '{_shown(name)}:' has a name that HTTP does not allow")
    return name, _value(name, value)


def _is_name(name: bytes) -> bool:
    return name != b"" and not name.strip(_IN_NAMES)


def _value(name: bytes, value: bytes) -> bytes:
    if value.translate(None, CONTROLS) != value:
        raise AnswerUnclear(f"its header line '{_shown(name)}:' holds a control character")
    return value.strip(b" \t")


def _shown(text: bytes) -> str:
    """Return a piece of a header line; never its value, which may be a cookie's."""
    return excerpt(text[:40].decode("latin-1"), 40)


def _head(status: int, headers: list[Header]) -> Head:
    encodings = _listed(headers, b"transfer-encoding")
    lengths = set(_listed(headers, b"content-length"))
    if status in {204, 304}:
        return Head(status, tuple(headers), 0, is_chunked=False)
    if encodings:
        if [one.lower() for one in encodings] != [b"chunked"]:
            raise AnswerUnclear(f"its Transfer-Encoding is '{_shown(b', '.join(encodings))}' instead of 'chunked'")
        return Head(status, tuple(headers), None, is_chunked=True)
    if len(lengths) > 1 or not all(one.isdigit() and len(one) <= _LONGEST_LENGTH for one in lengths):
        raise AnswerUnclear(f"its Content-Length is '{_shown(b', '.join(sorted(lengths)))}', which is no length")
    return Head(status, tuple(headers), int(lengths.pop()) if lengths else None, is_chunked=False)


def _listed(headers: list[Header], wanted: bytes) -> list[bytes]:
    """Return the parts of a header that may be given as a list, or several times."""
    values = [value for name, value in headers if name.lower() == wanted]
    return [part.strip(b" \t") for part in b",".join(values).split(b",")] if values else []
