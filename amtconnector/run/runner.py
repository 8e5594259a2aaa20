"""The story of a run, from the logon to the exit code.

    start    log on, note the intention, send the start once, follow the task
    attach   take up a task that an earlier run or an operator knows
    stop     ask AMT to end a task in order, and wait for its end
    kill     ask AMT to end a task at once, and see that it did

Each returns the exit code, which is the task's terminal status; or it raises the `RunError` that says why the end of
the task is not known, or that there is no task.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amtconnector.errors import ConfigurationError, Interrupted, RunError, SubmissionUnknown, TaskFate, TaskState
from amtconnector.records.record import RunState
from amtconnector.run.context import KnownTask
from amtconnector.run.messages import LONGEST_DRAIN_S, MessageStream
from amtconnector.run.monitor import StatusMonitor
from amtconnector.run.next_steps import Subject
from amtconnector.run.submit import Submission
from amtconnector.run.terminate import Termination
from amtconnector.statuses import KILLED, SUCCESS, next_step_after
from amtconnector.system.signals import Cause, StopRequested

if TYPE_CHECKING:
    from amtconnector.run.context import RunContext
    from amtconnector.statuses import Status
    from amtconnector.task import RequestId, Task

SHORTEST_SERVICE_S = 10.0
"""How long a kill may take to be sent, where its end is not waited for."""


class Runner:
    """One run of one task."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._settings = context.settings
        self._log = context.log
        self._clock = context.clock
        self._recorder = context.recorder
        self._remark = ""
        self._requested = ""
        self._wanted_code = SUCCESS
        self._knows_age = True

    def start(self, task: Task) -> int:
        """Start the task and follow it to its end."""
        request_id = self._submitted(task)
        self._log.started(task.name, request_id)
        self._log.flush()
        self._context.observers.task_started(request_id)
        monitor = self._monitor(KnownTask(request_id, task.name, 0.0, ""), restarts=True)
        self._log.begin_messages()
        return self._followed(monitor, MessageStream(self._context, request_id), self._settings.initial_delay_s)

    def attach(self, known: KnownTask) -> int:
        """Take up a task that was started before, its messages from the start, and follow it to its end."""
        monitor = self._monitor(known, restarts=True)
        stream = MessageStream(self._context, known.request_id)
        try:
            status = monitor.first_status()
            had_ended = status.is_terminal
        except StopRequested as stop:
            status, had_ended = self._stopped(stop, monitor), False
        self._recorder.submitted(known.request_id)  # not before AMT knows the request: an id can be mistyped
        self._log.attached(known.name, known.request_id)
        if had_ended:
            self._knows_age = False
            self._remark = (
                f"Nothing was started. This is the end of request {known.request_id} {known.begun}".rstrip() + ". "
                "To run it again restart this job once more."
            )
            self._log.line(self._remark)
        self._log.begin_messages()
        if status.is_terminal:
            return self._ended(status, monitor, stream)
        return self._followed(monitor, stream, 0.0)

    def stop(self, known: KnownTask) -> int:
        """Ask AMT to end the task in order, and wait for its end."""
        within_s = self._settings.max_outage_s or float("inf")
        return self._ended_on_request(known, Termination("STOP", self._context.amt.stop, within_s))

    def kill(self, known: KnownTask) -> int:
        """Ask AMT to end the task at once, and see that it did."""
        self._wanted_code = KILLED
        return self._ended_on_request(known, self._killing(self._settings.kill_confirm_s))

    def _submitted(self, task: Task) -> RequestId:
        """Log on and start; whatever proves that there is no task is noted so."""
        submission = Submission(self._context)
        try:
            submission.log_on()
            self._log.line("Authentication successful")
            self._log.line(f"Job '{task.name}' START request received")
            self._log.flush()
            return submission.start(task)
        except StopRequested as stop:
            self._recorder.not_started()
            raise Interrupted(
                f"The connector was {stop} before anything was started.",
                subject=f"Job '{task.name}', server {self._settings.server}",
                hint="The job can be restarted as it is.",
                fate=TaskFate(TaskState.NONE),
            ) from stop
        except RunError as error:
            if not isinstance(error, SubmissionUnknown | Interrupted | ConfigurationError):
                self._recorder.not_started()
            raise

    def _followed(self, monitor: StatusMonitor, stream: MessageStream, first_pause_s: float) -> int:
        try:
            self._clock.wait(first_pause_s)
            status = monitor.until_end(lambda: stream.fetch_if_due(monitor.interval_s))
        except StopRequested as stop:
            status = self._stopped(stop, monitor)
        return self._ended(status, monitor, stream)

    def _stopped(self, stop: StopRequested, monitor: StatusMonitor) -> Status:
        """Serve a stop: kill the task and return its end, or leave it and raise Interrupted."""
        if stop.cause is Cause.CLOSING or not self._settings.kills_on_interrupt:
            raise self._left_alone(f"The connector was {stop}. The task was left alone.", monitor.subject) from stop
        within_s = self._settings.kill_confirm_s
        self._log.line(f"The connector was {stop}: it kills the task")
        self._clock.serve_stop(max(within_s, SHORTEST_SERVICE_S))
        status = self._killing(within_s).confirmed(self._context, monitor.subject)
        self._clock.serve_stop(LONGEST_DRAIN_S)  # for the rest of the messages
        return status

    def _killing(self, within_s: float) -> Termination:
        return Termination("KILL", self._context.amt.kill, within_s)

    def _ended_on_request(self, known: KnownTask, termination: Termination) -> int:
        """Look first: a task that has ended is left as it is. A status that can't be read keeps nothing from ending."""
        monitor = self._monitor(known, restarts=False)
        action = termination.action
        try:
            status = monitor.status_before_ending()
        except StopRequested as stop:
            text = f"The connector was {stop} before it sent the {action}."
            raise self._left_alone(text, monitor.subject) from stop
        if status is not None and status.is_terminal:
            self._knows_age = False  # when it ended is not told
            self._remark = f"The task had ended already; no {action} was sent."
        else:
            self._requested = action
            status = termination.confirmed(self._context, monitor.subject)
        return self._ended(status, monitor, None)

    def _left_alone(self, text: str, subject: Subject) -> Interrupted:
        return Interrupted(
            text,
            subject=subject.text,
            hint=subject.ways_on,
            fate=TaskFate(TaskState.RUNNING, subject.request_id.text),
        )

    def _ended(self, status: Status, monitor: StatusMonitor, stream: MessageStream | None) -> int:
        """Print the rest and the completion; that the record says so is left to the last act of the run."""
        elapsed_s = monitor.elapsed_s if self._knows_age else None
        if stream is not None:
            self._drain(stream, is_good_end=status.is_success)
        self._log.end_messages()
        self._log.rule()
        if self._remark:
            self._log.line(self._remark)
        if status.code not in {SUCCESS, self._wanted_code}:
            self._log.line(f"AMT reported {status.name} for request {monitor.subject.request_id}.")
            has_messages = stream is not None and stream.has_printed
            self._log.advice(next_step_after(status, requested=self._requested, has_messages=has_messages))
        self._log.completed(status, elapsed_s)
        self._log.ended(status.code)
        self._recorder.ends_with(status)
        return status.code

    def _drain(self, stream: MessageStream, *, is_good_end: bool) -> None:
        try:
            stream.drain(is_good_end=is_good_end)
        except StopRequested as stop:
            self._log.line(f"The job log may be incomplete: the connector was {stop}.")

    def _monitor(self, known: KnownTask, *, restarts: bool) -> StatusMonitor:
        """Monitor a task; `restarts` when a restart of the same OpCon job takes it up again."""
        self._knows_age = known.age_s is not None
        record, next_steps = self._recorder.record, self._context.next_steps
        is_taken_up_again = restarts and self._recorder.is_protected and record.state is RunState.SUBMITTED
        subject = Subject(
            known.name,
            known.request_id,
            self._settings.server,
            follow=next_steps.follow(known.request_id.text, is_protected=is_taken_up_again),
            kill=next_steps.kill(known.request_id.text),
            way_out=next_steps.forget(record) if is_taken_up_again else "",
        )
        return StatusMonitor(self._context, subject, self._clock.monotonic() - max(0.0, known.age_s or 0.0))
