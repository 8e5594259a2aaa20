"""Values that a client makes itself: the time, and a unique id of a run."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from amtconnector.learning.documents import named_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amtconnector.learning.exchange import Exchange

_RUN_ID = re.compile(r"unique|correl|guid|uuid|runid|clientid|externalid", re.IGNORECASE)
_UNIQUE = re.compile(r"[0-9a-fA-F]{8}(-?)(?:[0-9a-fA-F]{4}\1){3}[0-9a-fA-F]{12}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?")
_CLOCKS_APART_S = 86400
_FORMS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y%m%d%H%M%S",
    "%d.%m.%Y %H:%M:%S",
    "%m/%d/%Y %H:%M:%S",
    "%Y-%m-%d",
    "%Y%m%d",
    "%d.%m.%Y",
)


def moment(value: str, begun: datetime) -> str:
    """Return the placeholder of a text that is a time, "" for any other."""
    if match := _MOMENT.fullmatch(value):
        return "{now:utc}" if match[1] == "Z" else "{now}" if match[1] else "{now:%Y-%m-%dT%H:%M:%S}"
    if match := re.fullmatch(r"(/Date\()?(\d{13})(\)/)?", value):
        is_now = abs(int(match[2]) / 1000 - begun.timestamp()) < _CLOCKS_APART_S
        return f"{match[1] or ''}{{now:ms}}{match[3] or ''}" if is_now else ""
    for form in _FORMS:
        try:
            day = datetime.strptime(value, form)  # noqa: DTZ007 - only its day is compared
        except ValueError:
            continue
        if abs((day.date() - begun.date()).days) <= 1:
            return f"{{now:{form}}}"
    return ""


def run_id_in(start: Exchange, later: Sequence[Exchange], known: set[str]) -> str:
    """Return the unique id that a client gave its start, "" where there is none."""
    given = named_texts(start)
    texts = [(name, text) for name, text in given if text and text not in known and not _MOMENT.fullmatch(text)]
    own = [text for name, text in texts if _RUN_ID.search(name.rpartition(".")[2]) or _UNIQUE.fullmatch(text)]
    back = [
        text
        for _, text in texts
        if len(text) >= 8
        and any(char.isdigit() for char in text)
        and any(other == text for one in later for _, other in named_texts(one))
    ]
    return next(iter(own + back), "")
