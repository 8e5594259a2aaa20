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

from amtconnector.errors import ConfigurationError, Interrupted, RunError, SubmissionUnknown
from amtconnector.records.record import RunState
from amtconnector.run.context import Known
from amtconnector.run.messages import MessageStream
from amtconnector.run.monitor import StatusMonitor, Subject
from amtconnector.run.submit import Submission
from amtconnector.run.terminate import Termination
from amtconnector.statuses import ADVICE, KILLED, SUCCESS
from amtconnector.system.signals import Cause, StopRequested

if TYPE_CHECKING:
    from amtconnector.output.job_log import JobLog
    from amtconnector.run.context import AmtService, Plan, Surroundings
    from amtconnector.run.next_steps import NextSteps
    from amtconnector.run.recorder import RunRecorder
    from amtconnector.statuses import Status
    from amtconnector.task import RequestId, Task

SHORTEST_SERVICE_S = 10.0
"""How long a kill may take to be sent, where its end is not waited for."""


class Runner:
    """One run of one task."""

    def __init__(
        self,
        plan: Plan,
        service: AmtService,
        log: JobLog,
        books: RunRecorder,
        advice: NextSteps,
        surroundings: Surroundings,
    ) -> None:
        self._plan = plan
        self._service = service
        self._log = log
        self._books = books
        self._advice = advice
        self._clock = surroundings.clock
        self._chance = surroundings.chance
        self._stopping = surroundings.stopping
        self._onlookers = surroundings.onlookers
        self._remark = ""
        self._wanted_code = SUCCESS
        self._knows_age = True

    def close(self) -> None:
        """End the conversation with the server; nothing is raised."""
        self._service.close()

    def start(self, task: Task) -> int:
        """Start the task and follow it to its end."""
        request_id = self._submitted(task)
        self._log.started(task.name, request_id)
        self._log.flush()
        self._onlookers.task_started(request_id)
        watch = self._watch(Known(request_id, task.name, 0.0, ""), restarts=True)
        self._log.begin_messages()
        return self._followed(watch, self._transcript(request_id), self._plan.pace.initial_delay_s)

    def attach(self, known: Known) -> int:
        """Take up a task that was started before, its messages from the start, and follow it to its end."""
        watch = self._watch(known, restarts=True)
        transcript = self._transcript(known.request_id)
        try:
            status = watch.first_status()
            had_ended = status.is_terminal
        except StopRequested as stop:
            status, had_ended = self._stopped(stop, watch), False
        self._books.submitted(known.request_id)  # not before AMT knows the request: an operator can mistype its id
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
            return self._ended(status, watch, transcript)
        return self._followed(watch, transcript, 0.0)

    def stop(self, known: Known) -> int:
        """Ask AMT to end the task in order, and wait for its end."""
        within_s = self._plan.pace.max_outage_s or float("inf")
        return self._ended_on_request(known, Termination("STOP", self._service.stop, within_s))

    def kill(self, known: Known) -> int:
        """Ask AMT to end the task at once, and see that it did."""
        self._wanted_code = KILLED
        return self._ended_on_request(known, Termination("KILL", self._service.kill, self._plan.pace.kill_confirm_s))

    def _submitted(self, task: Task) -> RequestId:
        """Log on and start; whatever proves that there is no task is noted so."""
        submission = Submission(
            self._service,
            self._log,
            self._clock,
            self._books,
            self._advice,
            address=self._plan.server,
            start_timeout_s=self._plan.start_timeout_s,
            chance=self._chance,
        )
        try:
            submission.log_on()
            self._log.line("Authentication successful")
            self._log.line(f"Job '{task.name}' START request received")
            self._log.flush()
            return submission.start(task)
        except StopRequested as stop:
            self._books.not_started()
            raise Interrupted(
                f"The connector was {stop} before anything was started.",
                subject=f"Job '{task.name}', server {self._plan.server}",
                hint="The job can be restarted as it is.",
            ) from stop
        except RunError as error:
            if not isinstance(error, SubmissionUnknown | Interrupted | ConfigurationError):
                self._books.not_started()
            raise

    def _followed(self, watch: StatusMonitor, transcript: MessageStream, first_pause_s: float) -> int:
        try:
            self._clock.wait(first_pause_s)
            status = watch.until_end(lambda: transcript.fetch_if_due(watch.interval_s))
        except StopRequested as stop:
            status = self._stopped(stop, watch)
        return self._ended(status, watch, transcript)

    def _stopped(self, stop: StopRequested, watch: StatusMonitor) -> Status:
        """Serve a stop: kill the task and return its end, or leave it and raise Interrupted."""
        subject = watch.subject
        if stop.cause is Cause.CLOSING or not self._plan.kills_on_interrupt:
            raise Interrupted(
                f"The connector was {stop}. The task was left alone and may be running.",
                subject=subject.text,
                hint=subject.ways_on,
            ) from stop
        within_s = self._plan.pace.kill_confirm_s
        self._log.line(f"The connector was {stop}: it kills the task")
        self._stopping.serve(max(within_s, SHORTEST_SERVICE_S))
        return self._confirmed(Termination("KILL", self._service.kill, within_s), subject)

    def _ended_on_request(self, known: Known, ending: Termination) -> int:
        """Look first: a task that has ended is left as it is."""
        watch = self._watch(known, restarts=False)
        try:
            status = watch.first_status()
        except StopRequested as stop:
            raise Interrupted(
                f"The connector was {stop} before it sent the {ending.action}. The task may be running.",
                subject=watch.subject.text,
                hint=watch.subject.ways_on,
            ) from stop
        if status.is_terminal:
            self._knows_age = False  # when it ended is not told
            self._remark = f"The task had ended already; no {ending.action} was sent."
        else:
            status = self._confirmed(ending, watch.subject)
        return self._ended(status, watch, None)

    def _confirmed(self, ending: Termination, subject: Subject) -> Status:
        return ending.confirmed(self._service, self._log, self._clock, subject, self._plan.pace.interval_s)

    def _ended(self, status: Status, watch: StatusMonitor, transcript: MessageStream | None) -> int:
        """Print the rest and the completion, and mark the record as the last act."""
        elapsed_s = watch.elapsed_s if self._knows_age else None
        if transcript is not None:
            self._drained(transcript)
        self._log.end_messages()
        self._log.rule()
        if self._remark:
            self._log.line(self._remark)
        if status.code not in {SUCCESS, self._wanted_code}:
            self._log.line(f"AMT reported {status.name} for request {watch.subject.request_id}.")
            self._log.advice(ADVICE.get(status.code, "Look at the request in AMT Control Center."))
        self._log.completed(status, elapsed_s)
        self._log.ended(status.code)
        self._books.finished(status)
        return status.code

    def _drained(self, transcript: MessageStream) -> None:
        try:
            transcript.drain()
        except StopRequested as stop:
            self._log.line(f"The job log may be incomplete: the connector was {stop}.")

    def _watch(self, known: Known, *, restarts: bool) -> StatusMonitor:
        """StatusMonitor a task; `restarts` when a restart of the same OpCon job takes it up again."""
        self._knows_age = known.age_s is not None
        record = self._books.record
        is_taken_up_again = restarts and self._books.is_protected and record.state is RunState.SUBMITTED
        ways_on = self._advice.restart(known.request_id.text, is_protected=is_taken_up_again)
        way_out = self._advice.forget(record) if is_taken_up_again else ""
        subject = Subject(known.name, known.request_id, self._plan.server, ways_on, way_out)
        return StatusMonitor(
            self._service,
            self._log,
            self._clock,
            self._plan.pace,
            subject,
            began_at=self._clock.monotonic() - max(0.0, known.age_s or 0.0),
            chance=self._chance,
            on_status=self._onlookers.status_changed,
        )

    def _transcript(self, request_id: RequestId) -> MessageStream:
        return MessageStream(self._service, self._log, self._clock, request_id, streams=self._plan.streams_messages)
