"""Sockets that can be waited for politely: httpcore's own, read in slices.

A plain blocking read can neither be ended by a signal nor be held to a limit in total, and it can't tell afterwards
whether a request had begun to leave. All times are seconds on the monotonic clock.
"""

from __future__ import annotations

import ssl
import sys
import time
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

import httpcore

from amtconnector import __version__

sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # httpx's own command line costs 35 ms of start-up

import httpx as httpx  # noqa: E402, PLC0414 - after the line above; others take it from here

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from http.cookiejar import Cookie
    from urllib.request import Request

HANDSHAKE = "TLS handshake"
"""The words of a ConnectTimeout that came after the connection stood."""

_SLICE_S = 0.2


def open_client(tls: ssl.SSLContext | None, line: Line) -> httpx.Client:
    """Return a client whose calls each open a connection of their own on `line`; `tls` is None for plain HTTP only."""
    headers = {
        "User-Agent": f"amt-connector/{__version__}",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    # An HTTPTransport always wants a context; for plain HTTP an empty one spares it parsing a bundle of authorities.
    verify = tls if tls is not None else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=0)
    transport = httpx.HTTPTransport(verify=verify, trust_env=False, limits=limits)
    transport._pool._network_backend = PoliteBackend(line)  # noqa: SLF001 - httpx has no door for it
    cookies = CookieJar(SendableCookies())
    return httpx.Client(
        transport=transport,
        headers=headers,
        cookies=cookies,
        follow_redirects=False,
        event_hooks={"response": [_forget_redirect]},
        trust_env=False,
    )


def _forget_redirect(response: httpx.Response) -> None:
    """Keep httpx from reading where a redirect leads: one that it can't read would hide that the call was refused."""
    response.headers.pop("Location", None)


class SendableCookies(DefaultCookiePolicy):
    """Keep only the cookies that can be sent back: httpx raises UnicodeEncodeError for one that is not in ASCII."""

    def set_ok(self, cookie: Cookie, request: Request) -> bool:
        """Return whether to keep it."""
        return f"{cookie.name}{cookie.value}".isascii() and super().set_ok(cookie, request)


class Line:
    """What the sockets of one call share: what to do while waiting, until when, and whether anything was written.

    `while_waiting` is called before and during every wait, at least every 0.2 s; what it raises ends the call.
    """

    def __init__(self, while_waiting: Callable[[], None]) -> None:
        self.while_waiting = while_waiting
        self.deadline = float("inf")
        self.request_left = False

    def begin(self, limit_s: float, while_waiting: Callable[[], None]) -> None:
        """Begin a call that may last `limit_s` in all."""
        self.while_waiting = while_waiting
        self.deadline = time.monotonic() + limit_s
        self.request_left = False

    def remaining_s(self, timeout_s: float | None) -> float:
        """Return how long the next wait may last.

        When the call's time is up it raises httpcore.ReadTimeout, or ConnectTimeout while nothing was written.
        """
        remaining = self.deadline - time.monotonic()
        if remaining <= 0:
            raise httpcore.ReadTimeout if self.request_left else httpcore.ConnectTimeout
        return remaining if timeout_s is None else min(remaining, timeout_s)


class PoliteBackend(httpcore.NetworkBackend):
    """Opens TCP connections whose reads are sliced."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Open a connection; raises httpcore.ConnectError and httpcore.ConnectTimeout."""
        self._line.while_waiting()
        stream = self._inner.connect_tcp(host, port, self._line.remaining_s(timeout), local_address, socket_options)
        self._line.while_waiting()
        return PoliteStream(stream, self._line)


class PoliteStream(httpcore.NetworkStream):
    """One connection, plain or TLS."""

    def __init__(self, inner: httpcore.NetworkStream, line: Line) -> None:
        self._inner = inner
        self._line = line

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what has come, at most `max_bytes`; raises httpcore.ReadTimeout and httpcore.ReadError."""
        self._line.while_waiting()  # a server that sends little by little never lets a slice run out
        end = time.monotonic() + self._line.remaining_s(timeout)
        while True:
            left = end - time.monotonic()
            try:
                return self._inner.read(max_bytes, max(0.001, min(_SLICE_S, left)))
            except httpcore.ReadTimeout:
                if left <= _SLICE_S:
                    raise
            self._line.while_waiting()

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write everything; from here on the server may have received the request."""
        self._line.while_waiting()
        remaining = self._line.remaining_s(timeout)
        self._line.request_left = True
        self._inner.write(buffer, remaining)

    def close(self) -> None:
        """Close the connection."""
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Shake hands; raises httpcore.ConnectError, also for a certificate that fails verification."""
        remaining = self._line.remaining_s(timeout)
        try:
            stream = self._inner.start_tls(ssl_context, server_hostname, remaining)
        except httpcore.ConnectTimeout as error:
            raise httpcore.ConnectTimeout(HANDSHAKE) from error
        return PoliteStream(stream, self._line)

    def get_extra_info(self, info: str) -> Any:
        """Pass httpcore's question on."""
        return self._inner.get_extra_info(info)
