"""The recorder: a forwarder on this machine between any client of AMT and its server, which keeps what they say."""

from __future__ import annotations

import http.client
import socket
import time
import zlib
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import TYPE_CHECKING, Any

from amtconnector.learning import har
from amtconnector.learning.exchange import Exchange
from amtconnector.system import files
from amtconnector.text import excerpt

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from pathlib import Path

    from amtconnector.config import Server
    from amtconnector.learning.exchange import Pairs
    from amtconnector.learning.stand_ins import StandIns

LARGEST_BODY = 64 * 1024 * 1024
_HOP = frozenset("connection keep-alive proxy-connection te trailer transfer-encoding upgrade expect".split())  # noqa: SIM905
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


class Trace:
    """The file that grows by each exchange, whole at any moment; it is made new and replaces no other."""

    def __init__(self, path: Path, stand_ins: StandIns, told: Callable[[str], None]) -> None:
        self._path = path
        self._stand_ins = stand_ins
        self._told = told
        self._exchanges: list[Exchange] = []
        self._lock = Lock()

    def create(self) -> None:
        """Make the file; raises FileExistsError and any other OSError."""
        files.replace_file(self._path, har.written([]), access=files.Access.OWNER, is_new=True)

    def add(self, exchange: Exchange) -> None:
        """Keep an exchange without its secrets, and tell of it."""
        with self._lock:
            kept = self._stand_ins.without_secrets(exchange)
            self._exchanges.append(kept)
            trouble = ""
            try:
                files.replace_file(self._path, har.written(self._exchanges), access=files.Access.OWNER)
            except OSError as error:
                trouble = f"; NOT WRITTEN: {error.strerror}"
            clock = exchange.begun.astimezone().strftime("%H:%M:%S")
            answer = f"{kept.status}, {len(kept.answer)} bytes" if kept.status else excerpt(kept.note)
            self._told(f"{clock} {kept.method} {excerpt(kept.target, 100)} -> {answer}{trouble}")


class Upstream:
    """The way to the server of Connector.config; `tls` is None for plain HTTP."""

    def __init__(self, server: Server, tls: ssl.SSLContext | None) -> None:
        self._server = server
        self._tls = tls
        self.origin = server.base_url
        self.host = server.address

    def ask(self, method: str, target: str, headers: Pairs, body: bytes | None) -> tuple[int, Pairs, bytes]:
        """Send a request over a connection of its own; return status, headers, body. Raises OSError, HTTPException."""
        connection = http.client.HTTPConnection(self._server.host, self._server.port)
        connection.sock = self._socket()
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value.encode("latin-1"))
            connection.endheaders(body)
            answer = connection.getresponse()
            content = answer.read(LARGEST_BODY)
            return answer.status, tuple(answer.getheaders()), content
        finally:
            connection.close()

    def _socket(self) -> socket.socket:
        server = self._server
        plain = socket.create_connection((server.host, server.port), server.connect_timeout_s)
        plain.settimeout(max(server.read_timeout_s, server.start_timeout_s))
        if self._tls is None:
            return plain
        try:
            return self._tls.wrap_socket(plain, server_hostname=server.tls_server_name or server.host)
        except BaseException:
            plain.close()
            raise


class Recorder(ThreadingHTTPServer):
    """Listens on an address of this machine alone; `serve_forever` ends with `shutdown` or an interrupt."""

    daemon_threads = True
    allow_reuse_address = False

    def __init__(self, address: tuple[str, int], upstream: Upstream, trace: Trace) -> None:
        self.upstream = upstream
        self.trace = trace
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Forwarding)

    def server_bind(self) -> None:
        """Bind without asking for the host's full name, which may wait for a name server."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let a client go that has gone itself."""


class _Forwarding(BaseHTTPRequestHandler):
    server: Recorder
    protocol_version = "HTTP/1.1"
    timeout = 300

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_") and name[3:] in _METHODS:
            return self._forward
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the base has it
        """Write nothing: the trace tells of each exchange."""

    def _forward(self) -> None:
        begun, clock = datetime.now(UTC), time.monotonic()
        body = self._body()
        target = self._target()
        sent = self._sent_headers(body)
        status, answer_headers, answer, note = 0, (), b"", ""  # type: tuple[int, Pairs, bytes, str]
        try:
            status, answer_headers, answer = self.server.upstream.ask(self.command, target, sent, body)
        except (OSError, http.client.HTTPException) as error:
            note = f"no answer of the server: {type(error).__name__}: {error}"
        took_s = time.monotonic() - clock
        plain, undecoded = _decoded(answer, answer_headers)
        exchange = Exchange(begun, self.server.upstream.origin, self.command, target, sent, body, status,
                            answer_headers, plain, took_s, note or undecoded)  # fmt: skip
        self.server.trace.add(exchange)  # before the client has the answer: a crash loses nothing that it acts upon
        with suppress(OSError):
            self._answer(status or 502, answer_headers, answer or note.encode())

    def _target(self) -> str:
        """Return path and query, also of a request as to a proxy."""
        if self.path.startswith("/"):
            return self.path
        rest = self.path.partition("://")[2]
        return "/" + rest.partition("/")[2]

    def _body(self) -> bytes | None:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._chunks()
        length = self.headers.get("Content-Length", "")
        return self.rfile.read(min(int(length), LARGEST_BODY)) if length.isdigit() else None

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(100).partition(b";")[0] or b"0", 16):
            body += self.rfile.read(min(size, LARGEST_BODY))
            self.rfile.readline(10)
        while self.rfile.readline(1000).strip():
            pass
        return body

    def _sent_headers(self, body: bytes | None) -> Pairs:
        """Return the headers as the server gets them: to itself, uncompressed, on a connection of its own."""
        dropped = _HOP | {"host", "accept-encoding", "content-length"}
        kept = [(name, value) for name, value in self.headers.items() if name.lower() not in dropped]
        own = [("Host", self.server.upstream.host), ("Accept-Encoding", "identity"), ("Connection", "close")]
        return (*own, *kept, *([("Content-Length", str(len(body)))] if body is not None else []))

    def _answer(self, status: int, headers: Pairs, body: bytes) -> None:
        has_body = status >= 200 and status not in {204, 304}
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _HOP | {"content-length"}:
                self.send_header(name, _for_client(value) if name.lower() == "set-cookie" else value)
        if has_body:
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if has_body and self.command != "HEAD":
            self.wfile.write(body)
        self.close_connection = True


def _for_client(cookie: str) -> str:
    """Return a cookie that a client sends back to this machine over plain HTTP."""
    parts = [part for part in cookie.split(";") if part.strip().partition("=")[0].lower() not in {"secure", "domain"}]
    return ";".join(parts)


def _decoded(content: bytes, headers: Pairs) -> tuple[bytes, str]:
    """Return a body as it is without its encoding, and what is to be said of one that can't be undone."""
    encoding = next((value.strip().lower() for name, value in headers if name.lower() == "content-encoding"), "")
    if encoding in {"", "identity"}:
        return content, ""
    try:
        if encoding in {"gzip", "deflate"}:
            return zlib.decompressobj(47 if encoding == "gzip" else 15).decompress(content, LARGEST_BODY), ""
    except zlib.error:
        pass
    return b"", f"the answer is not kept: it came encoded as {encoding}, and secrets could not be found in it"
