"""Where an installation's files and runs are: one place for every spelling, and one for every version of a program."""

from __future__ import annotations

import ctypes
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from amtconnector import config
from amtconnector.check import local
from amtconnector.config import installation_id, places
from amtconnector.errors import ConfigurationError
from amtconnector.records import RunDirectory, RunKey, RunRecord, RunState
from tests.support.configfile import SERVER, loaded, written

if TYPE_CHECKING:
    from amtconnector.config import Config

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="links as POSIX has them")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the machine's run directories into a folder of the test; return it."""
    monkeypatch.setattr(places, "_state_directory", lambda: tmp_path / "state")
    return tmp_path / "state" / "runs"


def named(folder: Path, name: str, port: int = 4004) -> Config:
    """Load a configuration with an INSTALLATION_ID."""
    folder.mkdir(exist_ok=True)
    return loaded(folder, SERVER.replace("4004", str(port)) + f"[CONNECTOR]\nINSTALLATION_ID={name}\n")


def submitted(read: Config, run_id: str = "20261123-a1b2c3d4e5") -> None:
    """Keep the record of a run that is at work, as a run of this configuration does."""
    key = RunKey("20261123", "Nightly", run_id, read.server.address, "DEMO2", "X")
    record = RunRecord(
        key=key, run_id=run_id, state=RunState.SUBMITTED, request_id="7", submitted_at=NOW, config=str(read.path)
    )
    with RunDirectory(read.run_directory).claim(key, run_id) as claim:
        claim.save(record)


def test_two_versions_with_one_id_have_one_place(tmp_path: Path, runs: Path) -> None:
    """A copy of the file in another version's folder takes up the same runs, in any letter case of the id."""
    first, second = named(tmp_path / "1.0", "Bank-Test-01"), named(tmp_path / "1.1", "bank-test-01")
    assert first.run_directory == second.run_directory == runs / "bank-test-01"


@pytest.mark.parametrize("name", ["short", "a" * 65, "../../etc-x", "with blank", "under_score", "dot.dot.dot"])
def test_an_id_is_the_name_of_a_folder_and_nothing_else(tmp_path: Path, name: str) -> None:
    """Letters, digits and hyphens, 8 to 64 of them; a broken one moves nothing while it is broken."""
    path = written(tmp_path, f"{SERVER}[CONNECTOR]\nINSTALLATION_ID={name}\n")
    with pytest.raises(ConfigurationError, match="INSTALLATION_ID"):
        config.load(path)
    assert config.run_directory_of(path) == places.default_run_directory(path, "")


def test_the_runs_of_a_broken_file_are_found_by_its_id(tmp_path: Path, runs: Path) -> None:
    """An open earlier run can be named although the configuration has been broken since."""
    path = written(tmp_path, f"{SERVER}[CONNECTOR]\nINSTALLATION_ID=bank-test-01\nnonsense\n")
    assert config.run_directory_of(path) == runs / "bank-test-01"


@on_posix
def test_every_spelling_of_a_file_has_one_place(tmp_path: Path) -> None:
    """A link to the folder, a link to the file and a way around lead to the same runs."""
    folder = tmp_path / "AMT"
    folder.mkdir()
    (tmp_path / "current").symlink_to(folder, target_is_directory=True)
    written(folder, SERVER)
    (tmp_path / "link.config").symlink_to(folder / "Connector.config")
    spellings = [
        folder / "Connector.config",
        tmp_path / "current" / "Connector.config",
        tmp_path / "link.config",
        folder / ".." / "AMT" / "Connector.config",
    ]
    assert len({config.run_directory_of(spelling) for spelling in spellings}) == 1


@on_posix
def test_a_place_that_an_earlier_version_made_for_a_spelling_stays_that_of_the_spelling(
    tmp_path: Path, runs: Path
) -> None:
    """An update must not lose sight of the runs that a job started through a link."""
    (tmp_path / "AMT").mkdir()
    (tmp_path / "current").symlink_to(tmp_path / "AMT", target_is_directory=True)
    spelled = tmp_path / "current" / "Connector.config"
    made = runs / places._named_by_path(spelled)
    made.mkdir(parents=True)
    assert config.run_directory_of(spelled) == made


