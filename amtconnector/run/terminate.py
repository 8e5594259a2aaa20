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
    Unsupported,
)
from amtconnector.named_tuple import NamedTuple
from amtconnector.run.next_steps import PROFILE_HINT
from amtconnector.run.retry import backoff_s, honoured
from amtconnector.system.signals import StopRequested
from amtconnector.text import calm

if TYPE_CHECKING:
    from collections.abc import Callable

    from amtconnector.run.context import RunContext
    from amtconnector.run.next_steps import Subject
    from amtconnector.statuses import Status
    from amtconnector.task import RequestId

_LONGEST_INTERVAL_S = 2.0
_RIGHTS = {"STOP": "Stop Running Job", "KILL": "Kill Running Job"}
"""The rights of a role in AMT Control Center, as AMT's documentation of its agentless connector names them."""
_DENIALS = (Forbidden, Unauthorized)
_REFUSALS = (*_DENIALS, NotFound, Rejected, Unsupported)
"""What AMT answers to a request that it has not executed, and does not execute when it is sent again."""
LONGEST_INSISTENCE_S = 60.0
"""How long AMT is asked again that tells the status all the while, and yet does not accept the request."""
_FEWEST_ATTEMPTS = 3


class Termination(NamedTuple):
    """One way to end a task: `send` asks AMT for it, which then has `within_s` seconds; `action` is its name."""

    action: str
    send: Callable[[RequestId], None]
    within_s: float

    def confirmed(self, context: RunContext, subject: Subject) -> Status:
        """Send until it is accepted, refused, or has been asked for in vain, and return the terminal status.

        Raises Interrupted when none comes in time, and at once when AMT refuses to do it.
        """
        clock = context.clock
        end = clock.monotonic() + self.within_s
        attempt = _Attempt(self, context, subject)
        try:
            while True:
                attempt.send_when_due()
                status = _quiet_status(context, subject.request_id)
                if status is not None and status.is_terminal:
                    return status
                attempt.judge(has_contact=status is not None)
                left_s = end - clock.monotonic()
                if left_s <= 0 or attempt.is_over:
                    break
                clock.wait(min(_LONGEST_INTERVAL_S, context.settings.poll_interval_s, left_s))
        except StopRequested as stop:
            told = f", then the connector was {stop}" if clock.monotonic() < end else ""
            raise self._unconfirmed(subject, attempt, told) from stop
        except LogonRefused as error:  # never tried again
            raise self._logon_refused(subject, error, context.next_steps.credentials) from error
        if attempt.is_refused and attempt.failure is not None:
            raise self._refused(subject, attempt.failure)
        raise self._unconfirmed(subject, attempt)

    def _unconfirmed(self, subject: Subject, attempt: _Attempt, told: str = "") -> Interrupted:
        """Return the failure to see the end of the task; the KILL is named where sending it again can help."""
        look, then = "Look at the request in AMT Control Center", subject.ways_on
        if attempt.is_in_vain and self.action == "KILL":
            look, then = f"{look}, and end it there", subject.follow
        return self._interrupted(
            f"{self.action} was requested; the end of the task is not confirmed ({attempt.outcome}{told}).",
            subject,
            f"{look}.\n{then}",
        )

    def _logon_refused(self, subject: Subject, error: LogonRefused, what_to_do: str) -> Interrupted:
        return self._interrupted(
            f"{self.action} was requested; the end of the task is not confirmed (AMT refuses the logon: "
            f"{error.message}).",
            subject,
            "End the task in AMT Control Center, or let the connector in again:\n"
            f"{what_to_do}\nThen:\n{subject.ways_on}",
        )

    def _refused(self, subject: Subject, refusal: CallFailed) -> Interrupted:
        """Return the failure of a request that AMT denies, whoever asks for it again."""
        return self._interrupted(
            f"AMT refuses the {self.action}: {refusal.message}.", subject, self._remedy(subject, refusal)
        )

    def _remedy(self, subject: Subject, refusal: CallFailed) -> str:
        """Say what helps. A KILL is named only after a STOP, for it is a right of its own, and where a right lacks."""
        ways_on = subject.follow if self.action == "KILL" else subject.ways_on
        if isinstance(refusal, _DENIALS):
            again = f"\nOnce it has that right:\n{subject.kill}" if self.action == "KILL" else ""
            return (
                f"End the task in AMT Control Center; or give the connector's account the right "
                f"'{_RIGHTS[self.action]}' there, a right of its own.{again}\n{ways_on}"
            )
        hint = PROFILE_HINT if isinstance(refusal, Unsupported) else refusal.hint
        return "\n".join(filter(None, ("Look at the request in AMT Control Center, and end it there.", hint, ways_on)))

    def _interrupted(self, message: str, subject: Subject, hint: str) -> Interrupted:
        return Interrupted(
            message,
            subject=subject.text,
            hint=hint,
            fate=TaskFate(TaskState.RUNNING, subject.request_id.text),
        )


