"""Logging on and starting a task: once, and never in doubt a second time."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

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
    TaskFate,
    TaskState,
    Unauthorized,
)
from amtconnector.run.next_steps import PROFILE_HINT
from amtconnector.run.retry import persist
from amtconnector.system.signals import StopRequested
from amtconnector.text import calm

if TYPE_CHECKING:
    from collections.abc import Callable

    from amtconnector.run.context import RunContext
    from amtconnector.task import RequestId, Task

T = TypeVar("T")

LONGEST_TRY_S = 60.0
"""How long a logon and a start that provably reached nobody are tried again."""

_COMPARE = (
    "Compare application, job, queue and user with AMT Control Center, and the rights of the connector's account."
)


class Submission:
    """One logon and one start."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._amt = context.amt
        self._recorder = context.recorder
        self._address = context.settings.server
        self._is_on_wire = False
        self._says_trying = True

    def log_on(self) -> None:
        """Log on; a rejected logon is never tried again, any other trouble is for at most 60 s.

        Raises AuthenticationRefused, ServerUnreachable and ReplyNotUnderstood: nothing was started.
        """
        try:
            self._persist(self._amt.log_on, (NotSent, Busy, NoAnswer))
        except LogonRefused as error:
            raise AuthenticationRefused(
                f"AMT refused the logon: {error.message}.",
                subject=f"server {self._address}",
                hint=error.hint or self._context.next_steps.credentials,
            ) from error
        except (NotSent, Busy, NoAnswer) as error:
            raise self._unreachable(error) from error
        except CallFailed as error:
            raise ReplyNotUnderstood(
                f"The answer to the logon does not fit AMT's interface: {error.message}.",
                subject=f"server {self._address}",
                hint=(error.hint or f"Check SERVER_ADDRESS first: does AMT answer there? {PROFILE_HINT}")
                + f"\n{self._said_of_password(error)}"
                + (f"\n{error.exchange}" if error.exchange else ""),
            ) from error

    def _said_of_password(self, error: CallFailed) -> str:
        if not error.may_refuse:
            return "It tells nothing about the password."
        return (
            "It may be a refusal of the password. Lest AMT locks the account, these credentials are tried again only "
            "after 10 minutes, as soon as WIRE_PROFILE or they are changed, or after this:\n"
            f"{self._context.next_steps.check}"
        )

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
        self._recorder.submitted(answer.request_id)
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
                f"AMT refused the start twice, each time after a good logon: {error.message}.",
                subject=f"Job '{task.name}', server {self._address}",
                hint="Look at the rights of the connector's account in AMT Control Center.",
            ) from error

    def _note_intention(self) -> None:
        self._recorder.intended(LONGEST_TRY_S + self._context.settings.start_timeout_s)

    def _sent(self, task: Task) -> Started | Refused:
        """Send the start; again only where it provably reached nobody or was provably not executed."""
        try:
            return self._persist(lambda: self._on_wire(task), (NotSent, Busy))
        except Unauthorized:
            raise
        except (NotSent, Busy) as error:
            raise self._unreachable(error) from error
        except (NoAnswer, NotUnderstood) as error:
            self._recorder.answered()
            raise self._fate_unknown(error, task) from error
        except CallFailed as error:
            raise self._refused(Refused(error.message), task, error.hint) from error

    def _on_wire(self, task: Task) -> Started | Refused:
        self._context.clock.wait(0.0)  # whoever was told to stop meanwhile sends nothing
        self._is_on_wire = True
        try:
            answer = self._amt.start(task)
        except CallFailed:
            self._is_on_wire = False
            raise
        self._is_on_wire = False
        return answer

    def _persist(self, attempt: Callable[[], T], repeatable: tuple[type[CallFailed], ...]) -> T:
        def is_repeatable(error: CallFailed) -> bool:
            return isinstance(error, repeatable) and not isinstance(error, CertificateRefused)

        return persist(attempt, is_repeatable, LONGEST_TRY_S, self._context.clock, self._say_trying)

    def _say_trying(self, error: CallFailed) -> None:
        if self._says_trying:
            self._says_trying = False
            what = calm(error.message)
            self._context.log.line(f"No usable answer from {self._address} ({what}); trying for up to 60 s")

    def _unreachable(self, error: CallFailed) -> ServerUnreachable:
        if isinstance(error, Busy):
            what = f"The server was too busy to take the request ({error.message})."
        elif isinstance(error, CertificateRefused):
            what = f"The server's identity is not proven: {error.message}."
        else:
            what = f"The server could not be reached: {error.message}."
        return ServerUnreachable(
            what,
            subject=f"server {self._address}",
            hint=(f"{error.hint}\n" if error.hint else "") + self._context.next_steps.connection,
        )

    def _fate_unknown(self, error: CallFailed, task: Task) -> SubmissionUnknown:
        record = self._recorder.record
        hint = self._context.next_steps.fate_unknown(record)
        return SubmissionUnknown(
            f"The start was sent, and it is not known whether AMT received it: {error.message}. The start is not sent "
            "again.",
            subject=f"Job '{task.name}', server {self._address}, run {record.run_id}",
            hint=hint
            + (f"\n{error.hint or PROFILE_HINT}" if isinstance(error, NotUnderstood) else "")
            + (f"\n{error.exchange}" if error.exchange else ""),
            fate=TaskFate(TaskState.MAYBE, run_id=record.run_id),
        )

    def _cut_off(self, task: Task) -> Interrupted:
        record = self._recorder.record
        return Interrupted(
            "Told to stop while the start was on its way, and no answer came within 20 s: it is not known whether AMT "
            "received it.",
            subject=f"Job '{task.name}', server {self._address}, run {record.run_id}",
            hint=self._context.next_steps.fate_unknown(record),
            fate=TaskFate(TaskState.MAYBE, run_id=record.run_id),
        )

    def _refused(self, answer: Refused, task: Task, hint: str = "") -> StartRefused:
        status = answer.status
        refusal = StartRefused(
            "AMT did not start the task"
            + (f" and gave {status} as the reason" if status else "")
            + (f": {answer.words}" if answer.words else "."),
            subject=f"Job '{task.name}' of {task.application}, server {self._address}",
            hint=f"{hint or _COMPARE}\nThe job can be restarted when that is settled.",
        )
        return refusal.with_status(status.code, status.name) if status else refusal
