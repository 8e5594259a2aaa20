r"""Hiding what must not be in a job log, account numbers say: patterns that an administrator lists in a file.

    ; a comment
    Konto ##########      a digit for each #
    DE##*                 * stands for any characters of the same word, none included
    \#42                  \# \* \; and \\ stand for the character itself

A line is a pattern; letter case counts. There are no regular expressions: however patterns and messages look, the time
grows with their length and no faster.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from amtconnector.errors import ConfigurationError
from amtconnector.named_tuple import NamedTuple
from amtconnector.system.file_kinds import content_of
from amtconnector.text import MASK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

_COMMENT = ";"
_SIGN = re.compile(r"\\([#*;\\])|([#*])|(.)", re.DOTALL)
_BLANK = re.compile(r"\s")
_WORD_BEGIN = re.compile(r"(?<!\S)(?=\S)")


def load(path: Path) -> Callable[[str], str]:
    """Read a file of patterns; return what masks a text. Raises ConfigurationError when it can't be used."""
    try:
        text = content_of(path).decode("utf-8-sig")
    except OSError as error:
        raise _unusable(path, f"can't be read ({error.strerror or type(error).__name__})") from error
    except UnicodeError as error:
        raise _unusable(path, "is not UTF-8") from error
    patterns = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.strip()
        if not words or words.startswith(_COMMENT):
            continue
        if not words.strip("*"):
            raise _unusable(path, f"line {number} would hide every word: beside * a pattern needs another character")
        patterns.append(Pattern.of(words))
    return lambda text: masked(text, patterns)


def _unusable(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"[CONNECTOR] MASK_MESSAGES: the file of patterns {why}, and without it messages would be shown unmasked.",
        subject=str(path),
        hint="Mend the file or its rights, or take MASK_MESSAGES out of Connector.config.",
    )


def masked(text: str, patterns: Iterable[Pattern]) -> str:
    """Return the text with `********` in the place of everything that matches; overlapping matches become one."""
    spans = sorted(span for pattern in patterns for span in pattern.spans(text))
    if not spans:
        return text
    parts, end = [], 0
    for first, last in spans:
        if first >= end:
            parts += [text[end:first], MASK]
        end = max(end, last)
    return "".join([*parts, text[end:]])


class Pattern(NamedTuple):
    """One pattern: the pieces between its stars, each of a fixed length; `runs_on` where it ends with a star."""

    first: re.Pattern[str]
    others: tuple[re.Pattern[str], ...]
    last: re.Pattern[str] | None
    longest: int
    runs_on: bool

    @classmethod
    def of(cls, words: str) -> Pattern:
        """Read a pattern."""
        pieces = _pieces(words)
        first = re.compile(pieces[0]) if pieces[0] else _WORD_BEGIN
        others = tuple(re.compile(piece) for piece in pieces[1:] if piece)
        last = re.compile(f"(?s:.*){others[-1].pattern}") if others else None
        return cls(first, others, last, len(words), len(pieces) > 1 and not pieces[-1])

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where the pattern matches, from first to last."""
        begin = 0
        while found := self.first.search(text, begin):
            end = self._end(text, found.end())
            if end is not None:
                yield found.start(), end
                begin = max(end, found.end(), found.start() + 1)
            else:  # whatever begins later in the same word finds no more than this one did
                begin = max(_word_end(text, found.end()) + 1 - self.longest, found.start() + 1)

    def _end(self, text: str, begin: int) -> int | None:
        """Return where a match ends whose first piece ends at `begin`; None where the other pieces do not follow."""
        word_end = begin
        for piece in self.others:
            # The earliest place leaves the most for the pieces after it, so no other one need be tried.
            word_end = _word_end(text, begin)
            found = piece.search(text, begin, word_end + self.longest)
            if found is None or found.start() > word_end:
                return None
            first, begin = found.start(), found.end()
        if self.runs_on:
            return _word_end(text, begin)
        if self.last is not None and begin <= word_end and (farthest := self.last.match(text, first, word_end)):
            return farthest.end()
        return begin


def _pieces(words: str) -> list[str]:
    pieces = [""]
    for literal, sign, other in _SIGN.findall(words):
        if sign == "*":
            pieces.append("")
        else:
            pieces[-1] += "[0-9]" if sign else re.escape(literal or other)
    return pieces


def _word_end(text: str, begin: int) -> int:
    found = _BLANK.search(text, begin)
    return found.start() if found else len(text)
