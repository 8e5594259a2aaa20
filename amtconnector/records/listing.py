"""Which of many runs are shown: what is open first, then what ended, newest first, and read only what is shown."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from amtconnector.named_tuple import NamedTuple
from amtconnector.records.glance import Ended
from amtconnector.statuses import SUCCESS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amtconnector.records import RunDirectory, RunRecord

RECENT = timedelta(days=1)

_EARLIEST = datetime.min.replace(tzinfo=UTC)


class Wanted(NamedTuple):
    """Which runs are asked for. With nothing said: the open ones, and those that ended within a day.

    `is_open`: only those. `has_failed`: only those that ended with another code than 4, or started nothing. `job`: only
    those of an OpCon or AMT job of that name, in any letter case; "" for all. `limit`: so many of those that ended, the
    newest ones; None for all of them. `is_everything`: also those that ended longer ago.
    """

    is_open: bool = False
    has_failed: bool = False
    job: str = ""
    limit: int | None = None
    is_everything: bool = False

    @property
    def is_particular(self) -> bool:
        """Whether only some kind of runs is asked for."""
        return self.is_open or self.has_failed or bool(self.job)


class Listing(NamedTuple):
    """The records to show, in their order, those of them that a process is at work on, and how many are left out.

    Left out is what is older, or beyond the limit; not what does not fit the question.
    """

    records: list[RunRecord]
    running: frozenset[str]
    hidden: int


def listing(directory: RunDirectory, wanted: Wanted, now: datetime) -> Listing:
    """Return the runs that are asked for; raises `OSError` when the records can't be listed."""
    glanced = list(directory.ends(_in_json(wanted.job)))
    read = _loaded(directory, [name for name, end in glanced if end is None], wanted)
    open_ones = [record for record in read if record.is_unfinished and not wanted.has_failed]
    ended = sorted(
        ((end.since, name) for name, end in glanced if end and _is_end_wanted(wanted, end, now)), reverse=True
    )
    chosen = ended if wanted.job else ended[: wanted.limit]  # only in full does a record tell its job for certain
    others = [record for record in read if not record.is_unfinished and _is_end_wanted(wanted, _end(record), now)]
    past = [*others, *_loaded(directory, [name for _, name in chosen], wanted)]
    past.sort(key=lambda record: record.since or now, reverse=True)
    shown = [*open_ones, *past[: wanted.limit]]
    fitting = len(open_ones) + len(past) + len(ended) - len(chosen) if wanted.is_particular else len(glanced)
    return Listing(shown, _running(directory, shown, now), fitting - len(shown))


def _loaded(directory: RunDirectory, names: list[str], wanted: Wanted) -> list[RunRecord]:
    return [record for record in directory.loaded(names) if _is_of(record, wanted.job)]


def _end(record: RunRecord) -> Ended:
    return Ended(record.run_id, record.since or _EARLIEST, record.exit_code)


def _is_end_wanted(wanted: Wanted, end: Ended, now: datetime) -> bool:
    if wanted.is_open or (wanted.has_failed and end.exit_code == SUCCESS):
        return False
    return wanted.is_everything or wanted.is_particular or now - end.since < RECENT


def _is_of(record: RunRecord, job: str) -> bool:
    # A damaged record may not tell its job: it is shown rather than missed.
    names = {record.key.opcon_job.casefold(), record.key.job.casefold()}
    return not job or job.casefold() in names or (record.is_damaged and names == {""})


def _in_json(job: str) -> bytes:
    return json.dumps(job)[1:-1].lower().encode("ascii") if job.isascii() else b""


def _running(directory: RunDirectory, records: Iterable[RunRecord], now: datetime) -> frozenset[str]:
    """Return the file names of the records that a process is at work on; asked is only where that can well be."""
    running = set()
    for record in records:
        if record.is_unfinished or (record.since and now - record.since < RECENT):
            with suppress(OSError):  # a lock of another account's: what the record says is still worth showing
                running |= {record.file_name} if directory.is_running(record) else set()
    return frozenset(running)
