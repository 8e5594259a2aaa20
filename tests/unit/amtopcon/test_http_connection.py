"""The rules of the transport below httpx, with an error of the system in every place where one can come."""

from __future__ import annotations

import errno
import inspect
import os
import re
import socket
import ssl
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import httpx
import pytest

from amtconnector.amtopcon import http_answer, http_connection
from amtconnector.amtopcon.failures import FAILURES
from amtconnector.amtopcon.http_connection import ConnectionPerCall
from amtconnector.amtopcon.waits import CallLimits
from amtconnector.errors import CallFailed, NoAnswer, NotSent
from amtconnector.task import RequestId, Task
from tests.support.loopback import SERVER, conversation, http, nothing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ERRORS = [
    OSError(code, os.strerror(code))
    for code in (
        errno.ECONNRESET,
        errno.EPIPE,
        errno.ENOMEM,
        errno.EMFILE,
        errno.EIO,
        errno.ENETDOWN,
        errno.EHOSTUNREACH,
    )
]
TASK = Task("DEMO2", "JOB")
NONE: Mapping[str, BaseException] = {}


class ScriptedSocket:
    """A socket that answers, or fails, where the test says; it keeps what was sent."""

    def __init__(self, fails: Mapping[str, BaseException] = NONE, answer: bytes = http(200, 2112)) -> None:
        self.sent = b""
        self.is_closed = False
        self._answer = answer
        self._fails = fails

    def settimeout(self, seconds: float) -> None:
        """Take any limit that a socket takes."""
        assert 0 < seconds < 1e6
        self._fail("settimeout")

    def send(self, content: memoryview) -> int:
        """Take seven bytes at a time."""
        self._fail("send")
        if len(self.sent) >= 50:
            self._fail("send_later")
        self.sent += content[:7]
        return len(content[:7])

    def recv(self, limit: int) -> bytes:
        """Give thirteen bytes at a time, then the end."""
        self._fail("recv")
        if len(self._answer) < 30:
            self._fail("recv_later")
        piece, self._answer = self._answer[: min(13, limit)], self._answer[13:]
        return piece

    def close(self) -> None:
        """Be closed."""
        self.is_closed = True

    def _fail(self, place: str) -> None:
        if error := self._fails.get(place):
            raise error


@contextmanager
def connected(end: ScriptedSocket) -> Iterator[None]:
    """Let every call find this at the other end."""
    with patch.object(http_connection, "connect", return_value=end):
        yield


def started(end: ScriptedSocket) -> Any:
    """Return what becomes of a start, or its failure."""
    with connected(end), conversation(SERVER) as line:
        try:
            return line.service.start(TASK)
        except CallFailed as failure:
            return failure
        finally:
            assert end.is_closed


def test_a_request_is_sent_whole_however_little_the_system_takes() -> None:
    """And its answer read, however little comes at a time; the connection is closed."""
    end = ScriptedSocket()
    assert started(end).request_id == RequestId("2112")
    assert end.sent.startswith(b"POST /api/OpConJobAction HTTP/1.1\r\nHost: 127.0.0.1:1\r\n")
    assert end.sent.count(b"POST ") == 1
    assert b'"JobName":"JOB"' in end.sent


@pytest.mark.parametrize("place", ["send", "send_later", "recv", "recv_later"])
@pytest.mark.parametrize("error", [*ERRORS, ssl.SSLError(1, "bad record"), ssl.SSLEOFError(8, "EOF")], ids=repr)
def test_an_error_from_the_first_byte_on_is_in_doubt(place: str, error: OSError) -> None:
    """Whatever the system calls it: only an answer that was there already is read in spite of it."""
    outcome = started(ScriptedSocket({place: error}))
    if place.startswith("send"):
        assert isinstance(outcome, NoAnswer) or outcome.request_id == RequestId("2112")
        outcome = started(ScriptedSocket({place: error}, b""))
    assert type(outcome) is NoAnswer


