"""Read an answer to GetMessages as it arrives, however long it is.

The list can hold a million messages, and one message a quarter of a gigabyte, so neither is ever in memory as a whole.
Elements are decoded by the standard library's JSON scanner while they are whole and good, which is nearly always; any
other goes through `json_stream`. One that is malformed is counted, and what follows it is read.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from amtconnector.amtopcon.wire.document import UNREADABLE, Object
from amtconnector.amtopcon.wire.json_stream import FAILED_SCAN, CutShort, JsonStream, Malformed, scan
from amtconnector.amtopcon.wire.lines import LineSplitter
from amtconnector.amtopcon.wire.more import says_more
from amtconnector.amtopcon.wire.paths import found
from amtconnector.errors import NotUnderstood
from amtconnector.text import excerpt

if TYPE_CHECKING:
    from collections.abc import Callable

    from amtconnector.amtopcon.wire.document import Json
    from amtconnector.amtopcon.wire.json_stream import Step as Reading
    from amtconnector.amtopcon.wire.paths import Step
    from amtconnector.amtopcon.wire.profile import Profile

_AFTER_ELEMENT = re.compile(r"[ \t\n\r]*([,\]])[ \t\n\r]*")
_ELEMENT_BUDGET = 4 * 1024 * 1024
_WRAPPER_BUDGET = 1024 * 1024
_MOST_MALFORMED = 1000
"""After so many malformed elements the list is no JSON: each costs time in which nobody looks for a signal."""
_WINDOW = 8 * 1024
"""So much is looked at together: where the scanner fails it counts the lines before the place, each time anew."""
_NO_MESSAGE: list[Json] = []  # what no message looks like


class OddElements(NotUnderstood):
    """The list was read to its end, and held what is no message."""


class MessageReader:
    """Turn the bytes of one answer into the texts of its messages.

    Understood are an array of texts, an array of objects with a text member, either of them in an object where the
    profile says, `null` and an empty body; JSON of these in a JSON string; where the profile says so, one text.
    `document` is what came around the list.
    """

    def __init__(self, profile: Profile, conceal: Callable[[str], str] = str, request_id: str = "") -> None:
        """Know where the list and the texts stand; `conceal` takes secrets out of what an error text quotes."""
        self._profile = profile
        self._conceal = conceal
        self._request_id = request_id
        places = profile.members.message_text
        self._text_paths = tuple(place for place in places if len(place.steps) > 1)
        self._text_names = frozenset(place.steps[0].name for place in places if len(place.steps) == 1)
        self._takes_lines = profile.messages.form == "lines"
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._in = JsonStream()
        self._reading = self._document()
        self._is_done = False
        self._has_list = False
        self._texts: list[str] = []
        self._odd_elements = 0
        self._malformed_elements = 0
        self._is_odd_around = False
        self._failure: NotUnderstood | None = None
        self._inner: MessageReader | None = None
        self.count = 0
        self.document: Json = None

    @property
    def says_more(self) -> bool:
        """Whether what came around the list says that the list is not all there is."""
        return self._inner.says_more if self._inner else says_more(self.document, self.count + self._odd_elements)

    def feed(self, chunk: bytes, *, is_last: bool = False) -> list[str]:
        """Return the messages that are complete with this piece of the answer; the last piece may be empty.

        Raises NotUnderstood when the piece before has shown that the answer fits none of the forms: what came before
        the fault is returned first, so that it is not lost.
        """
        return self.feed_text(self._decoder.decode(chunk, is_last), is_last=is_last)

    def feed_text(self, text: str, *, is_last: bool) -> list[str]:
        """Take the next piece of the answer as text; returns and raises as `feed`."""
        if self._failure:
            raise self._failure
        try:
            for begin in range(0, max(1, len(text)), _WINDOW):
                end = begin + _WINDOW
                self._in.add(text[begin:end], is_last=is_last and end >= len(text))
                self._go_on()
        except NotUnderstood as error:
            self._failure = error
        except CutShort:
            self._failure = NotUnderstood("the list of messages is cut short or no JSON")
        except UNREADABLE as error:
            self._failure = NotUnderstood(f"the answer with the messages can't be read ({type(error).__name__})")
        return self._taken()

    def feed_document(self, document: Json) -> list[str]:
        """Return the messages of an answer that is here as a whole; raises NotUnderstood when it has no list."""
        self.document = document
        if document not in ("", None):
            self._look_up()
        return self._taken()

    def check(self) -> None:
        """Raise NotUnderstood, after the last piece, for an answer that was cut short or held what is no message."""
        if self._failure:
            raise self._failure
        if self._inner:
            self._inner.check()
        if not self._is_done or not self._in.is_ended:
            raise NotUnderstood("the list of messages is cut short or no JSON")
        if self._is_odd_around:
            raise NotUnderstood("the answer around the list of messages is no JSON")
        self.check_elements()

    def check_elements(self) -> None:
        """Raise NotUnderstood for elements that were no messages."""
        if self._odd_elements:
            raise OddElements(f"{self._odd_elements} elements of the list of messages are no messages")

    def _taken(self) -> list[str]:
        texts, self._texts = self._texts, []
        self.count += len(texts)
        return texts

    def _go_on(self) -> None:
        try:
            next(self._reading)
        except StopIteration:
            self._is_done = True
        except Malformed:
            raise NotUnderstood("the answer with the messages is no JSON") from None

    def _document(self) -> Reading[None]:
        first = yield from self._in.peek()
        if first == "[":
            yield from self._list()
        elif first == "{":
            self.document = Object()
            self._in.budget = _WRAPPER_BUDGET
            yield from self._object([place.steps for place in self._profile.members.messages], self.document)
            self._look_up()
        elif first == '"':
            yield from self._lines() if self._takes_lines else self._text_of_json()
        elif first:
            yield from self._null()
        if (yield from self._in.peek()):
            raise NotUnderstood("something follows the list of messages")

    def _null(self) -> Reading[None]:
        begun = self._in.text[self._in.at : self._in.at + 2000]
        try:
            is_null = (yield from self._in.value()) is None
        except (Malformed, CutShort):
            is_null = False
        if not is_null:
            raise NotUnderstood(f"the answer is no list of messages: {self._excerpt(begun)}")

    def _text_of_json(self) -> Reading[None]:
        """Read JSON in a JSON string."""
        inner = self._inner = MessageReader(self._profile, self._conceal, self._request_id)
        yield from self._in.string(lambda piece: self._texts.extend(inner.feed_text(piece, is_last=False)))
        self._texts += inner.feed_text("", is_last=True)
        self.document = inner.document

    def _lines(self) -> Reading[None]:
        """Read one text with a line for each message."""
        self._has_list = True
        splitter = LineSplitter()
        yield from self._in.string(lambda piece: self._texts.extend(splitter.feed(piece)))
        self._texts += splitter.rest()

    def _object(self, places: list[tuple[Step, ...]], members: Object) -> Reading[None]:
        """Read the members of an object; the list of messages stands where one of the places leads."""
        self._in.at += 1
        if (yield from self._in.peek()) == "}":
            self._in.at += 1
            return
        while True:
            self._in.bad_escapes = 0
            name = yield from self._in.key()
            self._is_odd_around |= self._in.bad_escapes > 0
            ways = [steps[1:] for steps in places if steps and steps[0] == (name.casefold(), ())]
            first = yield from self._in.peek()
            if () in ways:
                yield from self._target(name, first)
            elif ways and first == "{":
                child = Object()
                members.append((name, child))
                yield from self._object(ways, child)
            else:
                members.append((name, (yield from self._in.value())))
                self._is_odd_around |= self._in.bad_escapes > 0
            if (yield from self._in.follows(",}")) == "}":
                return

    def _target(self, name: str, first: str) -> Reading[None]:
        if self._has_list:
            raise NotUnderstood("the answer has two lists of messages")
        self._has_list = True
        if first == "[":
            yield from self._list()
            self._in.budget = _WRAPPER_BUDGET
        elif first == '"' and self._takes_lines:
            yield from self._lines()
        elif (yield from self._in.value()) is not None:
            raise NotUnderstood(f"the member {self._excerpt(name)} is no list of messages")

    def _look_up(self) -> None:
        """Take the messages of a place that picks from a list, which is known only when all of it is here."""
        if self._has_list:
            return
        for place in self._profile.members.messages:
            for value in found(self.document, place, self._request_id):
                self._take_all(value)
        if not self._has_list:
            raise NotUnderstood("the answer has no list of messages")

    def _take_all(self, value: Json) -> None:
        """Take the messages of a list that is here as a whole."""
        self._has_list = True
        if isinstance(value, str) and self._takes_lines:
            splitter = LineSplitter()
            self._texts += [*splitter.feed(value), *splitter.rest()]
            return
        entries: list[Json] = value if isinstance(value, list) and not isinstance(value, Object) else [value]
        for entry in entries:
            self._take(entry)

    def _list(self) -> Reading[None]:
        self._has_list = True
        self._in.at += 1
        if (yield from self._in.peek()) == "]":
            self._in.at += 1
            return
        while not self._good_elements():
            if (yield from self._element()):
                return

    def _good_elements(self) -> bool:
        """Take elements while they are whole and good; return whether the list ended with one."""
        stream, texts = self._in, self._texts
        stream.skip_blanks()
        text, at = stream.text, stream.at
        try:
            while True:
                value, end = scan(text, at)
                if text.startswith(',"', end):  # nearly always, so it is worth a look of its own
                    following = end + 1
                else:
                    separator = _AFTER_ELEMENT.match(text, end)
                    if separator is None:
                        break
                    if separator[1] == "]":
                        self._take(value)
                        stream.at = separator.end(1)
                        return True
                    following = separator.end()
                if isinstance(value, str):
                    texts.append(value)
                else:
                    self._take(value)
                at = following
        except FAILED_SCAN:
            pass  # the element is not complete yet, or malformed
        stream.at = at
        return False

    def _element(self) -> Reading[bool]:
        """Take one element, whatever it is like; return whether it was the last one."""
        stream = self._in
        stream.budget = _ELEMENT_BUDGET
        stream.bad_escapes = 0
        try:
            first = yield from stream.peek()
            value: Json = (yield from stream.whole_text()) if first == '"' else (yield from stream.value())
            is_last = (yield from stream.follows(",]")) == "]"
        except Malformed:
            self._count_malformed()
            yield from stream.skip_element()
            return (yield from stream.follows(",]")) == "]"
        odd_before = self._odd_elements
        self._take(value)
        if stream.bad_escapes and self._odd_elements == odd_before:
            self._odd_elements += 1
        return is_last

    def _count_malformed(self) -> None:
        self._odd_elements += 1
        self._malformed_elements += 1
        if self._malformed_elements > _MOST_MALFORMED:
            raise NotUnderstood(f"more than {_MOST_MALFORMED} elements of the list of messages are no JSON")

    def _take(self, value: Json) -> None:
        """Add one element; null is no message, and an element that is none either is counted."""
        if isinstance(value, Object):
            named = value.named(self._text_names)
            if self._text_paths:
                named += [entry for place in self._text_paths for entry in found(value, place)]
            value = named[0] if named and all(other == named[0] for other in named) else _NO_MESSAGE
            value = "" if value is None else value
        if isinstance(value, str):
            self._texts.append(value)
        elif value is not None:
            self._odd_elements += 1

    def _excerpt(self, text: str) -> str:
        return excerpt(self._conceal(text))
