"""The right to write one run's record, which one process has at a time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

from amtconnector.errors import ConnectorError
from amtconnector.records import file_names as run_names
from amtconnector.records import record_files
from amtconnector.system import files

if TYPE_CHECKING:
    from pathlib import Path

    from amtconnector.records.record import RunRecord
    from amtconnector.system import locks


class ClaimedElsewhere(ConnectorError):
    """Another process is at work on this record.

    `record` is what it says now: as long as the other process has saved nothing, that is what an earlier run left. None
    when there is none; a damaged one when it can't be read.
    """

    def __init__(self, record: RunRecord | None) -> None:
        super().__init__("another process is at work on this run")
        self.record = record


class Claim:
    """The sole right to write one record, from `RunDirectory.claim` until `release` or the end of the process.

    `record` is what an earlier run left; None when there is nothing.
    """

    def __init__(self, directory: Path, name: str, lock: locks.FileLock, record: RunRecord | None) -> None:
        self.record = record
        self._directory = directory
        self._name = name
        self._lock = lock

    def __enter__(self) -> Self:
        return self

    @property
    def place(self) -> str:
        """The directory of the record, in words."""
        return str(self._directory)

    def __exit__(self, *_: object) -> None:
        self.release()

    def save(self, record: RunRecord) -> None:
        """Replace the record in one step, on the disk when this returns.

        A directory that somebody has removed meanwhile is made again. Raises `OSError` when it can't be written: the
        record before it then stays (unless only the very last flush failed).
        """
        if not self._lock.is_held:
            raise RuntimeError("a run record was to be written without its lock")
        try:
            record_files.save(self._directory, self._name, record)
        except FileNotFoundError:
            files.create_directory(self._directory)
            record_files.save(self._directory, self._name, record)

    @property
    def is_gone(self) -> bool:
        """Whether there is no such record on the disk; nobody but this process may remove it."""
        # Asked at every poll, and a new Path each time is kept by the interpreter's table of names.
        return not os.path.lexists(f"{self._directory}{os.sep}{self._name}{run_names.RECORD}")

    def release(self) -> None:
        """Let other processes at the record; a second call does nothing."""
        self._lock.release()
