"""Messages in pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from amtconnector.simulator.contract.filling import fill, placeholders

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amtconnector.simulator.requests import Received

    Entry = tuple[int, str]


class Page(NamedTuple):
    """Some of a task's messages, each with its number; `next_page` None says that there are no more."""

    entries: Sequence[Entry]
    next_page: int | None

    @property
    def has_more(self) -> bool:
        """Whether there are more."""
        return self.next_page is not None


def page_of(entries: Sequence[Entry], received: Received, size: int, first_page: int) -> Page:
    """Return what a request asks for by `Page`, `Offset` or `After` (the last number that it knows).

    `size` 0 has no pages: everything from there on.
    """
    asked = placeholders(received.call.values if received.call else {})
    number = _number(received, "Page", first_page)
    begin = _number(received, "After", _number(received, "Offset", (number - first_page) * size))
    end = begin + size if size else len(entries)
    following = end if asked & {"After", "Offset"} else number + 1
    return Page(entries[max(begin, 0) : max(end, 0)], following if end < len(entries) else None)


def next_address(received: Received, page: Page) -> str | None:
    """Return path and query of the next page, None after the last."""
    call = received.call
    if call is None or page.next_page is None:
        return None
    values = {**received.values, **dict.fromkeys(("Page", "Offset", "After"), page.next_page)}
    query = urlencode({name: fill(text, values) for name, text in call.query.items()})
    return f"{fill(call.path, values)}?{query}"


def _number(received: Received, name: str, default: int) -> int:
    value = received.values.get(name, default)
    return value if isinstance(value, int) else default
