"""One run in its surroundings: which way it goes, and in the name of which record."""

from __future__ import annotations

import secrets
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from amtconnector.amtopcon.logon import Account
from amtconnector.errors import SubmissionUnknown
from amtconnector.opcon import StatusPublisher
from amtconnector.records import Claim, RunDirectory, RunRecord, new_run_id
from amtconnector.run import restart
from amtconnector.run.arguments import Action, Arguments
from amtconnector.run.context import Known
from amtconnector.run.equipment import Equipment
from amtconnector.run.filing import Filing
from amtconnector.run.next_steps import NextSteps, moment
from amtconnector.run.observers import Observers
from amtconnector.run.recorder import RunRecorder
from amtconnector.run.runner import Runner
from amtconnector.task import RequestId

if TYPE_CHECKING:
    from collections.abc import Callable

    from amtconnector.config import Config
    from amtconnector.opcon import OpConJob
    from amtconnector.output.job_log import JobLog
    from amtconnector.system.signals import Interrupt


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
        begun_at: datetime,
    ) -> None:
        """Decrypt the credentials; raises CredentialsError. Nothing is sent and nothing written yet.

        `begun_at` is when this process began.
        """
        self._begun_at = begun_at
        self._arguments = arguments
        self._config = config
        self._opcon = opcon
        self._log = log
        self._interrupt = interrupt
        self._show_live = show_live
        self._advice = NextSteps(str(config.path))
        self._directory = RunDirectory(config.run_directory)
        self._filing = Filing(arguments, config, opcon, self._directory, self._advice, log.line)
        self._books: RunRecorder | None = None
        self._running: Runner | None = None
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
            if self._running is not None:
                self._running.close()

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
        return self._books.state if self._books else "Nothing was started."

    @property
    def next_step(self) -> str:
        """Say what to do when this run has ended in its midst."""
        return self._books.next_step if self._books else ""

    def keep_traceback(self, error: Exception) -> None:
        """Put the places of a defect into the run's log, without the words of exceptions: they could hold a secret."""
        for frame in traceback.extract_tb(error.__traceback__):
            self._run_log.write(f"{type(error).__name__} at {frame.filename}:{frame.lineno} in {frame.name}")

    def _start(self) -> int:
        task = self._filing.task
        try:
            earlier = self._filing.claimed(self.run_id)
            self._books = self._bookkeeper(earlier, self._filing.new_record(self.run_id))
            found = earlier.record if earlier else None
            if found is not None and restart.ran_at_the_same_time(found, self._begun_at, datetime.now(UTC)):
                raise restart.overlapped(found)
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
        record = self._filing.found(self.run_id)
        claim = self._filing.claimed_again(record)
        known = self._known(record)
        self._take_up(claim, record._replace(request_id=known.request_id.text))
        self._describe(
            "on: this settles the record of an earlier run" if claim else "off: there is no record to settle"
        )
        return self._runner().attach(known)

    def _on_request(self, act: Callable[[Runner, Known], int]) -> int:
        record = self._filing.found(self.run_id)
        claim = self._filing.claimed_again(record) if record.request_id else None
        known = self._known(record)
        self._take_up(claim, record)
        self._log.rule()
        return act(self._runner(), known)

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

    def _bookkeeper(self, claim: Claim | None, record: RunRecord) -> RunRecorder:
        # A restart of a job that stops or kills does it once more: it takes nothing up.
        takes_up = self._arguments.action in {Action.START, Action.ATTACH}
        is_protected = claim is not None and record.key.is_opcon and takes_up
        place = str(self._directory.path)
        return RunRecorder(
            claim, record, is_protected=is_protected, place=place, advice=self._advice, warn=self._log.line
        )

    def _protection(self, note: str) -> str:
        if self._opcon is None:
            return "off: this is not a job of OpCon"
        return f"on, run {self.run_id}" + (f"; {note}" if note else "")

    def _describe(self, protection: str) -> None:
        """Print the end of the header."""
        self._log.field("Restart protection", protection)
        for record in self._filing.others():
            self._log.line(
                f"Warning: another run of this AMT job is unfinished: request {record.request_id or 'unknown'}, "
                f"since {moment(record.since)}, run {record.run_id}"
            )
        self._log.rule()

    def _runner(self) -> Runner:
        if self._books is None:
            raise RuntimeError("a runner needs a record")
        self._log.copy = self._run_log.write
        equipment = Equipment(self._config, self._account, self._log, self._run_log, self._interrupt)
        onlookers = Observers(
            self._publisher,
            self._directory,
            retain_days=self._config.retain_runs_days,
            show_live=self._show_live,
            note=self._run_log.write,
        )
        self._running = equipment.runner(self._books, self._advice, onlookers)
        return self._running
