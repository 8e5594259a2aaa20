from __future__ import annotations

import json
import os
import socket
import ssl
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from amtconnector import __version__, config, credentials, keyfile
from amtconnector.account import Account
from amtconnector.certificates import read
from amtconnector.check import Examination
from amtconnector.commands import run_command
from amtconnector.commands.check import command
from amtconnector.findings import Finding, Step, Verdict, exit_code
from amtconnector.runs import RunDirectory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = "correct horse"
LEGACY = {"USER": "62324e685a47303d", "PASSWORD": "6233426a6232353463484d3d"}
on_posix = pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's; Windows has access lists")


class _Handler(BaseHTTPRequestHandler):
    """AMTOpCon as far as an examination sees it."""

    server: _Server
    close_connection = True

    def do_GET(self) -> None:
        self._answer(*self.server.heartbeat)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.logons.append(body["Password"])
        status = 200 if body["Password"] == self.server.password else 401
        self._answer(status, b'{"AmtLogonToken":"t0k3n"}' if status == 200 else b'{"title":"wrong password"}')

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


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.heartbeat: tuple[int, bytes, str] = (200, b'"alive"', "application/json")
        self.logons: list[str] = []
        self.password = PASSWORD
        self.clock_ahead = timedelta()
        self._tls = tls

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        connection.settimeout(5)
        return (self._tls.wrap_socket(connection, server_side=True) if self._tls else connection), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        del request, client_address  # a client that goes away is not this test's business


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[_Server]:
    """Serve on a free port until the block ends."""
    with _Server(tls) as server:
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

    def using(self, server: _Server, host: str = "127.0.0.1") -> Installation:
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


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """Make an installation without a fault, but for the address of its server."""
    key_file = tmp_path / "connector.key"
    keyfile.create(key_file)
    ring = keyfile.load(key_file)
    return Installation(tmp_path).having(
        KEY_FILE=key_file,
        RUN_DIRECTORY=tmp_path / "runs",
        SERVER_USES_TLS="False",
        CONNECT_TIMEOUT="5",
        USER=credentials.encrypt("ocadm", ring),
        PASSWORD=credentials.encrypt(PASSWORD, ring),
    )


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Make a private certificate authority."""
    return trustme.CA(organization_name="Bank CA")


def _server_tls(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@pytest.fixture
def tls_server(authority: trustme.CA) -> Iterator[_Server]:
    """Run a server whose certificate is right."""
    with serving(_server_tls(authority.issue_cert("127.0.0.1"))) as server:
        yield server


def _with_tls(installation: Installation, authority: trustme.CA) -> Installation:
    path = installation.folder / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return installation.having(SERVER_USES_TLS="True", CA_FILE=path)


def _closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _verdicts(found: dict[Step, Finding]) -> dict[Step, Verdict]:
    return {step: finding.verdict for step, finding in found.items()}


def _failed(found: dict[Step, Finding], step: Step, code: int) -> Finding:
    """Return the finding of the only step that failed, which ends a run with this code."""
    assert [one.step for one in found.values() if one.verdict is Verdict.FAILED] == [step], found
    assert exit_code(found.values()) == code
    assert found[step].next_step
    assert list(found) == list(Step)
    return found[step]


def test_a_sound_installation_passes_every_step(
    installation: Installation, authority: trustme.CA, tls_server: _Server
) -> None:
    """Every step is told, in order, with what it found."""
    found = _with_tls(installation, authority).using(tls_server).examine()
    assert _verdicts(found) == dict.fromkeys(Step, Verdict.OK)
    assert exit_code(found.values()) == 0
    assert found[Step.TLS].text.startswith("TLSv1.")
    assert any("127.0.0.1" in line for line in found[Step.TLS].details)
    assert "encrypted with the key" in found[Step.CREDENTIALS].details[0]
    assert not list((installation.folder / "runs").iterdir())


def test_the_logon_is_announced_and_can_be_left_out(installation: Installation) -> None:
    """An attempt counts at AMT, so it is said before it is made, and it need not be made."""
    announced: list[str] = []
    with serving() as server:
        found = installation.using(server).examine(with_logon=False, announced=announced)
        assert (found[Step.LOGON].verdict, server.logons, announced) == (Verdict.SKIPPED, [], [])
        installation.using(server).examine(announced=announced)
        assert server.logons == [PASSWORD]
    assert len(announced) == 1
    assert "logon attempt" in announced[0]


def test_a_check_asks_where_runs_do_not_ask_any_more(installation: Installation) -> None:
    """It says that a refusal was noted, asks all the same, and lets the runs ask again when all is well."""
    ring = keyfile.load(installation.folder / "connector.key")
    with serving() as server:
        wrong = installation.using(server).having(PASSWORD=credentials.encrypt("wrong battery", ring))
        wrong.examine()
        assert _is_barred(wrong)
        server.password = "wrong battery"
        announced: list[str] = []
        assert wrong.examine(announced=announced)[Step.LOGON].verdict is Verdict.OK
        assert not _is_barred(wrong)
    assert "refused a short while ago" in announced[0]
    assert server.logons == ["wrong battery", "wrong battery"]


def _is_barred(installation: Installation) -> bool:
    read = config.load(installation.write())
    return Account(read, RunDirectory(read.run_directory)).barred_until() is not None


# The fifteen faults of an installation.


def test_a_wrong_host(installation: Installation) -> None:
    """A name that does not exist is named, and what needs the server is skipped with the reason."""
    found = installation.having(SERVER_ADDRESS="amt.invalid:4004").examine()
    assert "amt.invalid can't be resolved" in _failed(found, Step.NAME, 23).text
    assert found[Step.RUN_DIRECTORY].verdict is Verdict.OK
    assert found[Step.LOGON] == Finding(Step.LOGON, Verdict.SKIPPED, "the server can't be reached")


def test_a_wrong_port(installation: Installation) -> None:
    """A port where nobody listens is told from a host that does not exist."""
    port = _closed_port()
    found = installation.having(SERVER_ADDRESS=f"127.0.0.1:{port}").examine()
    finding = _failed(found, Step.CONNECTION, 23)
    assert f"127.0.0.1:{port} refuses the connection" in finding.text
    assert "port in SERVER_ADDRESS" in finding.next_step


def test_tls_against_a_plain_server(installation: Installation) -> None:
    """The server's plain answer is recognised, and the step that it names works."""
    with serving() as server:
        wrong = installation.using(server).having(SERVER_USES_TLS="True")
        finding = _failed(wrong.examine(), Step.TLS, 23)
        assert "did not answer in TLS" in finding.text
        assert "SERVER_USES_TLS=False" in finding.next_step
        assert exit_code(wrong.having(SERVER_USES_TLS="False").examine().values()) == 0


