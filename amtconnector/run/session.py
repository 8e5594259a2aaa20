"""One run in one installation: which way it goes, in the name of which record, and with what it works."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from amtconnector.amtopcon.client import AmtClient
from amtconnector.amtopcon.logon import Account
from amtconnector.amtopcon.transport import Waiting, open_transport
from amtconnector.amtopcon.wire.built_in import load_profile
from amtconnector.errors import SubmissionUnknown, TaskFate, TaskState
from amtconnector.opcon import StatusPublisher
from amtconnector.records import Claim, RunDirectory, RunRecord, new_run_id
from amtconnector.run import restart
from amtconnector.run.arguments import Action
from amtconnector.run.clock import RunClock
from amtconnector.run.context import Invocation, KnownTask, RunContext, RunSettings
from amtconnector.run.lookup import RecordLookup
from amtconnector.run.next_steps import NextSteps, moment
from amtconnector.run.observers import Attention, Cleaning, LiveLine, Observer, RunObservers, StatusColumn
from amtconnector.run.recorder import RunRecorder
from amtconnector.run.runner import Runner
from amtconnector.task import RequestId

if TYPE_CHECKING:
    from collections.abc import Callable

    from amtconnector.config import Config
    from amtconnector.output.job_log import JobLog
    from amtconnector.records.run_log import RunLog
    from amtconnector.system.signals import Interrupt


class Session:
    """One run: `run` goes the way that the command line and the records say, `finish` is its last act."""

    def __init__(
        self,
        invocation: Invocation,
        config: Config,
        log: JobLog,
        interrupt: Interrupt,
        show_live: Callable[[str, float], None],
    ) -> None:
        """Decrypt the credentials; raises CredentialsError. Nothing is sent and nothing written yet."""
        self._invocation = invocation
        self._config = config
        self._log = log
        self._interrupt = interrupt
        self._show_live = show_live
        self._next_steps = NextSteps(str(config.path))
        self._directory = RunDirectory(config.run_directory)
        self._lookup = RecordLookup(invocation, config, self._directory, self._next_steps, log.line)
        self._recorder: RunRecorder | None = None
        self._amt: AmtClient | None = None
        self._observers: RunObservers | None = None
        self.run_id = new_run_id(datetime.now(UTC), os.urandom(5))
        self._run_log = self._open_log(self.run_id)
        self._mask = _mask(config)
        log.mask = self._mask
        self._account = Account(config, self._directory)
        for warning in self._account.warnings:
            log.line(f"Warning: {warning}")

    def run(self) -> int:
        """Run until the outcome is printed; returns the exit code, raises RunError and StopRequested."""
        match self._invocation.arguments.action:
            case Action.START:
                return self._start()
            case Action.ATTACH:
                return self._attach()
            case Action.STOP:
                return self._on_request(Runner.stop)
            case Action.KILL:
                return self._on_request(Runner.kill)

    def close(self) -> None:
        """End what others were shown or lent: status column, attention file, the logon at AMT; for at most a moment."""
        self.take_back_signs()
        if self._amt is not None:
            self._amt.close()

    def take_back_signs(self) -> None:
        """End what others see only while a run lasts."""
        if self._observers is not None:
            self._observers.run_ended()

    def finish(self) -> None:
        """Let the record say how the task ended: the last act, when the job log is out."""
        if self._recorder is not None:
            self._recorder.finish()

    @property
    def fate(self) -> TaskFate:
        """Whether a task may be running now, of which request and run."""
        if self._recorder is None:
            return TaskFate(TaskState.NONE, run_id=self.run_id)
        return TaskFate(self._recorder.task_state, self._recorder.record.request_id, self.run_id)

    @property
    def next_step(self) -> str:
        """Say what to do when this run has ended in its midst."""
        return self._recorder.next_step if self._recorder else ""

    def note(self, text: str) -> None:
        """Put a line into the run's log."""
        self._run_log.write(self._mask(text) if self._mask else text)

    def _start(self) -> int:
        task = self._lookup.task
        try:
            earlier = self._lookup.claimed(self.run_id)
            self._recorder = self._new_recorder(earlier, self._lookup.new_record(self.run_id))
            way = self._way(earlier.record if earlier else None)
        except SubmissionUnknown:
            self._log.field("Restart protection", "on: an earlier or another run of this job is open")
            raise
        if isinstance(way, restart.Attach):
            self._take_up(earlier, way.record)
            self._describe(f"on: nothing is started, request {way.record.request_id} of an earlier run is taken up")
            return self._runner().attach(self._known(way.record))
        note = f"; {way.note}" if way.note else ""
        is_opcon = self._invocation.opcon is not None
        self._describe(f"on, run {self.run_id}{note}" if is_opcon else "off: this is not a job of OpCon")
        return self._runner().start(task)

    def _way(self, found: RunRecord | None) -> restart.NewRun | restart.Attach:
        """Decide what an earlier run means; raises SubmissionUnknown where that takes an operator."""
        now = datetime.now(UTC)
        if found is not None and restart.ran_at_the_same_time(found, self._invocation.begun_at, now):
            raise restart.overlapped(found)
        release = self._invocation.arguments.release
        return restart.decide(found, self._lookup.task, release, now, self._next_steps)

    def _attach(self) -> int:
        record = self._lookup.found(self.run_id)
        claim = self._lookup.claimed_again(record)
        known = self._known(record)
        self._take_up(claim, record._replace(request_id=known.request_id.text))
        settles = "on: this settles the record of an earlier run"
        self._describe(settles if claim else "off: there is no record to settle")
        return self._runner().attach(known)

    def _on_request(self, act: Callable[[Runner, KnownTask], int]) -> int:
        record = self._lookup.found(self.run_id)
        claim = self._lookup.claimed_again(record) if record.request_id else None
        known = self._known(record)
        self._take_up(claim, record)
        self._log.rule()
        return act(self._runner(), known)

    def _known(self, record: RunRecord) -> KnownTask:
        arguments = self._invocation.arguments
        request_id = arguments.request_id or RequestId(record.request_id)
        since = record.submitted_at or record.intended_at
        age_s = (datetime.now(UTC) - since).total_seconds() if since else None
        begun = f"of {since.astimezone():%H:%M}" if since else ""
        return KnownTask(request_id, record.key.job or arguments.name or "unknown", age_s, begun)

    def _take_up(self, claim: Claim | None, record: RunRecord) -> None:
        """Go on in the name of an earlier run."""
        self.run_id = record.run_id
        self._run_log = self._open_log(record.run_id)
        self._recorder = self._new_recorder(claim, record)

    def _open_log(self, run_id: str) -> RunLog:
        return self._directory.open_log(run_id, tell=lambda what: self._log.line(f"Warning: {what}"))

    def _new_recorder(self, claim: Claim | None, record: RunRecord) -> RunRecorder:
        # A restart of a job that stops or kills does it once more: it takes nothing up.
        takes_up = self._invocation.arguments.action in {Action.START, Action.ATTACH}
        is_protected = claim is not None and record.key.is_opcon and takes_up
        return RunRecorder(claim, record, self._next_steps, self._log.line, is_protected=is_protected)

    def _describe(self, protection: str) -> None:
        """Print the end of the header."""
        self._log.field("Restart protection", protection)
        for record in self._lookup.others():
            self._log.line(
                f"Warning: another run of this AMT job is unfinished: request {record.request_id or 'unknown'}, "
                f"since {moment(record.since)}, run {record.run_id}"
            )
        self._log.rule()

    def _runner(self) -> Runner:
        """Return the runner; raises ConfigurationError for a wire profile or a CA file that can't be used."""
        if self._recorder is None:
            raise RuntimeError("a runner needs a record")
        self._log.copy = self._run_log.write
        if self._config.keep_messages:
            self._log.copy_messages = self._run_log.write_messages
        self._observers = self._new_observers(self._recorder.record)
        return Runner(
            RunContext(
                settings=RunSettings.of(self._config),
                amt=self._client(self._recorder.record),
                log=self._log,
                clock=RunClock(self._log, self._interrupt),
                recorder=self._recorder,
                next_steps=self._next_steps,
                observers=self._observers,
            )
        )

    def _new_observers(self, record: RunRecord) -> RunObservers:
        opcon = self._invocation.opcon
        root = opcon.root_directory if opcon and self._config.publish_status else None
        observers: list[Observer] = [
            LiveLine(self._show_live),
            StatusColumn(StatusPublisher(root)),
            Cleaning(self._directory, self._config.retain_runs_days),
        ]
        if self._invocation.arguments.action in {Action.START, Action.ATTACH}:  # the others don't wait for operators
            observers.append(self._attention(record))
        return RunObservers(observers, self._run_log.write)

    def _attention(self, record: RunRecord) -> Attention:
        job = f"Job '{record.key.job or self._invocation.arguments.name}'"
        opcon = self._invocation.opcon
        where = f"{job} of OpCon job {opcon.name} {opcon.number}".rstrip() if opcon else job
        report = None
        if self._config.event_log:
            from amtconnector.system import event_log  # for those who want it

            report = partial(event_log.report, is_error=False)
        return Attention(self._directory.attention_file(record), where, self._next_steps, report)

    def _client(self, record: RunRecord) -> AmtClient:
        """Return AMT; raises ConfigurationError for a task that its wire profile can't tell it."""
        server = self._config.server
        trace = self.note if self._config.debug else None
        transport = open_transport(server, Waiting(self._while_waiting, self._while_starting), self.note, trace)
        contract = load_profile(self._config.wire_profile)
        self._amt = AmtClient(contract, self._account, transport, self._while_waiting)
        is_new = not record.request_id
        task = record.task if record.key.application else None
        self._amt.speak_for(record.run_id, task, "" if is_new or not record.file_name else record.run_id)
        if is_new and task is not None:
            self._amt.check_start(task)
        return self._amt

    def _while_waiting(self) -> None:
        self._log.flush()
        self._interrupt.check()

    def _while_starting(self) -> None:
        self._log.flush()
        self._interrupt.check_start()


def _mask(config: Config) -> Callable[[str], str] | None:
    """Return what masks messages; None where nothing is to be masked. Raises ConfigurationError."""
    if config.mask_messages is None:
        return None
    from amtconnector.output import message_mask  # for those who want it

    return message_mask.load(config.mask_messages)
