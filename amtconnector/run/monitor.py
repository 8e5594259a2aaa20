"""Following a task to its end, through whatever trouble there is on the way.

One failed answer is no verdict. The monitor goes on with growing pauses until there has been no good answer for as long
as the configuration allows; what failed last then decides how the run ends.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from amtconnector.errors import (
    AuthenticationRefused,
    CallFailed,
    Forbidden,
    LogonRefused,
    LostContact,
    NotFound,
    NotUnderstood,
    Rejected,
    ReplyNotUnderstood,
    RunError,
    ServerFailed,
    StatusUnknown,
    TaskFate,
    TaskState,
    Unauthorized,
)
from amtconnector.run.next_steps import PROFILE_HINT
from amtconnector.run.retry import Outage, backoff_s, honoured, jittered, poll_interval_s
from amtconnector.text import calm, clock_time, spoken

if TYPE_CHECKING:
    from collections.abc import Callable

    from amtconnector.run.context import RunContext
    from amtconnector.run.next_steps import Subject
    from amtconnector.statuses import Status

_PROFILE_STATUS = "A wire profile (WIRE_PROFILE) can add a status."
_UNREAD = (NotUnderstood, Rejected, Forbidden)
"""The server answers, and in a way that tells no status: the request may be ended all the same."""


class StatusMonitor:
    """Asks for the status of one batch request that was started at `began_at` on the monotonic clock."""

    def __init__(self, context: RunContext, subject: Subject, began_at: float) -> None:
        self._context = context
        self._clock = context.clock
        self._settings = context.settings
        self.subject = subject
        self._began_at = began_at
        self._outage = Outage(self._settings.max_outage_s, self._clock)
        self._failures = 0
        self._retry_after_s: float | None = None
        self._lost_at: float | None = None
        self._answered_at: datetime | None = None
        self._reported: Status | None = None
        self._named: set[Status] = set()

    @property
    def elapsed_s(self) -> float:
        """The time since the start, never below 0."""
        return max(0.0, self._clock.monotonic() - self._began_at)

    @property
    def interval_s(self) -> float:
        """The poll interval at this time of the task's life, without jitter."""
        return poll_interval_s(self.elapsed_s, self._settings.poll_interval_s, self._settings.max_poll_interval_s)

    def first_status(self) -> Status:
        """Return the first status that the server gives, of whatever class. Raises as `until_end`."""
        while True:
            status = self.look()
            if status is not None:
                return status
            self.pause()

    def status_before_ending(self) -> Status | None:
        """Return the first status; None when the server answers in a way that tells none. Raises as `until_end`."""
        while True:
            try:
                return self._asked()
            except _UNREAD:
                return None
            except CallFailed as error:
                self._failed(error)
            self.pause()

    def until_end(self, meanwhile: Callable[[], None]) -> Status:
        """Return the terminal status; `meanwhile` is called after every status that is not.

        Raises LostContact, ReplyNotUnderstood, StatusUnknown, AuthenticationRefused, and StopRequested.
        """
        while True:
            status = self.look()
            if status is not None and status.is_terminal:
                return status
            if status is not None:
                meanwhile()
            self.pause()

    def look(self) -> Status | None:
        """Ask once; None when no usable answer came. Raises when nothing that tells anything has come for too long."""
        self._context.recorder.save_again()
        try:
            return self._asked()
        except CallFailed as error:
            self._failed(error)
            return None

    def pause(self) -> None:
        """Wait for the next look."""
        if self._failures:
            pause_s = backoff_s(self._failures, self._settings.poll_interval_s)
            pause_s = self._outage.shortened(jittered(pause_s, self._clock.chance()), self._settings.poll_interval_s)
            self._clock.wait(honoured(pause_s, self._retry_after_s))
        else:
            self._clock.wait(jittered(self.interval_s, self._clock.chance()))

    def _asked(self) -> Status:
        try:
            status = self._context.amt.status(self.subject.request_id)
        except LogonRefused as error:
            raise self._refused(error, self._context.next_steps.credentials) from error
        except Unauthorized as error:
            what = "The credentials are good: look at the rights of the connector's account in AMT Control Center."
            raise self._refused(error, what) from error
        self._answered(status)
        return status

    def _fate(self, state: TaskState) -> TaskFate:
        return TaskFate(state, self.subject.request_id.text)

    def _refused(self, error: CallFailed, what_to_do: str) -> AuthenticationRefused:
        return AuthenticationRefused(
            f"AMT refuses the connector: {error.message}.",
            subject=self.subject.text,
            hint=f"{what_to_do}\nThen:\n{self.subject.ways_on}",
            fate=self._fate(TaskState.RUNNING),
        )

    def _failed(self, error: CallFailed) -> None:
        self._failures += 1
        self._retry_after_s = error.retry_after_s
        if self._lost_at is None:
            self._lost_at = self._clock.monotonic()
            self._context.log.line(
                f"No usable answer from the server ({calm(error.message)}); the task is not affected, trying on"
            )
        if not self._outage.go_on():
            raise self._given_up(error) from error

    def _answered(self, status: Status) -> None:
        self._failures = 0
        self._answered_at = datetime.now().astimezone()
        if self._lost_at is not None:
            lasted_s = self._clock.monotonic() - self._lost_at
            self._lost_at = None
            self._context.log.line(f"The server answers again, after {spoken(lasted_s)}")
        if status.is_known:
            self._outage.end()
        self._report(status)
        if not status.is_known and not self._outage.go_on():
            raise StatusUnknown(
                f"The only status that AMT has given for {spoken(self._outage.lasted_s)} is {status}, "
                "which the connector does not know.",
                subject=self.subject.text,
                hint=f"Look at the request in AMT Control Center. {_PROFILE_STATUS}\n{self.subject.ways_on}",
                fate=self._fate(TaskState.MAYBE),
            )

    def _report(self, status: Status) -> None:
        if status == self._reported or (status in self._named and not status.is_known):
            return
        self._reported = status
        self._named.add(status)
        self._context.observers.status_changed(self.subject.request_id, status, self.elapsed_s)
        if not status.is_terminal:
            self._context.log.line(f"Status: {status} after {clock_time(self.elapsed_s)}{_remark(status)}")

    def _given_up(self, error: CallFailed) -> RunError:
        lasted = spoken(self._outage.lasted_s)
        if isinstance(error, NotFound):
            return self._forgotten(error, lasted)
        if isinstance(error, _UNREAD):
            return self._not_understood(error, lasted)
        has_failed = isinstance(error, ServerFailed)
        what = "has answered with failures alone" if has_failed else "has not answered"
        then = "When it answers well:" if has_failed else "When it can be reached:"
        return LostContact(
            f"The server {what} for {lasted}; the last time: {error.message}.",
            subject=self.subject.text,
            hint=f"{self._what_changed(error)}\n{then}\n{self.subject.ways_on}",
            fate=self._fate(TaskState.RUNNING),
        )

    def _forgotten(self, error: NotFound, lasted: str) -> StatusUnknown:
        way_out = self.subject.way_out
        settled = f"\nIf it has ended, this job is free again after:\n{way_out}" if way_out else ""
        return StatusUnknown(
            f"AMT does not know the request any more, for {lasted} now: {error.message}. What became of the task is "
            "unknown.",
            subject=self.subject.text,
            hint="Look in AMT Control Center whether and how the task has ended."
            f"{settled}\nIf it is running there:\n{self.subject.ways_on}",
            fate=self._fate(TaskState.MAYBE),
        )

    def _not_understood(self, error: CallFailed, lasted: str) -> ReplyNotUnderstood:
        rights = "Look at the rights of the connector's account in AMT Control Center.\n"
        return ReplyNotUnderstood(
            f"The server has given no answer that could be understood for {lasted}; the last time {error.message}.",
            subject=self.subject.text,
            hint=(rights if isinstance(error, Forbidden) else "")
            + f"{self._what_changed(error)}\n"
            + (f"{error.exchange}\n" if error.exchange else "")
            + self.subject.ways_on,
            fate=self._fate(TaskState.RUNNING),
        )

    def _what_changed(self, error: CallFailed) -> str:
        """Say where to look: a setting can be wrong only where nothing has been understood yet."""
        if self._answered_at is not None:
            return (
                f"It answered well until {self._answered_at:%H:%M:%S}, so the settings are right: see what has changed "
                "since then,\nthe AMT web server, what stands before it, or the network between."
            )
        if isinstance(error, _UNREAD):
            return error.hint or f"Find out what answers at this address: AMT, or a proxy before it. {PROFILE_HINT}"
        if isinstance(error, ServerFailed):
            return "It can be reached, and fails: look at the log of the AMT web server."
        return error.hint or "See that the AMT web server can be reached from here."


def _remark(status: Status) -> str:
    if status.needs_operator:
        reason = " (the queued job has not started on time)" if status.name == "SUSPENDED" else ""
        return f"{reason}: it waits for an operator in AMT"
    return "" if status.is_known else ": the connector does not know this status and waits for another one"