def test_plain_against_a_tls_server(installation: Installation, authority: trustme.CA, tls_server: _Server) -> None:
    """The server is recognised by its handshake, before any credentials travel in clear."""
    wrong = installation.using(tls_server)
    finding = _failed(wrong.examine(), Step.TLS, 23)
    assert "the server speaks TLS" in finding.text
    assert "SERVER_USES_TLS=True" in finding.next_step
    assert not tls_server.logons
    assert exit_code(_with_tls(wrong, authority).examine().values()) == 0


def test_an_unknown_authority(installation: Installation, authority: trustme.CA, tls_server: _Server) -> None:
    """The certificate is shown although it is refused, and CA_FILE settles it."""
    wrong = installation.using(tls_server).having(SERVER_USES_TLS="True")
    finding = _failed(wrong.examine(), Step.TLS, 23)
    assert "authority that this machine does not trust" in finding.text
    assert any(line.startswith("issuer:") and "Bank CA" in line for line in finding.details)
    assert "--save-chain" in finding.next_step
    assert exit_code(_with_tls(wrong, authority).examine().values()) == 0


def test_a_wrong_name(installation: Installation, authority: trustme.CA) -> None:
    """The names in the certificate are listed, and TLS_SERVER_NAME with one of them settles it."""
    certificate = authority.issue_cert("*.apps.bank.example", "amt.bank.example")
    with serving(_server_tls(certificate)) as server:
        wrong = _with_tls(installation, authority).using(server)
        finding = _failed(wrong.examine(), Step.TLS, 23)
        assert "not issued for the name 127.0.0.1" in finding.text
        assert "*.apps.bank.example, amt.bank.example" in finding.next_step
        assert "TLS_SERVER_NAME=amt.bank.example" in finding.next_step
        assert exit_code(wrong.having(TLS_SERVER_NAME="amt.bank.example").examine().values()) == 0


