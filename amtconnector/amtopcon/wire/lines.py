"""Split a text that arrives piece by piece into its lines, of which none is kept beyond what a message may have."""

from __future__ import annotations

import re

from amtconnector.text import KeptText


class LineSplitter:
    """Lines end with LF, CR LF or CR; behind the last end stands no further line."""

    def __init__(self) -> None:
        self._kept = KeptText()
        self._held = ""
        self._is_begun = False

    def feed(self, piece: str) -> list[str]:
        """Return the lines that are complete with this piece."""
        text = self._held + piece
        self._held = "\r" if text.endswith("\r") else ""  # perhaps half of a CR LF
        *whole, rest = re.split(r"\r\n|\n|\r", text[: len(text) - len(self._held)])
        lines = []
        for line in whole:
            self._kept.add(line)
            lines.append(self._kept.text)
            self._kept = KeptText()
        self._kept.add(rest)
        self._is_begun = bool(rest) or (self._is_begun and not whole)
        return lines

    def rest(self) -> list[str]:
        """Return the line that nothing ended."""
        return [self._kept.text] if self._is_begun or self._held else []
