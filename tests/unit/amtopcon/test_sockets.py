"""The rules of sockets: polite waits, limits in total, one connection a call. Real ones, on this machine."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest

from amtconnector.amtopcon.transport import LARGEST_ANSWER
from amtconnector.amtopcon.wire.answers import Started
from amtconnector.errors import CallFailed, NoAnswer, NotSent, NotUnderstood, Rejected
from amtconnector.task import RequestId, Task
from tests.support.loopback import (
    LOGGED_ON,
    SERVER,
    Stopped,
    conversation,
    http,
    listening,
    reset,
    scripted,
    stops_after,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ID = RequestId("2112")
TASK = Task("DEMO2", "JOB")


def waits_for_the_end(connection: socket.socket, _number: int) -> None:
    """Say nothing until the other side goes."""
    connection.recv(1)


def drips(head: bytes = b"HTTP/1.1 200 OK\r\nX-Slow: ", drop: bytes = b"x") -> Callable[[socket.socket, int], None]:
    """Return what sends a byte every 20 ms, for ever."""

    def answer(connection: socket.socket, _number: int) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(drop)
            time.sleep(0.02)  # the server's slowness is what is tested

    return answer


def test_every_call_has_a_connection_of_its_own_that_is_closed() -> None:
    """Also where the server would keep it: nothing stays open between two requests."""
    ended: list[bytes] = []

    def answer(connection: socket.socket, number: int) -> None:
        connection.sendall(LOGGED_ON if number == 0 else http(200, 2, "Connection: keep-alive"))
        ended.append(connection.recv(1))

    with listening(answer) as served, conversation(served.server) as line:
        line.service.log_on()
        line.service.status(ID)
        line.service.status(ID)
    assert ended == [b"", b"", b""]
    assert [b"\r\nconnection: close\r\n" in request.lower() for request in served.received] == [True] * 3


def test_requests_look_like_this() -> None:
    """JSON in UTF-8, no compression, our name, the token on every call after the logon and on no other."""
    with listening(scripted(LOGGED_ON, http(200, 2))) as served, conversation(served.server) as line:
        line.service.log_on()
        line.service.status(ID)
    logon, status = (request.lower() for request in served.received)
    for header in (b"content-type: application/json; charset=utf-8", b"accept-encoding: identity", b"amt-connector/"):
        assert header in logon
    assert b"x-amt-logontoken" not in logon
    assert b"x-amt-logontoken: t0ken+/==\r\n" in status
    assert b"content-type" not in status


def test_a_server_that_drips_can_not_outlast_the_limit_in_total() -> None:
    """Twice READ_TIMEOUT, although no single read ever takes that long."""
    with listening(drips()) as served, conversation(served.server._replace(read_timeout_s=0.2)) as line:
        begun = time.monotonic()
        with pytest.raises(NoAnswer, match="no answer in time"):
            line.service.probe()
        assert 0.35 < time.monotonic() - begun < 1


def test_a_start_that_drips_ends_with_its_own_limit() -> None:
    """START_TIMEOUT, and it may have been received."""
    with listening(drips()) as served, conversation(served.server._replace(start_timeout_s=0.3)) as line:
        with pytest.raises(NoAnswer):
            line.service.start(TASK)
        assert len(served.received) == 1


def test_messages_may_come_for_longer_than_any_other_answer() -> None:
    """GetMessages has no limit in total: a long list takes its time."""

    def answer(connection: socket.socket, number: int) -> None:
        if number == 0:
            connection.sendall(LOGGED_ON)
            return
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n[")
        for _ in range(6):
            time.sleep(0.1)  # the server's slowness is what is tested
            connection.sendall(b'"x",')
        connection.sendall(b'"end"]')

    with listening(answer) as served, conversation(served.server._replace(read_timeout_s=0.2)) as line:
        texts = [text for texts in line.service.messages(ID, 60) for text in texts]
    assert texts == ["x"] * 6 + ["end"]


@pytest.mark.parametrize("is_silent", [True, False])
def test_a_wait_for_an_answer_ends_soon_after_it_is_told_to(*, is_silent: bool) -> None:
    """Within 0.2 s and some, both for a server that is silent and for one that drips."""
    answer = waits_for_the_end if is_silent else drips()
    with listening(answer) as served, conversation(served.server, while_waiting=stops_after(0.3)) as line:
        begun = time.monotonic()
        with pytest.raises(Stopped):
            line.service.probe()
        assert time.monotonic() - begun < 0.8


def test_messages_that_drip_for_ever_end_soon_after_being_told_to() -> None:
    """They have no limit in total, so this is the only end."""

    def answer(connection: socket.socket, number: int) -> None:
        if number == 0:
            connection.sendall(LOGGED_ON)
        else:
            drips(b'HTTP/1.1 200 OK\r\n\r\n["')(connection, number)

    with listening(answer) as served, conversation(served.server, while_waiting=stops_after(0.4)) as line:
        begun = time.monotonic()
        with pytest.raises(Stopped):
            list(line.service.messages(ID, 60))
        assert time.monotonic() - begun < 1


def test_a_start_listens_to_its_own_patience_only() -> None:
    """What would end another call does not cut a start that is on the wire."""
    waits: list[None] = []

    def stop() -> None:
        raise Stopped

    def answer(connection: socket.socket, _number: int) -> None:
        time.sleep(0.5)  # longer than a slice of a read
        connection.sendall(http(200, 2112))

    with (
        listening(answer) as served,
        conversation(served.server, while_waiting=stop, while_starting=lambda: waits.append(None)) as line,
    ):
        assert line.service.start(TASK) == Started(ID)
        assert len(waits) >= 3
        with pytest.raises(Stopped):
            line.service.probe()
    assert len(served.received) == 1


def test_a_call_that_is_told_to_stop_before_it_begins_sends_nothing() -> None:
    """Neither a byte nor a connection."""

    def stop() -> None:
        raise Stopped

    with listening(waits_for_the_end) as served, conversation(served.server, while_waiting=stop) as line:
        with pytest.raises(Stopped):
            line.service.probe()
        assert served.received == []


def test_a_refused_port_is_not_sent() -> None:
    """Nobody listens there, and the hint names the setting."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with conversation(SERVER._replace(port=port)) as line, pytest.raises(NotSent, match="connection refused") as caught:
        line.service.start(TASK)
    assert "SERVER_ADDRESS" in caught.value.hint


