"""The end of a run at a glance: for directories that hold thousands of records, of which few are read in full."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from amtconnector.named_tuple import NamedTuple
from amtconnector.records import timestamps
from amtconnector.records.record import RunKey
from amtconnector.records.record_format import LISTS, TEXTS, TIMES

if TYPE_CHECKING:
    from collections.abc import Iterable

_TIME = rb'(?:null|"([0-9T:.-]{19,26}Z)")'
_PLAIN = rb'[^"\\\x00-\x1f\x80-\xff]*'
_TEXT = rb'"%b(?:\\(?:["\\/bfnrt]|u[0-9a-f]{4})%b)*"' % (_PLAIN, _PLAIN)
_LIST = rb"\[(?:%b(?:, %b)*)?\]" % (_TEXT, _TEXT)


def _lines(names: Iterable[str], value: bytes) -> bytes:
    """Return a pattern for members with these names, in this order, a line each."""
    return b"".join(b'"%b": %b,\n' % (name.encode("ascii"), value) for name in names)


_RECORD = re.compile(
    rb'\{\n"version": 1,\n(?:"file_name": "[a-z0-9-]*",\n)?"run_id": "([0-9]{8}-[0-9a-f]{10})",\n'
    rb'"state": "(not started|finished)",\n'
    rb'"request_id": "(?:(?:[1-9][0-9]{0,63}|[0-9]{0,40}[A-Za-z][0-9A-Za-z-]{0,23})?)",\n'
    + _lines((*RunKey._fields, *TEXTS), _TEXT)
    + _lines(LISTS, _LIST)
    + _lines(TIMES, _TIME)
    + rb'"exit_code": (?:null|(0|-?[1-9][0-9]{0,9})),\n"pid": (?:0|[1-9][0-9]{0,9})\n\}\n'
)


class Ended(NamedTuple):
    """The end of a run that is over: since when it is, and with which code, None where no task was started."""

    run_id: str
    since: datetime
    exit_code: int | None


def end_at_a_glance(content: bytes) -> Ended | None:
    """Return the end of a run without reading all of its record, for directories that hold thousands.

    None where the run is not over, and where the record is not just as `dumped` writes it, or as version 1.0 did: then
    it must be read.
    """
    found = _RECORD.fullmatch(content)
    if found is None:
        return None
    run_id, state, *times, code = found.groups()
    known = [_usable_time(time) if time else None for time in times]
    _, _, _, _, finished_at, released_at = known
    is_finished = state == b"finished"
    since = finished_at if is_finished else released_at or known[0]
    if since is None or known.count(None) > times.count(None) or (is_finished and code is None):
        return None
    return Ended(run_id.decode("ascii"), since, int(code) if code else None)


def _usable_time(text: bytes) -> datetime | None:
    try:
        return timestamps.usable(datetime.fromisoformat(text.decode("ascii")))
    except ValueError:
        return None
