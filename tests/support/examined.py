"""An installation to examine, and a server beside it that answers as a test wants: for the tests of `amt check`."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from amtconnector import credentials
from amtconnector.check import Examination
from amtconnector.check.findings import Finding, Step, Verdict, exit_code
from amtconnector.credentials import keyfile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme

PASSWORD = "correct horse"


class _Handler(BaseHTTPRequestHandler):
    """AMTOpCon as far as an examination sees it."""

    server: AmtServer
    close_connection = True

    def do_GET(self) -> None:
        self._answer(*self.server.heartbeat)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.logons.append(body["Password"])
        status = self.server.logon_status or (200 if body["Password"] == self.server.password else 401)
        words = b"not now" if status >= 500 else b"wrong password"
        self._answer(status, b'{"AmtLogonToken":"t0k3n"}' if status == 200 else b'{"title":"%s"}' % words)

    def date_time_string(self, timestamp: float | None = None) -> str:
        del timestamp
        return format_datetime(datetime.now(UTC) + self.server.clock_ahead, usegmt=True)

    def log_message(self, *args: Any) -> None:
        del args

    def _answer(self, status: int, body: bytes, content_type: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class AmtServer(ThreadingHTTPServer):
    """A server on a free port: what it answers can be set, and it remembers the passwords that it got."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.heartbeat: tuple[int, bytes, str] = (200, b'"alive"', "application/json")
        self.logons: list[str] = []
        self.logon_status = 0
        self.password = PASSWORD
        self.clock_ahead = timedelta()
        self._tls = tls

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; the handshake is made here."""
        connection, address = super().get_request()
        connection.settimeout(5)
        return (self._tls.wrap_socket(connection, server_side=True) if self._tls else connection), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that goes away."""
        del request, client_address


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[AmtServer]:
    """Serve on a free port until the block ends."""
    with AmtServer(tls) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@dataclass(frozen=True)
class Installation:
    """A Connector.config, its key file and its run directory, all in one folder."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    def having(self, **settings: object) -> Installation:
        """Return it with these settings; None takes one away."""
        merged = {**self.settings, **{name: str(value) for name, value in settings.items() if value is not None}}
        return replace(self, settings={name: merged[name] for name in merged if settings.get(name, "") is not None})

    def using(self, server: AmtServer, host: str = "127.0.0.1") -> Installation:
        """Return it with this server's address."""
        return self.having(SERVER_ADDRESS=f"{host}:{server.server_address[1]}")

    def write(self) -> Path:
        """Write the configuration file."""
        path = self.folder / "Connector.config"
        own = {name: self.settings[name] for name in self.settings if name in {"RUN_DIRECTORY", "KEY_FILE", "NAM"}}
        others = {name: value for name, value in self.settings.items() if name not in own}
        lines = ["[CONNECTOR]", *(f"{name}={value}" for name, value in own.items())]
        lines += ["[AMT BATCH SERVER]", *(f"{name}={value}" for name, value in others.items())]
        path.write_text("\n".join(lines), encoding="utf-8")
        return path

    def examine(self, *, with_logon: bool = True, announced: list[str] | None = None) -> dict[Step, Finding]:
        """Examine it."""
        examination = Examination(
            self.write(),
            with_logon=with_logon,
            announce=(announced if announced is not None else []).append,
            now=lambda: datetime.now(UTC),
        )
        return {finding.step: finding for finding in examination.findings()}


def sound_installation(folder: Path) -> Installation:
    """Make an installation without a fault, but for the address of its server."""
    key_file = folder / "connector.key"
    keyfile.create(key_file)
    ring = keyfile.load(key_file)
    return Installation(folder).having(
        KEY_FILE=key_file,
        RUN_DIRECTORY=folder / "runs",
        SERVER_USES_TLS="False",
        CONNECT_TIMEOUT="5",
        USER=credentials.encrypt("ocadm", ring),
        PASSWORD=credentials.encrypt(PASSWORD, ring),
    )


def server_tls(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Return a context that serves with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def with_tls(installation: Installation, authority: trustme.CA) -> Installation:
    """Return the installation with TLS on and this authority in CA_FILE."""
    path = installation.folder / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return installation.having(SERVER_USES_TLS="True", CA_FILE=path)


def closed_port() -> int:
    """Return a port where nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def only_failure(found: dict[Step, Finding], step: Step, code: int) -> Finding:
    """Return the finding of the only step that failed, which ends a run with this code."""
    assert [one.step for one in found.values() if one.verdict is Verdict.FAILED] == [step], found
    assert exit_code(found.values()) == code
    assert found[step].next_step
    assert list(found) == list(Step)
    return found[step]
