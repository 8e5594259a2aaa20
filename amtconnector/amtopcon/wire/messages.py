"""Read an answer to GetMessages as it arrives, however long it is.

The list can hold a million messages, so the answer is never in memory as a whole. The elements are decoded by the
standard library's JSON scanner rather than by ijson: its fast back end replaces lone surrogates by question marks, and
a job log shows what the server sent.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import TYPE_CHECKING, cast

from amtconnector.amtopcon.wire.reply import Members
from amtconnector.errors import NotUnderstood
from amtconnector.text import excerpt

if TYPE_CHECKING:
    from collections.abc import Callable

LARGEST_MESSAGE = 256 * 1024 * 1024
"""In characters; a longer element is not read."""

_BLANKS = re.compile(r"[ \t\n\r]*")
_AFTER_ELEMENT = re.compile(r"[ \t\n\r]*([,\]])[ \t\n\r]*")
_KEY = re.compile(r'[ \t\n\r]*,?[ \t\n\r]*("(?:[^"\\]|\\.)*")[ \t\n\r]*:[ \t\n\r]*(?=[^ \t\n\r])')
_END_OF_OBJECT = re.compile(r"[ \t\n\r]*\}")
_scan = json.JSONDecoder(object_pairs_hook=Members, strict=False).scan_once  # type: ignore[attr-defined]  # absent from typeshed


class MessageReader:
    """Turn the bytes of one answer into the texts of its messages.

    Understood are an array of texts, an array of objects with a text member, either of them as the messages member of
    an object, `null` and an empty body.
    """

    def __init__(
        self, list_names: frozenset[str], text_names: frozenset[str], conceal: Callable[[str], str] = str
    ) -> None:
        """Know the members by their lower-case names; `conceal` takes secrets out of what an error text quotes."""
        self._list_names = list_names
        self._text_names = text_names
        self._conceal = conceal
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._text = ""
        self._at = 0
        self._pending: list[str] = []
        self._missing = 0
        self._is_last = False
        self._is_wrapped = False
        self._has_list = False
        self._texts: list[str] = []
        self._odd_elements = 0
        self._failure: NotUnderstood | None = None
        self._step: Callable[[], bool] = self._begin

    def feed(self, chunk: bytes, *, is_last: bool = False) -> list[str]:
        """Return the messages that are complete with this piece of the answer; the last piece may be empty.

        Raises NotUnderstood when the piece before has shown that the answer fits none of the forms: what came before
        the fault is returned first, so that it is not lost.
        """
        if self._failure:
            raise self._failure
        self._pending.append(self._decoder.decode(chunk, is_last))
        self._missing -= len(self._pending[-1])
        self._is_last = is_last
        try:
            if is_last or self._missing <= 0:
                self._advance()
        except NotUnderstood as error:
            self._failure = error
        except RecursionError:
            self._failure = NotUnderstood("the list of messages is nested too deeply")
        texts, self._texts = self._texts, []
        return texts

    def check(self) -> None:
        """Raise NotUnderstood, after the last piece, for an answer that was cut short or held what is no message."""
        if self._failure:
            raise self._failure
        if self._step != self._nothing_more:
            raise NotUnderstood("the list of messages is cut short or no JSON")
        if self._odd_elements:
            raise NotUnderstood(f"{self._odd_elements} elements of the list of messages are no messages")

    def _advance(self) -> None:
        self._text = "".join((self._text[self._at :], *self._pending))
        self._pending.clear()
        self._at = 0
        while self._step():
            pass
        # An element that is still incomplete is tried again when twice as much of it is here: linear, not square.
        self._missing = len(self._text) - self._at
        if self._missing > LARGEST_MESSAGE:
            raise NotUnderstood("a message in the answer is longer than 256 MiB")

    def _begin(self) -> bool:
        self._skip_blanks()
        first = self._text[self._at : self._at + 1]
        if not first:
            self._step = self._nothing_more if self._is_last else self._step
            return False
        if first == "[":
            return self._enter_list()
        if first == "{":
            self._at += 1
            self._step = self._members
            return True
        return self._null()

    def _null(self) -> bool:
        start = self._text[self._at : self._at + 4]
        if not "null".startswith(start):
            shown = self._excerpt(self._text[self._at : self._at + 2000])
            raise NotUnderstood(f"the answer is no list of messages: {shown}")
        if start == "null":
            self._at += 4
            self._step = self._nothing_more
        return start == "null"

    def _enter_list(self) -> bool:
        self._at += 1
        self._has_list = True
        self._step = self._first_element
        return True

    def _first_element(self) -> bool:
        self._skip_blanks()
        if self._at == len(self._text):
            return False
        if self._text[self._at] == "]":
            return self._leave_list(self._at + 1)
        self._step = self._elements
        return True

    def _leave_list(self, end: int) -> bool:
        self._at = end
        self._step = self._members if self._is_wrapped else self._nothing_more
        return True

    def _elements(self) -> bool:
        self._skip_blanks()
        text, at, texts = self._text, self._at, self._texts
        try:
            while True:
                value, end = _scan(text, at)
                if text.startswith(',"', end):  # nearly always, so it is worth a look of its own
                    following = end + 1
                else:
                    separator = _AFTER_ELEMENT.match(text, end)
                    if separator is None:
                        break
                    if separator[1] == "]":
                        self._take(value)
                        return self._leave_list(separator.end())
                    following = separator.end()
                if isinstance(value, str):
                    texts.append(value)
                else:
                    self._take(value)
                at = following
        except (ValueError, StopIteration):
            pass  # the element is not complete yet: check() tells when it never will be
        self._at = at
        return False

    def _take(self, value: object) -> None:
        """Add one element; null is no message, and an element that is none either is counted."""
        if isinstance(value, Members):
            named = value.named(self._text_names)
            value = named[0] if named and all(other == named[0] for other in named) else 0
            value = "" if value is None else value
        if isinstance(value, str):
            self._texts.append(value)
        elif value is not None:
            self._odd_elements += 1

    def _members(self) -> bool:
        if end := _END_OF_OBJECT.match(self._text, self._at):
            if not self._has_list:
                raise NotUnderstood("the answer has no list of messages")
            self._at = end.end()
            self._step = self._nothing_more
            return True
        key = _KEY.match(self._text, self._at)
        return key is not None and self._member(cast("str", json.loads(key[1], strict=False)), key.end())

    def _member(self, name: str, at: int) -> bool:
        is_list = name.casefold() in self._list_names
        if is_list and self._has_list:
            raise NotUnderstood("the answer has two lists of messages")
        if is_list and self._text[at] == "[":
            self._at = at
            self._is_wrapped = True
            return self._enter_list()
        try:
            value, end = _scan(self._text, at)
        except (ValueError, StopIteration):
            return False
        if end == len(self._text):
            return False  # a number may go on in the next piece
        if is_list and value is not None:
            raise NotUnderstood(f"the member {self._excerpt(name)} is no list of messages")
        self._has_list = self._has_list or is_list
        self._at = end
        return True

    def _nothing_more(self) -> bool:
        self._skip_blanks()
        if self._at < len(self._text):
            raise NotUnderstood("something follows the list of messages")
        return False

    def _excerpt(self, text: str) -> str:
        return excerpt(self._conceal(text))

    def _skip_blanks(self) -> None:
        self._at = cast("re.Match[str]", _BLANKS.match(self._text, self._at)).end()
