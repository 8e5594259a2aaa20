"""`amt demo` where there is no simulator: a release, a plain installation."""

from __future__ import annotations

import importlib.util
import shlex
import sys
from typing import TYPE_CHECKING

import pytest

from amtconnector.commands import demo
from amtconnector.commands.click_command import run_command

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def release(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the program of a release that runs this."""
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    program = tmp_path / "with blanks" / "amt" / "amt"
    monkeypatch.setattr(sys, "executable", str(program))
    return program


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return what the command complains of."""
    assert run_command(demo.command, list(arguments), "amt demo", "HELP") == 1
    return capsys.readouterr().err


def test_without_the_extra_it_says_what_works(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No index has the package: a clone has it, and the lab of the release."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "uvicorn" else object())
    text = said(capsys)
    assert "pip install '.[simulator]'" in text
    assert "amt-lab demo" in text
    assert "amtconnector[simulator]" not in text


@pytest.mark.skipif(sys.platform == "win32", reason="the quotes of a POSIX shell")
def test_a_release_names_the_lab_beside_it(release: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a command that can be pasted."""
    lab = release.parent.parent / "amt-lab" / "amt-lab"
    lab.parent.mkdir(parents=True)
    lab.touch()
    text = said(capsys, "--page")
    assert "`amt demo` is in the lab folder, beside the release." in text
    assert "Copy" not in text
    assert shlex.split(text.splitlines()[-1]) == [str(lab), "demo", "--page"]


@pytest.mark.skipif(sys.platform == "win32", reason="the quotes of a POSIX shell")
def test_a_release_in_a_folder_of_another_name_is_named_to_the_lab(
    release: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lab looks for the release under the name that it was built with; a missing lab is said."""
    program = release.parent.parent / "AMT Connector" / "amt"
    monkeypatch.setattr(sys, "executable", str(program))
    text = said(capsys)
    lab = program.parent.parent / "amt-lab"
    assert f"Copy the folder amt-lab of the release to {lab} first." in text
    assert shlex.split(text.splitlines()[-1]) == [str(lab / "amt-lab"), "demo", "--program", str(program)]
