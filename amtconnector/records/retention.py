"""Remove what is old from a run directory: once a day, by one process at a time, for a moment each.

An unfinished run is never removed, however old it is. The directory is gone through in the order in which the system
lists it, and what is old goes at once: so each moment gets something done, however many files there are. Where the time
is up the place is noted, and the next run of the day goes on from there.
"""

from __future__ import annotations

import os
import re
import stat
import time
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from amtconnector.records import attention, logon_notes, record_files, timestamps
from amtconnector.records import file_names as run_names
from amtconnector.records.record import is_run_id
from amtconnector.system import files, locks
from amtconnector.system.file_owners import ForeignFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_DAY = timedelta(days=1)
_LONGEST_DAYS = 365_000
_TEMPORARY = r"\.[0-9a-f]{12}\.tmp\Z|\Acheck-[0-9]+-[0-9a-f]{8}\.tmp\Z"
_LOGON_NOTES = (logon_notes.NOTE_PREFIX, logon_notes.FAILURE_PREFIX, logon_notes.SLOT_PREFIX, "accepted-logon-")
_LOGON_LOCKS = (logon_notes.SLOT_PREFIX, "accepted-logon-")  # the last of each is what version 1.0 left behind
_OWN = "cleaned."
_STAMP = f"cleaned{timestamps.ENDING}"
_STAMP_LOCK = f"cleaned{run_names.LOCK}"
_POSITION = "cleaned.position"


