"""One connection, plain or TLS, whose waits a signal can end and which knows whether a request began to leave.

A plain blocking read can neither be ended by a signal nor be held to a limit in total. Everything here raises OSError,
of which TimeoutError and ssl.SSLError are two, and what `while_waiting` raises.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from amtconnector.amtopcon.tls import check_names
from amtconnector.amtopcon.waits import Background

if TYPE_CHECKING:
    import socket

    from amtconnector.amtopcon.waits import CallLimits

_LARGEST_PIECE = 65536


class Connection:
    """A connection that stands."""

    def __init__(self, connection: socket.socket, limits: CallLimits) -> None:
        self._socket = connection
        self._limits = limits

    def secure(self, context: ssl.SSLContext, name: str, until: float) -> str:
        """Shake hands, the certificate verified for `name`, and return the protocol's version."""
        try:
            _ensure_sendable(name)
            if type(context) is ssl.SSLContext:
                secured = self._shaken(context, name, until)
            else:
                secured = self._shaken_asking_the_system(context, name, until)
        except BaseException:
            self._socket.close()
            raise
        return secured.version() or "TLS"

    def _shaken(self, context: ssl.SSLContext, name: str, until: float) -> ssl.SSLSocket:
        # The name as bytes: for a text Python loads its tables of international names.
        sent = name.encode("ascii")
        secured = context.wrap_socket(self._socket, server_hostname=sent, do_handshake_on_connect=False)
        self._socket = secured
        while True:
            secured.settimeout(self._limits.next_wait_s(until))
            try:
                secured.do_handshake()
            except TimeoutError:
                continue
            return secured

    def _shaken_asking_the_system(self, context: ssl.SSLContext, name: str, until: float) -> ssl.SSLSocket:
        """Windows may ask the network about a certificate, however long that takes: so it is done in a thread."""
        self._socket.settimeout(self._limits.next_wait_s(until, float("inf")))
        shaking = Background(lambda: context.wrap_socket(self._socket, server_hostname=name))
        secured = shaking.result(self._limits, until)
        self._socket = secured
        check_names(secured, name)
        return secured

    def send(self, content: bytes, timeout_s: float | None) -> None:
        """Send everything; from here on the server may have received the request."""
        left = memoryview(content)
        until = self._limits.until(timeout_s)
        while left:
            self._socket.settimeout(self._limits.next_wait_s(until))
            self._limits.request_left = True
            try:
                left = left[self._socket.send(left) :]
            except TimeoutError:
                continue

    def receive(self, timeout_s: float | None) -> bytes:
        """Return what has come, b"" at the connection's end."""
        until = self._limits.until(timeout_s)
        while True:
            self._socket.settimeout(self._limits.next_wait_s(until))
            try:
                return self._socket.recv(_LARGEST_PIECE)
            except TimeoutError:
                continue

    def close(self) -> None:
        """Close it."""
        self._socket.close()


def _ensure_sendable(name: str) -> None:
    """Raise ssl.SSLError for a name that wrap_socket takes for a ValueError, over which it loses the open socket."""
    if not all(0 < len(label) < 64 for label in name.removesuffix(".").split(".")):
        raise ssl.SSLError(f"the name can't be sent: {name}")
