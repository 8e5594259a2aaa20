"""One request and its answer over HTTP: a connection of its own, its time limits, and what is kept of it in the log."""

from __future__ import annotations

from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from amtconnector.amtopcon.cookies import Cookies
from amtconnector.amtopcon.failures import FAILURES, Progress, converted
from amtconnector.amtopcon.http_connection import client_for
from amtconnector.amtopcon.httpx_import import httpx
from amtconnector.amtopcon.waits import CallLimits, go_on
from amtconnector.amtopcon.wire.reply import Reply, retry_after_s
from amtconnector.amtopcon.wire.shape import shown
from amtconnector.errors import CallFailed, NotUnderstood
from amtconnector.named_tuple import NamedTuple
from amtconnector.text import excerpt, masked

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping

    from amtconnector.amtopcon.wire.requests import Request
    from amtconnector.config import Server

LARGEST_ANSWER = 1024 * 1024
"""In bytes; a longer answer is not understood, except the messages."""


class Waiting(NamedTuple):
    """What is done while a call waits, before and during every wait; what it raises ends the call.

    `for_start` is used for the start, which is cut only late because it can't be repeated.
    """

    usually: Callable[[], None] = go_on
    for_start: Callable[[], None] = go_on


UNHURRIED = Waiting()
"""Nobody wants to end a wait."""


def open_transport(
    server: Server,
    waiting: Waiting = UNHURRIED,
    note: Callable[[str], None] = lambda _: None,
    trace: Callable[[str], None] | None = None,
) -> HttpTransport:
    """Return the transport to a server; raises ConfigurationError for a CA_FILE that can't be used."""
    context = None
    if server.uses_tls:
        from amtconnector.amtopcon import tls  # for https only

        context = tls.context(server)
    return HttpTransport(server, tls=context, waiting=waiting, note=note, trace=trace)


