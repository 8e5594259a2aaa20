"""The end of a run at a glance: for directories that hold thousands of records, of which few are read in full."""

from __future__ import annotations

import re
from datetime import datetime

from amtconnector.named_tuple import NamedTuple
from amtconnector.records import timestamps
from amtconnector.records.record import RunKey
from amtconnector.records.record_format import LISTS, TEXTS, TIMES

_TIME = rb'(?:null|"([0-9T:.-]{19,26}Z)")'
_TEXT = rb'"(?:[^"\\\x00-\x1f\x80-\xff]|\\["\\/bfnrt]|\\u[0-9a-f]{4})*"'
_TEXT_NAMES = (*RunKey._fields, *TEXTS)
_HEAD = re.compile(
    rb'\{\n"version": 1,\n"run_id": "([0-9]{8}-[0-9a-f]{10})",\n"state": "(not started|finished)",\n'
    rb'"request_id": "((?:[1-9][0-9]{0,63}|[0-9]{0,40}[A-Za-z][0-9A-Za-z-]{0,23})?)",\n'
    rb'((?:"[a-z_]{1,20}": %b,\n){%d})((?:"[a-z_]{1,20}": \[(?:%b(?:, %b)*)?\],\n){%d})'
    % (_TEXT, len(_TEXT_NAMES), _TEXT, _TEXT, len(LISTS))
)
_NAME = re.compile(rb'^"([a-z_]+)": ', re.MULTILINE)
_NAMES = [name.encode() for name in (*_TEXT_NAMES, *LISTS)]
_TAIL = re.compile(
    rb'"created_at": %b,\n"intended_at": %b,\n"answer_due_at": %b,\n"submitted_at": %b,\n"finished_at": %b,\n'
    rb'"released_at": %b,\n"exit_code": (?:null|(0|-?[1-9][0-9]{0,9})),\n"pid": (?:0|[1-9][0-9]{0,9})\n\}\n'
    % ((_TIME,) * 6)
)


class Ended(NamedTuple):
    """The end of a run that is over: since when it is, and with which code, None where no task was started."""

    run_id: str
    since: datetime
    exit_code: int | None


def end_at_a_glance(content: bytes) -> Ended | None:
    """Return the end of a run without reading all of its record, for directories that hold thousands.

    None where the run is not over, and where the record is not just as `dumped` writes it: then it must be read.
    """
    head = _HEAD.match(content)
    tail = _TAIL.fullmatch(content, head.end()) if head else None
    if head is None or tail is None or _NAME.findall(head[4] + head[5]) != _NAMES:
        return None
    is_finished = head[2] == b"finished"
    if is_finished and tail[7] is None:
        return None
    times = [_usable_time(tail[number]) if tail[number] else None for number in range(1, len(TIMES) + 1)]
    since = times[4] if is_finished else times[5] or times[0]
    if since is None or any(tail[number] and not time for number, time in enumerate(times, 1)):
        return None
    return Ended(head[1].decode("ascii"), since, int(tail[7]) if tail[7] else None)


def _usable_time(text: bytes) -> datetime | None:
    try:
        return timestamps.usable(datetime.fromisoformat(text.decode("ascii")))
    except ValueError:
        return None
