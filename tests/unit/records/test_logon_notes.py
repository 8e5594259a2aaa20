"""The rules of the note: a fleet of jobs asks once with an old password, and nobody is kept out for long."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from amtconnector.records.logon_notes import LogonNotes
from amtconnector.system import files

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 23, 2, 14, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def notes(tmp_path: Path) -> LogonNotes:
    """Return the notes about some credentials in a run directory that does not exist yet."""
    return LogonNotes(tmp_path / "runs", "digest")


def the_note(tmp_path: Path) -> Path:
    """Return the only file in the run directory."""
    (note,) = (tmp_path / "runs").iterdir()
    return note


def test_a_refused_logon_is_not_tried_again_for_ten_minutes(notes: LogonNotes) -> None:
    """Not before, and not longer."""
    assert notes.refused_until(NOW) is None
    notes.note_refusal(NOW)
    assert notes.refused_until(NOW) == NOW + 10 * MINUTE
    assert notes.refused_until(NOW + 9.9 * MINUTE) == NOW + 10 * MINUTE
    assert notes.refused_until(NOW + 10 * MINUTE) is None


def test_other_credentials_are_another_question(notes: LogonNotes, tmp_path: Path) -> None:
    """Whoever corrects the password is not kept waiting, and what is found out about it says nothing of the old one."""
    notes.note_refusal(NOW)
    other = LogonNotes(tmp_path / "runs", "another")
    assert other.refused_until(NOW) is None
    other.forget()
    assert notes.refused_until(NOW)
    notes.forget()
    assert notes.refused_until(NOW) is None


def test_a_clock_that_was_set_back_does_not_block_for_ever(notes: LogonNotes) -> None:
    """A note from the future counts within the window, as among machines whose clocks differ, and not beyond."""
    notes.note_refusal(NOW)
    assert notes.refused_until(NOW - MINUTE) == NOW + 9 * MINUTE
    assert notes.refused_until(NOW - 10 * MINUTE) is None


@pytest.mark.parametrize("content", [b"", b"\0\0", b"yesterday", b"2026-11-23T02:14:00", b"\xff" * 100])
def test_a_note_that_can_not_be_understood_counts_from_when_it_was_written(
    notes: LogonNotes, tmp_path: Path, content: bytes
) -> None:
    """It says that there was a refusal; a disk that is full may have taken no more than its name."""
    notes.note_refusal(NOW)
    note = the_note(tmp_path)
    note.write_bytes(content)
    os.utime(note, (NOW.timestamp(), NOW.timestamp()))
    assert notes.refused_until(NOW + MINUTE) == NOW + 10 * MINUTE
    assert notes.refused_until(NOW + 10 * MINUTE) is None


def test_a_refusal_is_noted_on_a_full_disk(notes: LogonNotes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be written any more an empty file often still can be made."""
    (tmp_path / "runs").mkdir()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "replace_file", full)
    notes.note_refusal(NOW)
    assert notes.refused_until(datetime.now(UTC))


def test_a_note_that_can_not_be_written_or_read_is_no_failure(
    notes: LogonNotes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Noting never hides the refusal that it is about."""
    (tmp_path / "runs").write_text("a file is in the way", "utf-8")
    notes.note_refusal(NOW)
    assert notes.refused_until(NOW) is None

    def deny(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files, "read_file", deny)
    assert notes.refused_until(NOW) is None


@pytest.mark.skipif(sys.platform == "win32", reason="its file names have other rules")
def test_the_digest_is_never_a_path(tmp_path: Path) -> None:
    """Whatever is given names a file in the directory."""
    notes = LogonNotes(tmp_path / "runs", "../../x\0")
    notes.note_refusal(NOW)
    assert notes.refused_until(NOW)
    assert the_note(tmp_path).name.startswith("rejected-logon-")


def test_there_are_two_places_and_each_is_given_back(notes: LogonNotes) -> None:
    """A third one gets none until one of them is free."""
    first, second = notes.slot(), notes.slot()
    assert first
    assert second
    assert notes.slot() is None
    first.give_back()
    again = notes.slot()
    assert again
    again.give_back()
    second.give_back()


def test_a_logon_without_an_answer_keeps_its_place_for_45_s(notes: LogonNotes) -> None:
    """AMT may still refuse it; a good logon settles it for both places."""
    now = datetime.now(UTC)
    for age in (timedelta(seconds=40), timedelta(seconds=5)):
        slot = notes.slot()
        assert slot
        assert not notes.awaits_answers
        slot.note_silence(now - age)
        slot.give_back()
    assert notes.slot() is None
    assert notes.awaits_answers
    notes.forget()
    free = notes.slot()
    assert free
    free.note_silence(now - timedelta(seconds=50))
    free.give_back()
    assert not notes.awaits_answers
