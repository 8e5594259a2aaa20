"""Whether an answer says that its list is not all there is, in one of the ways that services have for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amtconnector.amtopcon.wire.document import UNREADABLE, Object, parsed
from amtconnector.amtopcon.wire.paths import next_link

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amtconnector.amtopcon.wire.document import Json

_MORE = frozenset("hasmore hasmoreitems hasnext hasnextpage more moreavailable ismore istruncated truncated".split())  # noqa: SIM905 - reads
_NEXT = frozenset(
    "next nextpage nextlink nexturl nextcursor nexttoken nextpagetoken nextkey nextoffset odatanextlink"  # noqa: SIM905 - reads
    " continuationtoken".split()
)
_TOTAL = frozenset("total totalcount totalitems totalmessages totalrecords totalresults odatacount".split())  # noqa: SIM905 - reads
_DEEPEST = 3


def says_more(document: Json, count: int, depth: int = _DEEPEST) -> bool:
    """Return whether a member says that there is more than these `count` messages."""
    if not isinstance(document, Object) or not depth:
        return False
    return any(_says_more(name, value, count) or says_more(value, count, depth - 1) for name, value in document)


def headers_say_more(headers: Mapping[str, str], count: int) -> bool:
    """Return whether a header says so: `Link` with a next page, `X-Total-Count`, `X-Has-More`, `X-Pagination`."""
    return bool(next_link(headers.get("link", ""))) or any(
        _says_more(name.removeprefix("x-"), _header_value(value), count)
        or (name == "x-pagination" and says_more(_header_value(value), count))
        for name, value in headers.items()
        if name.startswith("x-")
    )


def _header_value(value: str) -> Json:
    try:
        return parsed(value)
    except UNREADABLE:
        return value


def _says_more(name: str, value: Json, count: int) -> bool:
    known = "".join(character for character in name.casefold() if character.isalnum())
    if known in _MORE:
        return value is True or str(value).casefold() == "true"
    if known in _NEXT:
        return value not in (None, "", False, 0, -1) and not isinstance(value, list)
    return known in _TOTAL and isinstance(value, int) and not isinstance(value, bool) and value > count
