"""Connections for `amt check`, made as a run makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amtconnector.amtopcon.addresses import Resolver, connect
from amtconnector.amtopcon.sockets import Connection
from amtconnector.amtopcon.waits import CallLimits

if TYPE_CHECKING:
    import socket
    import ssl

    from amtconnector.amtopcon.addresses import Address
    from amtconnector.config import Server


def addresses_of(server: Server) -> list[Address]:
    """Look up the server's addresses; raises OSError."""
    limits = _limits()
    return Resolver().addresses(server.host, server.port, limits, limits.until(server.connect_timeout_s))


def opened(server: Server) -> socket.socket:
    """Open a connection within CONNECT_TIMEOUT; raises OSError. Its own time limit is that, too."""
    limits = _limits()
    until = limits.until(server.connect_timeout_s)
    found = Resolver().addresses(server.host, server.port, limits, until)
    connection = connect(found, limits, until)
    connection.settimeout(server.connect_timeout_s)
    return connection


def secured(server: Server, context: ssl.SSLContext, name: str) -> str:
    """Shake hands as a run does, certificate and name verified, and return the protocol's version; raises OSError."""
    limits = _limits()
    connection = Connection(opened(server), limits)
    try:
        return connection.secure(context, name, limits.until(server.connect_timeout_s))
    finally:
        connection.close()


def _limits() -> CallLimits:
    return CallLimits(lambda: None)