def test_two_causes_are_both_named(installation: Installation, authority: trustme.CA) -> None:
    """Who corrects the one does not come back for the other."""
    with serving(_server_tls(authority.issue_cert("amt.bank.example"))) as server:
        wrong = installation.using(server).having(SERVER_USES_TLS="True")
        finding = _failed(wrong.examine(), Step.TLS, 23)
    assert "not issued for the name" in finding.text
    assert "does not trust" in finding.text
    assert "TLS_SERVER_NAME" in finding.next_step
    assert "--save-chain" in finding.next_step


def test_an_expired_certificate(installation: Installation, authority: trustme.CA) -> None:
    """The day of the end is shown."""
    expired = datetime.now(UTC) - timedelta(days=3)
    certificate = authority.issue_cert("127.0.0.1", not_before=expired - timedelta(days=9), not_after=expired)
    with serving(_server_tls(certificate)) as server:
        finding = _failed(_with_tls(installation, authority).using(server).examine(), Step.TLS, 23)
    assert "has expired" in finding.text
    assert any(f"{expired:%Y-%m-%d}" in line and "expired" in line for line in finding.details)
    assert "Renew" in finding.next_step


def test_a_missing_key_file(installation: Installation) -> None:
    """Without the key nothing decrypts; the server is examined all the same."""
    (installation.folder / "connector.key").unlink()
    with serving() as server:
        found = installation.using(server).examine()
    assert "no key file" in _failed(found, Step.KEY_FILE, 103).text
    assert found[Step.CREDENTIALS].verdict is Verdict.SKIPPED
    assert found[Step.HEARTBEAT].verdict is Verdict.OK
    assert found[Step.LOGON].text == "the credentials can't be used"


@on_posix
def test_an_exposed_key_file(installation: Installation) -> None:
    """The command that closes it is given, and closes it."""
    key_file = installation.folder / "connector.key"
    key_file.chmod(0o644)
    with serving() as server:
        finding = _failed(installation.using(server).examine(), Step.KEY_FILE, 103)
        assert "exposed" in finding.text
        fix = finding.next_step.splitlines()[0].partition(": ")[2]
        assert fix.startswith("chmod ")
        assert os.system(fix) == 0  # noqa: S605 - the fix is a line for a shell
        assert exit_code(installation.using(server).examine().values()) == 0


def test_a_key_file_from_another_machine(installation: Installation) -> None:
    """A wrong key is told from a damaged value, by its id."""
    key_file = installation.folder / "connector.key"
    needed = keyfile.load(key_file).newest.id
    key_file.unlink()
    keyfile.create(key_file)
    with serving() as server:
        finding = _failed(installation.using(server).examine(), Step.CREDENTIALS, 103)
    assert f"encrypted with the key {needed}" in finding.text
    assert "Bring that key" in finding.next_step


