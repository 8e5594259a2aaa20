"""Command lines that can be pasted: the program's own path, quoted for the system's shells."""

from __future__ import annotations

import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from amtconnector.system import command_line

if TYPE_CHECKING:
    from pathlib import Path

posix = pytest.mark.skipif(sys.platform == "win32", reason="quoted for sh")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder, with a blank in its name, that holds both programs."""
    folder = tmp_path / "AMT Connector"
    folder.mkdir()
    for name in ("amt", "Encrypt"):
        program = folder / name
        program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
        program.chmod(0o755)
    return folder


def _freeze(monkeypatch: pytest.MonkeyPatch, program: Path, named: str) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(sys, "argv", [named])


@posix
def test_a_pasted_command_reaches_the_program_with_its_arguments_intact(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every word arrives as it was given, whatever a shell makes of its characters."""
    _freeze(monkeypatch, folder / "amt", str(folder / "amt"))
    words = ("runs", "--config", "/opt/a b/it's $HOME & co.config")
    pasted = subprocess.run(
        ["/bin/sh", "-c", command_line.own_command(*words)], capture_output=True, text=True, check=True
    )
    assert pasted.stdout.splitlines() == list(words)


@posix
def test_encrypt_is_named_beside_amt(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hint of amt's about Encrypt names the program in the same folder."""
    _freeze(monkeypatch, folder / "amt", str(folder / "amt"))
    assert shlex.split(command_line.encrypt_command("check")) == [str(folder / "Encrypt"), "check"]


@posix
def test_a_program_that_was_found_in_path_is_named_by_its_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare name on the command line says nothing about where the program is."""
    _freeze(monkeypatch, folder / "Encrypt", "Encrypt")
    assert shlex.split(command_line.own_command()) == [str(folder / "amt")]


@posix
def test_a_link_to_the_folder_stays_in_the_command(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that names the `current` link holds after the next update, one that names the version does not."""
    current = folder.parent / "current"
    current.symlink_to(folder, target_is_directory=True)
    _freeze(monkeypatch, folder / "amt", str(current / "amt"))
    assert shlex.split(command_line.own_command()) == [str(current / "amt")]


@posix
def test_a_link_to_the_program_alone_leads_to_the_other_program_beside_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/usr/local/bin may hold a link to amt and none to Encrypt."""
    link = folder.parent / "amt"
    link.symlink_to(folder / "amt")
    _freeze(monkeypatch, folder / "amt", str(link))
    assert shlex.split(command_line.own_command()) == [str(link)]
    assert shlex.split(command_line.encrypt_command()) == [str(folder / "Encrypt")]


@posix
def test_a_console_script_is_named_by_its_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed from source the scripts stand in one folder too."""
    monkeypatch.setattr(sys, "argv", [str(folder / "amt")])
    assert shlex.split(command_line.encrypt_command()) == [str(folder / "Encrypt")]


@posix
def test_from_source_the_scripts_beside_the_interpreter_are_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment of its own has them beside its Python."""
    monkeypatch.setattr(sys, "argv", ["somewhere/amtconnector/__main__.py"])
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    assert shlex.split(command_line.own_command("check")) == [str(folder / "amt"), "check"]


@posix
def test_without_a_script_the_module_is_started_with_this_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interpreter's path and the module are the command."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(sys, "argv", ["somewhere/amtconnector/__main__.py"])
    assert shlex.split(command_line.own_command("check")) == [sys.executable, "-m", "amtconnector", "check"]
    assert shlex.split(command_line.encrypt_command("check"))[1:] == ["-m", "amtconnector", "encrypt", "check"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (r"C:\AMT\amt.exe", r"C:\AMT\amt.exe"),
        (r"C:\Program Files\AMT Connector\current\amt.exe", r'C:\"Program Files"\"AMT Connector"\current\amt.exe'),
        (r"\\server\our share\amt.exe", r'\\server\"our share"\amt.exe'),
    ],
)
def test_on_windows_no_command_begins_with_a_quote(path: str, expected: str) -> None:
    """PowerShell takes a line that begins with a quote for a text; quotes within a path do in both shells."""
    assert command_line._windows_program(path) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("--config", "--config"),
        (r"C:\AMT Connector\Connector.config", r'"C:\AMT Connector\Connector.config"'),
        (r"C:\AMT Connector" + "\\", '"C:\\AMT Connector\\\\"'),
        ("a,b", '"a,b"'),
        ("(x86)", '"(x86)"'),
        ("", '""'),
        ("Zürich", "Zürich"),
    ],
)
def test_on_windows_a_word_is_quoted_where_a_shell_would_split_it(word: str, expected: str) -> None:
    """Blanks, commas and brackets mean something to cmd or PowerShell; letters, digits and backslashes don't."""
    assert command_line._windows_word(word) == expected
