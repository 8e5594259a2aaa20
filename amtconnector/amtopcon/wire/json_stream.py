"""Read JSON as it arrives, piece by piece, in linear time, and keep no more of it than is needed.

The methods of `JsonStream` are generators: each `yield` asks for the next piece of the text. What is malformed raises
`Malformed`, which leaves the position and the depth of brackets where it was found.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, TypeAlias, cast

from amtconnector.amtopcon.wire.document import UNREADABLE, Object
from amtconnector.text import KeptText

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from amtconnector.amtopcon.wire.document import Json

scan = json.JSONDecoder(object_pairs_hook=Object, strict=False).scan_once  # type: ignore[attr-defined]  # not in typeshed
"""The standard library's own scanner: (text, position) to (value, end); StopIteration where there is no value."""
FAILED_SCAN = (*UNREADABLE, StopIteration)

_BLANKS = re.compile(r"[ \t\n\r]*")
_TOKEN = re.compile(r'[^ \t\n\r,:"\[\]{}]+')
_PIECE = re.compile(
    r'[^"\\]+|"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\[^u]|\\u'
)
_BRACKETS = re.compile(r'[\[\]{}",]')
_LONGEST_ESCAPE = len(r"\ud83d\ude00")
_LONGEST_TOKEN = 5000
_DEEPEST = 100
_COST = 64
"""What a value costs of a budget beside its characters."""

Step: TypeAlias = "Generator[None, None, T]"
if TYPE_CHECKING:
    from typing import TypeVar

    T = TypeVar("T")


class Malformed(ValueError):
    """No JSON."""


class CutShort(ValueError):
    """The text ends before the value does."""


class JsonStream:
    """The text that has come and is not read yet.

    `budget` is how many characters of values may still be kept, `bad_escapes` how many escapes were none of JSON's.
    """

    def __init__(self) -> None:
        self.text = ""
        self.at = 0
        self.is_ended = False
        self.budget = 0
        self.bad_escapes = 0
        self._depth = 0

    def add(self, text: str, *, is_last: bool) -> None:
        """Take the next piece."""
        self.text = self.text[self.at :] + text
        self.at = 0
        self.is_ended = is_last

    def skip_blanks(self) -> None:
        """Go on to the next character that is no blank, as far as the text has come."""
        self.at = cast("re.Match[str]", _BLANKS.match(self.text, self.at)).end()

    def peek(self) -> Step[str]:
        """Skip blanks and return the next character, "" at the end."""
        while True:
            self.skip_blanks()
            if self.at < len(self.text):
                return self.text[self.at]
            if self.is_ended:
                return ""
            yield

    def follows(self, characters: str) -> Step[str]:
        """Take the next character, which must be one of these, and return it."""
        found = yield from self.peek()
        if not found:
            raise CutShort
        if found not in characters:
            raise Malformed
        self.at += 1
        return found

    def string(self, take: Callable[[str], None]) -> Step[None]:
        """Hand over a string, which begins here, piece by piece.

        An escape that is none of JSON's is counted and taken as it stands: the text is worth more than its form.
        """
        self.at += 1
        while True:
            piece = _PIECE.match(self.text, self.at)
            is_whole = piece is not None and (
                piece[0][0] != "\\" or self.is_ended or len(self.text) - self.at >= _LONGEST_ESCAPE
            )
            if piece is None or not is_whole:
                if self.is_ended:
                    raise CutShort
                yield
                continue
            self.at = piece.end()
            if piece[0] == '"':
                return
            take(self._unescaped(piece[0]))

    def value(self) -> Step[Json]:
        """Return the value that begins here, cut where the budget ends."""
        self._depth = 0
        return (yield from self._value())

    def whole_text(self) -> Step[str]:
        """Return the string that begins here, as much of it as a message may have."""
        kept = KeptText()
        yield from self.string(kept.add)
        return kept.text

    def skip_element(self) -> Step[None]:
        """Go on to the comma or the bracket that ends an element in which something was malformed."""
        depth, self._depth = self._depth, 0
        while True:
            mark = _BRACKETS.search(self.text, self.at)
            if mark is None:
                self.at = len(self.text)
                if self.is_ended:
                    raise CutShort
                yield
                continue
            self.at = mark.start()
            if mark[0] == '"':
                yield from self.string(lambda _: None)
                continue
            if mark[0] in ",]" and depth == 0:
                return
            depth = max(0, depth + {"[": 1, "{": 1, "]": -1, "}": -1}.get(mark[0], 0))
            self.at = mark.end()

    def _value(self) -> Step[Json]:
        first = yield from self.peek()
        self.budget -= _COST
        if first == '"':
            return (yield from self._text())
        if first and first in "[{":
            if self._depth == _DEEPEST:
                raise Malformed
            self.at += 1
            self._depth += 1
            value: Json = (yield from self._list()) if first == "[" else (yield from self._object())
            self._depth -= 1
            return value
        return (yield from self._token())

    def _text(self) -> Step[str]:
        kept = KeptText(max(0, self.budget))
        yield from self.string(kept.add)
        self.budget -= len(kept.text)
        return kept.text

    def _list(self) -> Step[Json]:
        entries: list[Json] = []
        if (yield from self.peek()) == "]":
            self.at += 1
            return entries
        while True:
            entry = yield from self._value()
            if self.budget > 0:
                entries.append(entry)
            if (yield from self.follows(",]")) == "]":
                return entries

    def _object(self) -> Step[Json]:
        members = Object()
        if (yield from self.peek()) == "}":
            self.at += 1
            return members
        while True:
            name = yield from self.key()
            value = yield from self._value()
            if self.budget > 0:
                members.append((name, value))
            if (yield from self.follows(",}")) == "}":
                return members

    def key(self) -> Step[str]:
        """Return the name of a member; the colon behind it is taken."""
        if (yield from self.peek()) != '"':
            raise CutShort if self.at == len(self.text) else Malformed
        name = yield from self._text()
        yield from self.follows(":")
        return name

    def _unescaped(self, piece: str) -> str:
        if piece[0] != "\\":
            return piece
        if piece[1] in _SIMPLE:
            return _SIMPLE[piece[1]]
        if piece[1] == "u" and len(piece) > len(r"\u"):
            return cast("str", json.loads(f'"{piece}"'))
        self.bad_escapes += 1
        return piece

    def _token(self) -> Step[Json]:
        """Return a number, true, false or null."""
        while True:
            token = _TOKEN.match(self.text, self.at)
            end = token.end() if token else self.at
            if end - self.at > _LONGEST_TOKEN:
                self.at = end
                raise Malformed
            if end < len(self.text) or self.is_ended:
                break
            yield
        if token is None:
            raise CutShort if end == len(self.text) else Malformed
        try:
            value, scanned = scan(token[0], 0)
        except FAILED_SCAN:
            raise Malformed from None
        if scanned != len(token[0]):
            raise Malformed
        self.at = end
        return cast("Json", value)


_SIMPLE = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
