"""What people made for the connector is read as a file, whatever stands in its place."""

from __future__ import annotations

import os
import sys
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from amtconnector.system.file_kinds import LARGEST, content_of

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_read_as_it_is(tmp_path: Path) -> None:
    """Every byte of it, line ends included."""
    path = tmp_path / "file"
    path.write_bytes(b"a\r\nb\x1a\n")
    assert content_of(path) == b"a\r\nb\x1a\n"


def test_a_small_file_takes_little_memory(tmp_path: Path) -> None:
    """Every run reads some."""
    path = tmp_path / "file"
    path.write_bytes(b"a")
    tracemalloc.start()
    try:
        content_of(path)
        assert tracemalloc.get_traced_memory()[1] < 1024 * 1024
    finally:
        tracemalloc.stop()


def test_a_file_that_is_larger_than_any_is_not_held_in_memory(tmp_path: Path) -> None:
    """Who may write the folder could else take all memory with a file that occupies no disk."""
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(OSError, match="larger than 16 MiB"):
        content_of(path)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices are no files there")
@pytest.mark.parametrize("kind", ["a pipe", "a folder", "a device"])
def test_what_is_no_file_is_neither_waited_for_nor_read(tmp_path: Path, kind: str) -> None:
    """Also where it takes the file's place after a first look."""
    path = tmp_path / "file"
    {"a pipe": os.mkfifo, "a folder": os.mkdir, "a device": lambda at: at.symlink_to("/dev/zero")}[kind](path)
    with pytest.raises(OSError, match=f"{kind} in the place of a file"):
        content_of(path)