def test_a_wrong_password(installation: Installation) -> None:
    """The refusal is AMT's; it is asked once, and the password is nowhere shown."""
    ring = keyfile.load(installation.folder / "connector.key")
    with serving() as server:
        wrong = installation.using(server).having(PASSWORD=credentials.encrypt("wrong battery", ring))
        finding = _failed(wrong.examine(), Step.LOGON, 24)
        assert server.logons == ["wrong battery"]
    assert "AMT refused the credentials" in finding.text
    assert "wrong password" in finding.text
    assert "wrong battery" not in str(finding)
    assert "Encrypt --set PASSWORD" in finding.next_step


def test_legacy_credentials_run_with_a_warning(installation: Installation) -> None:
    """Existing sites keep running, and the fix is named; no key file is needed for it."""
    (installation.folder / "connector.key").unlink()
    with serving() as server:
        found = installation.using(server).having(**LEGACY).examine(with_logon=False)
    assert found[Step.CREDENTIALS].verdict is Verdict.WARNING
    assert found[Step.CREDENTIALS].details == ("USER: legacy", "PASSWORD: legacy")
    assert "Encrypt migrate" in found[Step.CREDENTIALS].next_step
    assert exit_code(found.values()) == 0


def test_plain_credentials_are_refused(installation: Installation) -> None:
    """Plain text is named by its key, never by its value."""
    with serving() as server:
        found = installation.using(server).having(PASSWORD="hunter2 hunter2").examine()
    finding = _failed(found, Step.CREDENTIALS, 103)
    assert "PASSWORD is not encrypted" in finding.text
    assert "Encrypt --set PASSWORD" in finding.next_step
    assert "hunter2" not in str(found)


def test_a_run_directory_that_cannot_be_written(installation: Installation) -> None:
    """The folder and the account are named; the server is examined all the same."""
    runs = installation.folder / "runs"
    runs.write_text("a file where a folder should be", encoding="utf-8")
    with serving() as server:
        found = installation.using(server).examine()
    finding = _failed(found, Step.RUN_DIRECTORY, 102)
    assert str(runs) in finding.text
    assert "RUN_DIRECTORY" in finding.next_step
    assert found[Step.LOGON].verdict is Verdict.OK


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_run_directory(installation: Installation) -> None:
    """A folder without the right to write is found before a job finds it."""
    runs = installation.folder / "runs"
    runs.mkdir(mode=0o555)
    with serving() as server:
        assert "permission denied" in _failed(installation.using(server).examine(), Step.RUN_DIRECTORY, 102).text


def test_a_server_that_cannot_serve(installation: Installation) -> None:
    """503 is a server that is there; no credentials are sent."""
    with serving() as server:
        server.heartbeat = (503, b"", "application/json")
        found = installation.using(server).examine()
        assert "answered 503" in _failed(found, Step.HEARTBEAT, 23).text
        assert not server.logons
    assert found[Step.CLOCK].verdict is Verdict.OK


@pytest.mark.parametrize(("status", "code"), [(200, 108), (403, 108), (407, 108), (502, 23), (503, 23)])
def test_a_proxys_page(installation: Installation, status: int, code: int) -> None:
    """A web page is no answer of AMT, with whatever status it comes, and gets no credentials."""
    with serving() as server:
        server.heartbeat = (status, b"<html><title>Please log in</title></html>", "text/html")
        found = installation.using(server).examine()
        finding = _failed(found, Step.HEARTBEAT, code)
        assert not server.logons
    assert "a web page" in finding.text
    assert "Please log in" in finding.text
    assert "proxy" in finding.next_step
    assert "no credentials are sent" in found[Step.LOGON].text


# What else can be found.


def test_a_heartbeat_by_another_route_does_not_hide_the_logon(installation: Installation) -> None:
    """A run needs no HeartBeat, so the logon is still worth trying."""
    with serving() as server:
        server.heartbeat = (404, b"", "application/json")
        found = installation.using(server).examine()
    assert "WIRE_PROFILE" in _failed(found, Step.HEARTBEAT, 108).next_step
    assert found[Step.LOGON].verdict is Verdict.OK