class _Attempt:
    """The request to end a task: whether AMT has accepted it, refused it for good, or goes on not to accept it."""

    def __init__(self, termination: Termination, context: RunContext, subject: Subject) -> None:
        self._termination = termination
        self._context = context
        self._clock = context.clock
        self._log = context.log
        self._request_id = subject.request_id
        self._is_accepted = False
        self._sent = 0
        self._due_at = self._clock.monotonic()
        self._insisting_since: float | None = None
        self.failure: CallFailed | None = None

    @property
    def is_refused(self) -> bool:
        """Whether AMT has said that it does not do it, now or later."""
        return isinstance(self.failure, _REFUSALS)

    @property
    def is_in_vain(self) -> bool:
        """Whether AMT is there, and has been asked several times."""
        return self._insisting_since is not None and self._sent >= _FEWEST_ATTEMPTS

    @property
    def is_over(self) -> bool:
        """Whether nothing is gained by going on."""
        since = self._insisting_since
        is_long = since is not None and self._clock.monotonic() - since >= LONGEST_INSISTENCE_S
        return self.is_refused or (is_long and self.is_in_vain)

    @property
    def outcome(self) -> str:
        """Say what AMT made of it."""
        if self._is_accepted:
            return "AMT accepted it"
        if self.failure is None:
            return "AMT did not accept it"
        times = f" in {self._sent} attempts; the last time" if self._sent > 1 else ""
        return f"AMT did not accept it{times}: {self.failure.message}"

    def send_when_due(self) -> None:
        """Send it, unless AMT has accepted it or was asked just now; raises LogonRefused."""
        if self._is_accepted or self._clock.monotonic() < self._due_at:
            return
        self._sent += 1
        try:
            self._termination.send(self._request_id)
        except LogonRefused:
            raise
        except CallFailed as error:
            self._failed(error)
        else:
            self._accepted()

    def judge(self, *, has_contact: bool) -> None:
        """Take note of whether AMT tells the status: while it does, and does not accept this, no outage is to blame."""
        if self._is_accepted or not has_contact:
            self._insisting_since = None
        elif self._insisting_since is None:
            self._insisting_since = self._clock.monotonic()

    def _failed(self, error: CallFailed) -> None:
        if self.failure is None and not isinstance(error, _REFUSALS):  # said once; a refusal is said at the end
            self._log.line(f"AMT has not accepted the {self._termination.action} ({calm(error.message)}); trying on")
        self.failure = error
        pause_s = backoff_s(self._sent, min(_LONGEST_INTERVAL_S, self._context.settings.poll_interval_s))
        self._due_at = self._clock.monotonic() + honoured(pause_s, error.retry_after_s)

    def _accepted(self) -> None:
        self._is_accepted = True
        self._log.line(
            f"AMT accepted the {self._termination.action} for request {self._request_id}; waiting for the task's end"
        )
        if answer := self._context.amt.last_answer:
            self._log.line(f"The server answered {calm(answer)}")


def _quiet_status(context: RunContext, request_id: RequestId) -> Status | None:
    try:
        return context.amt.status(request_id)
    except LogonRefused:
        raise
    except CallFailed:
        return None
