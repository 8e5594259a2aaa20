"""Which messages have been printed already.

For each text as many copies are printed as the server has reported at most in one answer. While the list only grows at
its end that is the server's order; a line that is inserted further up is new, and so is a second identical line.

A printed message is remembered as its hash, 8 bytes: Python's own, a keyed SipHash of 64 bits, so that two different
messages of a run share one with a chance of about 1 in 10^7 when there are a million of them.
"""

from __future__ import annotations

from array import array
from collections import Counter


class PrintedMessages:
    """Tells new messages from printed ones, one answer after another."""

    def __init__(self) -> None:
        # The copies that are printed: in the order of the last answer, then those that it no longer had.
        self._printed = array("q")
        self._at = 0
        self._order: array[int] | None = None
        self._rest: Counter[int] = Counter()

    def begin(self) -> None:
        """Begin to read an answer from its start."""
        self._at = 0
        self._order = None

    def unprinted(self, texts: list[str]) -> list[str]:
        """Return the new ones among the next messages of the answer; they count as printed from now on."""
        hashes = array("q", map(hash, texts))
        if self._order is not None:
            return self._sorted_out(texts, hashes)
        known = self._printed[self._at : self._at + len(hashes)]
        if hashes[: len(known)] != known:
            return self._part_ways(texts, hashes)
        self._printed.extend(hashes[len(known) :])
        self._at += len(hashes)
        return texts[len(known) :]

    def end(self) -> None:
        """End the answer, complete or not."""
        if self._order is not None:
            self._order.extend(self._rest.elements())
            self._printed, self._order = self._order, None

    def _part_ways(self, texts: list[str], hashes: array[int]) -> list[str]:
        """Go on by counting: from here the answer differs from what is printed."""
        self._order = self._printed[: self._at]
        self._rest = Counter(self._printed[self._at :])
        return self._sorted_out(texts, hashes)

    def _sorted_out(self, texts: list[str], hashes: array[int]) -> list[str]:
        new = []
        for text, digest in zip(texts, hashes, strict=True):
            if self._rest[digest] > 0:
                self._rest[digest] -= 1
            else:
                new.append(text)
        if self._order is not None:
            self._order.extend(hashes)
        return new