class Countdown:
    """How long there is still time, counted from the last `begin`; `is_stopped` may end it before."""

    def __init__(
        self,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._is_stopped = is_stopped
        self._end = clock() + seconds

    def begin(self) -> None:
        """Begin anew."""
        self._end = self._clock() + self._seconds

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return self._is_stopped() or self._clock() >= self._end


def clean(directory: Path, retain_days: float, *, now: datetime, countdown: Countdown) -> int:
    """Remove the runs that ended more than `retain_days` ago, with their logs; return how many files went.

    Does nothing when all was gone through within a day, or while another process does it. Ends with the countdown,
    which begins when the names before the noted place are listed. Never raises: what can't be removed stays.
    """
    try:
        lock = locks.take(directory / _STAMP_LOCK) if is_due(directory, now) else None
        if lock is None:
            return 0
        try:
            return _go_on(directory, retain_days, now, countdown)
        finally:
            lock.release()
    except OSError:
        return 0


def is_due(directory: Path, now: datetime) -> bool:
    """Whether there is something to go through today; raise `OSError` when that can't be found out."""
    # A stamp from the future was made by a clock that was wrong.
    try:
        stamped = timestamps.read(directory / _STAMP)
    except ForeignFile:  # it is replaced
        return True
    return stamped is None or not timedelta(0) <= now - stamped < _DAY or _position(directory) is not None


def _go_on(directory: Path, retain_days: float, now: datetime, countdown: Countdown) -> int:
    if not is_due(directory, now):
        return 0
    begin = _position(directory) or 0
    # Stamped first: a pass that goes wrong is not tried again by every run of the day.
    timestamps.write(directory / _STAMP, now)
    files.remove_file(directory / _POSITION)
    sweep = _Sweep(directory, retain_days, now, countdown)
    end = sweep.through_records(begin)
    if end is not None:
        files.replace_file(directory / _POSITION, f"{end}\n".encode("ascii"))
    elif begin == 0:  # only then it is known which runs stay
        sweep.through_logs()
    return sweep.removed


def _position(directory: Path) -> int | None:
    """Return where to go on; None where nothing was left undone."""
    try:
        file = files.read_file(directory / _POSITION, 32)
    except ForeignFile:
        return None
    if file is None:
        return None
    text = file[0].strip()
    return int(text) if text.isdigit() else 0


class _Sweep:
    """One way through the directory, as far as the time goes."""

    def __init__(self, directory: Path, retain_days: float, now: datetime, countdown: Countdown) -> None:
        self._directory = directory
        self._ended_before = now - timedelta(days=min(retain_days, _LONGEST_DAYS))
        self._ended_before_s = self._ended_before.timestamp()
        self._left_before_s = (now - _DAY).timestamp()  # what a crash left behind
        self._countdown = countdown
        self._kept_run_ids: set[str] = set()
        self._knows_kept_runs = True
        self.removed = 0

    def through_records(self, begin: int) -> int | None:
        """Consider every file after the first `begin`; return after how many that stay it ended, None at the end.

        Files are no longer counted once they are gone, so the number is where to go on.
        """
        staying = 0
        with os.scandir(self._directory) as entries:
            for entry in entries:
                if entry.name.startswith(_OWN):  # they come and go with each pass
                    continue
                if staying < begin:
                    staying += 1
                    self._countdown.begin()
                elif self._countdown.is_over:
                    return staying
                else:
                    staying += self._stays(entry)
        return None

    def through_logs(self) -> None:
        """Remove old logs that no record names any more; none while a damaged record may not tell which is its own."""
        if not self._knows_kept_runs:
            return
        with suppress(FileNotFoundError), os.scandir(self._directory / run_names.LOGS) as entries:
            for entry in entries:
                if self._countdown.is_over:
                    return
                run_id, ending = os.path.splitext(entry.name)  # noqa: PTH122 - a Path for each of thousands is slow
                is_of_a_run = ending == run_names.LOG and is_run_id(run_id) and run_id not in self._kept_run_ids
                if is_of_a_run and _written_at_s(entry) < self._ended_before_s:
                    self._remove(entry.path)

    def _stays(self, entry: os.DirEntry[str]) -> bool:
        """Consider one file, and return whether it stays."""
        name, ending = os.path.splitext(entry.name)  # noqa: PTH122 - as above
        written_at_s = _written_at_s(entry)
        if ending == run_names.RECORD and run_names.is_name(name):
            return written_at_s >= self._ended_before_s or self._run_stays(name)
        if ending == run_names.LOCK and run_names.is_name(name):
            return written_at_s >= self._ended_before_s or self._lock_stays(name)
        return written_at_s >= self._left_before_s or self._other_stays(entry, name, ending)

    def _run_stays(self, name: str) -> bool:
        lock = self._lock(name)
        try:
            run_id, is_over = self._judged(name)
            if lock and is_over:
                self._remove(f"{self._directory}{os.sep}{run_names.LOGS}{os.sep}{run_id}{run_names.LOG}")
                self._remove(f"{self._directory}{os.sep}{name}{run_names.RECORD}")
                self._remove_lock(lock)
                return False
            self._kept_run_ids.add(run_id)
        finally:
            if lock:
                lock.release()
        return True

    def _judged(self, name: str) -> tuple[str, bool]:
        """Return the id of a run, and whether it ended long ago."""
        from amtconnector.records.glance import end_at_a_glance  # most passes are over before they begin

        if end := end_at_a_glance(record_files.start_of(self._directory, name)):
            return end.run_id, end.since < self._ended_before
        # Whose it says that it is decides nothing here.
        record = record_files.load_leniently(self._directory, name, of_any_name=True)
        if record is None:
            return "", False
        self._knows_kept_runs = self._knows_kept_runs and not record.is_damaged
        return record.run_id, not record.is_unfinished and (record.since is None or record.since < self._ended_before)

    def _lock_stays(self, name: str) -> bool:
        # It may have gone with its record since the directory was read; taking it would make it again.
        if not record_files.lock_path(self._directory, name).exists():
            return False
        if record_files.record_path(self._directory, name).exists():
            return self._run_stays(name)
        if lock := self._lock(name):
            self._remove_lock(lock)
        return lock is None

    def _other_stays(self, entry: os.DirEntry[str], name: str, ending: str) -> bool:
        if ending == run_names.LOCK and name.startswith(_LOGON_LOCKS) and (lock := self._lock(name)):
            self._remove_lock(lock)
            return False
        if ending == attention.ENDING:
            return self._is_alive(name) or not self._remove(entry.path)
        return not (_is_left_behind(entry.name, ending) and self._remove(entry.path))

    def _is_alive(self, name: str) -> bool:
        try:
            return locks.is_taken(record_files.lock_path(self._directory, name))
        except OSError:
            return True

    def _lock(self, name: str) -> locks.FileLock | None:
        with suppress(OSError):
            return locks.take(record_files.lock_path(self._directory, name), is_patient=False)
        return None

    def _remove_lock(self, lock: locks.FileLock) -> None:
        lock.remove()
        self.removed += 1

    def _remove(self, path: str) -> bool:
        try:
            os.unlink(path)  # noqa: PTH108 - as above
        except OSError:
            return False
        self.removed += 1
        return True


def _written_at_s(entry: os.DirEntry[str]) -> float:
    """Return when a file was written, in seconds since 1970; never, for what is no file or has gone."""
    try:
        found = entry.stat(follow_symlinks=False)
    except OSError:
        return float("inf")
    return found.st_mtime if stat.S_ISREG(found.st_mode) else float("inf")


def _is_left_behind(name: str, ending: str) -> bool:
    """Whether a file is one of ours that nobody needs after a day; other files in the directory are none of ours."""
    return (ending == timestamps.ENDING and name.startswith(_LOGON_NOTES)) or re.search(_TEMPORARY, name) is not None
