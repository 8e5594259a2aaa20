"""The transport below httpx: one connection for each call, opened, used once and closed.

httpx's own keeps to neither of the things that a run needs: waits that a signal ends, name resolution included, a limit
for a call in all, and the knowledge whether a byte of a request has left.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from amtconnector import __version__
from amtconnector.amtopcon.addresses import Resolver, connect
from amtconnector.amtopcon.http_answer import CONTROLS, AnswerReader
from amtconnector.amtopcon.httpx_import import httpx
from amtconnector.amtopcon.sockets import Connection
from amtconnector.amtopcon.tls_failures import is_of_tls

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    from amtconnector.amtopcon.cookies import Cookies
    from amtconnector.amtopcon.http_answer import Head
    from amtconnector.amtopcon.waits import CallLimits

HANDSHAKE = "TLS handshake"
"""The words of a ConnectTimeout that came after the connection stood."""


def client_for(tls: ssl.SSLContext | None, limits: CallLimits, cookies: Cookies) -> httpx.Client:
    """Return a client that asks for JSON as it is, over a connection that is closed after each call."""
    headers = {
        "User-Agent": f"amt-connector/{__version__}",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    return httpx.Client(
        transport=ConnectionPerCall(tls, limits),
        headers=headers,
        cookies=cookies,
        follow_redirects=False,
        event_hooks={"response": [_set_redirect_aside]},
        trust_env=False,
    )


def _set_redirect_aside(response: httpx.Response) -> None:
    """Keep httpx from reading where a redirect leads: one that it can't read would hide that the call was refused."""
    response.extensions["location"] = response.headers.pop("Location", "")


class ConnectionPerCall(httpx.BaseTransport):
    """Sends each request over a connection of its own; `tls` is None for plain HTTP.

    Raises httpx.TransportError and httpx.DecodingError, whatever goes wrong, and what `limits` raises.
    """

    def __init__(self, tls: ssl.SSLContext | None, limits: CallLimits) -> None:
        self._tls = tls
        self._limits = limits
        self._resolver = Resolver()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its answer, the body still to be read."""
        content = _head_of(request) + request.read()
        read_s = request.extensions["timeout"]["read"]
        connection = self._opened(request)
        try:
            if not _sent(connection, content, request.extensions["timeout"]["write"]):
                read_s = min(read_s, _LEFT_BEHIND_S)
            reader = AnswerReader(lambda: _received(connection, read_s))
            head = reader.head()
        except BaseException:
            connection.close()
            raise
        return httpx.Response(
            head.status,
            headers=list(head.headers),
            stream=_Body(reader, head, connection.close),
            extensions={"has_known_end": head.has_known_end},
        )

    def _opened(self, request: httpx.Request) -> Connection:
        self._limits.while_waiting()  # whoever was told to stop opens nothing
        until = self._limits.until(request.extensions["timeout"]["connect"])
        host, port = request.url.raw_host.decode("ascii"), request.url.port or (443 if self._tls else 80)
        with _as(httpx.ConnectTimeout, httpx.ConnectError):
            addresses = self._resolver.addresses(host, port, self._limits, until)
            connection = Connection(connect(addresses, self._limits, until), self._limits)
        if self._tls is not None:
            with _as(httpx.ConnectTimeout, httpx.ConnectError, HANDSHAKE):
                connection.secure(self._tls, request.extensions.get("sni_hostname", host), until)
        return connection


_LEFT_BEHIND_S = 5.0
"""How long an answer is waited for that a server has left behind before it closed: it is here, or never comes."""


class _Body(httpx.SyncByteStream):
    """The body of an answer, read while it is asked for."""

    def __init__(self, reader: AnswerReader, head: Head, close: Callable[[], None]) -> None:
        self._reader = reader
        self._head = head
        self.close = close  # type: ignore[method-assign]

    def __iter__(self) -> Iterator[bytes]:
        return self._reader.body(self._head)


def _sent(connection: Connection, content: bytes, timeout_s: float | None) -> bool:
    """Send a request; return False where the server has closed the connection before all of it was sent."""
    try:
        with _as(httpx.WriteTimeout, httpx.WriteError):
            connection.send(content, timeout_s)
    except httpx.WriteError as error:
        # A server may answer, and close, before it has read everything. Of what this system refuses it hears nothing.
        if not (isinstance(error.__cause__, ConnectionError) or is_of_tls(error.__cause__)):
            raise
        return False
    return True


def _received(connection: Connection, timeout_s: float | None) -> bytes:
    with _as(httpx.ReadTimeout, httpx.ReadError):
        return connection.receive(timeout_s)


@contextmanager
def _as(timeout: type[httpx.TimeoutException], other: type[httpx.TransportError], words: str = "") -> Iterator[None]:
    """Turn the system's exceptions into those that httpx has for this part of a call."""
    try:
        yield
    except TimeoutError as error:
        raise timeout(words) from error
    except OSError as error:
        raise other(words) from error


def _head_of(request: httpx.Request) -> bytes:
    """Return request line and header lines. Raises httpx.LocalProtocolError when one would break out of its line."""
    lines = [b"%s %s HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)]
    lines += [b"%s: %s" % header for header in request.headers.raw]
    if any(line.translate(None, CONTROLS) != line for line in lines):
        raise httpx.LocalProtocolError("a control character in a header")
    return b"\r\n".join(lines) + b"\r\n\r\n"
