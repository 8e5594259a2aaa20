"""A server that answers from memory and is never what a benchmark waits for: one connection a request, ready answers.

The name of a job says what its task does: `R3M1000` answers RUNNING to three status requests and then DONE, and has
1,000 messages of 80 characters; `R0M1L5000` has one of 5,000.
Run as `python -m tests.benchmarks.server [CERTIFICATE]`; the port is its first line.
"""

from __future__ import annotations

import gc
import itertools
import re
import socket
import ssl
import sys
import threading
from functools import cache

REQUEST = re.compile(rb"(?:GET|POST) /api/(\w+)(?:\?(?:BatchRequestId|Count)=(\d+))?")
JOB = re.compile(rb'"JobName":\s*"R(\d+)M(\d+)(?:L(\d+))?"')
LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)
MESSAGE_LENGTH = 80


def main() -> None:
    """Serve until the process is ended."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    context = None
    if len(sys.argv) > 1:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1])
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    gc.freeze()
    tasks = Tasks()
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # no answer waits for an acknowledgement
        threading.Thread(target=serve, args=(connection, context, tasks), daemon=True).start()


class Tasks:
    """What the tasks that were started have still to do."""

    def __init__(self) -> None:
        self._ids = itertools.count(2112)
        self._running: dict[int, int] = {}
        self._messages: dict[int, tuple[int, int]] = {}
        self._calls: dict[int, int] = {}

    def answer(self, call: bytes, request_id: int, request: bytes) -> bytes:
        """Return the body of the answer to one call."""
        self._calls[request_id] = self._calls.get(request_id, 0) + 1
        match call:
            case b"Logon":
                return b'{"AmtLogonToken":"bench-token"}'
            case b"OpConJobAction":
                return b'{"BatchRequestId":%d}' % self._start(request)
            case b"MonitorJob":
                return b'{"BatchRequestId":%d,"Status":%d}' % (request_id, self._status(request_id))
            case b"GetMessages":
                # Without a task: /api/GetMessages?Count=1000000
                return messages(*self._messages.get(request_id, (request_id, MESSAGE_LENGTH)))
            case b"Calls":
                return b"%d" % self._calls[request_id]
            case _:
                return b'"alive"'

    def _start(self, request: bytes) -> int:
        job = JOB.search(request)
        if job is None:
            raise ValueError(request)
        request_id = next(self._ids)
        self._running[request_id] = int(job[1])
        self._messages[request_id] = int(job[2]), int(job[3] or MESSAGE_LENGTH)
        return request_id

    def _status(self, request_id: int) -> int:
        self._running[request_id] -= 1
        return 2 if self._running[request_id] >= 0 else 4


@cache
def messages(count: int, length: int) -> bytes:
    """Return a JSON array of that many messages of so many characters."""
    return b"[" + b",".join(b'"%s"' % _text(number).ljust(length, b".") for number in range(count)) + b"]"


def _text(number: int) -> bytes:
    return b"Record %08d of the nightly run was read, checked and written to the ledger" % number


def serve(connection: socket.socket, context: ssl.SSLContext | None, tasks: Tasks) -> None:
    """Answer the one request of a connection and close it."""
    try:
        with connection if context is None else context.wrap_socket(connection, server_side=True) as line:
            request = read(line)
            if (head := REQUEST.match(request)) is None:
                return
            body = tasks.answer(head[1], int(head[2] or 0), request)
            start = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nConnection: close\r\n"
            line.sendall(b"%sContent-Length: %d\r\n\r\n%s" % (start, len(body), body))
            if isinstance(line, ssl.SSLSocket):
                line.unwrap()
    except OSError:
        return  # the client went away


def read(line: socket.socket) -> bytes:
    """Return one whole request; b"" when the client sends none."""
    request = b""
    while True:
        part = line.recv(65536)
        request += part
        head, blank, body = request.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if not part or (blank and len(body) >= (int(length[1]) if length else 0)):
            return request


if __name__ == "__main__":
    main()
