"""Keeping the record of one run up to date on disk."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from amtconnector.errors import ConfigurationError
from amtconnector.printable import calm
from amtconnector.runs.record import RunRecord, RunState

if TYPE_CHECKING:
    from collections.abc import Callable

    from amtconnector.completion import Status
    from amtconnector.task import RequestId


class Shelf(Protocol):
    """Where one record is kept, for this process alone."""

    def save(self, record: RunRecord) -> None:
        """Replace the record on disk; raises OSError."""


class Bookkeeper:
    """Writes each step of a run into its record; `shelf` None where there is no place for one.

    Before a start that must not be lost the record has to be on disk; later a record that can't be written is worth a
    warning, and the run goes on.
    """

    def __init__(
        self, shelf: Shelf | None, record: RunRecord, *, is_protected: bool, warn: Callable[[str], None]
    ) -> None:
        self._shelf = shelf
        self._warn = warn
        self.is_protected = is_protected
        self.record = record

    def intended(self, within_s: float) -> None:
        """Note that the start is about to be sent and is answered within so many seconds, or never.

        Raises ConfigurationError when a protected run can't note it: then nothing may be sent.
        """
        now = datetime.now(UTC)
        due = now + timedelta(seconds=within_s)
        record = replace(self.record, state=RunState.INTENDED, intended_at=now, answer_due_at=due)
        try:
            self._write(record)
        except OSError as error:
            if self.is_protected:
                raise ConfigurationError(
                    f"The run record can't be written ({error.strerror or error}), so nothing was started: without it "
                    "a restart could start the task a second time.",
                    subject=str(error.filename or "RUN_DIRECTORY"),
                    hint="Give the job's account the right to write there, free the disk, or set RUN_DIRECTORY.",
                ) from error
            self._warn_of(error)

    def submitted(self, request_id: RequestId) -> None:
        """Note that AMT has the task."""
        at = self.record.submitted_at or datetime.now(UTC)
        self._try(replace(self.record, state=RunState.SUBMITTED, request_id=request_id.text, submitted_at=at))

    def finished(self, status: Status) -> None:
        """Note that the task has ended."""
        record = replace(self.record, state=RunState.FINISHED, exit_code=status.code, status=status.name)
        self._try(replace(record, finished_at=datetime.now(UTC)))

    def not_started(self) -> None:
        """Note that there is provably no task."""
        self._try(replace(self.record, state=RunState.NOT_STARTED))

    def _try(self, record: RunRecord) -> None:
        try:
            self._write(record)
        except OSError as error:
            self._warn_of(error)

    def _write(self, record: RunRecord) -> None:
        self.record = record
        if self._shelf is not None:
            self._shelf.save(record)

    def _warn_of(self, error: OSError) -> None:
        self._warn(f"Warning: the run record can't be written ({calm(error.strerror or str(error))})")
