"""The faults that installations have: each is named rightly, and the next step that is given settles it."""

from __future__ import annotations

import os
import socket
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from amtconnector import credentials
from amtconnector.check import tls as check_tls
from amtconnector.check.findings import Finding, Step, Verdict, exit_code
from amtconnector.credentials import keyfile
from tests.support.examined import (
    AmtServer,
    Installation,
    closed_port,
    only_failure,
    server_tls,
    serving,
    with_tls,
)
from tests.support.loopback import SERVER

if TYPE_CHECKING:
    import trustme

LEGACY = {"USER": "62324e685a47303d", "PASSWORD": "6233426a6232353463484d3d"}
wine_trusts_all = pytest.mark.not_wine("its store accepts a chain whose root it doesn't have")
on_posix = pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's; Windows has access lists")


def test_a_wrong_host(installation: Installation) -> None:
    """A name that does not exist is named, and what needs the server is skipped with the reason."""
    found = installation.having(SERVER_ADDRESS="amt.invalid:4004").examine()
    assert "amt.invalid can't be resolved" in only_failure(found, Step.NAME, 23).text
    assert found[Step.RUN_DIRECTORY].verdict is Verdict.OK
    assert found[Step.LOGON] == Finding(Step.LOGON, Verdict.SKIPPED, "the server can't be reached")


def test_a_wrong_port(installation: Installation) -> None:
    """A port where nobody listens is told from a host that does not exist."""
    port = closed_port()
    found = installation.having(SERVER_ADDRESS=f"127.0.0.1:{port}").examine()
    finding = only_failure(found, Step.CONNECTION, 23)
    assert f"127.0.0.1:{port}: connection refused" in finding.text
    assert "port in SERVER_ADDRESS" in finding.next_step


def test_tls_against_a_plain_server(installation: Installation) -> None:
    """The server's plain answer is recognised, and the step that it names works."""
    with serving() as server:
        wrong = installation.using(server).having(SERVER_USES_TLS="True")
        finding = only_failure(wrong.examine(), Step.TLS, 23)
        assert "did not answer in TLS" in finding.text
        assert "SERVER_USES_TLS=False" in finding.next_step
        assert exit_code(wrong.having(SERVER_USES_TLS="False").examine().values()) == 0


def test_a_server_that_never_answers_a_look_for_tls_costs_two_seconds() -> None:
    """Many web servers wait for the end of a line; the check is for people who wait."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        assert check_tls.look(SERVER._replace(port=silent.getsockname()[1], connect_timeout_s=30)) is None
        assert time.monotonic() - begun < 4


def test_plain_against_a_tls_server(installation: Installation, authority: trustme.CA, tls_server: AmtServer) -> None:
    """The server is recognised by its handshake, before any credentials travel in clear."""
    wrong = installation.using(tls_server)
    finding = only_failure(wrong.examine(), Step.TLS, 23)
    assert "the server speaks TLS" in finding.text
    assert "SERVER_USES_TLS=True" in finding.next_step
    assert not tls_server.logons
    assert exit_code(with_tls(wrong, authority).examine().values()) == 0


@wine_trusts_all
def test_an_unknown_authority(installation: Installation, authority: trustme.CA, tls_server: AmtServer) -> None:
    """The certificate is shown although it is refused, and CA_FILE settles it."""
    wrong = installation.using(tls_server).having(SERVER_USES_TLS="True")
    finding = only_failure(wrong.examine(), Step.TLS, 23)
    assert "authority that this machine does not trust" in finding.text
    assert any(line.startswith("issuer:") and "Bank CA" in line for line in finding.details)
    assert "--save-chain" in finding.next_step
    assert exit_code(with_tls(wrong, authority).examine().values()) == 0


def test_a_wrong_name(installation: Installation, authority: trustme.CA) -> None:
    """The names in the certificate are listed, and TLS_SERVER_NAME with one of them settles it."""
    certificate = authority.issue_cert("*.apps.bank.example", "amt.bank.example")
    with serving(server_tls(certificate)) as server:
        wrong = with_tls(installation, authority).using(server)
        finding = only_failure(wrong.examine(), Step.TLS, 23)
        assert "not issued for the name 127.0.0.1" in finding.text
        assert "*.apps.bank.example, amt.bank.example" in finding.next_step
        assert "TLS_SERVER_NAME=amt.bank.example" in finding.next_step
        assert exit_code(wrong.having(TLS_SERVER_NAME="amt.bank.example").examine().values()) == 0


@wine_trusts_all
def test_two_causes_are_both_named(installation: Installation, authority: trustme.CA) -> None:
    """Who corrects the one does not come back for the other."""
    with serving(server_tls(authority.issue_cert("amt.bank.example"))) as server:
        wrong = installation.using(server).having(SERVER_USES_TLS="True")
        finding = only_failure(wrong.examine(), Step.TLS, 23)
    assert "not issued for the name" in finding.text
    assert "does not trust" in finding.text
    assert "TLS_SERVER_NAME" in finding.next_step
    assert "--save-chain" in finding.next_step


def test_an_expired_certificate(installation: Installation, authority: trustme.CA) -> None:
    """The day of the end is shown."""
    expired = datetime.now(UTC) - timedelta(days=3)
    certificate = authority.issue_cert("127.0.0.1", not_before=expired - timedelta(days=9), not_after=expired)
    with serving(server_tls(certificate)) as server:
        finding = only_failure(with_tls(installation, authority).using(server).examine(), Step.TLS, 23)
    assert "has expired" in finding.text
    assert any(f"{expired:%Y-%m-%d}" in line and "expired" in line for line in finding.details)
    assert "Renew" in finding.next_step


def test_a_missing_key_file(installation: Installation) -> None:
    """Without the key nothing decrypts; the server is examined all the same."""
    (installation.folder / "connector.key").unlink()
    with serving() as server:
        found = installation.using(server).examine()
    assert "no key file" in only_failure(found, Step.KEY_FILE, 103).text
    assert found[Step.CREDENTIALS].verdict is Verdict.SKIPPED
    assert found[Step.HEARTBEAT].verdict is Verdict.OK
    assert found[Step.LOGON].text == "the credentials can't be used"


@on_posix
def test_an_exposed_key_file(installation: Installation) -> None:
    """The command that closes it is given, and closes it."""
    key_file = installation.folder / "connector.key"
    key_file.chmod(0o644)
    with serving() as server:
        finding = only_failure(installation.using(server).examine(), Step.KEY_FILE, 103)
        assert "exposed" in finding.text
        fix = finding.next_step.splitlines()[0].partition(": ")[2]
        assert fix.startswith("chmod ")
        assert os.system(fix) == 0  # noqa: S605 - the fix is a line for a shell
        assert exit_code(installation.using(server).examine().values()) == 0


def test_a_key_file_with_a_second_name(installation: Installation) -> None:
    """Whoever has the other name keeps what is in it; a run goes on, for a backup may be made that way."""
    (installation.folder / "second").hardlink_to(installation.folder / "connector.key")
    with serving() as server:
        finding = installation.using(server).examine(with_logon=False)[Step.KEY_FILE]
    assert finding.verdict is Verdict.WARNING
    assert "has a second name" in finding.details[0]


def test_a_key_file_from_another_machine(installation: Installation) -> None:
    """A wrong key is told from a damaged value, by its id."""
    key_file = installation.folder / "connector.key"
    needed = keyfile.load(key_file).newest.id
    key_file.unlink()
    keyfile.create(key_file)
    with serving() as server:
        finding = only_failure(installation.using(server).examine(), Step.CREDENTIALS, 103)
    assert f"encrypted with the key {needed}" in finding.text
    assert "Bring that key" in finding.next_step


def test_a_wrong_password(installation: Installation) -> None:
    """The refusal is AMT's; it is asked once, and the password is nowhere shown."""
    ring = keyfile.load(installation.folder / "connector.key")
    with serving() as server:
        wrong = installation.using(server).having(PASSWORD=credentials.encrypt("wrong battery", ring))
        finding = only_failure(wrong.examine(), Step.LOGON, 24)
        assert server.logons == ["wrong battery"]
    assert "AMT refused the credentials" in finding.text
    assert "wrong password" in finding.text
    assert "wrong battery" not in str(finding)
    assert "ncrypt --set PASSWORD" in finding.next_step


