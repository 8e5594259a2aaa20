"""The HTTP conversation with AMTOpCon: one method a call, no loops, no sleeps.

Every call opens a connection of its own and closes it. Redirects are not followed and proxy variables are ignored: the
credentials go to the configured server and nowhere else.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol, TypeVar

from amtconnector.amtopcon.doubtful_logon import Notes, judge
from amtconnector.amtopcon.waits import go_on
from amtconnector.amtopcon.wire import answers, requests
from amtconnector.amtopcon.wire.document import UNREADABLE
from amtconnector.amtopcon.wire.pages import PageTurner, oldest_first
from amtconnector.amtopcon.wire.requests import Sender
from amtconnector.amtopcon.wire.shape import exchange_of
from amtconnector.errors import Busy, CallFailed, LogonRefused, NoAnswer, NotUnderstood, Rejected, Unauthorized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from amtconnector.amtopcon.transport import HttpTransport
    from amtconnector.amtopcon.wire.answers import Refused, Started
    from amtconnector.amtopcon.wire.profile import CallName, Profile
    from amtconnector.amtopcon.wire.reply import Reply
    from amtconnector.amtopcon.wire.requests import Request
    from amtconnector.amtopcon.wire.shape import Exchange
    from amtconnector.credentials import Credentials
    from amtconnector.statuses import Status
    from amtconnector.task import RequestId, Task


T = TypeVar("T")

LONGEST_LOGOFF_S = 1.0
_TOKEN_TO_COME = "-"  # noqa: S105 - stands in the place of one while nothing is sent
_LOOK_AT_LIMITS = "Look at this process's limits (ulimit -a) and at the machine's memory, not at the server."
_STRANDED = (OSError, MemoryError, ImportError, SystemError)
"""The system gives the connector too little, descriptors or memory: as good as no answer, and it may pass."""


class Account(Notes, Protocol):
    """Whose credentials are used, and what is known of their refusal."""

    def credentials(self) -> Credentials:
        """Return the credentials as the configuration has them now."""

    def attempt(self, while_waiting: Callable[[], None]) -> AbstractContextManager[None]:
        """Wait for the turn to try them; raises LogonRefused when they are not to be tried, Busy after too long."""

    def accepted(self) -> None:
        """Take note that the server accepted them."""

    def refused(self) -> None:
        """Take note that the server refused them."""


class AmtClient:
    """AMTOpCon at one server. `last_exchange` is what was asked and answered last, in words.

    `account` None is good for what needs no logon. `while_waiting` is called between the pieces of an answer; what it
    raises ends the call.
    """

    def __init__(
        self,
        profile: Profile,
        account: Account | None,
        transport: HttpTransport,
        while_waiting: Callable[[], None] = go_on,
    ) -> None:
        self._profile = profile
        self._account = account
        self._while_waiting = while_waiting
        self._exchange = transport
        self._sender = Sender(profile)
        self._last: tuple[Request, Reply] | None = None
        self.has_more_messages = False

    def speak_for(self, run_id: str, task: Task | None = None, started_by: str = "") -> None:
        """Say whose calls these are: the run's id; where they are known, the task and the id of its run."""
        self._sender = self._sender._replace(run_id=run_id, task=task, started_by=started_by)

    def check_start(self, task: Task) -> None:
        """Raise ConfigurationError when the wire profile can't carry one of the task's values; nothing is sent."""
        before_logon = self._sender._replace(token=_TOKEN_TO_COME)
        requests.start(before_logon, task)

    @property
    def last_exchange(self) -> Exchange | None:
        """What was asked and answered last, in words that are found when somebody asks: no poll pays for them."""
        return exchange_of(*self._last, self._exchange.masked) if self._last else None

    @property
    def last_answer(self) -> str:
        """The HTTP status and the shape of the last answer, "" before there is one."""
        exchange = self.last_exchange
        return exchange.answer if exchange else ""

    def has(self, call: CallName) -> bool:
        """Return whether the server has this call, as the wire profile says."""
        return self._profile.has(call)

    def probe(self) -> Reply:
        """Ask whether the service is alive; return whatever is answered. Raises CallFailed when nothing is."""
        return self._reply(requests.heartbeat(self._current()))

    def log_on(self) -> None:
        """Ask for a token. Raises LogonRefused for refused credentials, now or a short while ago, else CallFailed."""
        if self._account is None:
            raise RuntimeError("a logon needs an account")
        credentials = self._account.credentials()
        user, password = credentials.user.reveal(), credentials.password.reveal()
        self._exchange.keep_secret(password, user)
        with self._account.attempt(self._while_waiting):
            self._log_on_as(self._account, user, password)

    def _log_on_as(self, account: Account, user: str, password: str) -> None:
        try:
            logon = requests.logon(self._current(), user, password)
            token = self._once(logon, lambda reply: answers.read_logon(reply, self._profile))
        except LogonRefused:
            account.refused()
            raise
        except (NotUnderstood, Rejected, NoAnswer, Busy) as error:
            if self._last is not None:
                judge(error, self._last[1], self._profile, account, self._is_alive)
            raise
        self._sender = self._sender._replace(token=token)
        self._exchange.keep_secret(password, token)
        account.accepted()

    def _is_alive(self) -> bool:
        """Return whether the server answers otherwise; True where it has no call that would tell."""
        if not self.has("heartbeat"):
            return True
        request = requests.heartbeat(self._current())
        try:
            with self._noted(request, None):
                return self._exchange.reply(request).status < 500
        except CallFailed:
            return False

    def start(self, task: Task) -> Started | Refused:
        """Send the start, once. Raises CallFailed, whose class says whether it was executed.

        Unauthorized means that the token was refused and the start not executed: the caller decides about a new logon.
        """
        request = requests.start(self._current(), task)
        self._sender = self._sender._replace(task=task, started_by=self._sender.run_id)
        return self._once(request, lambda reply: answers.read_start(reply, self._profile))

    def status(self, request_id: RequestId) -> Status:
        """Ask for the status. Raises CallFailed; Unauthorized when the token was refused right after a new logon."""
        return self._asked("status", request_id, lambda reply: answers.read_status(reply, self._profile, request_id))

    def stop(self, request_id: RequestId) -> None:
        """Ask AMT to end the task in order; an accepted one is not done yet. Raises CallFailed."""
        self._asked("stop", request_id, lambda reply: answers.check_agreed(reply, self._profile))

    def kill(self, request_id: RequestId) -> None:
        """Ask AMT to end the task unconditionally; an accepted one is not done yet. Raises CallFailed."""
        self._asked("kill", request_id, lambda reply: answers.check_agreed(reply, self._profile))

    def messages(self, request_id: RequestId, limit_s: float) -> Iterator[list[str]]:
        """Yield the messages of the task and its children in the server's order, as they arrive, in lists.

        Raises CallFailed, also after `limit_s` seconds; what was yielded before then is good. `has_more_messages` tells
        afterwards whether the answer said that it was not all there is.
        """
        if not self.has("messages"):
            return
        end = time.monotonic() + limit_s
        turner = self._turner(request_id)
        lists = self._all_lists(turner, request_id, end)
        if self._profile.messages.is_newest_first:
            first = self._page(self._turner(request_id), request_id, end)
            yield from oldest_first(lists, turner, lambda: [text for texts in first for text in texts])
        else:
            yield from lists

    def close(self) -> None:
        """End the session where the server has a call for it, within 1 s, and release the client. Nothing is raised."""
        if self._sender.token is not None and self.has("logoff"):
            request = requests.logoff(self._current())
            self._sender = self._sender._replace(token=None)
            try:
                self._exchange.farewell(request, LONGEST_LOGOFF_S)
            except (CallFailed, OSError, *UNREADABLE) as error:  # whatever becomes of this, the run's outcome stands
                self._exchange.note(f"logoff: {error}")
        self._exchange.close()

    def _turner(self, request_id: RequestId) -> PageTurner:
        return PageTurner(self._profile, request_id.text, self._exchange.masked)

    def _all_lists(self, turner: PageTurner, request_id: RequestId, end: float) -> Iterator[list[str]]:
        if self._sender.token is None:
            self.log_on()
        try:
            yield from self._message_lists(turner, request_id, end)
        except Unauthorized:
            self.log_on()
            yield from self._message_lists(turner, request_id, end)  # with the page that was refused

    def _message_lists(self, turner: PageTurner, request_id: RequestId, end: float) -> Iterator[list[str]]:
        while turner.has_next:
            yield from self._page(turner, request_id, end)
        self.has_more_messages = turner.says_more
        with self._exchange.noted(requests.about(self._current(), "messages", request_id, turner.page)):
            turner.check()

    def _page(self, turner: PageTurner, request_id: RequestId, end: float) -> Iterator[list[str]]:
        def accept(reply: Reply) -> None:
            answers.check_accepted(reply, self._profile)

        turner.begin()
        request = requests.about(self._current(), "messages", request_id, turner.page)
        limit_s = max(0.0, end - time.monotonic())
        with self._noted(request, None), self._exchange.noted(request):
            with self._exchange.pieces(request, limit_s, accept) as (headers, pieces):
                for chunk in pieces:
                    self._while_waiting()
                    if texts := turner.feed(chunk):
                        yield texts
            if texts := turner.turn(headers):
                yield texts

    def _asked(self, call: CallName, request_id: RequestId, read: Callable[[Reply], T]) -> T:
        """Return what the answer about a batch request means, after one new logon where the token was refused."""
        if self._sender.token is None:
            self.log_on()
        try:
            return self._once(requests.about(self._current(), call, request_id), read)
        except Unauthorized:
            self._exchange.note(f"{call}: the token was refused; logging on once more")
            self._sender = self._sender._replace(token=None)
            self.log_on()
        return self._once(requests.about(self._current(), call, request_id), read)

    def _once(self, request: Request, read: Callable[[Reply], T]) -> T:
        reply = self._reply(request)
        with self._noted(request, reply):
            return read(reply)

    def _current(self) -> Sender:
        """Return who sends, with the cookies as they are now."""
        return self._sender._replace(cookies=self._exchange.cookies)

    def _reply(self, request: Request) -> Reply:
        self._last = None
        with self._noted(request, None):
            reply = self._exchange.reply(request)
        self._last = request, reply
        return reply

    @contextmanager
    def _noted(self, request: Request, reply: Reply | None) -> Iterator[None]:
        """Note a failure, and let it show what was asked and answered."""
        try:
            if reply is None:  # the transport notes it
                yield
            else:
                with self._exchange.noted(request):
                    yield
        except CallFailed as error:
            with suppress(*_STRANDED):  # what only explains may be missing
                error.exchange = error.exchange or exchange_of(request, reply, self._exchange.masked).lines
            raise
        except _STRANDED as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise NoAnswer(f"this system does not let the connector ask ({reason})", hint=_LOOK_AT_LIMITS) from error
