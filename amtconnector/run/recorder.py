"""Keeping the record of one run up to date on disk."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from amtconnector.errors import ConfigurationError, TaskState
from amtconnector.records.record import RunRecord, RunState
from amtconnector.system.remedies import remedy
from amtconnector.text import calm

if TYPE_CHECKING:
    from collections.abc import Callable

    from amtconnector.run.next_steps import NextSteps
    from amtconnector.statuses import Status
    from amtconnector.task import RequestId


class RecordStore(Protocol):
    """Where one record is kept, for this process alone; `place` says where in words."""

    @property
    def place(self) -> str:
        """Return the directory of the record."""

    def save(self, record: RunRecord) -> None:
        """Replace the record on disk; raises OSError."""

    @property
    def is_gone(self) -> bool:
        """Return whether there is none on the disk."""


class RunRecorder:
    """Writes each step of a run into its record; `store` is None where there is no place for one.

    Before a start that must not be lost the record has to be on disk. Later a record that can't be written is worth a
    warning, the run goes on, and `save_again` writes it as soon as that is possible.
    """

    def __init__(
        self,
        store: RecordStore | None,
        record: RunRecord,
        next_steps: NextSteps,
        warn: Callable[[str], None],
        *,
        is_protected: bool,
    ) -> None:
        self._store = store
        self._next_steps = next_steps
        self._warn = warn
        self._is_unsaved = False
        self._end: Status | None = None
        self.is_protected = is_protected
        self.record = record

    @property
    def task_state(self) -> TaskState:
        """Whether a task of this run may be running, as far as its record tells."""
        match self.record.state:
            case RunState.NOT_STARTED:
                return TaskState.MAYBE if self.record.request_id else TaskState.NONE
            case RunState.INTENDED:
                return TaskState.MAYBE
            case RunState.SUBMITTED:
                return TaskState.RUNNING
            case RunState.FINISHED:
                return TaskState.NONE

    @property
    def next_step(self) -> str:
        """Say what to do when the run ends in its midst; "" when there is nothing to do."""
        record = self.record
        match record.state:
            case RunState.NOT_STARTED:
                return self._next_steps.ways_on(record.request_id) if record.request_id else ""
            case RunState.INTENDED:
                return self._next_steps.fate_unknown(record)
            case RunState.SUBMITTED:
                return self._next_steps.restart(record.request_id, is_protected=self.is_protected)
            case RunState.FINISHED:
                return ""

    def intended(self, within_s: float) -> None:
        """Note that the start is about to be sent and is answered within so many seconds, or never.

        Raises ConfigurationError when a protected run can't note it: then nothing may be sent.
        """
        now = datetime.now(UTC)
        due = now + timedelta(seconds=within_s)
        before = self.record
        try:
            self._write(before._replace(state=RunState.INTENDED, intended_at=now, answer_due_at=due))
        except OSError as error:
            if self.is_protected:
                with suppress(OSError):  # the write can have failed after the replacement
                    self._write(before._replace(state=RunState.NOT_STARTED))
                raise self._refused(error) from error
            self._warn_of(error, "")

    def answered(self) -> None:
        """Note that the start is no longer on its way, whatever became of it."""
        self._try(self.record._replace(answer_due_at=datetime.now(UTC)), "")

    def submitted(self, request_id: RequestId) -> None:
        """Note that AMT has the task."""
        at = self.record.submitted_at or datetime.now(UTC)
        record = self.record._replace(state=RunState.SUBMITTED, request_id=request_id.text, submitted_at=at)
        attach = self._next_steps.command("ATTACH", request_id.text)
        self._try(
            record,
            "; it is tried again at each status check. Should this run be cut short before, a restart stops with 104, "
            f"and the way on is: {attach}",
        )

    def not_started(self) -> None:
        """Note that there is provably no task."""
        self._try(self.record._replace(state=RunState.NOT_STARTED), self._not_free())

    def save_again(self) -> None:
        """Write the record once more where the last attempt failed, or where somebody has removed it meanwhile.

        Without it a restart would start the task again.
        """
        if self._is_unsaved:
            text = "The run record is written now"
        elif self._store is not None and self.record.state is RunState.SUBMITTED and self._store.is_gone:
            text = "Warning: the run record was gone, removed by somebody; it is written anew"
        else:
            return
        with suppress(OSError):
            self._write(self.record)
            self._warn(text)

    def ends_with(self, status: Status) -> None:
        """Remember how the task ended; `finish` writes it."""
        self._end = status

    def finish(self) -> None:
        """Note the end of the task, where it was seen: the very last act of a run, for then its job log is out."""
        if self._end is None:
            return
        record = self.record._replace(state=RunState.FINISHED, exit_code=self._end.code, status=self._end.name)
        self._try(record._replace(finished_at=datetime.now(UTC)), self._not_free())

    def _not_free(self) -> str:
        return f"; a restart of this job does not start it until: {self._next_steps.forget(self.record)}"

    def _refused(self, error: OSError) -> ConfigurationError:
        return ConfigurationError(
            f"The run record can't be written ({error.strerror or error}): without it a restart could start the task a "
            "second time.",
            subject=str(error.filename or (self._store.place if self._store else "")),
            hint=remedy(error, Path(self._store.place if self._store else "")),
        )

    def _try(self, record: RunRecord, consequence: str) -> None:
        try:
            self._write(record)
        except OSError as error:
            self._warn_of(error, consequence if self.is_protected else "")

    def _write(self, record: RunRecord) -> None:
        self.record = record
        if self._store is not None:
            self._is_unsaved = True
            self._store.save(record)
            self._is_unsaved = False

    def _warn_of(self, error: OSError, consequence: str) -> None:
        why = calm(error.strerror or str(error))
        self._warn(f"Warning: the run record can't be written ({why}){consequence}")
