"""`amt check --repair`: the rights for a group of job accounts, shown, and carried out for a group that is named."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from amtconnector.check import repair
from amtconnector.commands.check import command
from amtconnector.commands.click_command import run_command
from amtconnector.config import trust
from amtconnector.records import RunDirectory, RunKey, RunRecord, RunState
from amtconnector.system import file_access
from amtconnector.system.file_access import Fault
from tests.support.examined import sound_installation

if TYPE_CHECKING:
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
    assert check("--repair", "--config", str(path)) == 0
    shown = capsys.readouterr()
    assert (shown.out, f"Before that: {fault}" in shown.err) == ("", True)


def test_a_group_that_does_not_exist_changes_nothing(site: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """It is named, and the exit code says that nothing was done."""
    assert check("--repair", "--group", "no such group", "--config", str(site.write())) == 1
    assert "there is no group 'no such group'" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--group", "x"], ["--repair", "--json"], ["--repair", "--no-logon"]])
def test_what_does_not_go_together_is_a_wrong_command_line(arguments: list[str]) -> None:
    """A group without --repair would do nothing, and an examination is another thing to ask for."""
    assert check(*arguments) == 101


@pytest.mark.parametrize("setting", ["KEY_FILE", "RUN_DIRECTORY"])
def test_what_an_open_configuration_names_elsewhere_is_not_touched(
    site: Installation, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str], setting: str
) -> None:
    """Whoever could change it could lead root to any file: it is closed, and people look at it first."""
    victim = tmp_path_factory.mktemp("victim")
    secret = victim / "secret"
    secret.write_text("root's alone")
    secret.chmod(0o600)
    path = site.having(**{setting: str(secret if setting == "KEY_FILE" else victim)}).write()
    path.chmod(0o666)
    before = modes(victim)
    assert check("--repair", "--config", str(path)) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [f"chmod o-w {path}"]
    assert f"look at {setting}" in shown.err
    assert check("--repair", "--group", own_group(), "--config", str(path)) == 1
    assert f"look at {setting}" in capsys.readouterr().err
    assert modes(victim) == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o664


def test_the_runs_of_another_configuration_are_not_touched_for_an_open_one(
    site: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its RUN_DIRECTORY may lead to another installation's, whose accounts would be shut out."""
    path = site.write()
    directory = RunDirectory(site.folder / "runs")
    key = RunKey(schedule_date="20261123", schedule_name="s", opcon_job="j")
    record = RunRecord(key, "20261123-0123456789", RunState.NOT_STARTED, config="/elsewhere/Connector.config")
    with directory.claim(key, record.run_id) as claim:
        claim.save(record)
    path.chmod(0o666)
    before = modes(site.folder / "runs")
    assert check("--repair", "--group", own_group(), "--config", str(path)) == 1
    assert "look at RUN_DIRECTORY" in capsys.readouterr().err
    assert modes(site.folder / "runs") == before
    assert check("--repair", "--group", own_group(), "--config", str(path)) == 0
    assert modes(site.folder / "runs") != before


def test_a_key_file_with_a_second_name_is_not_opened_to_a_group(
    site: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may be a file from elsewhere."""
    (site.folder / "second").hardlink_to(site.folder / "connector.key")
    assert check("--repair", "--group", own_group(), "--config", str(site.write())) == 1
    assert "it has a second name" in capsys.readouterr().err
    assert modes(site.folder)["connector.key"] == 0o600


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root makes a link another account's")
def test_a_key_that_is_swapped_while_its_folder_is_open_is_not_followed(
    site: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Between the first look and the moment in which its folder is closed a stranger may do what he likes."""
    victim = site.folder / "victim"
    victim.write_text("root's alone")
    victim.chmod(0o600)
    keys = site.folder / "keys"
    keys.mkdir(mode=0o777)
    keys.chmod(0o777)
    key = keys / "connector.key"
    shutil.copy(site.folder / "connector.key", key)
    key.chmod(0o600)
    carried_out = repair._problem

    def swapped_first(line: str) -> str:
        if line.endswith(str(keys)):
            key.unlink()
            key.symlink_to(victim)
            os.chown(key, 54321, 54321, follow_symlinks=False)
        return carried_out(line)

    monkeypatch.setattr(repair, "_problem", swapped_first)
    path = site.having(KEY_FILE=str(key)).write()
    assert check("--repair", "--group", own_group(), "--config", str(path)) == 1
    assert "The rest is not done" in capsys.readouterr().err
    assert modes(site.folder)["victim"] == 0o600


def test_a_file_that_everybody_could_write_does_not_become_one_that_is_believed(
    site: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stranger may have written what it says."""
    record = site.folder / "runs" / "x.json"
    record.touch(0o600)
    record.chmod(0o666)
    assert check("--repair", "--group", own_group(), "--config", str(site.write())) == 0
    assert "Not believed, look at it and remove it: x.json: every account" in capsys.readouterr().err
    assert modes(site.folder)["x.json"] == 0o666


def test_a_link_in_the_programs_folder_leads_no_command_to_what_it_names(
    site: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger's link to a folder that is open on purpose, say `/tmp`, would close that one."""
    program = site.folder / "program"
    program.mkdir()
    elsewhere = site.folder / "elsewhere"
    elsewhere.mkdir()
    elsewhere.chmod(0o777)
    (program / "lib").symlink_to(elsewhere)
    monkeypatch.setattr(trust, "own_directory", lambda: program)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert list(trust.program_files(site.write())) == []


def test_on_windows_a_command_is_the_systems_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows would else look for it beside amt.exe and in the working directory first."""
    told: list[object] = []

    def run(line: str, *, executable: str | None = None, **_: object) -> subprocess.CompletedProcess[str]:
        told.extend((line, executable))
        return subprocess.CompletedProcess(line, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(file_access, "IS_WINDOWS", True)
    monkeypatch.setenv("SYSTEMROOT", "W:")
    assert repair._problem("icacls runs /inheritance:r") == ""
    assert told == ["icacls runs /inheritance:r", str(Path("W:", "System32", "icacls.exe"))]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root has folders of other accounts")
def test_an_open_configuration_that_leads_into_somebodys_home_is_closed_and_told(
    site: Installation, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    """No command to take that home from him is printed: a stranger may have written the line."""
    home = tmp_path_factory.mktemp("home")
    (home / "amt.pem").write_text("x")
    os.chown(home, 54321, 54321)
    path = site.having(CA_FILE=str(home / "amt.pem")).write()
    path.chmod(0o666)
    assert check("--repair", "--group", own_group(), "--config", str(path)) == 1
    told = capsys.readouterr()
    assert told.out.splitlines() == [f"chmod o-w {path}"]
    assert f"look at what leads to {home} in it" in told.err
    assert "chown" not in told.err
    assert stat.S_IMODE(path.stat().st_mode) == 0o664