def test_legacy_credentials_run_with_a_warning(installation: Installation) -> None:
    """Existing sites keep running, and the fix is named; no key file is needed for it."""
    (installation.folder / "connector.key").unlink()
    with serving() as server:
        found = installation.using(server).having(**LEGACY).examine(with_logon=False)
    assert found[Step.CREDENTIALS].verdict is Verdict.WARNING
    assert found[Step.CREDENTIALS].details[:2] == ("USER: legacy", "PASSWORD: legacy")
    assert "ncrypt migrate" in found[Step.CREDENTIALS].next_step
    assert exit_code(found.values()) == 0


def test_plain_credentials_are_refused(installation: Installation) -> None:
    """Plain text is named by its key, never by its value."""
    with serving() as server:
        found = installation.using(server).having(PASSWORD="hunter2 hunter2").examine()
    finding = only_failure(found, Step.CREDENTIALS, 103)
    assert "PASSWORD is not encrypted" in finding.text
    assert "ncrypt --set PASSWORD" in finding.next_step
    assert "hunter2" not in str(found)


def test_a_run_directory_that_cannot_be_written(installation: Installation) -> None:
    """The folder and the account are named; the server is examined all the same."""
    runs = installation.folder / "runs"
    runs.write_text("a file where a folder should be", encoding="utf-8")
    with serving() as server:
        found = installation.using(server).examine()
    finding = only_failure(found, Step.RUN_DIRECTORY, 102)
    assert str(runs) in finding.text
    assert "RUN_DIRECTORY" in finding.next_step
    assert found[Step.LOGON].verdict is Verdict.OK


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_run_directory(installation: Installation) -> None:
    """A folder without the right to write is found before a job finds it."""
    runs = installation.folder / "runs"
    runs.mkdir(mode=0o555)
    with serving() as server:
        assert "permission denied" in only_failure(installation.using(server).examine(), Step.RUN_DIRECTORY, 102).text


def test_a_server_that_cannot_serve(installation: Installation) -> None:
    """503 is a server that is there; no credentials are sent."""
    with serving() as server:
        server.heartbeat = (503, b"", "application/json")
        found = installation.using(server).examine()
        assert "answered 503" in only_failure(found, Step.HEARTBEAT, 23).text
        assert not server.logons
    assert found[Step.CLOCK].verdict is Verdict.OK


@pytest.mark.parametrize(("status", "code"), [(200, 108), (401, 24), (403, 24), (407, 108), (502, 23), (503, 23)])
def test_a_proxys_page(installation: Installation, status: int, code: int) -> None:
    """A web page is no answer of AMT, with whatever status it comes, and gets no credentials; the code is a run's."""
    with serving() as server:
        server.heartbeat = (status, b"<html><title>Please log in</title></html>", "text/html")
        found = installation.using(server).examine()
        finding = only_failure(found, Step.HEARTBEAT, code)
        assert not server.logons
    assert finding.text == f"the server answered {status} with a web page instead of AMT's answer: Please log in"
    assert "Please log in" in finding.text
    assert "proxy" in finding.next_step
    assert "no credentials are sent" in found[Step.LOGON].text
