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
from amtconnector.amtopcon.wire.message_texts import LineSplitter, MessageTexts
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
_WINDOW = 8 * 1024
"""So much is looked at together: where the scanner fails it counts the lines before the place, each time anew."""


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
        self._takes_lines = profile.messages.form == "lines"
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._in = JsonStream()
        self._reading = self._document()
        self._is_done = False
        self._has_list = False
        self._is_odd_around = False
        self._messages = MessageTexts(profile)
        self._failure: NotUnderstood | None = None
        self._inner: MessageReader | None = None
        self.count = 0
        self.document: Json = None

    @property
    def says_more(self) -> bool:
        """Whether what came around the list says that the list is not all there is."""
        return self._inner.says_more if self._inner else says_more(self.document, self.count + self._messages.odd)

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
                self._is_done = next(self._reading, True) is True  # it yields nothing, so None
        except NotUnderstood as error:
            self._failure = error
        except Malformed:
            self._failure = NotUnderstood("the answer with the messages is no JSON")
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
        self._messages.check()

    def _taken(self) -> list[str]:
        texts = self._messages.handed_on()
        self.count += len(texts)
        return texts

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
            raise NotUnderstood(f"the answer is no list of messages: {excerpt(self._conceal(begun))}")

    def _text_of_json(self) -> Reading[None]:
        """Read JSON in a JSON string."""
        inner = self._inner = MessageReader(self._profile, self._conceal, self._request_id)
        yield from self._in.string(lambda piece: self._messages.texts.extend(inner.feed_text(piece, is_last=False)))
        self._messages.texts += inner.feed_text("", is_last=True)
        self.document = inner.document

    def _lines(self) -> Reading[None]:
        """Read one text with a line for each message."""
        self._has_list = True
        splitter = LineSplitter()
        yield from self._in.string(lambda piece: self._messages.texts.extend(splitter.feed(piece)))
        self._messages.texts += splitter.rest()

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
            raise NotUnderstood(f"the member {excerpt(self._conceal(name))} is no list of messages")

    def _look_up(self) -> None:
        """Take the messages of a place that picks from a list, which is known only when all of it is here."""
        if self._has_list:
            return
        for place in self._profile.members.messages:
            for value in found(self.document, place, self._request_id):
                self._has_list = True
                self._messages.take_all(value)
        if not self._has_list:
            raise NotUnderstood("the answer has no list of messages")

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
        stream, messages = self._in, self._messages
        texts = messages.texts
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
                        messages.take(value)
                        stream.at = separator.end(1)
                        return True
                    following = separator.end()
                if isinstance(value, str):
                    texts.append(value)
                else:
                    messages.take(value)
                at = following
        except FAILED_SCAN:
            pass  # the element is not complete yet, or malformed
        stream.at = at
        return False

    def _element(self) -> Reading[bool]:
        """Take one element, whatever it is like; return whether it was the last one."""
        stream, messages = self._in, self._messages
        stream.budget = _ELEMENT_BUDGET
        stream.bad_escapes = 0
        try:
            first = yield from stream.peek()
            value: Json = (yield from stream.whole_text()) if first == '"' else (yield from stream.value())
            is_last = (yield from stream.follows(",]")) == "]"
        except Malformed:
            messages.take_malformed()
            yield from stream.skip_element()
            return (yield from stream.follows(",]")) == "]"
        odd_before = messages.odd
        messages.take(value)
        if stream.bad_escapes and messages.odd == odd_before:
            messages.odd += 1
        return is_last