def test_a_connection_that_does_not_come_about_is_not_sent() -> None:
    """A full queue of connections looks like a firewall that drops packets: no answer to the first one."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        with conversation(SERVER._replace(port=port, connect_timeout_s=0.2)) as line:
            with pytest.raises(NotSent, match=r"no connection within 0\.2 s") as caught:
                line.service.start(TASK)
            assert "firewall" in caught.value.hint
        with conversation(SERVER._replace(port=port, connect_timeout_s=9, read_timeout_s=0.1)) as line:
            begun = time.monotonic()
            with pytest.raises(NotSent):
                line.service.probe()
            assert time.monotonic() - begun < 1
        for one in waiting:
            one.close()


def test_a_name_that_does_not_exist_is_not_sent() -> None:
    """The text names it; .invalid is reserved for this."""
    with conversation(SERVER._replace(host="amt.invalid")) as line:
        with pytest.raises(NotSent, match=r"the name amt\.invalid can't be resolved") as caught:
            line.service.start(TASK)
        assert "DNS" in caught.value.hint


@pytest.mark.parametrize("reads", [True, False])
def test_a_reset_may_have_been_received(*, reads: bool) -> None:
    """Before and after the server has read the request look the same from here."""

    def answer(connection: socket.socket, _number: int) -> None:
        if not reads:
            connection.recv(1, socket.MSG_PEEK)  # it is there, and stays unread
        reset(connection)

    with (
        listening(answer, reads=reads) as served,
        conversation(served.server) as line,
        pytest.raises(NoAnswer),
    ):
        line.service.start(TASK)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HT",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"BatchRequestId":2112}',
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n2112",
    ],
)
def test_an_answer_that_is_cut_short_may_have_been_received(answer: bytes) -> None:
    """A start that ends so is never sent again."""
    with (
        listening(scripted(answer)) as served,
        conversation(served.server) as line,
        pytest.raises(NoAnswer, match="closed the connection before its answer was complete"),
    ):
        line.service.start(TASK)
    assert len(served.received) == 1


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_what_is_no_http_is_shown_and_the_port_doubted(answer: bytes) -> None:
    """At once, whether or not it goes on; a start may have been received all the same."""
    with (
        listening(scripted(answer)) as served,
        conversation(served.server) as line,
        pytest.raises(NoAnswer, match="does not answer in HTTP: it begins with") as caught,
    ):
        line.service.start(TASK)
    assert caught.value.hint == "Check the port in SERVER_ADDRESS: another service may listen on it."


def test_an_alert_of_tls_is_called_so_and_the_setting_named() -> None:
    """In the words of the check; nobody looks for another port."""
    with (
        listening(scripted(b"\x15\x03\x01\x00\x02\x02\x46")) as served,
        conversation(served.server) as line,
        pytest.raises(NoAnswer, match="the server speaks TLS on this port") as caught,
    ):
        line.service.start(TASK)
    assert "SERVER_USES_TLS=True" in caught.value.hint


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip", "deflate", "x-unknown"])
def test_an_encoding_that_was_not_asked_for_is_not_understood(encoding: str) -> None:
    """What a few KB would become has no bound; the text names the encoding."""
    with (
        listening(scripted(http(200, b"\x1f\x8b", f"Content-Encoding: {encoding}"))) as served,
        conversation(served.server) as line,
        pytest.raises(NotUnderstood, match=rf"compressed \({encoding}\)"),
    ):
        line.service.start(TASK)


def test_a_refusal_that_is_encoded_is_a_refusal() -> None:
    """Its status says that nothing was executed; its words are not shown."""
    with (
        listening(scripted(http(400, b"\x1f\x8b", "Content-Encoding: gzip"))) as served,
        conversation(served.server) as line,
        pytest.raises(Rejected, match=r"the server answered 400$"),
    ):
        line.service.start(TASK)


def test_messages_that_are_encoded_are_not_understood() -> None:
    """They have no limit in total, so least of all they."""
    answers = scripted(LOGGED_ON, http(200, b"\x1f\x8b", "Content-Encoding: gzip"))
    with listening(answers) as served, conversation(served.server) as line, pytest.raises(NotUnderstood, match="gzip"):
        list(line.service.messages(ID, 60))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status: int) -> None:
    """Credentials go to the configured server and nowhere else."""
    with listening(scripted(LOGGED_ON)) as elsewhere:
        to = f"Location: {elsewhere.server.base_url}/api/Logon"
        with listening(scripted(http(status, "moved", to))) as served, conversation(served.server) as line:
            with pytest.raises(Rejected, match=str(status)):
                line.service.log_on()
            assert (len(served.received), elsewhere.received) == (1, [])


@pytest.mark.parametrize("place", ["http://[::1", "http://\u00e4/", "//", "", "ftp://x:y/"])
def test_a_redirect_to_nowhere_is_a_refusal_too(place: str) -> None:
    """Where it leads is nobody's business: a 3xx means that nothing was executed."""
    with listening(scripted(http(302, "moved", f"Location: {place}"))) as served, conversation(served.server) as line:
        with pytest.raises(Rejected, match="302"):
            line.service.start(TASK)
        assert len(served.received) == 1


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a service account's environment says."""
    with listening(scripted(LOGGED_ON)) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.server.base_url)
        with listening(scripted(LOGGED_ON)) as served, conversation(served.server) as line:
            line.service.log_on()
        assert (len(served.received), proxy.received) == (1, [])


