from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from amtconnector import config, credentials
from amtconnector.amtopcon.logon import Account
from amtconnector.check import Examination
from amtconnector.check.certificates import read
from amtconnector.check.findings import Finding, Step, Verdict, exit_code
from amtconnector.credentials import keyfile
from amtconnector.records import RunDirectory
from tests.support.certificates import made
from tests.support.examined import (
    PASSWORD,
    AmtServer,
    Installation,
    only_failure,
    server_tls,
    serving,
    with_tls,
)

if TYPE_CHECKING:
    from pathlib import Path

    import trustme


def _verdicts(found: dict[Step, Finding]) -> dict[Step, Verdict]:
    return {step: finding.verdict for step, finding in found.items()}


def test_a_sound_installation_passes_every_step(
    installation: Installation, authority: trustme.CA, tls_server: AmtServer
) -> None:
    """Every step is told, in order, with what it found."""
    found = with_tls(installation, authority).using(tls_server).examine()
    assert _verdicts(found) == dict.fromkeys(Step, Verdict.OK)
    assert exit_code(found.values()) == 0
    assert found[Step.TLS].text.startswith("TLSv1.")
    assert any("127.0.0.1" in line for line in found[Step.TLS].details)
    assert "encrypted with the key" in found[Step.CREDENTIALS].details[0]
    assert list((installation.folder / "runs").iterdir()) == []


@pytest.mark.parametrize("shows_user", [True, False])
def test_the_amt_account_is_named_in_full_only_where_that_is_asked_for(
    installation: Installation, *, shows_user: bool
) -> None:
    """An administrator wants to know which one it is; the output may be mailed."""
    with serving() as server:
        examination = Examination(
            installation.using(server).write(),
            with_logon=False,
            announce=print,
            now=lambda: datetime.now(UTC),
            shows_user=shows_user,
        )
        found = {finding.step: finding for finding in examination.findings()}
    [line] = [line for line in found[Step.CREDENTIALS].details if line.startswith("AMT account: ")]
    assert ("ocadm" in line, "********" in line) == (shows_user, not shows_user)


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


@pytest.mark.parametrize("status", [403, 404])
def test_a_heartbeat_that_fails_is_not_what_a_run_ends_with(installation: Installation, status: int) -> None:
    """A run makes none, so the logon tells how it would end."""
    with serving() as server:
        server.heartbeat = (status, b'{"title":"no"}', "application/json")
        server.logon_status = 401
        found = installation.using(server).examine()
    assert found[Step.HEARTBEAT].exit_code == 108
    assert exit_code(found.values()) == 24


def test_a_check_that_could_not_try_the_credentials_says_nothing_good_of_them(installation: Installation) -> None:
    """It forgets the refusal, and a server that is busy with its logon leaves the credentials as unproven as before."""
    with serving() as server:
        server.logon_status = 503
        assert installation.using(server).examine()[Step.LOGON].verdict is Verdict.FAILED
    assert list((installation.folder / "runs").iterdir()) == []


def _is_barred(installation: Installation) -> bool:
    read = config.load(installation.write())
    return Account(read, RunDirectory(read.run_directory)).barred_until() is not None


def test_a_heartbeat_by_another_route_does_not_hide_the_logon(installation: Installation) -> None:
    """A run needs no HeartBeat, so the logon is still worth trying."""
    with serving() as server:
        server.heartbeat = (404, b"", "application/json")
        found = installation.using(server).examine()
    assert "WIRE_PROFILE" in only_failure(found, Step.HEARTBEAT, 108).next_step
    assert found[Step.LOGON].verdict is Verdict.OK


def test_a_broken_configuration_leaves_the_run_directory_to_be_examined(installation: Installation) -> None:
    """All problems of the file are told, and what does not depend on them is still tried."""
    found = installation.having(SERVER_ADDRESS="nowhere", READ_TIMEOUT="soon").examine()
    finding = only_failure(found, Step.CONFIGURATION, 102)
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
    assert only_failure(found, Step.CONFIGURATION, 102).text
    assert "WIRE_PROFILE" in found[Step.HEARTBEAT].text


def test_a_ca_file_without_a_certificate(installation: Installation, tls_server: AmtServer) -> None:
    """The file is named, and it is a matter of the configuration."""
    path = installation.folder / "ca.pem"
    path.write_text("no certificate", encoding="utf-8")
    found = installation.using(tls_server).having(SERVER_USES_TLS="True", CA_FILE=path).examine()
    assert str(path) in "".join(only_failure(found, Step.TLS, 102).details)


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
    with serving(server_tls(certificate)) as server:
        found = with_tls(installation, authority).using(server).examine()
    assert found[Step.TLS].verdict is Verdict.WARNING
    assert "expires in 9 days" in found[Step.TLS].text
    assert exit_code(found.values()) == 0


def test_a_certificate_without_names(installation: Installation, authority: trustme.CA) -> None:
    """A common name alone is no name; nothing that can't work is advised."""
    certificate = authority.issue_cert(common_name="127.0.0.1")
    with serving(server_tls(certificate)) as server:
        finding = only_failure(with_tls(installation, authority).using(server).examine(), Step.TLS, 23)
    assert "carries no name" in finding.next_step


def test_an_address_among_the_host_names(installation: Installation, tmp_path: Path) -> None:
    """It names nobody, so it is neither listed as a name nor advised."""
    path, context = made(tmp_path, x509.SubjectAlternativeName([x509.DNSName("127.0.0.1")]))
    with serving(context) as server:
        found = installation.having(SERVER_USES_TLS="True", CA_FILE=path).using(server).examine()
    finding = only_failure(found, Step.TLS, 23)
    assert "carries 127.0.0.1 as a host name, where an address does not count" in finding.next_step
    assert "TLS_SERVER_NAME=" not in finding.next_step
    assert "names:       127.0.0.1 (as a host name: does not count)" in finding.details


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