class HttpTransport:
    """The client's side of HTTP. Redirects are not followed and proxy variables of the environment are ignored.

    `note` gets a line for each call that fails, `trace` (None: nobody) one for each request and answer, secrets masked.
    """

    def __init__(
        self,
        server: Server,
        *,
        tls: ssl.SSLContext | None,
        waiting: Waiting = UNHURRIED,
        note: Callable[[str], None] = lambda _: None,
        trace: Callable[[str], None] | None = None,
    ) -> None:
        self._server = server
        self._waiting = waiting
        self.note = note
        self._trace = trace
        self._secrets: set[str] = set()
        self._names: set[str] = set()
        self._limits = CallLimits(waiting.usually)
        self._cookies = Cookies()
        self._has_answered = False
        self._client = client_for(tls, self._limits, self._cookies)

    def keep_secret(self, secret: str, *names: str) -> None:
        """Mask a secret from now on, and names and tokens that may look like words: those as a whole only."""
        self._secrets.add(secret)
        self._names.update(names)

    def close(self) -> None:
        """Release the client; no connection is open between calls anyway."""
        self._client.close()

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that the server has set."""
        return {cookie.name: cookie.value or "" for cookie in self._client.cookies.jar}

    def reply(self, request: Request) -> Reply:
        """Send a request and return its answer, whatever its status.

        Raises CallFailed when there is none, or one of more than 1 MiB.
        """
        limit_s = self._server.start_timeout_s if request.call == "start" else 2 * self._server.read_timeout_s
        with self.noted(request), self._response(request, limit_s) as response:
            return self._reply(request, response)

    def farewell(self, request: Request, limit_s: float) -> None:
        """Send a request whose answer nobody needs, for at most `limit_s` seconds, whoever wants to stop meanwhile.

        Raises CallFailed.
        """
        waiting, self._waiting = self._waiting, UNHURRIED
        try:
            with self._response(request, limit_s) as response:
                self._reply(request, response)
        finally:
            self._waiting = waiting

    @contextmanager
    def pieces(
        self, request: Request, limit_s: float, judge: Callable[[Reply], None]
    ) -> Iterator[tuple[Mapping[str, str], Iterator[bytes]]]:
        """Send a request; yield the headers of its answer, a 2xx, and its pieces, for at most `limit_s` seconds.

        `judge` raises what any other answer means. Raises CallFailed.
        """
        with self._response(request, limit_s) as response:
            if not response.is_success:
                judge(self._reply(request, response))
            if self._trace:
                self._trace(f"<- {response.status_code} (messages)")
            yield _headers(response), _pieces(response)

    @contextmanager
    def noted(self, request: Request) -> Iterator[None]:
        """Note a failure, with the name of the exception of httpx below it; each lies within one of these only."""
        try:
            yield
        except CallFailed as error:
            below = f" [{type(error.__cause__).__name__}]" if isinstance(error.__cause__, tuple(FAILURES)) else ""
            self.note(f"{request.call}: {error.message}{below}")
            raise

    def _reply(self, request: Request, response: httpx.Response) -> Reply:
        headers = _headers(response)
        if location := response.extensions.get("location"):
            headers["location"] = location
        reply = Reply(
            response.status_code,
            headers,
            _body(response),
            retry_after_s=retry_after_s(headers.get("retry-after")),
            conceal=self.masked,
            is_complete_for_sure=response.extensions.get("has_known_end", True),
        )
        if self._trace:
            self._trace(f"<- {reply.status} {self._shown_reply(request, reply)}")
        return reply

    @contextmanager
    def _response(self, request: Request, limit_s: float) -> Iterator[httpx.Response]:
        server, is_start = self._server, request.call == "start"
        read_s = server.start_timeout_s if is_start else server.read_timeout_s
        self._limits.begin(limit_s, self._waiting.for_start if is_start else self._waiting.usually)
        if self._trace:
            self._trace(f"-> {request.method} {self._shown_request(request)}")
        try:
            with self._client.stream(
                request.method,
                _url(server.base_url + request.target),
                content=request.body,
                headers=dict(request.headers),
                timeout=httpx.Timeout(connect=server.connect_timeout_s, read=read_s, write=read_s, pool=None),
                extensions={"sni_hostname": server.tls_server_name} if server.tls_server_name else {},
            ) as response:
                self._has_answered = True
                yield response
        except tuple(FAILURES) as error:
            progress = Progress(request_left=self._limits.request_left, had_contact=self._has_answered)
            failure = converted(error, self._server, progress)
            failure.message = self.masked(failure.message)
            raise failure from error

    def masked(self, text: str) -> str:
        """Return a text of the server's without the secrets that are known."""
        return masked(text, self._secrets, self._names | self._cookies.secrets())

    def _shown_request(self, request: Request) -> str:
        if request.call == "logon":
            return f"{request.shown_target} (credentials not shown)"
        return self.masked(f"{request.target} {(request.body or b'').decode()}".rstrip())

    def _shown_reply(self, request: Request, reply: Reply) -> str:
        if request.call == "logon" and reply.is_success:
            return shown(reply, hides_texts=True)
        return reply.quoted(reply.body.decode("utf-8-sig", "replace"), 2000)


def _headers(response: httpx.Response) -> dict[str, str]:
    """Return the headers, their names in lower case."""
    return {name.lower(): value for name, value in response.headers.items()}


@lru_cache(4)
def _url(text: str) -> httpx.URL:
    """Return an address as httpx has it, read once for all polls."""
    return httpx.URL(text)


def _pieces(response: httpx.Response) -> Iterator[bytes]:
    """Return the body, as it comes.

    Raises NotUnderstood for a 2xx that is encoded: what a few KB would become has no bound. Of any other answer the
    status says enough.
    """
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding in {"", "identity"}:
        return response.iter_bytes()
    if response.is_success:
        raise NotUnderstood(f"the answer is compressed ({excerpt(encoding, 40)}), although it was asked for as it is")
    return iter(())


def _body(response: httpx.Response) -> bytes:
    body = bytearray()
    for piece in _pieces(response):
        body += piece
        if len(body) > LARGEST_ANSWER:
            raise NotUnderstood("the answer is longer than 1 MiB")
    return bytes(body)
