"""Which record is this run's: made, taken under its lock, or found for a task that was started before.

STOP, KILL and ATTACH name a batch request by its id, or by application and job from the records on this machine.
"""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from amtconnector.errors import ConfigurationError, SubmissionUnknown, TaskFate, TaskState, UsageError
from amtconnector.records import Claim, ClaimedElsewhere, RunDirectory, RunKey, RunRecord, RunState
from amtconnector.run import restart
from amtconnector.run.arguments import Action, Arguments
from amtconnector.run.next_steps import NextSteps, moment
from amtconnector.system.remedies import remedy
from amtconnector.text import calm

if TYPE_CHECKING:
    from collections.abc import Callable

    from amtconnector.config import Config
    from amtconnector.opcon import OpConJob
    from amtconnector.run.context import Invocation
    from amtconnector.task import Task


class RecordLookup:
    """The records of one command line in one installation."""

    def __init__(
        self,
        invocation: Invocation,
        config: Config,
        directory: RunDirectory,
        next_steps: NextSteps,
        warn: Callable[[str], None],
    ) -> None:
        self._arguments = invocation.arguments
        self._opcon = invocation.opcon
        self._config = config
        self._directory = directory
        self._next_steps = next_steps
        self._warn = warn

    @property
    def task(self) -> Task:
        """What the command line and the configuration's defaults ask for."""
        return self._arguments.task(self._config.server)

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
            raise restart.locked(error.record, self._next_steps) from error
        except OSError as error:
            if self._opcon:
                raise ConfigurationError(
                    f"The run directory can't be used ({error.strerror or error}), and without the "
                    "run's record a restart could start the task a second time.",
                    subject=str(error.filename or self._directory.path),
                    hint=remedy(error, self._directory.path),
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

        Raises UsageError and SubmissionUnknown as `find`.
        """
        server = self._config.server.address
        try:
            found = find(self._arguments, self._directory, server, self._opcon, self._next_steps)
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


def find(
    arguments: Arguments, directory: RunDirectory, server: str, opcon: OpConJob | None, next_steps: NextSteps
) -> RunRecord | None:
    """Return the record that a command line is about, None when -id names a request that no record here is about.

    Raises UsageError when -an and -jn match none or several, or -id is known as another task's, SubmissionUnknown when
    only a start of unknown fate matches, and OSError when the records can't be listed.
    """
    if arguments.request_id is None:
        return _by_name(arguments, directory, server, next_steps)
    known = next(iter(directory.records_of_request(server, arguments.request_id.text)), None)
    if known is not None and not _is_meant(known.key, arguments):
        raise _mistaken(
            known, f"not to job '{arguments.name}' of {arguments.application or 'any application'}", next_steps
        )
    if arguments.action is Action.ATTACH and opcon is not None:
        records = directory.unfinished_of_opcon_job(opcon.schedule_date, opcon.schedule_name, opcon.name)
        own = _own(records, arguments, server)
        if own is not None and known is not None and own.run_id != known.run_id:
            raise _mistaken(known, "not to this OpCon job, whose own start is open", next_steps)
        return own or known
    return known


def _mistaken(record: RunRecord, instead_of: str, next_steps: NextSteps) -> UsageError:
    """Return the refusal of an id that the records on this machine know as another task's."""
    return UsageError(
        f"Request {record.request_id} belongs to job '{record.key.job}' of {record.key.application}, {instead_of}; "
        "nothing was done.",
        subject=_line(record),
        hint=f"Compare the id with AMT Control Center, and with what is known here:\n{next_steps.runs}",
    )


def _own(records: list[RunRecord], arguments: Arguments, server: str) -> RunRecord | None:
    """Return the record of this OpCon job that the request settles: its own, else the one start of unknown fate."""
    here = [record for record in records if record.key.server in {server, ""}]
    for record in here:
        if arguments.request_id is not None and record.request_id == arguments.request_id.text:
            return record
    unknown = [record for record in here if record.state is RunState.INTENDED and _is_meant(record.key, arguments)]
    return unknown[0] if len(unknown) == 1 else None


def _is_meant(key: RunKey, arguments: Arguments) -> bool:
    # A damaged record may not tell its application and job: then it is the OpCon job that fits.
    return _fits(arguments.application, key.application) and _fits(arguments.name, key.job)


def _fits(given: str, recorded: str) -> bool:
    return "" in {given, recorded} or given == recorded


def _by_name(arguments: Arguments, directory: RunDirectory, server: str, next_steps: NextSteps) -> RunRecord:
    records = directory.unfinished_of_task(server, arguments.application, arguments.name)
    submitted = [record for record in records if record.state is RunState.SUBMITTED]
    what = f"job '{arguments.name}' of {arguments.application}"
    if len(submitted) > 1:
        raise UsageError(
            f"Several open runs of {what} are known on this machine, and nothing was done: name one with -id.",
            subject="\n".join(_line(record) for record in submitted),
            hint=f"With one of these ids in place of N:  {next_steps.command(arguments.action.value, 'N')}",
        )
    if submitted:
        return submitted[0]
    if records:
        raise SubmissionUnknown(
            f"Of {what} only a start is known whose fate is not; nothing was done."
            + (f" Its record can't be read: {records[0].trouble}." if records[0].trouble else ""),
            subject="\n".join(_line(record) for record in records),
            hint=next_steps.fate_unknown(records[0]),
            fate=TaskFate(TaskState.MAYBE, run_id=records[0].run_id),
        )
    raise UsageError(
        f"No open run of {what} is known on this machine, and nothing was done: name the request with -id.",
        hint="AMT Control Center shows the ids of its batch requests, and so do the job logs of the runs.",
    )


def _line(record: RunRecord) -> str:
    job = f", OpCon job {record.key.opcon_job} {record.job_number}" if record.key.is_opcon else ""
    request = f"request {record.request_id}" if record.request_id else "no request id"
    return f"{request}, since {moment(record.since)}{job}, run {record.run_id}"
