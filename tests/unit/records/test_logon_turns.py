"""The rules of taking turns at a logon whose credentials are not known to be good."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from amtconnector.records import logon_turns

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)


class LookedAgain(Exception):
    """Somebody had to wait."""


def look_again() -> None:
    """End the wait of a test."""
    raise LookedAgain


def may_go(directory: Path, now: datetime = NOW) -> bool:
    """Tell whether another one could try the credentials now."""
    try:
        with logon_turns.turn(directory, "digest", now, look_again):
            return True
    except LookedAgain:
        return False


def test_unproven_credentials_are_tried_by_one_at_a_time(tmp_path: Path) -> None:
    """While one tries them the others wait, and then it is the next one's turn."""
    with logon_turns.turn(tmp_path, "digest", NOW, look_again):
        assert not may_go(tmp_path)
    assert may_go(tmp_path)


def test_other_credentials_are_another_question(tmp_path: Path) -> None:
    """Nobody waits for somebody who tries other credentials."""
    with (
        logon_turns.turn(tmp_path, "digest", NOW, look_again),
        logon_turns.turn(tmp_path, "other", NOW, look_again),
    ):
        assert not may_go(tmp_path)


def test_proven_credentials_need_no_turn(tmp_path: Path) -> None:
    """Credentials that were accepted a short while ago are tried by all at once."""
    with logon_turns.turn(tmp_path, "digest", NOW, look_again):
        logon_turns.note_accepted(tmp_path, "digest", NOW)
        assert may_go(tmp_path)


def test_a_proof_does_not_last_for_ever(tmp_path: Path) -> None:
    """After 10 minutes, or when the server has refused them, they are unproven again."""
    logon_turns.note_accepted(tmp_path, "digest", NOW)
    with logon_turns.turn(tmp_path, "digest", NOW + timedelta(minutes=11), look_again):
        assert not may_go(tmp_path, NOW + timedelta(minutes=11))
        assert may_go(tmp_path)
        logon_turns.clear(tmp_path, "digest")
        assert not may_go(tmp_path)


def test_a_proof_is_not_written_for_every_logon(tmp_path: Path) -> None:
    """Five hundred jobs don't write the same note five hundred times."""
    logon_turns.note_accepted(tmp_path, "digest", NOW)
    note = next(tmp_path.glob(f"{logon_turns.PREFIX}*.note"))
    written_at = note.stat().st_mtime_ns
    logon_turns.note_accepted(tmp_path, "digest", NOW + timedelta(minutes=4))
    assert note.stat().st_mtime_ns == written_at
    logon_turns.note_accepted(tmp_path, "digest", NOW + timedelta(minutes=6))
    assert note.stat().st_mtime_ns != written_at


def test_a_directory_that_cannot_be_used_leaves_everybody_free(tmp_path: Path) -> None:
    """Taking turns is a kindness, and no reason not to run."""
    missing = tmp_path / "missing"
    with logon_turns.turn(missing, "digest", NOW, look_again):
        assert may_go(missing)


def test_whoever_dies_gives_up_its_turn(tmp_path: Path) -> None:
    """The turn is a lock of the operating system."""
    program = (
        "import sys, pathlib, datetime; from amtconnector.records import logon_turns\n"
        "with logon_turns.turn(pathlib.Path(sys.argv[1]), 'digest', datetime.datetime.now(datetime.UTC), print):\n"
        "    print('mine', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "mine\n"
        assert not may_go(tmp_path)
        other.kill()
        other.wait()
    assert may_go(tmp_path)


@pytest.mark.parametrize("count", [1, 3])
def test_the_note_of_a_proof_is_one_file(tmp_path: Path, count: int) -> None:
    """However often it is noted."""
    for minutes in range(0, 7 * count, 7):
        logon_turns.note_accepted(tmp_path, "digest", NOW + timedelta(minutes=minutes))
    assert len(list(tmp_path.iterdir())) == 1
