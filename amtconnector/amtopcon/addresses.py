"""From a name to a connection: its addresses are looked up, and tried side by side as RFC 8305 has it.

A name that leads to a silent address and to a good one costs a quarter of a second, and a resolver that hangs is left.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import time
from typing import TYPE_CHECKING, TypeAlias

from amtconnector.amtopcon.waits import Background

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amtconnector.amtopcon.waits import CallLimits

Address: TypeAlias = "tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]"

STAGGER_S = 0.25
"""How long an address is tried alone before the next one is tried beside it."""

# The lightest that takes any number of descriptors: epoll needs one of its own, and three calls more.
_Selector: type[selectors.BaseSelector] = getattr(selectors, "PollSelector", selectors.DefaultSelector)

_UNDER_WAY = frozenset({0, errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", 0)})


class NotResolvedInTime(TimeoutError):
    """The name servers gave no answer as long as a connection may take."""


class Resolver:
    """Looks names up. A look-up that hangs is not begun a second time: the next call waits for the same one."""

    def __init__(self) -> None:
        self._lookup: Background[list[Address]] | None = None
        self._name = ("", 0)

    def addresses(self, host: str, port: int, limits: CallLimits, until: float) -> list[Address]:
        """Return the addresses of a name, in the system's order, or the one that `host` is.

        Raises socket.gaierror, and NotResolvedInTime when it is past `until`.
        """
        try:
            return _looked_up(host, port, socket.AI_NUMERICHOST)
        except socket.gaierror:
            pass
        if self._lookup is None or self._name != (host, port):
            self._lookup, self._name = Background(lambda: _looked_up(host, port)), (host, port)
        try:
            found = self._lookup.result(limits, until)
        except TimeoutError as error:
            raise NotResolvedInTime from error
        self._lookup = None
        return found


def _looked_up(host: str, port: int, flags: int = 0) -> list[Address]:
    try:
        # As bytes: for a text Python loads its tables of international names, and AMT's name is in ASCII.
        found = socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM, flags=flags)
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, "it is no name") from error
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def connect(addresses: Sequence[Address], limits: CallLimits, until: float) -> socket.socket:
    """Return the first connection that comes about.

    Raises OSError when every address fails, and TimeoutError when it is past `until`.
    """
    with _Selector() as selector:
        try:
            return _first(selector, addresses, limits, until)
        finally:
            for key in list(selector.get_map().values()):
                selector.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]  # sockets only


def _first(
    selector: selectors.BaseSelector, addresses: Sequence[Address], limits: CallLimits, until: float
) -> socket.socket:
    waiting = alternating(addresses)
    failures: list[OSError] = []
    next_at = 0.0
    while True:
        if waiting and time.monotonic() >= next_at:
            next_at = time.monotonic() + STAGGER_S if _began(selector, waiting.pop(0), failures) else 0.0
            continue
        if not selector.get_map():
            # A refusal comes from a machine that is there.
            refusal = next((error for error in failures if isinstance(error, ConnectionRefusedError)), None)
            raise refusal or next(iter(failures), OSError(errno.EADDRNOTAVAIL, "the name has no address"))
        longest_s = max(0.001, next_at - time.monotonic()) if waiting else STAGGER_S
        for key, _ in selector.select(limits.next_wait_s(until, longest_s)):
            selector.unregister(key.fileobj)
            if connection := _connected(key.fileobj, failures):  # type: ignore[arg-type]  # sockets only
                return connection
            next_at = 0.0


def alternating(addresses: Sequence[Address]) -> list[Address]:
    """Return the addresses with their families in turn, so that one family that leads nowhere costs one wait."""
    first = [address for address in addresses if address[0] == addresses[0][0]]
    others = [address for address in addresses if address[0] != addresses[0][0]]
    mixed: list[Address] = []
    while first or others:
        mixed += first[:1] + others[:1]
        first, others = first[1:], others[1:]
    return mixed


def _began(selector: selectors.BaseSelector, address: Address, failures: list[OSError]) -> bool:
    family, target = address
    try:
        connection = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:  # a family that this machine does not have, or no descriptor left
        failures.append(error)
        return False
    connection.setblocking(False)
    code = connection.connect_ex(target)
    if code in _UNDER_WAY:
        selector.register(connection, selectors.EVENT_WRITE)
        return True
    failures.append(_os_error(code))
    connection.close()
    return False


def _connected(connection: socket.socket, failures: list[OSError]) -> socket.socket | None:
    code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code == 0:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection
    failures.append(_os_error(code))
    connection.close()
    return None


def _os_error(code: int) -> OSError:
    """Return the exception that stands for the system's number; only Python's own table knows those of Windows."""
    known: dict[int, str] = getattr(socket, "errorTab", {})
    return OSError(code, known.get(code) or os.strerror(code))
