"""Logging on and starting a task: once, and never in doubt a second time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from amtconnector.amtopcon.wire.answers import Refused, Started
from amtconnector.errors import (
    AuthenticationRefused,
    Busy,
    CallFailed,
    CertificateRefused,
    Interrupted,
    LogonRefused,
    NoAnswer,
    NotSent,
    NotUnderstood,
    ReplyNotUnderstood,
    ServerUnreachable,
    StartRefused,
    SubmissionUnknown,
    Unauthorized,
)
from amtconnector.run.monitor import PROFILE_HINT, Narrator
from amtconnector.run.retry import persist
from amtconnector.system.signals import StopRequested
from amtconnector.text import calm

if TYPE_CHECKING:
    from collections.abc import Callable

    from amtconnector.run.next_steps import NextSteps
    from amtconnector.run.recorder import RunRecorder
    from amtconnector.run.retry import Clock
    from amtconnector.task import RequestId, Task

T = TypeVar("T")

LONGEST_TRY_S = 60.0
"""How long a logon and a start that provably reached nobody are tried again."""


class Submitter(Protocol):
    """The server, as far as a start needs it."""

    def log_on(self) -> None:
        """Get a token; raises LogonRefused and CallFailed."""

    def start(self, task: Task) -> Started | Refused:
        """Send the start once; raises CallFailed, whose class says whether it was executed."""


class Submission:
    """One logon and one start."""

    def __init__(
        self,
        server: Submitter,
        narrator: Narrator,
        clock: Clock,
        books: RunRecorder,
        advice: NextSteps,
        *,
        address: str,
        start_timeout_s: float,
        chance: Callable[[], float],
    ) -> None:
        self._server = server
        self._narrator = narrator
        self._clock = clock
        self._books = books
        self._advice = advice
        self._address = address
        self._start_timeout_s = start_timeout_s
        self._chance = chance
        self._is_on_wire = False
        self._says_trying = True

    def log_on(self) -> None:
        """Log on; a rejected logon is never tried again, any other trouble is for at most 60 s.

        Raises AuthenticationRefused, ServerUnreachable and ReplyNotUnderstood: nothing was started.
        """
        try:
            self._persist(self._server.log_on, (NotSent, Busy, NoAnswer))
        except LogonRefused as error:
            raise AuthenticationRefused(
                f"AMT refused the logon: {error.message}. Nothing was started.",
                subject=f"server {self._address}",
                hint=f"{self._advice.credentials}\nThen 'amt check' tries one logon and tells more. "
                "It is not tried again by itself: AMT locks accounts.",
            ) from error
        except (NotSent, Busy, NoAnswer) as error:
            raise self._unreachable(error) from error
        except CallFailed as error:
            raise ReplyNotUnderstood(
                f"The answer to the logon does not fit AMT's interface: {error.message}. Nothing was started.",
                subject=f"server {self._address}",
                hint=f"Check SERVER_ADDRESS first: does AMT answer there, or something else? {PROFILE_HINT}\n"
                "The password is not the cause.",
            ) from error

    def start(self, task: Task) -> RequestId:
        """Note the intention, send the start, note the request id.

        Raises StartRefused and ServerUnreachable (nothing was started), SubmissionUnknown (it may have been),
        Interrupted (told to stop while it was on the wire) and StopRequested (told to stop before it was sent).
        """
        self._note_intention()
        try:
            answer = self._answer(task)
        except StopRequested as stop:
            if self._is_on_wire:
                raise self._cut_off(task) from stop
            raise
        if isinstance(answer, Refused):
            raise self._refused(answer, task)
        self._books.submitted(answer.request_id)
        return answer.request_id

    def _answer(self, task: Task) -> Started | Refused:
        try:
            return self._sent(task)
        except Unauthorized:
            self.log_on()
        self._note_intention()  # the first one was not executed: an operator need not look for it
        try:
            return self._sent(task)
        except Unauthorized as error:
            raise AuthenticationRefused(
                f"AMT refused the start twice, each time after a good logon: {error.message}. Nothing was started.",
                subject=f"Job '{task.name}', server {self._address}",
                hint="Look at the rights of the connector's account in AMT Control Center.",
            ) from error

    def _note_intention(self) -> None:
        self._books.intended(LONGEST_TRY_S + self._start_timeout_s)

    def _sent(self, task: Task) -> Started | Refused:
        """Send the start; again only where it provably reached nobody or was provably not executed."""
        try:
            return self._persist(lambda: self._on_wire(task), (NotSent, Busy))
        except Unauthorized:
            raise
        except (NotSent, Busy) as error:
            raise self._unreachable(error) from error
        except (NoAnswer, NotUnderstood) as error:
            self._books.answered()
            raise self._fate_unknown(error, task) from error
        except CallFailed as error:
            raise self._refused(Refused(error.message), task) from error

    def _on_wire(self, task: Task) -> Started | Refused:
        self._clock.wait(0.0)  # whoever was told to stop meanwhile sends nothing
        self._is_on_wire = True
        try:
            answer = self._server.start(task)
        except CallFailed:
            self._is_on_wire = False
            raise
        self._is_on_wire = False
        return answer

    def _persist(self, attempt: Callable[[], T], repeatable: tuple[type[CallFailed], ...]) -> T:
        return persist(
            attempt,
            repeatable,
            final=(CertificateRefused,),
            limit_s=LONGEST_TRY_S,
            clock=self._clock,
            chance=self._chance,
            between=self._say_trying,
        )

    def _say_trying(self, error: CallFailed) -> None:
        if self._says_trying:
            self._says_trying = False
            what = calm(error.message)
            self._narrator.line(f"No usable answer from {self._address} ({what}); trying for up to 60 s")

    def _unreachable(self, error: CallFailed) -> ServerUnreachable:
        if isinstance(error, Busy):
            what = f"The server was too busy to take the request ({error.message})."
        elif isinstance(error, CertificateRefused):
            what = f"The server's identity is not proven: {error.message}."
        else:
            what = f"The server could not be reached: {error.message}."
        return ServerUnreachable(
            f"{what} Nothing was started.",
            subject=f"server {self._address}",
            hint=(f"{error.hint}\n" if error.hint else "")
            + "'amt check' goes through the connection step by step. The job can be restarted as it is.",
        )

    def _fate_unknown(self, error: CallFailed, task: Task) -> SubmissionUnknown:
        hint = self._advice.fate_unknown(self._books.record)
        return SubmissionUnknown(
            f"The start was sent, and it is not known whether AMT received it: {error.message}. The task may be "
            "running; the start is not sent again.",
            subject=f"Job '{task.name}', server {self._address}, run {self._books.record.run_id}",
            hint=f"{hint}\n{PROFILE_HINT}" if isinstance(error, NotUnderstood) else hint,
        )

    def _cut_off(self, task: Task) -> Interrupted:
        return Interrupted(
            "Told to stop while the start was on its way, and no answer came within 20 s: it is not known whether AMT "
            "received it. The task may be running.",
            subject=f"Job '{task.name}', server {self._address}, run {self._books.record.run_id}",
            hint=self._advice.fate_unknown(self._books.record),
        )

    def _refused(self, answer: Refused, task: Task) -> StartRefused:
        status = answer.status
        return StartRefused(
            "AMT did not start the task"
            + (f" and gave {status} as the reason" if status else "")
            + (f": {answer.words}" if answer.words else "."),
            subject=f"Job '{task.name}' of {task.application}, server {self._address}",
            hint="Compare application, job, queue and user with AMT Control Center, and the rights of the connector's "
            "account.\nThe job can be restarted when that is settled.",
            status=(status.code, status.name) if status else None,
        )
