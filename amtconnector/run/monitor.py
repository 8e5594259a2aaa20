"""Following a task to its end, through whatever trouble there is on the way.

One failed answer is no verdict. The watch goes on with growing pauses until there has been no good answer for as long
as the configuration allows; what failed last then decides how the run ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

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
    StatusUnknown,
    Unauthorized,
)
from amtconnector.run.retry import Outage, backoff_s, honoured, jittered, poll_interval_s
from amtconnector.text import calm, clock_time, spoken

if TYPE_CHECKING:
    from collections.abc import Callable

    from amtconnector.run.retry import Clock
    from amtconnector.statuses import Status
    from amtconnector.task import RequestId


class Pace(NamedTuple):
    """How often the server is asked and how long without an answer, in seconds; `max_outage_s` 0 is no limit."""

    initial_delay_s: float
    interval_s: float
    max_interval_s: float
    max_outage_s: float
    kill_confirm_s: float


class StatusSource(Protocol):
    """Where the status comes from."""

    def status(self, request_id: RequestId) -> Status:
        """Return the status; raises CallFailed."""


class Narrator(Protocol):
    """Where lines of the connector's own go."""

    def line(self, text: str) -> None:
        """Print one line."""


class Subject(NamedTuple):
    """What is watched, in words for the operator: the job, its request, and what can be done about it.

    `way_out` is how a job is freed whose task is settled; "" where nothing holds it.
    """

    name: str
    request_id: RequestId
    server: str
    ways_on: str
    way_out: str = ""

    @property
    def text(self) -> str:
        """Name the job, the request and the server."""
        return f"Job '{self.name}', request {self.request_id}, server {self.server}"


class StatusMonitor:
    """The watch over one batch request that was started at `began_at` on the monotonic clock."""

    def __init__(
        self,
        source: StatusSource,
        narrator: Narrator,
        clock: Clock,
        pace: Pace,
        subject: Subject,
        *,
        began_at: float,
        chance: Callable[[], float],
        on_status: Callable[[RequestId, Status, float], None],
    ) -> None:
        self._source = source
        self._narrator = narrator
        self._clock = clock
        self._pace = pace
        self.subject = subject
        self._began_at = began_at
        self._chance = chance
        self._on_status = on_status
        self._outage = Outage(pace.max_outage_s, clock)
        self._failures = 0
        self._lost_at: float | None = None
        self._retry_after_s: float | None = None
        self._reported: Status | None = None
        self._named: set[Status] = set()

    @property
    def elapsed_s(self) -> float:
        """The time since the start, never below 0."""
        return max(0.0, self._clock.monotonic() - self._began_at)

    @property
    def interval_s(self) -> float:
        """The poll interval at this time of the task's life, without jitter."""
        return poll_interval_s(self.elapsed_s, self._pace.interval_s, self._pace.max_interval_s)

    def first_status(self) -> Status:
        """Return the first status that the server gives, of whatever class. Raises as `until_end`."""
        while True:
            status = self.look()
            if status is not None:
                return status
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
        try:
            status = self._source.status(self.subject.request_id)
        except LogonRefused as error:
            raise self._refused(error, "Correct USER and PASSWORD in Connector.config") from error
        except Unauthorized as error:
            what = "The credentials are good: look at the rights of the connector's account in AMT Control Center"
            raise self._refused(error, what) from error
        except CallFailed as error:
            self._failed(error)
            return None
        self._answered(status)
        return status

    def pause(self) -> None:
        """Wait for the next look."""
        if self._failures:
            pause_s = backoff_s(self._failures, self._pace.interval_s)
            pause_s = self._outage.shortened(jittered(pause_s, self._chance()), self._pace.interval_s)
            self._clock.wait(honoured(pause_s, self._retry_after_s))
        else:
            self._clock.wait(jittered(self.interval_s, self._chance()))

    def _refused(self, error: CallFailed, what_to_do: str) -> AuthenticationRefused:
        return AuthenticationRefused(
            f"AMT refuses the connector: {error.message}. The task may be running.",
            subject=self.subject.text,
            hint=f"{what_to_do}, then:\n{self.subject.ways_on}",
        )

    def _failed(self, error: CallFailed) -> None:
        self._failures += 1
        self._retry_after_s = error.retry_after_s
        if self._lost_at is None:
            self._lost_at = self._clock.monotonic()
            self._narrator.line(
                f"No usable answer from the server ({calm(error.message)}); the task is not affected, trying on"
            )
        if not self._outage.go_on():
            raise self._given_up(error) from error

    def _answered(self, status: Status) -> None:
        self._failures = 0
        if self._lost_at is not None:
            lasted_s = self._clock.monotonic() - self._lost_at
            self._lost_at = None
            self._narrator.line(f"The server answers again, after {spoken(lasted_s)}")
        if status.is_known:
            self._outage.end()
        self._report(status)
        if not status.is_known and not self._outage.go_on():
            raise StatusUnknown(
                f"The only status that AMT has given for {spoken(self._outage.lasted_s)} is {status}, "
                "which the connector does not know. The task may be running.",
                subject=self.subject.text,
                hint=f"Look at the request in AMT Control Center. {_PROFILE_STATUS}\n{self.subject.ways_on}",
            )

    def _report(self, status: Status) -> None:
        if status == self._reported or (status in self._named and not status.is_known):
            return
        self._reported = status
        self._named.add(status)
        self._on_status(self.subject.request_id, status, self.elapsed_s)
        if not status.is_terminal:
            self._narrator.line(f"Status: {status} after {clock_time(self.elapsed_s)}{_remark(status)}")

    def _given_up(self, error: CallFailed) -> RunError:
        lasted = spoken(self._outage.lasted_s)
        hint = f"{error.hint}\n{self.subject.ways_on}" if error.hint else self.subject.ways_on
        if isinstance(error, NotFound):
            return StatusUnknown(
                f"AMT does not know the request any more, for {lasted} now: {error.message}. What became of the task "
                "is unknown.",
                subject=self.subject.text,
                hint="Look in AMT Control Center whether and how the task has ended."
                + (
                    f"\nIf it has ended, this job is free again after:\n{self.subject.way_out}"
                    if self.subject.way_out
                    else ""
                )
                + f"\nIf it is running there:\n{hint}",
            )
        if isinstance(error, NotUnderstood | Rejected | Forbidden):
            return ReplyNotUnderstood(
                f"The server has given no answer that could be understood for {lasted}; the last time "
                f"{error.message}. The task may be running.",
                subject=self.subject.text,
                hint=f"{_rights(error)}Find out what answers at this address: AMT, or a proxy before it. "
                f"{PROFILE_HINT}\n{hint}",
            )
        return LostContact(
            f"The server has not answered for {lasted}; the last time: {error.message}. The task may be running.",
            subject=self.subject.text,
            hint=f"See that the AMT web server can be reached, then:\n{hint}",
        )


PROFILE_HINT = "If AMT itself answers so, its interface differs from the built-in one: WIRE_PROFILE adapts it."
_PROFILE_STATUS = "A wire profile (WIRE_PROFILE) can add a status."


def _rights(error: CallFailed) -> str:
    is_denied = isinstance(error, Forbidden)
    return "Look at the rights of the connector's account in AMT Control Center.\n" if is_denied else ""


def _remark(status: Status) -> str:
    if status.needs_operator:
        reason = " (the queued job has not started on time)" if status.name == "SUSPENDED" else ""
        return f"{reason}: it waits for an operator in AMT"
    return "" if status.is_known else ": the connector does not know this status and waits for another one"
