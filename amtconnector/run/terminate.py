"""Termination a task on request: AMT is asked to stop or kill it, and the task is looked at until it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from amtconnector.errors import CallFailed, Interrupted, LogonRefused
from amtconnector.system.signals import StopRequested
from amtconnector.text import calm

if TYPE_CHECKING:
    from collections.abc import Callable

    from amtconnector.run.monitor import Narrator, StatusSource, Subject
    from amtconnector.run.retry import Clock
    from amtconnector.statuses import Status
    from amtconnector.task import RequestId

_LONGEST_INTERVAL_S = 2.0


class Termination(NamedTuple):
    """One way to end a task: `send` asks AMT for it, which then has `within_s` seconds; `action` is its name."""

    action: str
    send: Callable[[RequestId], None]
    within_s: float

    def confirmed(
        self, source: StatusSource, narrator: Narrator, clock: Clock, subject: Subject, interval_s: float
    ) -> Status:
        """Send until it is accepted, and return the terminal status; raises Interrupted when none comes in time."""
        end = clock.monotonic() + self.within_s
        is_accepted = False
        tell: Callable[[str], None] = narrator.line
        try:
            while True:
                is_accepted = is_accepted or self._is_accepted(narrator, subject, tell)
                tell = _nobody
                status = _quiet_status(source, subject.request_id)
                if status is not None and status.is_terminal:
                    return status
                left_s = end - clock.monotonic()
                if left_s <= 0:
                    break
                clock.wait(min(_LONGEST_INTERVAL_S, interval_s, left_s))
        except StopRequested as stop:
            told = f", then the connector was {stop}" if clock.monotonic() < end else ""
            raise self.unconfirmed(subject, _acceptance(is_accepted) + told) from stop
        except LogonRefused as error:  # never tried again
            raise self.unconfirmed(subject, f"AMT refuses the logon: {error.message}") from error
        raise self.unconfirmed(subject, _acceptance(is_accepted))

    def unconfirmed(self, subject: Subject, circumstance: str) -> Interrupted:
        """Return the failure to see the end of the task."""
        return Interrupted(
            f"{self.action} was requested; the end of the task is not confirmed ({circumstance}). It may be running.",
            subject=subject.text,
            hint=f"Look at the request in AMT Control Center.\n{subject.ways_on}",
        )

    def _is_accepted(self, narrator: Narrator, subject: Subject, tell: Callable[[str], None]) -> bool:
        try:
            self.send(subject.request_id)
        except LogonRefused:
            raise
        except CallFailed as error:
            tell(f"AMT has not accepted the {self.action} ({calm(error.message)}); trying on")
            return False
        narrator.line(f"AMT accepted the {self.action} for request {subject.request_id}; waiting for the task's end")
        return True


def _acceptance(is_accepted: bool) -> str:  # noqa: FBT001 - the one thing that it is about
    return "AMT accepted it" if is_accepted else "AMT did not accept it"


def _nobody(_line: str) -> None:
    """Take a line that would say again what the first one said."""


def _quiet_status(source: StatusSource, request_id: RequestId) -> Status | None:
    try:
        return source.status(request_id)
    except LogonRefused:
        raise
    except CallFailed:
        return None
