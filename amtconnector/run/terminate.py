"""Ending a task on request: AMT is asked to stop or kill it, and the task is looked at until it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amtconnector.errors import (
    CallFailed,
    Forbidden,
    Interrupted,
    LogonRefused,
    NotFound,
    Rejected,
    TaskFate,
    TaskState,
    Unauthorized,
)
from amtconnector.named_tuple import NamedTuple
from amtconnector.system.signals import StopRequested
from amtconnector.text import calm

if TYPE_CHECKING:
    from collections.abc import Callable

    from amtconnector.run.context import RunContext
    from amtconnector.run.monitor import Subject
    from amtconnector.statuses import Status
    from amtconnector.task import RequestId

_LONGEST_INTERVAL_S = 2.0
_RIGHTS = {"STOP": "Stop Running Job", "KILL": "Kill Running Job"}
"""The rights of a role in AMT Control Center, as AMT's documentation of its agentless connector names them."""
_DENIALS = (Forbidden, Unauthorized)
_REFUSALS = (*_DENIALS, NotFound, Rejected)
"""What AMT answers to a request that it has not executed, and does not execute when it is sent again."""


class Termination(NamedTuple):
    """One way to end a task: `send` asks AMT for it, which then has `within_s` seconds; `action` is its name."""

    action: str
    send: Callable[[RequestId], None]
    within_s: float

    def confirmed(self, context: RunContext, subject: Subject) -> Status:
        """Send until it is accepted or refused, and return the terminal status.

        Raises Interrupted when none comes in time, and at once when AMT refuses to do it.
        """
        clock = context.clock
        end = clock.monotonic() + self.within_s
        attempt = _Attempt(self, context, subject)
        try:
            while True:
                attempt.send_unless_accepted()
                status = _quiet_status(context, subject.request_id)
                if status is not None and status.is_terminal:
                    return status
                left_s = end - clock.monotonic()
                if left_s <= 0 or attempt.refusal is not None:
                    break
                clock.wait(min(_LONGEST_INTERVAL_S, context.settings.poll_interval_s, left_s))
        except StopRequested as stop:
            told = f", then the connector was {stop}" if clock.monotonic() < end else ""
            raise self._unconfirmed(subject, attempt.outcome + told) from stop
        except LogonRefused as error:  # never tried again
            raise self._unconfirmed(subject, f"AMT refuses the logon: {error.message}") from error
        if attempt.refusal is not None:
            raise self._refused(subject, attempt.refusal)
        raise self._unconfirmed(subject, attempt.outcome)

    def _unconfirmed(self, subject: Subject, circumstance: str) -> Interrupted:
        """Return the failure to see the end of the task."""
        return Interrupted(
            f"{self.action} was requested; the end of the task is not confirmed ({circumstance}).",
            subject=subject.text,
            hint=f"Look at the request in AMT Control Center.\n{subject.ways_on}",
            fate=TaskFate(TaskState.RUNNING, subject.request_id.text),
        )

    def _refused(self, subject: Subject, refusal: CallFailed) -> Interrupted:
        """Return the failure of a request that AMT denies, whoever asks for it again."""
        return Interrupted(
            f"AMT refuses the {self.action}: {refusal.message}.",
            subject=subject.text,
            hint=f"{self._remedy(refusal)}\n{subject.ways_on}",
            fate=TaskFate(TaskState.RUNNING, subject.request_id.text),
        )

    def _remedy(self, refusal: CallFailed) -> str:
        if isinstance(refusal, _DENIALS):
            return (
                f"Give the connector's account the right '{_RIGHTS[self.action]}' in AMT Control Center, a right of "
                "its own.\nOr end the task in AMT Control Center."
            )
        return f"Look at the request in AMT Control Center, and end it there.\n{refusal.hint}".rstrip()


class _Attempt:
    """The request to end a task: whether AMT has accepted it, or refused it for good."""

    def __init__(self, termination: Termination, context: RunContext, subject: Subject) -> None:
        self._termination = termination
        self._context = context
        self._log = context.log
        self._request_id = subject.request_id
        self._is_accepted = False
        self._failure: CallFailed | None = None
        self.refusal: CallFailed | None = None

    @property
    def outcome(self) -> str:
        """Say what AMT made of it."""
        if self._is_accepted:
            return "AMT accepted it"
        return "AMT did not accept it" + (f": {self._failure.message}" if self._failure else "")

    def send_unless_accepted(self) -> None:
        """Send it, unless AMT has accepted it already; raises LogonRefused."""
        if self._is_accepted:
            return
        action = self._termination.action
        try:
            self._termination.send(self._request_id)
        except LogonRefused:
            raise
        except _REFUSALS as error:
            self.refusal = error
        except CallFailed as error:
            if self._failure is None:  # said once
                self._log.line(f"AMT has not accepted the {action} ({calm(error.message)}); trying on")
            self._failure = error
        else:
            self._is_accepted = True
            self._log.line(f"AMT accepted the {action} for request {self._request_id}; waiting for the task's end")
            if answer := self._context.amt.last_answer:
                self._log.line(f"The server answered {calm(answer)}")


def _quiet_status(context: RunContext, request_id: RequestId) -> Status | None:
    try:
        return context.amt.status(request_id)
    except LogonRefused:
        raise
    except CallFailed:
        return None
