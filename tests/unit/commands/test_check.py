from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import trustme

from amtconnector import __version__
from amtconnector.check.findings import Step, exit_code
from amtconnector.commands.check import command
from amtconnector.commands.click_command import run_command
from tests.support.examined import PASSWORD, Installation, server_tls, serving, sound_installation

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """Make an installation without a fault, but for the address of its server."""
    return sound_installation(tmp_path)


def _run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = run_command(command, args, "amt check")
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
