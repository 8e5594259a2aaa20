"""What a run trusts is looked at before: who may own and change it, and what happens where others may."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from amtconnector import config
from amtconnector.config import trust
from amtconnector.errors import ConfigurationError
from amtconnector.system import file_access
from amtconnector.system.file_access import Fault
from tests.support.configfile import INCUMBENT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="by modes; Windows' lists have tests of their own")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Write a configuration file."""
    path = tmp_path / "Connector.config"
    path.write_text(INCUMBENT, encoding="utf-8")
    return path


@pytest.fixture
def default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a default run directory, as version 1.0 made it and somebody opened it."""
    monkeypatch.setattr(trust, "runs_directory", lambda: tmp_path / "state" / "runs")
    path = tmp_path / "state" / "runs" / "site-0123456789ab"
    path.mkdir(parents=True)
    path.chmod(0o777)
    return path


def test_a_run_directory_of_ones_own_is_trusted_and_made_closed(tmp_path: Path, file: Path) -> None:
    """A run that starts something makes it before it looks, so that nobody comes in between."""
    runs = tmp_path / "runs"
    assert trust.ensure_run_directory(runs, file, is_made=False) == ""
    assert not runs.exists()
    assert trust.ensure_run_directory(runs, file, is_made=True) == ""
    assert runs.stat().st_mode & 0o777 == 0o700


def test_one_that_others_may_write_is_refused_with_the_command_on_a_line_of_its_own(tmp_path: Path, file: Path) -> None:
    """102 names who, and how to close it."""
    runs = tmp_path / "runs"
    runs.mkdir()
    runs.chmod(0o777)
    with pytest.raises(ConfigurationError, match="every account of this machine may write it") as caught:
        trust.ensure_run_directory(runs, file, is_made=True)
    assert f"chmod o-rwx {runs}" in caught.value.hint.splitlines()
    assert not trust.is_believed(runs, file)


def test_a_default_one_that_was_left_open_is_closed_by_its_owner(default: Path, file: Path) -> None:
    """An update must not stop a site."""
    assert trust.ensure_run_directory(default, file, is_made=True) == ""
    assert default.stat().st_mode & 0o007 == 0


def test_a_default_one_that_its_user_can_not_close_is_warned_of(
    default: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another account that may own it left it open: its next run closes it, and this one goes on."""
    monkeypatch.setattr(file_access, "is_own", lambda _path: False)
    assert str(default) in trust.ensure_run_directory(default, file, is_made=True)
    assert trust.is_believed(default, file)


def test_a_default_one_of_a_stranger_is_refused_unless_runs_of_this_account_are_in_it(
    default: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Version 1.0 let the first account make it; who planted one can't have made files of this account in it."""
    fault = Fault(default, "it belongs to 'mallory'", "chown root it", is_foreign=True)
    monkeypatch.setattr(trust, "run_directory_fault", lambda *_: fault)
    with pytest.raises(ConfigurationError, match="mallory"):
        trust.ensure_run_directory(default, file, is_made=True)
    record = default / "hand-20261123-0123456789-0123456789abcdef.json"
    for lead in (record.symlink_to, record.hardlink_to):
        lead(file)
        with pytest.raises(ConfigurationError, match="mallory"):  # a link to any file of this account's
            trust.ensure_run_directory(default, file, is_made=True)
        record.unlink()
    record.write_text("")
    assert "mallory" in trust.ensure_run_directory(default, file, is_made=True)


def test_what_people_made_is_one_line_that_names_each_path_once(file: Path) -> None:
    """Every run prints it, and `amt check` shows how to close it."""
    file.chmod(0o666)
    found = list(trust.made_by_people(config.load(file)))
    assert [one.what for one in found] == ["Connector.config"]
    line = trust.warning(found, Path("Other.config"))
    assert line.count(str(file)) == 1
    assert "\n" not in line
    assert line.endswith(" check --config Other.config")
    assert trust.warning([], Path("Other.config")) == ""
