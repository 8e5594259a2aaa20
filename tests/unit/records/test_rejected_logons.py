"""The rules of the note: a fleet of jobs asks once with an old password, and nobody is kept out for long."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from amtconnector.records import RunDirectory
from amtconnector.system import files

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 23, 2, 14, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DIGEST = "0123456789abcdef"


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    """Return a run directory that does not exist yet."""
    return RunDirectory(tmp_path / "runs")


def test_a_rejected_logon_is_not_tried_again_for_ten_minutes(directory: RunDirectory) -> None:
    """Not before, and not longer."""
    assert directory.rejected_logon_until(DIGEST, NOW) is None
    directory.note_rejected_logon(DIGEST, NOW)
    assert directory.rejected_logon_until(DIGEST, NOW) == NOW + 10 * MINUTE
    assert directory.rejected_logon_until(DIGEST, NOW + 9.9 * MINUTE) == NOW + 10 * MINUTE
    assert directory.rejected_logon_until(DIGEST, NOW + 10 * MINUTE) is None


def test_other_credentials_are_another_question(directory: RunDirectory) -> None:
    """Whoever corrects the password is not kept waiting."""
    directory.note_rejected_logon(DIGEST, NOW)
    assert directory.rejected_logon_until("another", NOW) is None


def test_a_note_can_be_cleared_alone_or_with_all_others(directory: RunDirectory) -> None:
    """`amt check` clears what it has found out to be right."""
    for digest in (DIGEST, "second", "third"):
        directory.note_rejected_logon(digest, NOW)
    directory.clear_rejected_logon(DIGEST)
    blocked = [directory.rejected_logon_until(digest, NOW) is not None for digest in (DIGEST, "second", "third")]
    assert blocked == [False, True, True]
    directory.clear_rejected_logon()
    assert directory.rejected_logon_until("second", NOW) is None
    assert list(directory.path.iterdir()) == []


def test_a_clock_that_was_set_back_does_not_block_for_ever(directory: RunDirectory) -> None:
    """A note from the future counts within the window, as among machines whose clocks differ, and not beyond."""
    directory.note_rejected_logon(DIGEST, NOW)
    assert directory.rejected_logon_until(DIGEST, NOW - MINUTE) == NOW + 9 * MINUTE
    assert directory.rejected_logon_until(DIGEST, NOW - 10 * MINUTE) is None


@pytest.mark.parametrize("content", [b"", b"\0\0", b"yesterday", b"2026-11-23T02:14:00", b"\xff" * 100])
def test_a_note_that_can_not_be_understood_blocks_nobody(directory: RunDirectory, content: bytes) -> None:
    """The note is a kindness to the account: without it the server decides."""
    directory.note_rejected_logon(DIGEST, NOW)
    (note,) = directory.path.iterdir()
    note.write_bytes(content)
    assert directory.rejected_logon_until(DIGEST, NOW) is None


def test_a_note_that_can_not_be_written_or_read_is_no_failure(
    directory: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Noting never hides the rejection that it is about."""

    def deny(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files, "replace_file", deny)
    directory.note_rejected_logon(DIGEST, NOW)
    monkeypatch.setattr(files, "read_file", deny)
    assert directory.rejected_logon_until(DIGEST, NOW) is None


@pytest.mark.skipif(sys.platform == "win32", reason="its file names have other rules")
def test_the_digest_is_never_a_path(directory: RunDirectory) -> None:
    """Whatever is given names a file in the directory."""
    directory.note_rejected_logon("../../x\0", NOW)
    assert directory.rejected_logon_until("../../x\0", NOW)
    assert len(list(directory.path.iterdir())) == 1
