"""The texts of messages: taken out of the elements of a list, or out of a text with a line for each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from amtconnector.amtopcon.wire.document import Object
from amtconnector.amtopcon.wire.paths import found
from amtconnector.errors import NotUnderstood
from amtconnector.text import KeptText

if TYPE_CHECKING:
    from amtconnector.amtopcon.wire.document import Json
    from amtconnector.amtopcon.wire.profile import Profile

_MOST_MALFORMED = 1000
"""After so many malformed elements the list is no JSON: each costs time in which nobody looks for a signal."""
_NO_MESSAGE: list[Json] = []  # what no message looks like


class OddElements(NotUnderstood):
    """The list was read to its end, and held what is no message."""


class MessageTexts:
    """What was taken out of elements and is not handed on yet; `odd` counts the elements that are no messages."""

    def __init__(self, profile: Profile) -> None:
        places = profile.members.message_text
        self._paths = tuple(place for place in places if len(place.steps) > 1)
        self._names = frozenset(place.steps[0].name for place in places if len(place.steps) == 1)
        self._takes_lines = profile.messages.form == "lines"
        self._malformed = 0
        self.texts: list[str] = []
        self.odd = 0

    def take(self, value: Json) -> None:
        """Take one element; null is no message, and an element that is none either is counted."""
        if isinstance(value, Object):
            named = value.named(self._names)
            if self._paths:
                named += [entry for place in self._paths for entry in found(value, place)]
            value = named[0] if named and all(other == named[0] for other in named) else _NO_MESSAGE
            value = "" if value is None else value
        if isinstance(value, str):
            self.texts.append(value)
        elif value is not None:
            self.odd += 1

    def take_all(self, value: Json) -> None:
        """Take the elements of a list that is here as a whole."""
        if isinstance(value, str) and self._takes_lines:
            splitter = LineSplitter()
            self.texts += [*splitter.feed(value), *splitter.rest()]
            return
        entries: list[Json] = value if isinstance(value, list) and not isinstance(value, Object) else [value]
        for entry in entries:
            self.take(entry)

    def take_malformed(self) -> None:
        """Count an element that is no JSON; raises NotUnderstood when there are too many."""
        self.odd += 1
        self._malformed += 1
        if self._malformed > _MOST_MALFORMED:
            raise NotUnderstood(f"more than {_MOST_MALFORMED} elements of the list of messages are no JSON")

    def handed_on(self) -> list[str]:
        """Return the texts, which are the reader's from now on."""
        texts, self.texts = self.texts, []
        return texts

    def check(self) -> None:
        """Raise OddElements for elements that were no messages."""
        if self.odd:
            raise OddElements(f"{self.odd} elements of the list of messages are no messages")


class LineSplitter:
    """A text that arrives piece by piece, as lines, of which none is kept beyond what a message may have.

    Lines end with LF, CR LF or CR; behind the last end stands no further line.
    """

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
