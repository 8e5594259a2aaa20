from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
import trustme

from amtconnector import __version__
from amtconnector.check.findings import Step, exit_code
from amtconnector.commands.check import command
from amtconnector.commands.click_command import run_command
from tests.support.examined import PASSWORD, Installation, server_tls, serving, sound_installation, with_tls

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """Make an installation without a fault, but for the address of its server."""
    return sound_installation(tmp_path)


def _run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = run_command(command, args, "amt check", "HELP")
    return (code, *capsys.readouterr())


def test_the_saved_chain_is_ready_for_ca_file(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """What is saved settles an unknown authority, whether or not the server sends the root."""
    authority = trustme.CA()
    intermediate = authority.create_child_ca()
    for number, issuer in enumerate((authority, intermediate)):
        saved = installation.folder / f"saved{number}.pem"
        certificate = issuer.issue_cert("127.0.0.1")
        with serving(server_tls(certificate)) as server:
            wrong = installation.using(server).having(SERVER_USES_TLS="True")
            code, out, _ = _run(capsys, "--config", str(wrong.write()), "--save-chain", str(saved))
            assert code == 23
            assert f"CA_FILE={saved}" in out
            assert out.count("SHA-256 ") == saved.read_text("ascii").count("BEGIN CERTIFICATE")
            assert exit_code(wrong.having(CA_FILE=saved).examine().values()) == 0


def _saving(installation: Installation, saved: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    return _run(capsys, "--config", str(installation.write()), "--no-logon", "--save-chain", str(saved))


def test_an_impostors_chain_takes_no_files_place(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever answers: the file that CA_FILE names stays as it is, by whatever name it is meant."""
    trusted, impostor = trustme.CA(), trustme.CA()
    site = with_tls(installation, trusted)
    before = (site.folder / "ca.pem").read_bytes()
    targets = [site.folder / "ca.pem", site.folder / "runs" / ".." / "ca.pem"]
    if sys.platform != "win32":  # there a link needs a right
        targets.append(site.folder / "link.pem")
        targets[-1].symlink_to("ca.pem")
    with serving(server_tls(impostor.issue_cert("127.0.0.1"))) as server:
        for target in targets:
            code, out, error = _saving(site.using(server), target, capsys)
            assert code == 23
            assert "exists and is not overwritten" in error
            assert "CA_FILE=" not in out
    assert (site.folder / "ca.pem").read_bytes() == before


def test_what_is_saved_is_shown_beside_what_is_trusted_today(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each certificate is called new or known, and what the server no longer presents is listed."""
    trusted, impostor = trustme.CA(organization_name="Bank CA"), trustme.CA(organization_name="Other CA")
    site = with_tls(installation, trusted)
    with serving(server_tls(impostor.issue_cert("127.0.0.1"))) as server:
        _, out, _ = _saving(site.using(server), site.folder / "new.pem", capsys)
        assert out.count("(NEW: not in CA_FILE)") == (site.folder / "new.pem").read_text("ascii").count("BEGIN CERT")
        assert "Bank CA" in out.partition("CA_FILE holds besides")[2]
        assert "None of them is in CA_FILE" in out
        _, out, _ = _saving(site.using(server).having(CA_FILE="new.pem"), site.folder / "newer.pem", capsys)
        assert "(in CA_FILE already)" in out
        assert "NEW" not in out


def test_a_ca_file_that_is_not_there_yet_can_be_made(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """Connector.config may name it before: the check says that it is missing, and what was saved settles it."""
    site = installation.having(SERVER_USES_TLS="True", CA_FILE="ca.pem")
    with serving(server_tls(trustme.CA().issue_cert("127.0.0.1"))) as server:
        code, out, _ = _saving(site.using(server), site.folder / "ca.pem", capsys)
        assert code == 102
        assert "The file that CA_FILE names does not exist" in out
        assert "if they differ, remove it" in out
        assert exit_code(site.using(server).examine().values()) == 0


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
