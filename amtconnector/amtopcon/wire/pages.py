"""The pages of the messages: one where the profile knows of no more, else one after another to the last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amtconnector.amtopcon.wire.answers import check_accepted
from amtconnector.amtopcon.wire.message_readers import reader_of
from amtconnector.amtopcon.wire.messages import OddElements
from amtconnector.amtopcon.wire.paths import found
from amtconnector.amtopcon.wire.placeholders import placeholders, texts_of
from amtconnector.amtopcon.wire.reply import Reply
from amtconnector.errors import NotUnderstood

if TYPE_CHECKING:
    from collections.abc import Callable

    from amtconnector.amtopcon.wire.document import Json
    from amtconnector.amtopcon.wire.paths import Path
    from amtconnector.amtopcon.wire.profile import Profile

MOST_PAGES = 100_000
_LONGEST_REFUSAL = 64 * 1024


class PageTurner:
    """Reads the answers with the messages, page by page; `page` is the one to ask for, `count` what was read before."""

    def __init__(self, profile: Profile, request_id: str, conceal: Callable[[str], str]) -> None:
        self._profile = profile
        self._request_id = request_id
        self._conceal = conceal
        self._has_pages = _has_pages(profile)
        self._odd: OddElements | None = None
        self._seen: set[int | str] = set()
        self.page: int | str = profile.messages.pages.first
        self.count = 0
        self.has_next = True
        self.says_more = False
        self._begin()

    def feed(self, chunk: bytes) -> list[str]:
        """Return the messages that are complete with this piece of the page; raises NotUnderstood."""
        if len(self._beginning) <= _LONGEST_REFUSAL:
            self._beginning += chunk
        return self._shown(self._reader.feed(chunk))

    def turn(self) -> list[str]:
        """End the page: return its last messages, and know whether there is another one.

        Raises NotUnderstood, and what an answer means that refuses in the way that the profile knows.
        """
        if len(self._beginning) <= _LONGEST_REFUSAL:
            check_accepted(Reply(200, {}, bytes(self._beginning), None, self._conceal), self._profile)
        texts = self._shown(self._reader.feed(b"", is_last=True))
        try:
            self._reader.check()
        except OddElements as error:  # what follows is not lost by it
            self._odd = error
        self.count += self._reader.count
        self.says_more = self._reader.says_more and not self._has_pages
        self.has_next = self._has_pages and self._is_there_more()
        self._begin()
        return texts

    def check(self) -> None:
        """Raise NotUnderstood, after the last page, for elements that were no messages."""
        if self._odd:
            raise self._odd

    def _begin(self) -> None:
        self._reader = reader_of(self._profile, self._conceal, self._request_id)
        self._beginning = bytearray()

    def _shown(self, texts: list[str]) -> list[str]:
        if not self._profile.messages.unescape_html:
            return texts
        from html import unescape

        return [unescape(text) for text in texts]

    def _is_there_more(self) -> bool:
        """Go on to the next page, if there is one."""
        pages = self._profile.messages.pages
        self._seen.add(self.page)
        document = self._reader.document
        if pages.more and not _is_true(_value(document, pages.more)):
            return False
        if pages.next:
            following = _value(document, pages.next)
            if isinstance(following, bool) or not isinstance(following, int | str) or following == "":
                return False
        elif pages.total:
            total = _value(document, pages.total)
            if not str(total).isdigit() or self.count >= int(str(total)):
                return False
            following = _next_number(self.page)
        elif not self._reader.count and not pages.more:
            return False
        else:
            following = _next_number(self.page)
        if following in self._seen or len(self._seen) >= MOST_PAGES:
            raise NotUnderstood("the pages of the messages go round")
        self.page = following
        return True


def _has_pages(profile: Profile) -> bool:
    call = profile.calls["messages"]
    return any(one.name in {"page", "offset"} for text in texts_of(call) for one in placeholders(text))


def _value(document: Json, place: Path) -> Json:
    return next(iter(found(document, place)), None)


def _is_true(value: Json) -> bool:
    return value is True or str(value).casefold() in {"true", "1"}


def _next_number(page: int | str) -> int:
    return int(page) + 1 if str(page).isdigit() else 1