def test_a_broken_configuration_leaves_the_run_directory_to_be_examined(installation: Installation) -> None:
    """All problems of the file are told, and what does not depend on them is still tried."""
    found = installation.having(SERVER_ADDRESS="nowhere", READ_TIMEOUT="soon").examine()
    finding = _failed(found, Step.CONFIGURATION, 102)
    assert len(finding.details) >= 2
    assert found[Step.RUN_DIRECTORY].verdict is Verdict.OK
    assert found[Step.TLS].verdict is Verdict.SKIPPED


def test_what_is_odd_in_the_configuration_is_told(installation: Installation) -> None:
    """A typing error in a key is shown with the key that was meant."""
    with serving() as server:
        found = installation.using(server).having(NAM="AMT").examine()
    assert found[Step.CONFIGURATION].verdict is Verdict.WARNING
    assert any("NAME" in line for line in found[Step.CONFIGURATION].details)


def test_a_wire_profile_that_cannot_be_read(installation: Installation) -> None:
    """It belongs to the configuration; how to talk to the server is then unknown."""
    profile = installation.folder / "wire.toml"
    profile.write_text("nonsense = [", encoding="utf-8")
    with serving() as server:
        path = installation.using(server).write()
        text = path.read_text("utf-8").replace("[CONNECTOR]", f"[CONNECTOR]\nWIRE_PROFILE={profile}")
        path.write_text(text, encoding="utf-8")
        examination = Examination(path, with_logon=True, announce=print, now=lambda: datetime.now(UTC))
        found = {finding.step: finding for finding in examination.findings()}
    assert _failed(found, Step.CONFIGURATION, 102).text
    assert "WIRE_PROFILE" in found[Step.HEARTBEAT].text


def test_a_ca_file_without_a_certificate(installation: Installation, tls_server: _Server) -> None:
    """The file is named, and it is a matter of the configuration."""
    path = installation.folder / "ca.pem"
    path.write_text("no certificate", encoding="utf-8")
    found = installation.using(tls_server).having(SERVER_USES_TLS="True", CA_FILE=path).examine()
    assert str(path) in "".join(_failed(found, Step.TLS, 102).details)


@pytest.mark.parametrize(("ahead", "words"), [(3600, "ahead of"), (-3600, "behind")])
def test_a_clock_that_is_wrong(installation: Installation, ahead: int, words: str) -> None:
    """A difference is named with its direction."""
    with serving() as server:
        server.clock_ahead = timedelta(seconds=ahead)
        finding = installation.using(server).examine()[Step.CLOCK]
    assert finding.verdict is Verdict.WARNING
    assert words in finding.text


def test_a_certificate_that_expires_soon(installation: Installation, authority: trustme.CA) -> None:
    """There is time to renew it while jobs still run."""
    certificate = authority.issue_cert("127.0.0.1", not_after=datetime.now(UTC) + timedelta(days=9, hours=1))
    with serving(_server_tls(certificate)) as server:
        found = _with_tls(installation, authority).using(server).examine()
    assert found[Step.TLS].verdict is Verdict.WARNING
    assert "expires in 9 days" in found[Step.TLS].text
    assert exit_code(found.values()) == 0


def test_a_certificate_without_names(installation: Installation, authority: trustme.CA) -> None:
    """A common name alone is no name; nothing that can't work is advised."""
    certificate = authority.issue_cert(common_name="127.0.0.1")
    with serving(_server_tls(certificate)) as server:
        finding = _failed(_with_tls(installation, authority).using(server).examine(), Step.TLS, 23)
    assert "carries no name" in finding.next_step


