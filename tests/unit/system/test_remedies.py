"""What to do about a run directory that can't be used follows from what the system said."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from amtconnector.system.file_access import account
from amtconnector.system.file_owners import ForeignFile
from amtconnector.system.locks import LockRefused
from amtconnector.system.remedies import remedy


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EROFS, "read-only"),
        (errno.ENOTDIR, "A file lies where"),
        (errno.EEXIST, "A file lies where"),
        (errno.EMFILE, "ulimit -n"),
        (errno.EIO, "failing"),
        (errno.EBUSY, "Look at the folder"),
    ],
)
def test_a_right_is_asked_for_only_where_one_is_missing(number: int, words: str) -> None:
    """A full disk, or a file in the folder's place, needs no right."""
    text = remedy(OSError(number, "what the system said"), Path("/runs"))
    assert words in text
    assert account() not in text


def test_a_missing_right_names_the_account_and_the_command(tmp_path: Path) -> None:
    """The command stands on a line of its own."""
    lines = remedy(PermissionError(errno.EACCES, "Permission denied"), tmp_path).splitlines()
    assert f"'{account()}'" in lines[0]
    assert str(tmp_path) in lines[1]
    assert lines[-1] == "Or set RUN_DIRECTORY in Connector.config to another folder."


def test_locks_and_strangers_files_are_named_as_such() -> None:
    """Neither is a missing right, though the system's number may be the same."""
    assert "serve locks" in remedy(LockRefused(errno.EACCES, "refused"), Path("/runs"))
    assert "who put it there" in remedy(ForeignFile(errno.EPERM, "it belongs to 'mallory'"), Path("/runs"))