if sys.platform == "win32":

    def test_every_spelling_of_a_file_on_windows_has_one_place(tmp_path: Path) -> None:
        r"""Short (8.3) names, `\\?\`, letter case and a way around are one installation; so are those of a share."""
        folder = tmp_path / "AMT Connector of the bank"
        folder.mkdir()
        path = str(written(folder, SERVER))
        short = ctypes.create_unicode_buffer(300)
        assert ctypes.windll.kernel32.GetShortPathNameW(path, short, len(short))
        swapped = path.swapcase()
        spellings = [path, short.value, f"\\\\?\\{path}", f"\\\\.\\{path}", swapped, path.replace("\\", "/")]
        spellings.append(str(folder / ".." / folder.name.upper() / "CONNECTOR.CONFIG"))
        assert len({config.run_directory_of(Path(spelling)) for spelling in spellings}) == 1
        share = [r"\\server\share\AMT\Connector.config", r"\\?\UNC\SERVER\share\amt\connector.config"]
        assert len({places._named_by_path(places.real_path(Path(one))).partition("-")[2] for one in share}) == 1


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("\\\\?\\C:\\AMT\\Connector.config", "C:\\AMT\\Connector.config"),
        ("\\\\.\\C:\\AMT", "C:\\AMT"),
        ("\\\\?\\UNC\\server\\share\\AMT", "\\\\server\\share\\AMT"),
        ("\\\\server\\share\\AMT", "\\\\server\\share\\AMT"),
        ("C:\\AMT", "C:\\AMT"),
    ],
)
def test_a_prefix_that_switches_windows_reading_off_is_no_part_of_a_path(path: str, plain: str) -> None:
    r"""`\\?\C:\` is `C:\`."""
    assert places._unprefixed(path) == plain


def test_the_first_id_keeps_the_place_whatever_its_name(tmp_path: Path, runs: Path) -> None:
    """A folder such as `AMT_1.0` is in the name of the place, and no id may hold its marks."""
    folder = tmp_path / "AMT_1.0"
    folder.mkdir()
    before = loaded(folder, SERVER)
    submitted(before)
    first = installation_id.first_id(before.path)
    assert named(folder, first).run_directory == before.run_directory
    assert before.run_directory.name.startswith("AMT_1.0-")
    assert named(tmp_path / "elsewhere", first).run_directory.parent == runs


def test_a_place_that_another_file_uses_is_not_taken_over(tmp_path: Path) -> None:
    """An installation moved away with its id, and another one came to its path: they do not get one id."""
    folder, moved = tmp_path / "AMT", tmp_path / "moved"
    folder.mkdir()
    first = installation_id.first_id(written(folder, SERVER))
    submitted(named(moved, first))
    assert installation_id.first_id(folder / "Connector.config") != first


def test_a_new_place_beside_open_runs_of_the_same_server_is_told(tmp_path: Path) -> None:
    """A version in a new folder without the id would start a restarted job's task a second time."""
    submitted(named(tmp_path / "1.0", "bank-test-01"))
    (warning,) = installation_id.open_runs_elsewhere(named(tmp_path / "1.1", "bank-test-02"))
    assert "20261123-a1b2c3d4e5" in warning
    assert "bank-test-01" in warning


def test_open_runs_of_another_server_are_nobodys_business(tmp_path: Path) -> None:
    """Several environments on one machine are the rule."""
    submitted(named(tmp_path / "prod", "bank-prod-01", port=4005))
    assert installation_id.open_runs_elsewhere(named(tmp_path / "test", "bank-test-01")) == ()


def test_a_place_with_a_run_is_not_new(tmp_path: Path) -> None:
    """Only the first run of an installation looks around; `amt check`, tried before it, makes the folder alone."""
    submitted(named(tmp_path / "1.0", "bank-test-01"))
    read = named(tmp_path / "1.1", "bank-test-02")
    read.run_directory.mkdir(parents=True)
    assert len(installation_id.open_runs_elsewhere(read)) == 1
    submitted(read)
    assert installation_id.open_runs_elsewhere(read) == ()


def test_the_examination_tells_of_open_runs_elsewhere(tmp_path: Path) -> None:
    """A new version is tried with `amt check` before any job is led to it."""
    submitted(named(tmp_path / "1.0", "bank-test-01"))
    _, finding = local.configuration(named(tmp_path / "1.1", "bank-test-02").path)
    assert any("bank-test-01" in detail for detail in finding.details)


def test_an_id_that_two_servers_share_is_told(tmp_path: Path) -> None:
    """Connector.config was copied for another environment, and the id with it."""
    prod, test = named(tmp_path / "prod", "bank-prod-01", port=4005), named(tmp_path / "test", "bank-prod-01")
    submitted(prod)
    (warning,) = installation_id.shared_place(test, NOW)
    assert str(prod.path) in warning
    assert installation_id.shared_place(prod, NOW) == ()


def test_two_versions_for_one_server_share_an_id_rightly(tmp_path: Path) -> None:
    """That is what it is for."""
    submitted(named(tmp_path / "1.0", "bank-test-01"))
    assert installation_id.shared_place(named(tmp_path / "1.1", "bank-test-01"), NOW) == ()


@on_posix
def test_through_a_link_the_folder_of_the_program_itself_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run, `amt check`, `amt runs` and Encrypt look in the same folders, however the program is started."""
    program = tmp_path / "AMT" / "1.1" / "amt"
    program.parent.mkdir(parents=True)
    program.touch()
    (tmp_path / "amt").symlink_to(program)
    (tmp_path / "work").mkdir()
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "amt")])
    monkeypatch.chdir(tmp_path / "work")
    assert config.usual_folders() == (tmp_path / "work", program.parent, tmp_path / "AMT")
    above = written(tmp_path / "AMT", SERVER)
    assert config.find(None) == config.expected_path(None) == above
