"""Servers on this machine that answer, or fail to, exactly as a test says; and the connector's side of the line."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from amtconnector.amtopcon.client import AmtClient
from amtconnector.amtopcon.transport import HttpTransport, Waiting
from amtconnector.amtopcon.wire.built_in import load_profile
from amtconnector.config import Server
from amtconnector.credentials import Credentials, Secret

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

USER, PASSWORD, TOKEN = "ocadm-user", 'opcon"xps/ä+', "t0ken+/=="

SERVER = Server(
    host="127.0.0.1",
    port=1,
    uses_tls=False,
    tls_server_name="",
    ca_file=None,
    connect_timeout_s=2,
    read_timeout_s=2,
    start_timeout_s=2,
    submit_user="",
    station="",
    queue_name="",
    user="",
    password="",
)


def nothing() -> None:
    """Do nothing while waiting."""


@dataclass
class KnownAccount:
    """An account whose credentials never change, and what was noted about them."""

    user: str = USER
    password: str = PASSWORD
    noted: list[str] = field(default_factory=list)
    asked: int = 0
    bar: Exception | None = None

    def credentials(self) -> Credentials:
        """Return them."""
        self.asked += 1
        return Credentials(Secret(self.user), Secret(self.password))

    @contextmanager
    def attempt(self, while_waiting: Callable[[], None]) -> Iterator[None]:
        """Let everybody in, unless the test bars it."""
        del while_waiting
        if self.bar:
            raise self.bar
        yield

    def accepted(self) -> None:
        """Keep it for the test."""
        self.noted.append("accepted")

    def refused(self) -> None:
        """Keep it for the test."""
        self.noted.append("refused")

    def doubted(self) -> None:
        """Keep it for the test."""
        self.noted.append("doubted")

    def failed(self) -> bool:
        """Keep it for the test; the second time it is one."""
        self.noted.append("failed")
        return self.noted.count("failed") > 1


@dataclass
class Conversation:
    """The connector's side: the service, and everything that it said."""

    service: AmtClient
    account: KnownAccount
    notes: list[str]
    traces: list[str]


@contextmanager
def conversation(
    server: Server,
    *,
    tls: ssl.SSLContext | None = None,
    while_waiting: Callable[[], None] = nothing,
    while_starting: Callable[[], None] = nothing,
) -> Iterator[Conversation]:
    """Open a service, and close it."""
    notes: list[str] = []
    traces: list[str] = []
    account = KnownAccount()
    waiting = Waiting(while_waiting, while_starting)
    transport = HttpTransport(server, tls=tls, waiting=waiting, note=notes.append, trace=traces.append)
    service = AmtClient(load_profile(), account, transport, while_waiting)
    try:
        yield Conversation(service, account, notes, traces)
    finally:
        service.close()


@dataclass
class Listener:
    """A server: how it is reached, and what it was sent, one request a connection."""

    server: Server
    received: list[bytes] = field(default_factory=list)


class Stopped(Exception):
    """What a wait is ended with."""


def stops_after(seconds: float) -> Callable[[], None]:
    """Return what raises Stopped once this time is over."""
    end = time.monotonic() + seconds

    def check() -> None:
        if time.monotonic() >= end:
            raise Stopped

    return check


@contextmanager
def listening(
    answer: Callable[[socket.socket, int], None], *, tls: ssl.SSLContext | None = None, reads: bool = True
) -> Iterator[Listener]:
    """Serve connections one after the other: read the request (with `reads`), then let `answer` do the rest.

    `answer` gets the connection and its number from 0. With `tls` each connection begins with a handshake.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        served = Listener(SERVER._replace(port=listener.getsockname()[1], uses_tls=tls is not None))
        thread = threading.Thread(target=_serve, args=(listener, served, answer, tls, reads))
        thread.start()
        try:
            yield served
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            thread.join(10)
            assert not thread.is_alive()


def _serve(
    listener: socket.socket,
    served: Listener,
    answer: Callable[[socket.socket, int], None],
    tls: ssl.SSLContext | None,
    reads: bool,  # noqa: FBT001 - handed on by position
) -> None:
    number = 0
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with suppress(OSError), connection:
            connection.settimeout(5)
            if tls is not None:
                connection = tls.wrap_socket(connection, server_side=True)
            with connection:
                served.received.append(_request(connection) if reads else b"")
                answer(connection, number)
        number += 1


def _request(connection: socket.socket) -> bytes:
    """Read one request with its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return data
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def reset(connection: socket.socket) -> None:
    """Cut the connection so that the other side gets a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def http(status: int, document: object = None, *headers: str) -> bytes:
    """Return an HTTP answer with a JSON body, or with this body where it is bytes."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    lines = [f"HTTP/1.1 {status} Reason", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def scripted(*replies: bytes) -> Callable[[socket.socket, int], None]:
    """Answer with one after the other, the last again and again."""

    def answer(connection: socket.socket, number: int) -> None:
        connection.sendall(replies[min(number, len(replies) - 1)])

    return answer


LOGGED_ON = http(200, {"AmtLogonToken": TOKEN})
