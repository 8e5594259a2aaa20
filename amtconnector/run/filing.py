"""Which record is this run's: made, taken under its lock, or found for a task that was started before."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from amtconnector.errors import ConfigurationError, UsageError
from amtconnector.records import Claim, ClaimedElsewhere, RunDirectory, RunKey, RunRecord, RunState
from amtconnector.run import lookup, restart
from amtconnector.run.arguments import Action, Arguments
from amtconnector.task import Task
from amtconnector.text import calm

if TYPE_CHECKING:
    from collections.abc import Callable

    from amtconnector.config import Config
    from amtconnector.opcon import OpConJob
    from amtconnector.run.next_steps import NextSteps


@dataclass(frozen=True, slots=True)
class Filing:
    """The records of one command line in one installation; `opcon` is None by hand."""

    _arguments: Arguments
    _config: Config
    _opcon: OpConJob | None
    _directory: RunDirectory
    _advice: NextSteps
    _warn: Callable[[str], None]

    @property
    def task(self) -> Task:
        """What the command line and the configuration's defaults ask for."""
        given, server = self._arguments, self._config.server
        return Task(
            application=given.application,
            job=given.job,
            script=given.script,
            user=given.user,
            submit_user=given.submit_user or server.submit_user,
            station=given.station or server.station,
            queue=given.queue or server.queue_name,
            task_values=given.task_values,
            parameters=given.parameters,
        )

    @property
    def key(self) -> RunKey:
        """What makes another run the same work as this one."""
        opcon = self._opcon
        return RunKey(
            schedule_date=opcon.schedule_date if opcon else "",
            schedule_name=opcon.schedule_name if opcon else "",
            opcon_job=opcon.name if opcon else "",
            server=self._config.server.address,
            application=self._arguments.application,
            job=self._arguments.name,
        )

    def new_record(self, run_id: str) -> RunRecord:
        """Make the record of this run, which has started nothing yet."""
        task = self.task
        return RunRecord(
            key=self.key,
            run_id=run_id,
            state=RunState.NOT_STARTED,
            job_number=self._opcon.number if self._opcon else "",
            submit_user=task.submit_user,
            station=task.station,
            queue=task.queue,
            user=task.user,
            parameters=task.parameters,
            task_values=task.task_values,
            created_at=datetime.now(UTC),
            host=socket.gethostname(),
            pid=os.getpid(),
            config=str(self._config.path),
        )

    def claimed(self, run_id: str) -> Claim | None:
        """Take the record of this run; None where a run by hand finds no place for one.

        Raises SubmissionUnknown when another process has it, ConfigurationError when a job of OpCon finds no place.
        """
        try:
            return self._directory.claim(self.key, run_id)
        except ClaimedElsewhere as error:
            raise restart.locked(error.record, self._advice) from error
        except OSError as error:
            if self._opcon:
                raise ConfigurationError(
                    f"The run directory can't be used ({error.strerror or error}), so nothing was started: without the "
                    "run's record a restart could start the task a second time.",
                    subject=str(error.filename or self._directory.path),
                    hint="Give the job's account the right to write there, or set RUN_DIRECTORY in Connector.config.",
                ) from error
            why = calm(error.strerror or str(error))
            self._warn(f"Warning: no run record can be kept ({why}: {error.filename})")
            return None

    def claimed_again(self, record: RunRecord) -> Claim | None:
        """Take the record of an earlier run; None where there is none, or another process is or was at work on it."""
        if not record.file_name or not record.is_unfinished:
            return None
        try:
            claim = self._directory.claim_record(record)
        except (ClaimedElsewhere, OSError):
            return None
        if claim.record is not None and _progress(claim.record) == _progress(record):
            return claim
        claim.release()  # what it says by now is about another task, and must not be lost
        return None

    def found(self, run_id: str) -> RunRecord:
        """Return the record that STOP, KILL or ATTACH is about; one of this run where there is none on disk.

        Raises UsageError and SubmissionUnknown as `lookup.find`.
        """
        server = self._config.server.address
        try:
            found = lookup.find(self._arguments, self._directory, server, self._opcon, self._advice)
        except OSError as error:
            self._warn(f"Warning: the run records can't be read ({calm(error.strerror or str(error))})")
            found = None
        if found is not None:
            return found
        if self._arguments.request_id is None:
            raise UsageError("The run records can't be read: name the request with -id.")
        return self.new_record(run_id)._replace(request_id=self._arguments.request_id.text)

    def others(self) -> list[RunRecord]:
        """Return the unfinished runs of the same AMT task that a run by hand names."""
        if self._opcon is not None or self._arguments.action is not Action.START:
            return []
        key = self.key
        try:
            return self._directory.unfinished_of_task(key.server, key.application, key.job)
        except OSError:
            return []


def _progress(record: RunRecord) -> tuple[str, RunState, str]:
    return record.run_id, record.state, record.request_id
