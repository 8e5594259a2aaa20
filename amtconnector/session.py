"""What one run works with: the run directory and its lock, the account, the server; and which way the run goes."""

from __future__ import annotations

import os
import secrets
import socket
import traceback
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from amtconnector import lookup, restart
from amtconnector.account import Account
from amtconnector.advice import Advice, moment
from amtconnector.arguments import Action, Arguments
from amtconnector.bookkeeping import Bookkeeper
from amtconnector.equipment import Equipment
from amtconnector.errors import ConfigurationError, SubmissionUnknown, UsageError
from amtconnector.onlookers import Onlookers
from amtconnector.opcon import StatusPublisher
from amtconnector.printable import calm
from amtconnector.runner import Known, Runner
from amtconnector.runs import Claim, ClaimedElsewhere, RunDirectory, RunKey, RunRecord, RunState, new_run_id
from amtconnector.task import RequestId, Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from amtconnector.config import Config
    from amtconnector.interrupt import Interrupt
    from amtconnector.joblog import JobLog
    from amtconnector.opcon import OpConJob


class Session:
    """One run: `run` goes the way that the command line and the records say."""

    def __init__(
        self,
        arguments: Arguments,
        config: Config,
        opcon: OpConJob | None,
        log: JobLog,
        interrupt: Interrupt,
        show_live: Callable[[str, float], None],
    ) -> None:
        """Decrypt the credentials; raises CredentialsError. Nothing is sent and nothing written yet."""
        self._arguments = arguments
        self._config = config
        self._opcon = opcon
        self._log = log
        self._interrupt = interrupt
        self._show_live = show_live
        self._advice = Advice(str(config.path))
        self._directory = RunDirectory(config.run_directory)
        self._books: Bookkeeper | None = None
        root = opcon.root_directory if opcon and config.publish_status else None
        self._publisher = StatusPublisher(root)
        self.run_id = new_run_id(datetime.now(UTC), secrets.token_bytes(5))
        self._run_log = self._directory.open_log(self.run_id)
        self._account = Account(config, self._directory)
        for warning in self._account.warnings:
            log.line(f"Warning: {warning}")

    def run(self) -> int:
        """Run to the end; returns the exit code, raises RunError and StopRequested."""
        try:
            return self._run()
        finally:
            self._publisher.close()

    def _run(self) -> int:
        match self._arguments.action:
            case Action.START:
                return self._start()
            case Action.ATTACH:
                return self._attach()
            case Action.STOP:
                return self._on_request(Runner.stop)
            case Action.KILL:
                return self._on_request(Runner.kill)

    @property
    def state(self) -> str:
        """Say in a sentence whether a task may be running."""
        record = self._books.record if self._books else None
        if record is None or record.state is RunState.NOT_STARTED:
            other = f"; request {record.request_id} may be running" if record and record.request_id else ""
            return f"Nothing was started{other}."
        if record.state is RunState.INTENDED:
            return f"The start may have been sent (run {record.run_id}): a task may be running."
        if record.state is RunState.SUBMITTED:
            return f"The task may be running: request {record.request_id}."
        return f"The task has ended: request {record.request_id}, code {record.exit_code}."

    @property
    def next_step(self) -> str:
        """Say what to do when this run has ended in its midst."""
        record = self._books.record if self._books else None
        if record is None or record.state is RunState.NOT_STARTED:
            return self._advice.ways_on(record.request_id) if record and record.request_id else ""
        if record.state is RunState.INTENDED:
            return self._advice.fate_unknown(record)
        is_protected = self._books is not None and self._books.is_protected
        return self._advice.restart(record.request_id, is_protected=is_protected)

    def keep_traceback(self, error: Exception) -> None:
        """Put the places of a defect into the run's log, without the words of exceptions: they could hold a secret."""
        for frame in traceback.extract_tb(error.__traceback__):
            self._run_log.write(f"{type(error).__name__} at {frame.filename}:{frame.lineno} in {frame.name}")

    def _start(self) -> int:
        task = self._task()
        try:
            earlier = self._claimed(self._key())
            self._books = self._bookkeeper(earlier, self._record(task))
            found = earlier.record if earlier else None
            way = restart.decide(found, task, self._arguments.release, datetime.now(UTC), self._advice)
        except SubmissionUnknown:
            self._log.field("Restart protection", "on: an earlier or another run of this job is open")
            raise
        if isinstance(way, restart.Attach):
            self._take_up(earlier, way.record)
            self._describe(f"on: nothing is started, request {way.record.request_id} of an earlier run is taken up")
            return self._runner().attach(self._known(way.record))
        self._describe(self._protection(way.note))
        return self._runner().start(task)

    def _attach(self) -> int:
        record = self._found()
        claim = self._claimed_record(record)
        known = self._known(record)
        self._take_up(claim, replace(record, request_id=known.request_id.text))
        self._describe(
            "on: this settles the record of an earlier run" if claim else "off: there is no record to settle"
        )
        return self._runner().attach(known)

    def _on_request(self, act: Callable[[Runner, Known], int]) -> int:
        record = self._found()
        claim = self._claimed_record(record) if record.request_id else None
        known = self._known(record)
        self._take_up(claim, record)
        self._log.rule()
        return act(self._runner(), known)

    def _task(self) -> Task:
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

    def _key(self) -> RunKey:
        opcon = self._opcon
        return RunKey(
            schedule_date=opcon.schedule_date if opcon else "",
            schedule_name=opcon.schedule_name if opcon else "",
            opcon_job=opcon.name if opcon else "",
            server=self._config.server.address,
            application=self._arguments.application,
            job=self._arguments.name,
        )

    def _record(self, task: Task) -> RunRecord:
        return RunRecord(
            key=self._key(),
            run_id=self.run_id,
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

    def _claimed(self, key: RunKey) -> Claim | None:
        """Take the record of this run; None where a run by hand finds no place for one."""
        try:
            return self._directory.claim(key, self.run_id)
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
            self._log.line(f"Warning: no run record can be kept ({why}: {error.filename})")
            return None

    def _claimed_record(self, record: RunRecord) -> Claim | None:
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

    def _found(self) -> RunRecord:
        """Return the record that STOP, KILL or ATTACH is about; one of its own where there is none on disk."""
        server = self._config.server.address
        try:
            found = lookup.find(self._arguments, self._directory, server, self._opcon, self._advice)
        except OSError as error:
            self._log.line(f"Warning: the run records can't be read ({calm(error.strerror or str(error))})")
            found = None
        if found is not None:
            return found
        if self._arguments.request_id is None:
            raise UsageError("The run records can't be read: name the request with -id.")
        return replace(self._record(self._task()), request_id=self._arguments.request_id.text)

    def _known(self, record: RunRecord) -> Known:
        request_id = self._arguments.request_id or RequestId(record.request_id)
        since = record.submitted_at or record.intended_at
        age_s = (datetime.now(UTC) - since).total_seconds() if since else None
        begun = f"of {since.astimezone():%H:%M}" if since else ""
        return Known(request_id, record.key.job or self._arguments.name or "unknown", age_s, begun)

    def _take_up(self, claim: Claim | None, record: RunRecord) -> None:
        """Go on in the name of an earlier run."""
        self.run_id = record.run_id
        self._run_log = self._directory.open_log(record.run_id)
        self._books = self._bookkeeper(claim, record)

    def _bookkeeper(self, claim: Claim | None, record: RunRecord) -> Bookkeeper:
        is_protected = claim is not None and record.key.is_opcon
        place = str(self._directory.path)
        return Bookkeeper(
            claim, record, is_protected=is_protected, place=place, advice=self._advice, warn=self._log.line
        )

    def _protection(self, note: str) -> str:
        if self._opcon is None:
            return "off: this is not a job of OpCon"
        return f"on, run {self.run_id}" + (f"; {note}" if note else "")

    def _describe(self, protection: str) -> None:
        """Print the end of the header."""
        self._log.field("Restart protection", protection)
        for record in self._others():
            self._log.line(
                f"Warning: another run of this AMT job is unfinished: request {record.request_id or 'unknown'}, "
                f"since {moment(record.since)}, run {record.run_id}"
            )
        self._log.rule()

    def _others(self) -> list[RunRecord]:
        """Return the unfinished runs of the same AMT task that a run by hand names."""
        if self._opcon is not None or self._arguments.action is not Action.START:
            return []
        key = self._key()
        try:
            return self._directory.unfinished_of_task(key.server, key.application, key.job)
        except OSError:
            return []

    def _runner(self) -> Runner:
        if self._books is None:
            raise RuntimeError("a runner needs a record")
        self._log.copy = self._run_log.write
        equipment = Equipment(self._config, self._account, self._log, self._run_log, self._interrupt)
        onlookers = Onlookers(
            self._publisher, self._directory, retain_days=self._config.retain_runs_days, show_live=self._show_live
        )
        return equipment.runner(self._books, self._advice, onlookers)


def _progress(record: RunRecord) -> tuple[str, RunState, str]:
    return record.run_id, record.state, record.request_id
