"""`amt check --repair`: the rights for a group of job accounts, shown, and carried out for a group that is named."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from amtconnector.commands.check import command
from amtconnector.commands.click_command import run_command
from amtconnector.records import RunDirectory, RunKey
from amtconnector.system import file_access
from amtconnector.system.file_access import Fault
from tests.support.examined import sound_installation

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.examined import Installation

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="chgrp and chmod are POSIX's")


@pytest.fixture
def site(tmp_path: Path) -> Installation:
    """Make an installation in which one account has run a job."""
    installation = sound_installation(tmp_path).having(SERVER_ADDRESS="127.0.0.1:4004")
    directory = RunDirectory(tmp_path / "runs")
    directory.claim(RunKey(schedule_date="20261123", schedule_name="s", opcon_job="j"), "20261123-0123456789").release()
    directory.open_log("20261123-0123456789").write("a line")
    return installation


def check(*arguments: str) -> int:
    """Run `amt check` with these arguments; return its exit code."""
    return run_command(command, list(arguments), "amt check", "HELP")


def own_group() -> str:
    """Return the name of a group that this account may give its files to."""
    import grp

    return grp.getgrgid(os.getegid()).gr_name


def modes(folder: Path) -> dict[str, int]:
    """Return the mode of everything below a folder."""
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}


def test_without_a_group_it_is_shown_and_nothing_is_changed(
    site: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """The commands can be pasted, with a group in the place of the word GROUP."""
    before = modes(site.folder)
    assert check("--repair", "--config", str(site.write())) == 0
    shown = capsys.readouterr()
    assert f"chgrp GROUP {site.folder / 'connector.key'}" in shown.out.splitlines()
    assert f"find {site.folder / 'runs'} -depth -type d -exec chgrp GROUP" in shown.out
    assert "Nothing was changed" in shown.err
    assert {name: modes(site.folder)[name] for name in before} == before


def test_with_a_group_it_is_done_and_the_examination_agrees(
    site: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """The group may write the run directory and what is in it, read the key, and nobody else may anything."""
    path = site.write()
    path.chmod(0o666)
    (site.folder / "runs").chmod(0o777)
    assert check("--repair", "--group", own_group(), "--config", str(path)) == 0, capsys.readouterr().err
    found = modes(site.folder)
    assert (found["runs"], found["logs"], found["connector.key"]) == (0o2770, 0o2770, 0o640)
    assert {mode for name, mode in found.items() if name.endswith((".lock", ".log"))} == {0o660}
    assert found["Connector.config"] == 0o664
    assert list(file_access.foreign_files(site.folder / "runs")) == []


def test_nobody_can_swap_what_is_being_opened(site: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """Every folder is closed before anything in it is touched, from the top, and opened when all is done, the top last.

    Else who owns a folder in there lets root open a file of his choice.
    """
    assert check("--repair", "--config", str(site.write())) == 0
    finds = [line for line in capsys.readouterr().out.splitlines() if line.startswith("find ")]
    closing, files, opening = finds
    assert "-type d" in closing
    assert closing.endswith("-exec chmod 700 '{}' ';'")
    assert "-depth" not in closing
    assert "-type f -links 1" in files
    assert "-depth -type d" in opening


def test_lists_that_let_others_in_go(site: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """The mask of an access list follows the group's bits: opening these would open to whom the list names."""
    setfacl = shutil.which("setfacl")
    if setfacl is None:
        pytest.skip("there is no setfacl")
    logs = site.folder / "runs" / "logs"
    if subprocess.run([setfacl, "-m", "u:54321:rwx,d:u:54321:rwx", logs], check=False).returncode:
        pytest.skip("this file system has no access lists")
    logs.chmod(0o700)
    assert check("--repair", "--group", own_group(), "--config", str(site.write())) == 0, capsys.readouterr().err
    assert os.listxattr(logs) == []


def test_a_strangers_folder_on_the_way_is_left_to_people(
    site: Installation, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be somebody's home: it is named with the command, and nothing is done."""
    path = site.write()
    fault = Fault(site.folder, "it belongs to 'alice'", f"chown root {site.folder}", is_foreign=True)
    monkeypatch.setattr(file_access, "way_faults", lambda *_: iter([fault]))
    before = modes(site.folder)
    assert check("--repair", "--group", own_group(), "--config", str(path)) == 1
    assert f"{fault}, and it is on the way there" in capsys.readouterr().err
    assert modes(site.folder) == before


def test_a_group_that_does_not_exist_changes_nothing(site: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """It is named, and the exit code says that nothing was done."""
    assert check("--repair", "--group", "no such group", "--config", str(site.write())) == 1
    assert "there is no group 'no such group'" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--group", "x"], ["--repair", "--json"], ["--repair", "--no-logon"]])
def test_what_does_not_go_together_is_a_wrong_command_line(arguments: list[str]) -> None:
    """A group without --repair would do nothing, and an examination is another thing to ask for."""
    assert check(*arguments) == 101
