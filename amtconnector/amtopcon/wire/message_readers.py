"""The readers of messages that are no JSON list, and the choice among all of them."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from amtconnector.amtopcon.wire.document import UNREADABLE
from amtconnector.amtopcon.wire.message_texts import LineSplitter
from amtconnector.amtopcon.wire.messages import MessageReader
from amtconnector.errors import NotUnderstood
from amtconnector.text import excerpt

if TYPE_CHECKING:
    from collections.abc import Callable

    from amtconnector.amtopcon.wire.document import Json
    from amtconnector.amtopcon.wire.profile import Profile

LARGEST_XML = 16 * 1024 * 1024
"""In bytes; XML is read as a whole."""


def reader_of(profile: Profile, conceal: Callable[[str], str], request_id: str) -> MessageReader | TextReader:
    """Return a reader for one answer of this profile's server."""
    if profile.answers_format == "xml":
        return XmlReader(profile, conceal, request_id)
    if profile.messages.form == "text":
        return TextReader(conceal)
    return MessageReader(profile, conceal, request_id)


class TextReader:
    """Plain text with a line for each message."""

    says_more = False
    document: Json = None

    def __init__(self, conceal: Callable[[str], str]) -> None:
        self._conceal = conceal
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._splitter = LineSplitter()
        self.count = 0

    def feed(self, chunk: bytes, *, is_last: bool = False) -> list[str]:
        """Return the lines that are complete with this piece; raises NotUnderstood for a web page."""
        text = self._decoder.decode(chunk, is_last)
        if not self.count and text.lstrip()[:14].lower().startswith(("<!doctype html", "<html")):
            raise NotUnderstood(f"the answer is a web page, no messages: {excerpt(self._conceal(text[:2000]))}")
        lines = self._splitter.feed(text) + (self._splitter.rest() if is_last else [])
        self.count += len(lines)
        return lines

    def check(self) -> None:
        """Accept whatever came: text has no form that could be broken."""


class XmlReader(MessageReader):
    """Simple XML, read when all of it is here; `document` is what came, the messages included."""

    def __init__(self, profile: Profile, conceal: Callable[[str], str], request_id: str) -> None:
        super().__init__(profile, conceal, request_id)
        self._body = bytearray()

    def feed(self, chunk: bytes, *, is_last: bool = False) -> list[str]:
        """Return the messages with the last piece; raises NotUnderstood."""
        self._body += chunk
        if len(self._body) > LARGEST_XML:
            raise NotUnderstood("the messages are XML of more than 16 MiB")
        if not is_last or not self._body.strip():
            return []
        from amtconnector.amtopcon.wire.xml_answer import document_of

        try:
            return self.feed_document(document_of(bytes(self._body)))
        except UNREADABLE as error:
            shown = excerpt(self._conceal(self._body[:2000].decode("utf-8-sig", "replace")))
            raise NotUnderstood(f"the answer is no XML: {shown}") from error

    def check(self) -> None:
        """Raise NotUnderstood for what was no message."""
        self._messages.check()
