"""The HTTP conversation with AMTOpCon: one method a call, no loops, no sleeps.

Every call opens a connection of its own and closes it. Redirects are not followed and proxy variables are ignored: the
credentials go to the configured server and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from amtconnector.amtopcon.transport import HttpTransport
from amtconnector.amtopcon.wire import answers, requests
from amtconnector.amtopcon.wire.messages import MessageReader
from amtconnector.amtopcon.wire.reply import failure_of, server_words
from amtconnector.errors import LogonRefused, Rejected, Unauthorized

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from amtconnector.amtopcon.transport import Waiting
    from amtconnector.amtopcon.wire.answers import Refused, Started
    from amtconnector.amtopcon.wire.profile import Profile
    from amtconnector.amtopcon.wire.reply import Reply
    from amtconnector.amtopcon.wire.requests import Request
    from amtconnector.config import Server
    from amtconnector.credentials import Credentials
    from amtconnector.statuses import Status
    from amtconnector.task import RequestId, Task


class Account(Protocol):
    """Whose credentials are used, and what is known of their refusal."""

    def credentials(self) -> Credentials:
        """Return the credentials as the configuration has them now."""

    def attempt(self, while_waiting: Callable[[], None]) -> AbstractContextManager[None]:
        """Wait for the turn to try them; raises LogonRefused when they are not to be tried, Busy after too long."""

    def accepted(self) -> None:
        """Take note that the server accepted them."""

    def refused(self) -> None:
        """Take note that the server refused them."""


class Service:
    """AMTOpCon at one server.

    `note` gets a line for each call that fails, `trace` (None: nobody) one for each request and answer, secrets masked.
    """

    def __init__(
        self,
        server: Server,
        profile: Profile,
        account: Account,
        *,
        tls: ssl.SSLContext | None,
        waiting: Waiting,
        note: Callable[[str], None],
        trace: Callable[[str], None] | None,
    ) -> None:
        self._profile = profile
        self._account = account
        self._waiting = waiting
        self._exchange = HttpTransport(server, profile, tls=tls, waiting=waiting, note=note, trace=trace)
        self._token: str | None = None

    def probe(self) -> Reply:
        """Ask whether the service is alive; return whatever is answered. Raises CallFailed when nothing is."""
        return self._exchange.reply(requests.heartbeat(self._profile), token=None)

    def log_on(self) -> None:
        """Ask for a token. Raises LogonRefused for refused credentials, now or a short while ago, else CallFailed."""
        credentials = self._account.credentials()
        user, password = credentials.user.reveal(), credentials.password.reveal()
        self._exchange.keep_secret(user, password)
        with self._account.attempt(self._waiting.usually):
            self._log_on_as(user, password)

    def _log_on_as(self, user: str, password: str) -> None:
        try:
            self._token = self._token_for(requests.logon(self._profile, user, password))
        except LogonRefused:
            self._account.refused()
            raise
        self._exchange.keep_secret(self._token)
        self._account.accepted()

    def _token_for(self, logon: Request) -> str:
        reply = self._exchange.reply(logon, token=None)
        with self._exchange.noted(logon):
            if reply.status in {401, 403}:
                words = server_words(reply)
                raise LogonRefused(f"the server answered {reply.status}" + (f": {words}" if words else ""))
            if reply.status == 404:  # of the whole interface: no request is meant
                words = server_words(reply)
                raise Rejected("the server answered 404 to the logon" + (f": {words}" if words else ""))
            _check(reply)
            if token := answers.read_token(reply, self._profile):
                return token
            raise LogonRefused("the server answered with an empty token")

    def start(self, task: Task) -> Started | Refused:
        """Send the start, once. Raises CallFailed, whose class says whether it was executed.

        Unauthorized means that the token was refused and the start not executed: the caller decides about a new logon.
        """
        request = requests.start(self._profile, task)
        reply = self._exchange.reply(request, token=self._token)
        with self._exchange.noted(request):
            _check(reply)
            return answers.read_start(reply, self._profile)

    def status(self, request_id: RequestId) -> Status:
        """Ask for the status. Raises CallFailed; Unauthorized when the token was refused right after a new logon."""
        request = requests.about(self._profile, "status", request_id)
        reply = self._successful(request)
        with self._exchange.noted(request):
            return answers.read_status(reply, self._profile, request_id)

    def stop(self, request_id: RequestId) -> None:
        """Ask AMT to end the task in order; any 2xx means accepted, not done. Raises CallFailed."""
        self._successful(requests.about(self._profile, "stop", request_id))

    def kill(self, request_id: RequestId) -> None:
        """Ask AMT to end the task unconditionally; any 2xx means accepted, not done. Raises CallFailed."""
        self._successful(requests.about(self._profile, "kill", request_id))

    def messages(self, request_id: RequestId, limit_s: float) -> Iterator[list[str]]:
        """Yield the messages of the task and its children in the server's order, as they arrive, in lists.

        Raises CallFailed, also after `limit_s` seconds; what was yielded before then is good.
        """
        request = requests.about(self._profile, "messages", request_id)
        if self._token is None:
            self.log_on()
        try:
            yield from self._message_lists(request, limit_s)
        except Unauthorized:
            self.log_on()
            yield from self._message_lists(request, limit_s)

    def close(self) -> None:
        """Release the client; no connection is open between calls anyway."""
        self._exchange.close()

    def _message_lists(self, request: Request, limit_s: float) -> Iterator[list[str]]:
        members = self._profile.members
        reader = MessageReader(members.messages, members.message_text, self._exchange.masked)
        with self._exchange.noted(request), self._exchange.pieces(request, self._token, limit_s) as pieces:
            for chunk in pieces:
                if texts := reader.feed(chunk):
                    yield texts
            if texts := reader.feed(b"", is_last=True):
                yield texts
            reader.check()

    def _successful(self, request: Request) -> Reply:
        """Return the answer, a 2xx, after one new logon where the token was refused."""
        if self._token is None:
            self.log_on()
        reply = self._exchange.reply(request, self._token)
        if reply.status == 401:
            self._exchange.note(f"{request.call}: the token was refused; logging on once more")
            self._token = None
            self.log_on()
            reply = self._exchange.reply(request, self._token)
        with self._exchange.noted(request):
            _check(reply)
        return reply


def _check(reply: Reply) -> None:
    if failure := failure_of(reply):
        raise failure
