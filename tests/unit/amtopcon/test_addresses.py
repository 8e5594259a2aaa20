"""The rules of coming from a name to a connection: side by side, within one limit, left when told to."""

from __future__ import annotations

import errno
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from amtconnector.amtopcon.addresses import Resolver, alternating, connect
from amtconnector.amtopcon.waits import Background, CallLimits
from amtconnector.errors import NotSent
from tests.support.loopback import SERVER, conversation, http, listening, nothing, scripted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amtconnector.amtopcon.addresses import Address

V4, V6 = socket.AF_INET, socket.AF_INET6


class Stopped(Exception):
    """What a wait is ended with."""


def limits(limit_s: float = 5.0) -> CallLimits:
    """Return the limits of a call that may last so long."""
    begun = CallLimits(nothing)
    begun.begin(limit_s, nothing)
    return begun


@contextmanager
def silent() -> Iterator[Address]:
    """Return an address that answers nothing, as one behind a firewall: its queue of connections is full."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        target = full.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(target)
        try:
            yield V4, target
        finally:
            for one in waiting:
                one.close()


@contextmanager
def good() -> Iterator[Address]:
    """Return an address that accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield V4, listener.getsockname()


def refusing() -> Address:
    """Return an address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return V4, listener.getsockname()


def test_families_take_turns() -> None:
    """In the system's order, its first family first: one family that leads nowhere costs one wait."""
    a, b, c = (V6, ("::1", 1)), (V6, ("::2", 1)), (V6, ("::3", 1))
    x, y = (V4, ("10.0.0.1", 1)), (V4, ("10.0.0.2", 1))
    assert alternating([a, b, c, x, y]) == [a, x, b, y, c]
    assert alternating([x, y, a]) == [x, a, y]
    assert alternating([]) == []


def test_a_silent_address_costs_a_quarter_of_a_second() -> None:
    """The next one is tried beside it, and the first connection that comes about is used."""
    with silent() as first, good() as second:
        begun = time.monotonic()
        with connect([first, second], limits(), begun + 5) as connection:
            assert connection.getpeername() == second[1]
        assert 0.2 < time.monotonic() - begun < 1


def test_a_refusal_costs_nothing() -> None:
    """The next address is tried at once."""
    with good() as second:
        begun = time.monotonic()
        connect([refusing(), refusing(), second], limits(), begun + 5).close()
        assert time.monotonic() - begun < 0.2


def test_three_silent_addresses_take_as_long_as_one() -> None:
    """CONNECT_TIMEOUT is for the attempt, not for each of its addresses."""
    with silent() as first, silent() as second, silent() as third:
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            connect([first, second, third], limits(), begun + 0.6)
        assert 0.5 < time.monotonic() - begun < 1


def test_of_several_failures_the_refusal_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes from a machine that is there; a family that this one does not have says nothing."""
    with pytest.raises(ConnectionRefusedError):
        connect([refusing()], limits(), time.monotonic() + 5)
    real = socket.socket

    def no_v6(family: int = V4, *args: Any) -> socket.socket:
        if family == V6:
            raise OSError(errno.EAFNOSUPPORT, "no IPv6 here")
        return real(family, *args)

    monkeypatch.setattr(socket, "socket", no_v6)
    with pytest.raises(ConnectionRefusedError):
        connect([(V6, ("::1", 1)), refusing()], limits(), time.monotonic() + 5)
    with pytest.raises(OSError, match="no IPv6 here"):
        connect([(V6, ("::1", 1))], limits(), time.monotonic() + 5)
    with pytest.raises(OSError, match="no address"):
        connect([], limits(), time.monotonic() + 5)


def test_no_socket_is_left_open() -> None:
    """Those that lost are closed; an unclosed one would warn, and warnings are errors here."""
    with silent() as first, silent() as second, good() as third:
        connect([first, second, third], limits(), time.monotonic() + 5).close()


class HangingResolver:
    """The system's resolver, which answers when the test lets it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = 0
        self.released = threading.Event()
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self)

    def __call__(self, host: str, port: int, **options: Any) -> Any:
        """Answer for every name with this machine's own address."""
        del host
        if options.get("flags"):
            raise socket.gaierror(socket.EAI_NONAME, "it is no address")
        self.asked += 1
        self.released.wait(10)
        return self._real("127.0.0.1", port, type=socket.SOCK_STREAM)


def test_a_resolver_that_hangs_is_left_within_the_connections_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was sent; and no call hangs for longer than CONNECT_TIMEOUT."""
    resolver = HangingResolver(monkeypatch)
    with conversation(SERVER._replace(host="amt.example", connect_timeout_s=0.3)) as line:
        begun = time.monotonic()
        with pytest.raises(NotSent, match=r"the name amt\.example was not resolved within 0\.3 s") as caught:
            line.service.probe()
        assert "about DNS" in caught.value.hint
        assert "firewall" not in caught.value.hint
        assert time.monotonic() - begun < 1
    resolver.released.set()


def test_a_resolver_that_hangs_is_left_when_told_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within 0.2 s and some."""
    resolver = HangingResolver(monkeypatch)
    end = time.monotonic() + 0.3

    def stops() -> None:
        if time.monotonic() >= end:
            raise Stopped

    with conversation(SERVER._replace(host="amt.example"), while_waiting=stops) as line:
        with pytest.raises(Stopped):
            line.service.probe()
        assert time.monotonic() < end + 0.5
    resolver.released.set()


def test_a_look_up_that_hangs_is_not_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next call waits for the same one: threads don't pile up while a name server is away."""
    resolver = HangingResolver(monkeypatch)
    with listening(scripted(http(200, "alive"))) as served:
        server = served.server._replace(host="amt.example", connect_timeout_s=0.3)
        with conversation(server) as line:
            for _ in range(3):
                with pytest.raises(NotSent):
                    line.service.probe()
            assert resolver.asked == 1
            resolver.released.set()
            assert line.service.probe().status == 200
            assert line.service.probe().status == 200
            assert resolver.asked == 2


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example", "amt.invalid"])
def test_what_is_no_name_can_not_be_resolved(host: str) -> None:
    """Python refuses some with a UnicodeError; it is a name that leads nowhere all the same."""
    with pytest.raises(socket.gaierror):
        Resolver().addresses(host, 1, limits(), time.monotonic() + 5)


def test_work_is_done_here_where_no_thread_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account at its limit of processes still reaches its server."""

    def no_thread(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_thread)
    assert Background(lambda: 7).result(limits(), time.monotonic() + 1) == 7


def test_limits_hold_for_the_call_in_all() -> None:
    """A step may take its own time, but never longer than the call."""
    begun = limits(0.5)
    assert begun.until(5) <= time.monotonic() + 0.5
    assert begun.until(0.1) <= time.monotonic() + 0.1
    assert begun.next_wait_s(time.monotonic() + 5) <= 0.2
    with pytest.raises(TimeoutError):
        begun.next_wait_s(time.monotonic() - 1)