@pytest.mark.parametrize(
    ("name", "is_covered"),
    [
        ("amt.bank.example", True),
        ("AMT.Bank.Example.", True),
        ("one.apps.bank.example", True),
        ("apps.bank.example", False),
        ("one.two.apps.bank.example", False),
        ("other.bank.example", False),
        ("10.0.0.1", True),
        ("10.0.0.2", False),
        ("0:0:0:0:0:0:0:1", True),
        ("amt", False),
    ],
)
def test_a_certificate_covers_its_names_and_no_others(authority: trustme.CA, name: str, *, is_covered: bool) -> None:
    """The rules are those of the clients: letter case does not matter, a wildcard stands for one label."""
    leaf = authority.issue_cert("amt.bank.example", "*.apps.bank.example", "10.0.0.1", "::1")
    certificate = read(ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode("ascii")))
    assert certificate.covers(name) is is_covered


# The command.


def _run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = run_command(command, args, "amt check")
    return (code, *capsys.readouterr())


def test_the_saved_chain_is_ready_for_ca_file(
    installation: Installation, authority: trustme.CA, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is saved settles an unknown authority, whether or not the server sends the root."""
    intermediate = authority.create_child_ca()
    saved = installation.folder / "saved.pem"
    for issuer in (authority, intermediate):
        certificate = issuer.issue_cert("127.0.0.1")
        with serving(_server_tls(certificate)) as server:
            wrong = installation.using(server).having(SERVER_USES_TLS="True")
            code, out, _ = _run(capsys, "--config", str(wrong.write()), "--save-chain", str(saved))
            assert code == 23
            assert f"CA_FILE={saved}" in out
            assert out.count("SHA-256 ") == saved.read_text("ascii").count("BEGIN CERTIFICATE")
            assert exit_code(wrong.having(CA_FILE=saved).examine().values()) == 0


def test_no_chain_is_saved_from_a_server_without_tls(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """The request that could not be fulfilled is said, and is not success."""
    saved = installation.folder / "saved.pem"
    with serving() as server:
        path = installation.using(server).write()
        code, _, error = _run(capsys, "--config", str(path), "--save-chain", str(saved))
    assert (code, saved.exists()) == (1, False)
    assert "presented none" in error


def test_people_read_one_line_a_step(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """Verdict, step and finding stand in columns; the next step is marked; a secret is nowhere."""
    with serving() as server:
        path = installation.using(server).having(SERVER_USES_TLS="True").write()
        code, out, error = _run(capsys, "--config", str(path))
    assert (code, error) == (23, "")
    lines = out.splitlines()
    assert __version__ in lines[0]
    for step in Step:
        assert len([line for line in lines if line[9:25].strip() == step.value and not line.startswith(" ")]) == 1
    assert any(line.startswith("FAILED   TLS") for line in lines)
    assert any(line.strip().startswith("-> ") for line in lines)
    assert lines[-1] == "1 failed. A run would now end with exit code 23."
    assert PASSWORD not in out


def test_a_server_cannot_write_on_the_terminal(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters from outside are shown, not obeyed."""
    with serving() as server:
        server.heartbeat = (200, b'"\\u001b[31mred"', "application/json")
        _, out, _ = _run(capsys, "--config", str(installation.using(server).write()))
    assert "\x1b" not in out
    assert "\\x1b[31mred" in out


def test_programs_read_json(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """One document with every step; the announcement goes to stderr."""
    with serving() as server:
        code, out, error = _run(capsys, "--json", "--config", str(installation.using(server).write()))
    document = json.loads(out)
    assert (code, document["exit_code"], document["version"]) == (0, 0, __version__)
    assert [step["step"] for step in document["steps"]] == [step.value for step in Step]
    assert {"verdict", "text", "details", "next_step", "exit_code"} <= set(document["steps"][0])
    assert "logon attempt" in error


def test_a_configuration_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said where it was looked for."""
    path = tmp_path / "Nowhere.config"
    code, out, _ = _run(capsys, "--config", str(path))
    assert code == 102
    assert str(path) in out


def test_the_help_fits_a_screen_and_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    """80 columns, 30 lines."""
    code, out, _ = _run(capsys, "--help")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    assert len(out.splitlines()) <= 30
    assert "amt check --no-logon" in out