@pytest.mark.parametrize("place", ["send", "send_later"])
@pytest.mark.parametrize("number", [errno.ENOMEM, errno.ENOBUFS, errno.EIO])
def test_what_this_system_does_not_send_waits_for_no_answer(place: str, number: int) -> None:
    """A server that got no request, or a part of one, says nothing for as long as START_TIMEOUT."""
    end = ScriptedSocket({place: OSError(number, os.strerror(number)), "recv": AssertionError("waited")})
    assert type(started(end)) is NoAnswer


def test_a_request_that_was_cut_waits_for_what_the_server_left_behind_and_no_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a server has said before it closed is here already: START_TIMEOUT is for whole requests."""
    monkeypatch.setattr(http_connection, "_LEFT_BEHIND_S", 0.1)
    end = ScriptedSocket({"send_later": BrokenPipeError(errno.EPIPE, "Broken pipe"), "recv": TimeoutError()})
    begun = time.monotonic()
    assert isinstance(started(end), NoAnswer)
    assert time.monotonic() - begun < SERVER.start_timeout_s / 2


@pytest.mark.parametrize(
    "error", [*ERRORS, TimeoutError(), ConnectionRefusedError(), socket.gaierror(-3, "again")], ids=repr
)
@pytest.mark.parametrize("place", ["connect", "Resolver.addresses"])
def test_an_error_before_the_first_byte_means_not_sent(place: str, error: OSError) -> None:
    """It may be tried again: no connection stood."""
    target, _, name = place.rpartition(".")
    owner = getattr(http_connection, target) if target else http_connection
    with patch.object(owner, name, side_effect=error), conversation(SERVER) as line:
        with pytest.raises(NotSent) as caught:
            line.service.start(TASK)
        assert caught.value.message


@pytest.mark.parametrize(
    "error", [*ERRORS, TimeoutError(), ssl.SSLError(1, "no"), ssl.SSLCertVerificationError(1, "no")], ids=repr
)
def test_an_error_in_the_handshake_means_not_sent(error: OSError) -> None:
    """Nothing of a request leaves before it is over; the connection is closed."""

    class Context:
        """Shakes no hands."""

        def wrap_socket(self, *_args: Any, **_options: Any) -> None:
            raise error

    end = ScriptedSocket()
    with connected(end), conversation(SERVER._replace(uses_tls=True), tls=Context()) as line:  # type: ignore[arg-type]
        with pytest.raises(NotSent):
            line.service.start(TASK)
        assert (end.sent, end.is_closed) == (b"", True)


@pytest.mark.parametrize("name", [".amt.example", "amt..example", "x" * 64 + ".example"])
def test_a_name_that_tls_can_not_carry_means_not_sent(name: str) -> None:
    """Python would refuse it with a ValueError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server = SERVER._replace(uses_tls=True, tls_server_name=name)
    end = ScriptedSocket()
    with connected(end), conversation(server, tls=context) as line, pytest.raises(NotSent):
        line.service.start(TASK)
    assert (end.sent, end.is_closed) == (b"", True)


@pytest.mark.parametrize("value", ["a\r\nX-Injected: 1", "a\nb", "a\0b", "a\x7f"])
def test_nothing_breaks_out_of_a_header_line(value: str) -> None:
    """A token that holds a line end is refused before a connection is opened."""
    transport = ConnectionPerCall(None, CallLimits(nothing))
    timeout = {"connect": 1.0, "read": 1.0, "write": 1.0, "pool": None}
    request = httpx.Request("GET", "http://127.0.0.1:1/", headers={"X": value}, extensions={"timeout": timeout})
    with pytest.raises(httpx.LocalProtocolError):
        transport.handle_request(request)


def test_all_that_the_transport_raises_is_classified() -> None:
    """Each exception of httpx that its source names is in the table."""
    source = inspect.getsource(http_connection) + inspect.getsource(http_answer)
    named = {getattr(httpx, name) for name in re.findall(r"httpx\.([A-Z]\w+)", source)}
    raised = {kind for kind in named if issubclass(kind, Exception)}
    assert len(raised) > 7
    branches = {httpx.TimeoutException, httpx.TransportError}
    assert raised - branches <= set(FAILURES)
