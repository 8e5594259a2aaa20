"""Making new inputs from known ones: bytes and pieces changed, moved, repeated, mixed; all of it from one seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

LARGEST = 60_000
"""In bytes: what a growing input may reach."""

_WORDS = rb"""
    \x00 \ \\ " \" \\u0000 \u0000 \ud800 \u00e9 \q { } [ ] , : = ; # null true false NaN Infinity 0 -0 -1 1 4 12 25 2112
    1e400 1e9 4.0 0x4 99999999999999999999 "4" DONE done RUNNING Status BatchRequestId Token Messages ABORTED [[[[[[[[
    {"a":{"a": <a> </a> <!DOCTYPE <html> &amp; HTTP/1.1 HTTP/1.0 200 204 304 100 101 chunked gzip Content-Length
    Transfer-Encoding 7fffffff ffffffffffffffff \'\'\' * ## \* \# {token} {request_id} {n} % %% ${a}
    2026-11-27T00:00:00Z 9999-12-31T23:59:59Z
"""
_UNSEEN = (
    *(b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xc3", b"\xe2\x80\x8b", b"\xed\xa0\x80", b"\xc2\x85", b"\xe2\x80\xa8"),
    *(b"\x1a", b"\r\n", b"\n", b"\r", b"\t", b" ", b"    ", b"\r\n\r\n", b'"""'),
)
PIECES: tuple[bytes, ...] = (*_WORDS.split(), *_UNSEEN)
"""What means something to one of the readers."""


class Mutator:
    """Makes inputs from seeds; `chance` decides."""

    def __init__(self, seeds: Sequence[bytes], chance: random.Random) -> None:
        self._seeds = list(seeds)
        self._chance = chance

    def next_input(self) -> bytes:
        """Return a seed with one change to eight."""
        content = self._chance.choice(self._seeds)
        for _ in range(self._chance.choice((1, 1, 1, 2, 2, 3, 5, 8))):
            content = self._chance.choice(_CHANGES)(content, self)
        return content[:LARGEST]

    def grown(self) -> bytes:
        """Return an input in which one piece is repeated until it is large: what takes more than linear time shows."""
        content = self.next_input()
        begin, end = self.span(content)
        piece = self._chance.choice((content[begin:end], self._chance.choice(PIECES))) or b" "
        return (content[:begin] + piece * (LARGEST // len(piece)) + content[begin:])[: LARGEST + len(content)]

    def span(self, content: bytes) -> tuple[int, int]:
        """Return a piece's begin and end, short ones more often."""
        begin = self._chance.randint(0, len(content))
        length = self._chance.choice((1, 1, 2, 4, 8, 16, len(content)))
        return begin, min(len(content), begin + length)

    def other(self) -> bytes:
        """Return a seed to mix in."""
        return self._chance.choice(self._seeds)

    def piece(self) -> bytes:
        """Return a piece that means something to one of the readers."""
        return self._chance.choice(PIECES)

    def byte(self) -> bytes:
        """Return any byte."""
        return bytes([self._chance.randrange(256)])

    def number(self, most: int) -> int:
        """Return a number from 1."""
        return self._chance.randint(1, most)


def _changed(content: bytes, by: Mutator) -> bytes:
    begin, end = by.span(content)
    return content[:begin] + by.byte() * min(1, end - begin) + content[begin + 1 :]


def _without(content: bytes, by: Mutator) -> bytes:
    begin, end = by.span(content)
    return content[:begin] + content[end:]


def _with_piece(content: bytes, by: Mutator) -> bytes:
    begin, end = by.span(content)
    return content[:begin] + by.piece() + content[by.number(2) % 2 * (end - begin) + begin :]


def _repeated(content: bytes, by: Mutator) -> bytes:
    begin, end = by.span(content)
    return content[:begin] + content[begin:end] * by.number(6) + content[end:]


def _mixed(content: bytes, by: Mutator) -> bytes:
    other = by.other()
    begin, _ = by.span(content)
    first, last = by.span(other)
    return content[:begin] + other[first:last] + content[begin:]


def _cut(content: bytes, by: Mutator) -> bytes:
    begin, _ = by.span(content)
    return content[:begin]


_CHANGES: tuple[Callable[[bytes, Mutator], bytes], ...] = (
    _changed,
    _changed,
    _without,
    _with_piece,
    _with_piece,
    _repeated,
    _mixed,
    _cut,
)
