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
        """Shake hands, the certificate verified for `name`, and return the protocol's version.

        On Windows the system is asked about the certificate, and may ask the network: so it is done in a thread.
        """
        self._socket.settimeout(self._limits.next_wait_s(until, float("inf")))
        shaking = Background(lambda: _shaken(context, self._socket, name))
        try:
            secured = shaking.result(self._limits, until)
        except BaseException:
            self._socket.close()
            raise
        self._socket = secured
        return secured.version() or "TLS"

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


def _shaken(context: ssl.SSLContext, connection: socket.socket, name: str) -> ssl.SSLSocket:
    labels = name.removesuffix(".").split(".")
    if not all(0 < len(label) < 64 for label in labels):  # ssl would lose the open socket over its ValueError
        raise ssl.SSLError(f"the name can't be sent: {name}")
    asks_system = type(context) is not ssl.SSLContext
    # As bytes where it may be: for a text Python loads its tables of international names.
    secured = context.wrap_socket(connection, server_hostname=name if asks_system else name.encode("ascii"))
    if asks_system:
        try:
            check_names(secured, name)
        except ssl.SSLError:
            secured.close()
            raise
    return secured
