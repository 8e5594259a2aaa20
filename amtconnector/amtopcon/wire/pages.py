"""The pages of the messages: one where the profile knows of no more, else one after another to the last.

Also their order, for a server that gives the newest first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amtconnector.amtopcon.wire.answers import check_accepted
from amtconnector.amtopcon.wire.message_readers import reader_of
from amtconnector.amtopcon.wire.message_texts import OddElements
from amtconnector.amtopcon.wire.more import headers_say_more
from amtconnector.amtopcon.wire.paths import carried, found
from amtconnector.amtopcon.wire.placeholders import placeholders_of
from amtconnector.amtopcon.wire.reply import Reply
from amtconnector.amtopcon.wire.requests import Page
from amtconnector.errors import NotUnderstood

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from amtconnector.amtopcon.wire.document import Json
    from amtconnector.amtopcon.wire.paths import Path
    from amtconnector.amtopcon.wire.profile import Profile

MOST_PAGES = 100_000
MOST_TURNED = 64 * 1024 * 1024
"""In characters: so much of a list that begins with the newest message is turned round as a whole."""
_LONGEST_REFUSAL = 64 * 1024


class PageTurner:
    """Reads the answers with the messages, page by page.

    `page` is the one to ask for, `number` counts those that were begun; `is_counted`: they are asked for by number.
    """

    def __init__(self, profile: Profile, request_id: str, conceal: Callable[[str], str]) -> None:
        self._profile = profile
        self._judge = _without_words(profile)
        self._request_id = request_id
        self._conceal = conceal
        self.is_counted = any(one.name in {"page", "offset"} for one in placeholders_of(profile.calls["messages"]))
        self._has_pages = self.is_counted or profile.messages.pages.next is not None
        self._odd: OddElements | None = None
        self._seen: set[int | str] = {profile.messages.pages.first}
        self.page = Page(profile.messages.pages.first)
        self.has_next = True
        self.says_more = False
        self.number = 0
        self.begin()

    def feed(self, chunk: bytes) -> list[str]:
        """Return the messages that are complete with this piece of the page; raises NotUnderstood."""
        if len(self._beginning) <= _LONGEST_REFUSAL:
            self._beginning += chunk
        return self._shown(self._reader.feed(chunk))

    def turn(self, headers: Mapping[str, str]) -> list[str]:
        """End the page that came with these headers: return its last messages, and know whether there is another one.

        Raises NotUnderstood, and what an answer means that refuses in the way that the profile knows.
        """
        if len(self._beginning) <= _LONGEST_REFUSAL:
            # Plain text of one line may be a refusal as well as a message.
            is_one_line = self._profile.messages.form == "text" and b"\n" not in self._beginning.strip()
            judge = self._profile if is_one_line else self._judge
            check_accepted(Reply(200, {}, bytes(self._beginning), None, self._conceal), judge)
        texts = self._shown(self._reader.feed(b"", is_last=True))
        try:
            self._reader.check()
        except OddElements as error:  # what follows is not lost by it
            self._odd = error
        count = self.page.offset + self._reader.count
        self.page = self.page._replace(offset=count)
        is_more_said = self._reader.says_more or headers_say_more(headers, count)
        self.says_more = is_more_said and not self._has_pages
        self.has_next = self._has_pages and self._is_there_more(headers)
        return texts

    def check(self) -> None:
        """Raise NotUnderstood, after the last page, for elements that were no messages."""
        if self._odd:
            raise self._odd

    def begin(self) -> None:
        """Begin a page, also one that was refused before."""
        self._reader = reader_of(self._profile, self._conceal, self._request_id)
        self._beginning = bytearray()
        self.number += 1

    def _shown(self, texts: list[str]) -> list[str]:
        if not self._profile.messages.unescape_html:
            return texts
        from html import unescape

        return [unescape(text) for text in texts]

    def _is_there_more(self, headers: Mapping[str, str]) -> bool:
        """Go on to the next page, if there is one."""
        following = self._following(self._reader.document, headers)
        current = self.page.address or self.page.name
        if following in (None, current):  # a sequence at its end names itself once more
            return False
        if following in self._seen or len(self._seen) >= MOST_PAGES:
            raise NotUnderstood("the pages of the messages go round")
        self._seen.add(following)
        place = {"name": following} if self.is_counted else {"address": str(following)}
        self.page = self.page._replace(**place)
        return True

    def _following(self, document: Json, headers: Mapping[str, str]) -> int | str | None:
        """Return the next page, None after the last."""
        pages = self._profile.messages.pages
        if pages.more and not _is_true(_value_at(pages.more, document, headers)):
            return None
        if pages.next:
            given = _value_at(pages.next, document, headers)
            return given if isinstance(given, int | str) and not isinstance(given, bool) and given != "" else None
        if pages.total:
            total = str(_value_at(pages.total, document, headers))
            is_last = not total.isdigit() or self.page.offset >= int(total)
        else:
            is_last = not self._reader.count and not pages.more
        number = str(self.page.name)
        return None if is_last else int(number) + 1 if number.isdigit() else 1


def oldest_first(
    lists: Iterable[list[str]], turner: PageTurner, first_again: Callable[[], list[str]]
) -> Iterator[list[str]]:
    """Turn round messages that begin with the newest; what came before a failure is not lost by it.

    A message that comes while counted pages are read moves the others: what was the last of one page is there again on
    the next. How many came tells `first_again`, which reads the first page once more.
    """
    pages: dict[int, list[str]] = {}
    size = came = 0
    try:
        for texts in lists:
            pages.setdefault(turner.number, []).extend(texts)
            size += sum(map(len, texts))
            if size > MOST_TURNED:
                yield _joined(pages, 0)[::-1]
                pages, size = {}, 0
        if turner.is_counted and len(pages) > 1:
            came = _newer(first_again(), next(iter(pages.values())))
    finally:
        if pages:
            yield _joined(pages, came)[::-1]


def _newer(now: list[str], before: list[str]) -> int:
    """Return how many messages stand before those with which a page began before."""
    return next(count for count in range(len(now) + 1) if now[count:] == before[: len(now) - count])


def _joined(pages: Mapping[int, list[str]], moved: int) -> list[str]:
    """Join pages that begin with the newest, in which so many messages at most stand twice."""
    joined: list[str] = []
    for page in pages.values():
        again = next((count for count in range(min(moved, len(page)), 0, -1) if joined[-count:] == page[:count]), 0)
        moved -= again
        joined += page[again:]
    return joined


def _without_words(profile: Profile) -> Profile:
    """Return the profile without the conditions that ask for words alone: a message may hold every word."""
    refused = profile.refused
    kept = {name: tuple(one for one in getattr(refused, name) if one.members) for name in ("when", "token", "request")}
    return profile._replace(refused=refused._replace(**kept))


def _value_at(place: Path, document: Json, headers: Mapping[str, str]) -> Json:
    """Return the one value that a place names in what came around the list, or in a header; None without one."""
    values = carried(Reply(200, headers, b""), place) if place.source else found(document, place)
    return next(iter(values), None)


def _is_true(value: Json) -> bool:
    return value is True or str(value).casefold() in {"true", "1"}
