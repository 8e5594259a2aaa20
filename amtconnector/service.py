"""The HTTP conversation with AMTOpCon: one method a call, no loops, no sleeps.

Every call opens a connection of its own and closes it. Redirects are not followed and proxy variables are ignored: the
credentials go to the configured server and nowhere else.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from amtconnector.errors import CallFailed, LogonRefused, NotUnderstood, Rejected, Unauthorized
from amtconnector.faults import FAULTS, converted
from amtconnector.masking import masked
from amtconnector.network import Line, httpx, open_client
from amtconnector.wire import answers, requests
from amtconnector.wire.messages import MessageReader
from amtconnector.wire.retry_after import retry_after_s

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime

    from amtconnector.completion import Status
    from amtconnector.config import Server
    from amtconnector.credentials import Credentials
    from amtconnector.task import RequestId, Task
    from amtconnector.wire.answers import Refused, Reply, Started
    from amtconnector.wire.profile import CallName, Profile
    from amtconnector.wire.requests import Request

LARGEST_ANSWER = 1024 * 1024
"""In bytes; a longer answer is not understood, except the messages."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is done while a call waits, before and during every wait; what it raises ends the call.

    `for_start` is used for the start, which is cut only late because it can't be repeated.
    """

    usually: Callable[[], None]
    for_start: Callable[[], None]


class Account(Protocol):
    """Whose credentials are used, and what is known of their refusal."""

    def credentials(self) -> Credentials:
        """Return the credentials as the configuration has them now."""

    def turn(self, while_waiting: Callable[[], None]) -> AbstractContextManager[None]:
        """Wait for the turn to try them, where it is not known yet that they are good."""

    def barred_until(self) -> datetime | None:
        """Return until when they are not to be tried because they were refused; None when they may be."""

    def note(self, *, refused: bool) -> None:
        """Take note of how the server took them."""


class Service:
    """AMTOpCon at one server.

    `note` gets a line for each call that fails, `trace` one for each request and answer, secrets masked.
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
        trace: Callable[[str], None],
    ) -> None:
        self._server = server
        self._profile = profile
        self._account = account
        self._waiting = waiting
        self._note = note
        self._trace = trace
        self._token: str | None = None
        self._secrets: set[str] = set()
        self._line = Line(waiting.usually)
        self._client = open_client(tls, self._line)

    def probe(self) -> Reply:
        """Ask whether the service is alive; return whatever is answered. Raises CallFailed when nothing is."""
        return self._exchange(requests.heartbeat(self._profile), token=None)

    def log_on(self) -> None:
        """Ask for a token. Raises LogonRefused for refused credentials, now or a short while ago, else CallFailed."""
        credentials = self._account.credentials()
        user, password = credentials.user.reveal(), credentials.password.reveal()
        self._secrets |= {user, password}
        with self._account.turn(self._waiting.usually):
            self._log_on_as(user, password)

    def _log_on_as(self, user: str, password: str) -> None:
        if until := self._account.barred_until():
            raise LogonRefused(
                "these credentials were refused less than 10 minutes ago; to keep AMT from locking the account "
                f"they are not tried again before {until.astimezone():%H:%M:%S}"
            )
        try:
            self._token = self._token_for(requests.logon(self._profile, user, password))
        except LogonRefused:
            self._account.note(refused=True)
            raise
        self._secrets.add(self._token)
        self._account.note(refused=False)

    def _token_for(self, logon: Request) -> str:
        reply = self._exchange(logon, token=None)
        with self._noted(logon):
            if reply.status in {401, 403}:
                words = answers.server_words(reply)
                raise LogonRefused(f"the server answered {reply.status}" + (f": {words}" if words else ""))
            if reply.status == 404:  # of the whole interface: no request is meant
                raise Rejected(f"the server answered 404 to the logon: {answers.server_words(reply)}")
            _check(reply)
            if token := answers.read_token(reply, self._profile):
                return token
            raise LogonRefused("the server answered with an empty token")

    def start(self, task: Task) -> Started | Refused:
        """Send the start, once. Raises CallFailed, whose class says whether it was executed.

        Unauthorized means that the token was refused and the start not executed: the caller decides about a new logon.
        """
        request = requests.start(self._profile, task)
        reply = self._exchange(request, token=self._token)
        with self._noted(request):
            _check(reply)
            return answers.read_start(reply, self._profile)

    def status(self, request_id: RequestId) -> Status:
        """Ask for the status. Raises CallFailed; Unauthorized when the token was refused right after a new logon."""
        request = requests.about(self._profile, "status", request_id)
        reply = self._successful(request)
        with self._noted(request):
            return answers.read_status(reply, self._profile, request_id)

    def stop(self, request_id: RequestId) -> None:
        """Ask AMT to end the task in order; any 2xx means accepted, not done. Raises CallFailed."""
        self._successful(requests.about(self._profile, "stop", request_id))

    def kill(self, request_id: RequestId) -> None:
        """Ask AMT to end the task unconditionally; any 2xx means accepted, not done. Raises CallFailed."""
        self._successful(requests.about(self._profile, "kill", request_id))

    def messages(self, request_id: RequestId) -> Iterator[list[str]]:
        """Yield the messages of the task and its children in the server's order, as they arrive, in lists.

        Raises CallFailed; what was yielded before then is good.
        """
        request = requests.about(self._profile, "messages", request_id)
        if self._token is None:
            self.log_on()
        try:
            yield from self._message_lists(request)
        except Unauthorized:
            self.log_on()
            yield from self._message_lists(request)

    def close(self) -> None:
        """Release the client; no connection is open between calls anyway."""
        self._client.close()

    def _message_lists(self, request: Request) -> Iterator[list[str]]:
        members = self._profile.members
        reader = MessageReader(members.messages, members.message_text, self._masked)
        with self._noted(request), self._response(request, self._token, limit_s=None) as response:
            if not response.is_success:
                _check(self._reply(request, response))
            self._trace(f"<- {response.status_code} (messages)")
            for chunk in response.iter_bytes():
                if texts := reader.feed(chunk):
                    yield texts
            if texts := reader.feed(b"", is_last=True):
                yield texts
            reader.check()

    def _successful(self, request: Request) -> Reply:
        """Return the answer, a 2xx, after one new logon where the token was refused."""
        if self._token is None:
            self.log_on()
        reply = self._exchange(request, self._token)
        if reply.status == 401:
            self._note(f"{request.call}: the token was refused; logging on once more")
            self._token = None
            self.log_on()
            reply = self._exchange(request, self._token)
        with self._noted(request):
            _check(reply)
        return reply

    def _exchange(self, request: Request, token: str | None) -> Reply:
        limit_s = self._server.start_timeout_s if request.call == "start" else 2 * self._server.read_timeout_s
        with self._noted(request), self._response(request, token, limit_s) as response:
            return self._reply(request, response)

    @contextmanager
    def _noted(self, request: Request) -> Iterator[None]:
        """Note a failure, with the name of the exception of httpx below it; each lies within one of these only."""
        try:
            yield
        except CallFailed as error:
            below = f" [{type(error.__cause__).__name__}]" if isinstance(error.__cause__, tuple(FAULTS)) else ""
            self._note(f"{request.call}: {error.message}{below}")
            raise

    def _reply(self, request: Request, response: httpx.Response) -> Reply:
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > LARGEST_ANSWER:
                raise NotUnderstood("the answer is longer than 1 MiB")
        headers = {name.lower(): value for name, value in response.headers.items()}
        asked_s = retry_after_s(headers.get("retry-after"))
        reply = answers.Reply(response.status_code, headers, bytes(body), asked_s, self._masked)
        self._trace(f"<- {reply.status} {self._shown_reply(request, reply)}")
        return reply

    @contextmanager
    def _response(self, request: Request, token: str | None, limit_s: float | None) -> Iterator[httpx.Response]:
        is_start = request.call == "start"
        self._line.begin(limit_s, self._waiting.for_start if is_start else self._waiting.usually)
        self._trace(f"-> {request.method} {self._shown_request(request)}")
        try:
            with self._client.stream(
                request.method,
                self._server.base_url + request.target,
                content=request.body,
                headers=self._headers(request, token),
                timeout=self._timeout(request.call),
                extensions=self._extensions(),
            ) as response:
                yield response
        except tuple(FAULTS) as error:
            raise converted(error, self._server, request_left=self._line.request_left) from error

    def _headers(self, request: Request, token: str | None) -> dict[str, str]:
        headers = {} if request.body is None else {"Content-Type": "application/json; charset=utf-8"}
        if token is not None:
            name, value = requests.token_header(self._profile, token)
            headers[name] = value
        return headers

    def _timeout(self, call: CallName) -> httpx.Timeout:
        read_s = self._server.start_timeout_s if call == "start" else self._server.read_timeout_s
        return httpx.Timeout(connect=self._server.connect_timeout_s, read=read_s, write=read_s, pool=None)

    def _extensions(self) -> dict[str, Any]:
        name = self._server.tls_server_name
        return {"sni_hostname": name} if name and self._server.uses_tls else {}

    def _masked(self, text: str) -> str:
        return masked(text, self._secrets)

    def _shown_request(self, request: Request) -> str:
        if request.call == "logon":
            return f"{self._profile.calls['logon'].path} (credentials not shown)"
        return self._masked(f"{request.target} {(request.body or b'').decode()}".rstrip())

    def _shown_reply(self, request: Request, reply: Reply) -> str:
        if request.call == "logon" and reply.is_success:
            return "(the answer to a logon is not shown)"
        return reply.quoted(reply.body.decode("utf-8-sig", "replace"), 2000)


def _check(reply: Reply) -> None:
    if failure := answers.failure_of(reply):
        raise failure
