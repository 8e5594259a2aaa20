"""The rules of a run's log: every line at once, none that lies, and never in the way of the run."""

from __future__ import annotations

import errno
import os
import sys
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from amtconnector.records.run_log import RunLog

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 5, 18, 14, 0, 14, 239_999, tzinfo=timezone(timedelta(hours=2)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a log in directories that do not exist yet."""
    return tmp_path / "runs" / "logs" / "20261123-a1b2c3d4e5.log"


@pytest.fixture
def log(path: Path) -> RunLog:
    """Return a log whose clock stands still."""
    return RunLog(path, now=lambda: NOW)


def test_a_line_has_its_time_in_utc_and_is_in_the_file_at_once(log: RunLog, path: Path) -> None:
    """A run that is killed leaves everything that it has written."""
    log.write("status RUNNING (2)")
    assert path.read_text() == "2026-05-18T12:00:14.239Z status RUNNING (2)\n"
    log.write("status DONE (4)")
    assert path.read_text().count("\n") == 2


def test_no_line_makes_no_file(log: RunLog, path: Path) -> None:
    """A run that has nothing to say leaves no empty file."""
    log.close()
    assert not path.parent.exists()


def test_a_text_can_not_break_out_of_its_line(log: RunLog, path: Path) -> None:
    """A server's words can't forge a line or drive the terminal that shows the log."""
    log.write("a\n2026-01-01T00:00:00.000Z forged\x1b[2J\u2028 \t\u2603 \udcff")
    (line,) = path.read_text(encoding="utf-8").splitlines()
    assert line == r"2026-05-18T12:00:14.239Z a\x0a2026-01-01T00:00:00.000Z forged\x1b[2J\u2028 " + "\t\u2603 \\udcff"


def test_two_logs_of_one_run_add_to_each_other(log: RunLog, path: Path) -> None:
    """What is in a log already is never overwritten."""
    log.write("one")
    other = RunLog(path)
    other.write("two")
    log.write("three")
    assert [line.split()[-1] for line in path.read_text().splitlines()] == ["one", "two", "three"]


def test_a_full_disk_is_told_once_and_never_raised(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The task goes on without its log, and one sentence says why."""
    told: list[str] = []
    log = RunLog(path, now=lambda: NOW, tell=told.append)
    log.write("before")
    calls = []

    def fail(*_: object) -> int:
        calls.append(1)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "write", fail)
        log.write("lost")
        log.write("lost too")
    log.write("still lost")
    log.close()
    assert len(calls) == 1
    assert told == [f"the run's log can't be written (No space left on device): {path}"]
    assert path.read_text().endswith("before\n")


def test_a_directory_that_can_not_be_made_breaks_the_log_and_not_the_run(path: Path) -> None:
    """Whatever is wrong with the place, the caller reads it and goes on."""
    path.parent.parent.write_bytes(b"")
    told: list[str] = []
    log = RunLog(path, tell=told.append)
    log.write("lost")
    log.write("lost too")
    assert [text.partition(" (")[0] for text in told] == ["the run's log can't be written"]


def test_the_sentence_has_none_of_the_words_that_sites_search_for(
    log: RunLog, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task may still end well, and "Input/output error" would make its job log look otherwise."""
    told: list[str] = []

    def fail(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "write", fail)
    RunLog(path, tell=told.append).write("lost")
    log.write("nobody hears")
    assert len(told) == 1
    assert "error" not in told[0]


def test_a_line_that_is_written_in_pieces_is_written_whole(
    log: RunLog, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system may take less of a line than it was given."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: real(descriptor, bytes(content)[:7]))
    log.write("a longer line")
    assert path.read_text() == "2026-05-18T12:00:14.239Z a longer line\n"


def test_a_closed_log_takes_no_more_lines(log: RunLog, path: Path) -> None:
    """Closing twice is closing once, and a late line is dropped."""
    log.write("one")
    log.close()
    log.close()
    log.write("two")
    assert path.read_text().splitlines() == ["2026-05-18T12:00:14.239Z one"]


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
def test_logs_are_as_open_as_the_run_directory(log: RunLog, path: Path) -> None:
    """A group that shares the directory can read and continue its logs."""
    path.parent.parent.mkdir()
    path.parent.parent.chmod(0o770)
    log.write("one")
    assert path.parent.stat().st_mode & 0o777 == 0o770
    assert path.stat().st_mode & 0o777 == 0o660