def test_passwords_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """A .netrc that knows the host adds nothing to a request."""
    path = f"{tmp_path}/netrc"
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123 - one line
        file.write("machine 127.0.0.1 login x password y\n")
    monkeypatch.setenv("NETRC", path)
    with listening(scripted(http(200, "alive"))) as served, conversation(served.server) as line:
        line.service.probe()
    assert b"authorization" not in served.received[0].lower()


def test_cookies_are_sent_back_within_a_run() -> None:
    """A load balancer may tell its servers apart by them."""
    cookie = "Set-Cookie: route=a1; path=/"
    logged_on = http(200, {"AmtLogonToken": "t"}, cookie)
    with listening(scripted(logged_on, http(200, 2))) as served, conversation(served.server) as line:
        line.service.log_on()
        line.service.status(ID)
    assert b"\r\ncookie: route=a1\r\n" in served.received[1].lower()
    with conversation(served.server) as line, pytest.raises(CallFailed):
        line.service.probe()


def test_a_cookie_that_can_not_be_sent_back_is_left_out() -> None:
    """One with letters beyond ASCII is no reason to lose the server, nor the other cookies."""
    logged_on = http(200, {"AmtLogonToken": "t"}, "Set-Cookie: odd=ä; path=/", "Set-Cookie: route=a1; path=/")
    with listening(scripted(logged_on, http(200, 2))) as served, conversation(served.server) as line:
        line.service.log_on()
        line.service.status(ID)
    assert b"\r\ncookie: route=a1\r\n" in served.received[1].lower()


@pytest.mark.parametrize("status", [200, 500])
def test_an_answer_over_1_mib_is_not_understood(status: int) -> None:
    """It is not even read to its end."""
    sent = 0

    def answer(connection: socket.socket, _number: int) -> None:
        nonlocal sent
        connection.sendall(f"HTTP/1.1 {status} OK\r\n\r\n".encode())
        while True:
            connection.sendall(b" " * 65536)
            sent += 65536

    with (
        listening(answer) as served,
        conversation(served.server) as line,
        pytest.raises(NotUnderstood, match="1 MiB"),
    ):
        line.service.start(TASK)
    assert sent < 20 * LARGEST_ANSWER


def test_an_answer_of_1_mib_is_read() -> None:
    """The limit is not below what it says."""
    body = b"2112" + b" " * (LARGEST_ANSWER - 4)
    with listening(scripted(http(200, body))) as served, conversation(served.server) as line:
        assert line.service.start(TASK) == Started(ID)


def test_messages_may_be_longer() -> None:
    """They are read as a stream."""
    texts = ["x" * 80] * 20_000
    with listening(scripted(LOGGED_ON, http(200, texts))) as served, conversation(served.server) as line:
        assert [text for some in line.service.messages(ID, 60) for text in some] == texts
