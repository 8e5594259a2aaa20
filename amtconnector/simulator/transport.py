"""The way down to the connection: uvicorn's own HTTP protocol, with its transport handed to the application."""

from __future__ import annotations

import socket
import struct
import sys
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from starlette.types import Receive, Scope

_LINGER_NOT = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


def protocol_noting(opened: Callable[[int], int]) -> type[H11Protocol]:
    """Return an HTTP protocol that calls `opened` with the client's port for each connection.

    What `opened` returns, the connection's number, is in each request's scope as `state["connection"]`, the transport
    as `state["transport"]`.
    """

    class NotedProtocol(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
            super().connection_made(transport)
            port = self.client[1] if self.client else 0
            self.app_state = {**self.app_state, "transport": transport, "connection": opened(port)}

    return NotedProtocol


class ListeningSocket(socket.socket):
    """A listening socket that resets a connection right after the TCP handshake when it is told to.

    A TLS client sees its handshake cut short. (asyncio on Windows accepts without asking; no connection is cut there.)
    """

    resets: Callable[[], bool]

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection, or reset it and say that there is none."""
        connection, address = super().accept()
        if not self.resets():
            return connection, address
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        connection.close()
        raise BlockingIOError


def transport_of(scope: Scope) -> asyncio.Transport:
    """Return the transport of the connection that a request came on."""
    transport: asyncio.Transport = scope["state"]["transport"]
    return transport


def reset(transport: asyncio.Transport) -> None:
    """Reset the TCP connection: what was not sent yet is lost, and the client gets an RST."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    transport.abort()


async def until_gone(receive: Receive) -> None:
    """Wait until the connection is closed, by whichever side."""
    while (await receive())["type"] != "http.disconnect":
        pass
