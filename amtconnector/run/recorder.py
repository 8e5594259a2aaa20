"""Keeping the record of one run up to date on disk."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from amtconnector.errors import ConfigurationError
from amtconnector.records.record import RunRecord, RunState
from amtconnector.text import calm

if TYPE_CHECKING:
    from collections.abc import Callable

    from amtconnector.run.next_steps import NextSteps
    from amtconnector.statuses import Status
    from amtconnector.task import RequestId


class Shelf(Protocol):
    """Where one record is kept, for this process alone."""

    def save(self, record: RunRecord) -> None:
        """Replace the record on disk; raises OSError."""


class RunRecorder:
    """Writes each step of a run into its record; `shelf` None where there is no place for one.

    Before a start that must not be lost the record has to be on disk; later a record that can't be written is worth a
    warning, and the run goes on. `place` is where records are kept, in words.
    """

    def __init__(
        self,
        shelf: Shelf | None,
        record: RunRecord,
        *,
        is_protected: bool,
        place: str,
        advice: NextSteps,
        warn: Callable[[str], None],
    ) -> None:
        self._shelf = shelf
        self._place = place
        self._advice = advice
        self._warn = warn
        self.is_protected = is_protected
        self.record = record

    @property
    def state(self) -> str:
        """Say in a sentence whether a task may be running."""
        record = self.record
        match record.state:
            case RunState.NOT_STARTED:
                other = f"; request {record.request_id} may be running" if record.request_id else ""
                return f"Nothing was started{other}."
            case RunState.INTENDED:
                return f"The start may have been sent (run {record.run_id}): a task may be running."
            case RunState.SUBMITTED:
                return f"The task may be running: request {record.request_id}."
            case RunState.FINISHED:
                return f"The task has ended: request {record.request_id}, code {record.exit_code}."

    @property
    def next_step(self) -> str:
        """Say what to do when the run ends in its midst; "" when there is nothing to do."""
        record = self.record
        match record.state:
            case RunState.NOT_STARTED:
                return self._advice.ways_on(record.request_id) if record.request_id else ""
            case RunState.INTENDED:
                return self._advice.fate_unknown(record)
            case RunState.SUBMITTED:
                return self._advice.restart(record.request_id, is_protected=self.is_protected)
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
        attach = self._advice.command("ATTACH", request_id.text)
        self._try(record, f"; should this run be cut short, a restart stops with 104, and the way on is: {attach}")

    def finished(self, status: Status) -> None:
        """Note that the task has ended."""
        record = self.record._replace(state=RunState.FINISHED, exit_code=status.code, status=status.name)
        self._try(record._replace(finished_at=datetime.now(UTC)), self._not_free())

    def not_started(self) -> None:
        """Note that there is provably no task."""
        self._try(self.record._replace(state=RunState.NOT_STARTED), self._not_free())

    def _not_free(self) -> str:
        return f"; a restart of this job does not start it until: {self._advice.forget(self.record)}"

    def _refused(self, error: OSError) -> ConfigurationError:
        return ConfigurationError(
            f"The run record can't be written ({error.strerror or error}), so nothing was started: without it a "
            "restart could start the task a second time.",
            subject=str(error.filename or self._place),
            hint="Give the job's account the right to write there, free the disk, or set RUN_DIRECTORY.",
        )

    def _try(self, record: RunRecord, consequence: str) -> None:
        try:
            self._write(record)
        except OSError as error:
            self._warn_of(error, consequence if self.is_protected else "")

    def _write(self, record: RunRecord) -> None:
        self.record = record
        if self._shelf is not None:
            self._shelf.save(record)

    def _warn_of(self, error: OSError, consequence: str) -> None:
        why = calm(error.strerror or str(error))
        self._warn(f"Warning: the run record can't be written ({why}){consequence}")
