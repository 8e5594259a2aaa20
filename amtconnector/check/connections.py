"""Connections for `amt check`, made as a run makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from amtconnector.amtopcon.addresses import Resolver, connect
from amtconnector.amtopcon.sockets import Connection
from amtconnector.amtopcon.waits import Background, CallLimits

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable

    from amtconnector.amtopcon.addresses import Address
    from amtconnector.config import Server

T = TypeVar("T")


def addresses_of(server: Server) -> list[Address]:
    """Look up the server's addresses; raises OSError."""
    limits = CallLimits()
    return Resolver().addresses(server.host, server.port, limits, limits.until(server.connect_timeout_s))


def within(limit_s: float, work: Callable[[], T]) -> T:
    """Do something that may take `limit_s`, in a thread; raises what it raises, and TimeoutError."""
    limits = CallLimits()
    return Background(work).result(limits, limits.until(limit_s))


def opened(server: Server, longest_wait_s: float | None = None) -> socket.socket:
    """Open a connection within CONNECT_TIMEOUT; raises OSError. No wait on it is longer than that, or as given."""
    limits = CallLimits()
    until = limits.until(server.connect_timeout_s)
    found = Resolver().addresses(server.host, server.port, limits, until)
    connection = connect(found, limits, until)
    connection.settimeout(longest_wait_s or server.connect_timeout_s)
    return connection


def secured(server: Server, context: ssl.SSLContext, name: str) -> str:
    """Shake hands as a run does, certificate and name verified, and return the protocol's version; raises OSError."""
    limits = CallLimits()
    connection = Connection(opened(server), limits)
    try:
        return connection.secure(context, name, limits.until(server.connect_timeout_s))
    finally:
        connection.close()
