"""The run directory: the records of runs, who is at work on them, their logs, and the notes of rejected logons.

    <directory>/<name>.json                    a run's record, see `run_names`
    <directory>/<name>.lock                    whoever is at work on that record holds the lock on this file
    <directory>/logs/<run id>.log              the log of one run
    <directory>/rejected-logon-<digest>.note   see `logon_notes`, as for logon-<digest>-1.lock and -2.lock
    <directory>/<name>.attention               see `attention`
    <directory>/cleaned.note, .lock, .position see `retention`

A record is read without a lock, and written only under it.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from amtconnector.records import file_names as run_names
from amtconnector.records import record_files
from amtconnector.records.attention import AttentionFile
from amtconnector.records.claim import Claim, ClaimedElsewhere
from amtconnector.records.record import RunRecord, RunState, is_run_id
from amtconnector.records.run_log import RunLog
from amtconnector.system import files, locks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from amtconnector.records.glance import Ended
    from amtconnector.records.record import RunKey

_EARLIEST = datetime.min.replace(tzinfo=UTC)
_PAUSE_S = 0.025
_FEW = 16
"""So many records are read in less time than the expression of `glance` takes to compile."""


class RunDirectory:
    """A directory of run records, as the configuration names it; nothing is made before the first claim.

    A lock that is held is tried again for `patience_s` seconds, for whoever only looks at a lock holds it for a moment.
    """

    def __init__(self, path: Path, *, patience_s: float = 0.25) -> None:
        self.path = path
        self._patience_s = patience_s

    def claim(self, key: RunKey, run_id: str) -> Claim:
        """Take the record of a key (by hand: of this one run) for this process alone.

        Creates the directory. Raises `ClaimedElsewhere` when another process, or this one, has it, and `OSError` when
        the directory can't be written or the record can't be read.
        """
        files.create_directory(self.path)
        claim = self._claimed(run_names.file_name(key, run_id))
        if claim.record:
            claim.record = claim.record._replace(key=key)
        return claim

    def claim_record(self, record: RunRecord) -> Claim:
        """Take a record that a question to this directory returned; it may have changed since. Raises as `claim`."""
        return self._claimed(_name_of(record))

    def is_running(self, record: RunRecord) -> bool:
        """Whether a process is at work on a record; raise `OSError` when that can't be found out."""
        return locks.is_taken(record_files.lock_path(self.path, _name_of(record)))

    def records(self) -> list[RunRecord]:
        """Return all records, newest first, damaged ones included; raise `OSError` when they can't be listed."""
        return self.loaded(record_files.names(self.path))

    @property
    def has_runs(self) -> bool:
        """Whether there is a record at all; never raises, and says yes where that can't be found out."""
        try:
            return any(True for _ in record_files.names(self.path))
        except OSError:
            return True

    def loaded(self, names: Iterable[str]) -> list[RunRecord]:
        """Return the records of some files, newest first, damaged ones included."""
        loaded = (record_files.load_leniently(self.path, name) for name in names)
        found = (record for record in loaded if record)
        return sorted(found, key=lambda record: record.created_at or record.since or _EARLIEST, reverse=True)

    def ends(self, holding: bytes = b"") -> Iterator[tuple[str, Ended | None]]:
        """Tell of each record's file how its run ended, without reading more than that; None where it must be read.

        `holding`: only of those that hold these bytes of lower-case JSON, in any letter case, or can't be read. Raises
        `OSError` when the records can't be listed.
        """
        from amtconnector.records.glance import end_at_a_glance  # most runs look at no other

        for name, content in record_files.starts(self.path, record_files.names(self.path)):
            if not content or not holding or holding in content.lower():
                yield name, end_at_a_glance(content)

    def unfinished_of_opcon_job(self, schedule_date: str, schedule_name: str, opcon_job: str) -> list[RunRecord]:
        """Return the unfinished records of an OpCon job, whatever AMT task it started; raise `OSError` as `records`."""
        digest = run_names.identity_digest(schedule_date, schedule_name, opcon_job)
        return [
            _with_key(record, schedule_date=schedule_date, schedule_name=schedule_name, opcon_job=opcon_job)
            for record in self._unfinished(f"-{digest}-")
        ]

    def unfinished_of_task(self, server: str, application: str, job: str) -> list[RunRecord]:
        """Return the unfinished records of an AMT task, by OpCon and by hand; raise `OSError` as `records`."""
        digest = run_names.target_digest(server, application, job)
        return [
            _with_key(record, server=server, application=application, job=job)
            for record in self._unfinished(f"-{digest}{run_names.RECORD}")
        ]

    def records_of_request(self, server: str, request_id: str) -> list[RunRecord]:
        """Return the records that name a batch request of a server, newest first; raise `OSError` as `records`."""
        holding = f'"request_id": {json.dumps(request_id)}'.encode("ascii")
        return [
            record
            for record in self.loaded(self._names_holding(holding))
            if record.request_id == request_id and record.key.server.lower() == server.lower()
        ]

    def forget(self, run_id: str, now: datetime) -> RunRecord | None:
        """Declare an unfinished run over, so that its job may be started again; return its record as it was.

        None when no run has this id. A run that is not unfinished is left as it is. Raises `ClaimedElsewhere` while a
        process is at work on the record, and `OSError` when it can't be read or written.
        """
        names = self._names_holding(json.dumps(run_id).encode("ascii"))
        for record in self.loaded(names) or self.records():  # that of a damaged record may not be written in it
            if record.run_id == run_id:
                return self._released(record, now)
        return None

    def clean(
        self, retain_days: float, *, now: datetime, deadline_s: float = 1.0, is_over: Callable[[], bool] = lambda: False
    ) -> int:
        """Remove the runs that ended more than `retain_days` ago; return how many files went. Never raises.

        Once a day by one process; otherwise it does nothing. It ends after `deadline_s` seconds, or when `is_over` says
        so; `needs_cleaning` then tells whether there is more to do today.
        """
        from amtconnector.records import retention  # not needed on the way to the start of a task

        countdown = retention.Countdown(deadline_s, is_stopped=is_over)
        return retention.clean(self.path, retain_days, now=now, countdown=countdown)

    def needs_cleaning(self, now: datetime) -> bool:
        """Whether `clean` has something to do today; never raises."""
        from amtconnector.records import retention

        try:
            return retention.is_due(self.path, now)
        except OSError:
            return False

    def attention_file(self, record: RunRecord) -> AttentionFile:
        """Return the attention file of a run."""
        return AttentionFile(self.path, _name_of(record))

    def log_path(self, run_id: str) -> Path:
        """Return the path of a run's log; raise `ValueError` for what is not a run id."""
        if not is_run_id(run_id):
            raise ValueError("not a run id")
        return self.path / run_names.LOGS / f"{run_id}{run_names.LOG}"

    def open_log(self, run_id: str, *, tell: Callable[[str], None] = lambda _: None) -> RunLog:
        """Return the log of a run; its file is made with the first line. `tell` hears once that it can't be written."""
        return RunLog(self.log_path(run_id), tell=tell)

    def _claimed(self, name: str) -> Claim:
        lock = self._taken(name)
        if lock is None:
            raise ClaimedElsewhere(record_files.load_leniently(self.path, name))
        try:
            return Claim(self.path, name, lock, record_files.load(self.path, name))
        except BaseException:
            lock.release()
            raise

    def _taken(self, name: str) -> locks.FileLock | None:
        path = record_files.lock_path(self.path, name)
        if (lock := locks.take(path)) is not None:
            return lock
        found = record_files.load_leniently(self.path, name)
        give_up_at = time.monotonic() + self._patience_s
        while (lock := locks.take(path)) is None and time.monotonic() < give_up_at:
            time.sleep(_PAUSE_S)
        if lock is not None and record_files.load_leniently(self.path, name) != found:
            lock.release()  # its holder was at work on the same job at the same time, even if it has ended since
            return None
        return lock

    def _unfinished(self, part_of_name: str) -> list[RunRecord]:
        names = list(record_files.names(self.path, part_of_name))
        if len(names) > _FEW:
            from amtconnector.records.glance import end_at_a_glance  # most runs look at no other

            names = [name for name, content in record_files.starts(self.path, names) if not end_at_a_glance(content)]
        return [record for record in self.loaded(names) if record.is_unfinished]

    def _names_holding(self, content: bytes) -> list[str]:
        starts = record_files.starts(self.path, record_files.names(self.path))
        return [name for name, start in starts if content in start]

    def _released(self, record: RunRecord, now: datetime) -> RunRecord:
        with self.claim_record(record) as claim:
            current = claim.record
            if current and current.run_id == record.run_id and current.is_unfinished:
                claim.save(current._replace(state=RunState.NOT_STARTED, released_at=now))
            return current or record


def _name_of(record: RunRecord) -> str:
    return record.file_name or run_names.file_name(record.key, record.run_id)


def _with_key(record: RunRecord, **known: str) -> RunRecord:
    # The name of a damaged record's file tells what it may not tell itself.
    return record._replace(key=record.key._replace(**known))
