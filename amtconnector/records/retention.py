"""Remove what is old from a run directory: once a day, by one process, for a moment.

An unfinished run is never removed, however old it is. The oldest files come first, so that a day's moment is well spent
even where thousands are waiting.
"""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from amtconnector.records import file_names as run_names
from amtconnector.records import logon_notes, record_files, timestamps
from amtconnector.records.file_names import FileName
from amtconnector.records.record import is_run_id
from amtconnector.system import locks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from amtconnector.records.record import RunRecord

_DAY = timedelta(days=1)
_LONGEST_DAYS = 365_000
_TEMPORARY = re.compile(r"\.[0-9a-f]{12}\.tmp\Z|\Acheck-[0-9]+-[0-9a-f]{8}\.tmp\Z")
_LOGON_NOTES = (logon_notes.NOTE_PREFIX, "accepted-logon-")
_LOGON_LOCKS = (logon_notes.SLOT_PREFIX, "accepted-logon-")  # the second of each is what version 1.0 left behind
_STAMP = f"cleaned{timestamps.ENDING}"
_STAMP_LOCK = f"cleaned{run_names.LOCK}"


def clean(
    directory: Path,
    retain_days: float,
    *,
    now: datetime,
    deadline_s: float = 1.0,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Remove the runs that ended more than `retain_days` ago, with their logs; return how many files went.

    Does nothing when that was tried within a day, or while another process does it. Takes at most `deadline_s` seconds
    of `clock`. Never raises: what can't be removed stays.
    """
    give_up_at = clock() + deadline_s
    try:
        lock = locks.take(directory / _STAMP_LOCK) if _is_due(directory, now) else None
        if lock is None:
            return 0
        try:
            sweep = _Sweep(directory, retain_days, now, lambda: clock() >= give_up_at)
            return sweep.done() if _is_due(directory, now) else 0
        finally:
            lock.release()
    except OSError:
        return 0


def _is_due(directory: Path, now: datetime) -> bool:
    # A stamp from the future was made by a clock that was wrong.
    stamped = timestamps.read(directory / _STAMP)
    return stamped is None or not timedelta(0) <= now - stamped < _DAY


class _Sweep:
    """One pass through the directory; it ends where it is late."""

    def __init__(self, directory: Path, retain_days: float, now: datetime, is_late: Callable[[], bool]) -> None:
        self._directory = directory
        self._now = now
        self._ended_before = now - timedelta(days=min(retain_days, _LONGEST_DAYS))
        self._is_late = is_late
        self._removed = 0
        self._kept_run_ids: set[str] = set()

    def done(self) -> int:
        """Go through the directory and return how many files were removed."""
        # Stamped first: a pass that goes wrong is not tried again by every run of the day.
        timestamps.write(self._directory / _STAMP, self._now)
        for path, written_at_s in self._oldest_first(self._directory):
            self._consider(path, written_at_s)
        # Comes last, for only now it is known which runs stay; where the time is up, nothing is found any more.
        for path, written_at_s in self._oldest_first(self._directory / run_names.LOGS):
            is_of_a_run = path.suffix == run_names.LOG and is_run_id(path.stem)
            if is_of_a_run and path.stem not in self._kept_run_ids and self._is_old(written_at_s):
                self._remove(path)
        return self._removed

    def _oldest_first(self, directory: Path) -> Iterator[tuple[Path, float]]:
        for written_at_s, name in sorted(self._files(directory)):
            if self._is_late():
                return
            yield directory / name, written_at_s

    def _files(self, directory: Path) -> Iterator[tuple[float, str]]:
        try:
            with os.scandir(directory) as entries:
                for entry in entries:
                    if self._is_late():
                        return
                    if entry.is_file(follow_symlinks=False):
                        yield entry.stat(follow_symlinks=False).st_mtime, entry.name
        except FileNotFoundError:
            return

    def _is_old(self, written_at_s: float) -> bool:
        return written_at_s < self._ended_before.timestamp()

    def _consider(self, path: Path, written_at_s: float) -> None:
        name = FileName.parse(path.stem)
        if name and path.suffix == run_names.RECORD and self._is_old(written_at_s):
            self._consider_run(name.text)
        elif name and path.suffix == run_names.LOCK and self._is_old(written_at_s):
            self._consider_lock(path, name.text)
        elif written_at_s < (self._now - _DAY).timestamp():
            self._consider_other(path)

    def _consider_other(self, path: Path) -> None:
        if path.name.startswith(_LOGON_LOCKS) and path.suffix == run_names.LOCK:
            if lock := self._lock(path.stem):
                self._remove_lock(lock)
        elif _is_left_behind(path):
            self._remove(path)

    def _consider_run(self, name: str) -> None:
        lock = self._lock(name)
        try:
            record = record_files.load_leniently(self._directory, name)
            if record and lock and self._is_over(record):
                self._remove(self._directory / run_names.LOGS / f"{record.run_id}{run_names.LOG}")
                self._remove(record_files.record_path(self._directory, name))
                self._remove_lock(lock)
            elif record:
                self._kept_run_ids.add(record.run_id)
        finally:
            if lock:
                lock.release()

    def _is_over(self, record: RunRecord) -> bool:
        return not record.is_unfinished and (record.since is None or record.since < self._ended_before)

    def _consider_lock(self, path: Path, name: str) -> None:
        # It may have gone with its record since the directory was read; taking it would make it again.
        if not path.exists() or record_files.record_path(self._directory, name).exists():
            return
        lock = self._lock(name)
        if lock:
            self._remove_lock(lock)

    def _lock(self, name: str) -> locks.FileLock | None:
        with suppress(OSError):
            return locks.take(record_files.lock_path(self._directory, name), is_patient=False)
        return None

    def _remove_lock(self, lock: locks.FileLock) -> None:
        lock.remove()
        self._removed += 1

    def _remove(self, path: Path) -> None:
        with suppress(OSError):
            path.unlink()
            self._removed += 1


def _is_left_behind(path: Path) -> bool:
    """Whether a file is one of ours that nobody needs after a day; other files in the directory are none of ours."""
    is_note = path.suffix == timestamps.ENDING and path.name.startswith(_LOGON_NOTES)
    return is_note or _TEMPORARY.search(path.name) is not None
