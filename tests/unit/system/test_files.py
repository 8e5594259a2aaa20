"""The rules of a file that survives: whole or not at all, and nothing left behind."""

from __future__ import annotations

import errno
import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from amtconnector.system import files
from amtconnector.system.file_owners import ExposedFile, ForeignFile

SYSTEM: Any = vars(files)["_system"]
"""The half of the module that is for this system."""

needs_modes = pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """The new content is there under the old name, and no other file."""
    path = tmp_path / "note"
    files.replace_file(path, b"a longer text")
    files.replace_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert [file.name for file in tmp_path.iterdir()] == ["note"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """What can't be written in full changes nothing."""
    path = tmp_path / "note"
    files.replace_file(path, b"old")

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if step == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    else:
        monkeypatch.setattr(SYSTEM.NewFile, "take_place_of", fail)
    with pytest.raises(OSError, match="space"):
        files.replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["note"]


def test_content_is_on_the_disk_before_the_name_is_and_the_name_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power failure at any moment leaves the old file or the whole new one."""
    events = []
    real_fsync, real_take_place = os.fsync, SYSTEM.NewFile.take_place_of

    def fsync(descriptor: int) -> None:
        events.append("flush")
        real_fsync(descriptor)

    def take_place(new: Any, target: Path, backup: Path) -> None:
        events.append("rename")
        real_take_place(new, target, backup)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(SYSTEM.NewFile, "take_place_of", take_place)
    files.replace_file(tmp_path / "note", b"new")
    assert events == (["flush", "rename"] if sys.platform == "win32" else ["flush", "rename", "flush"])


def test_a_file_that_is_not_there_is_none_and_one_that_can_not_be_read_is_an_error(tmp_path: Path) -> None:
    """Only absence is absence."""
    assert files.read_file(tmp_path / "missing", 10) is None
    with pytest.raises(OSError, match=r"directory|denied"):
        files.read_file(tmp_path, 10)


def test_reading_has_a_limit(tmp_path: Path) -> None:
    """A file of any size costs no more than the limit."""
    (tmp_path / "note").write_bytes(b"0123456789")
    content = files.read_file(tmp_path / "note", 4)
    assert content
    assert content[0] == b"0123"


@needs_modes
def test_a_new_directory_is_for_its_owner_alone(tmp_path: Path) -> None:
    """The parameters of tasks are not for every account on the machine."""
    files.create_directory(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


@needs_modes
@pytest.mark.parametrize("umask", [0o177, 0o777])
def test_no_umask_shuts_the_owner_out_of_a_new_directory(tmp_path: Path, umask: int) -> None:
    """Its owner can enter, list and change a new directory and those made above it; nobody else gains a right."""
    before = os.umask(umask)
    try:
        files.create_directory(tmp_path / "a" / "b")
        files.create_subdirectory(tmp_path / "a" / "b" / "c")
    finally:
        os.umask(before)
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("a", "a/b", "a/b/c")]
    assert modes == [0o700, 0o700, 0o700]


@needs_modes
def test_a_directory_that_another_one_made_meanwhile_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was first has prepared it."""
    is_dir, missing = Path.is_dir, [tmp_path / "runs"]

    def made_after_the_first_question(path: Path) -> bool:
        if path in missing:
            missing.remove(path)
            return False
        return is_dir(path)

    (tmp_path / "runs").mkdir(mode=0o500)
    monkeypatch.setattr(Path, "is_dir", made_after_the_first_question)
    files.create_directory(tmp_path / "runs")
    assert (tmp_path / "runs").stat().st_mode & 0o777 == 0o500


@pytest.mark.skipif(sys.platform == "win32", reason="a new directory needs no flush there")
def test_a_directory_is_made_with_those_above_it_and_each_is_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power failure must not take a record away with the directory that it is in."""
    flushed: list[Path] = []
    monkeypatch.setattr(files, "flush_directory", flushed.append)
    files.create_directory(tmp_path / "a" / "b" / "c")
    assert flushed == [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]
    files.create_directory(tmp_path / "a" / "b" / "c")
    assert len(flushed) == 3


@needs_modes
def test_a_directory_that_was_prepared_for_a_group_keeps_its_mode_and_hands_it_on(tmp_path: Path) -> None:
    """Several job accounts of one group can share a directory that was prepared for them."""
    tmp_path.chmod(0o2770)
    files.create_directory(tmp_path)
    files.create_subdirectory(tmp_path / "logs")
    files.replace_file(tmp_path / "note", b"")
    assert tmp_path.stat().st_mode & 0o7777 == 0o2770
    assert (tmp_path / "logs").stat().st_mode & 0o7777 == 0o2770
    assert (tmp_path / "note").stat().st_mode & 0o777 == 0o660


def test_a_file_in_the_place_of_a_directory_is_a_failure(tmp_path: Path) -> None:
    """A path that can't be a directory is told to the caller."""
    (tmp_path / "runs").write_bytes(b"")
    with pytest.raises(OSError, match="exist"):
        files.create_directory(tmp_path / "runs")


@needs_modes
def test_a_file_system_that_can_not_flush_directories_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some network file systems refuse to flush a directory; other failures of the flush are real."""
    codes = [errno.EINVAL, errno.EIO]

    def fail(_descriptor: int) -> None:
        raise OSError(codes.pop(0), "flush")

    monkeypatch.setattr(os, "fsync", fail)
    files.flush_directory(tmp_path)
    with pytest.raises(OSError, match="flush"):
        files.flush_directory(tmp_path)


@pytest.mark.skipif(sys.platform != "win32", reason="elsewhere an open file is in nobody's way")
def test_a_reader_that_is_in_the_way_for_a_moment_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows denies replacing a file that somebody has open."""
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    denials = [PermissionError(), PermissionError()]

    def action() -> str:
        if denials:
            raise denials.pop()
        return "done"

    assert files.patiently(action) == "done"


@pytest.mark.skipif(sys.platform != "win32", reason="elsewhere a folder that can't be written takes no files")
def test_the_read_only_attribute_of_a_folder_is_none_of_its_files(tmp_path: Path) -> None:
    """Explorer sets it on folders, where it means nothing."""
    tmp_path.chmod(0o444)
    files.replace_file(tmp_path / "note", b"old")
    files.replace_file(tmp_path / "note", b"new")
    assert (tmp_path / "note").read_bytes() == b"new"


@pytest.mark.skipif(sys.platform == "win32", reason="such files are POSIX's")
@pytest.mark.parametrize("kind", ["pipe", "directory", "socket", "link"])
def test_what_is_no_file_is_told_and_keeps_nobody_waiting(tmp_path: Path, kind: str) -> None:
    """Reading and opening look first: a pipe would wait for a writer, and a link leads to somebody else's file."""
    path = tmp_path / "f"
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "directory":
            path.mkdir()
        case "socket":
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(path))
        case _:
            path.symlink_to("/etc/hostname")
    with pytest.raises(OSError, match=f"{kind}.* in the place of a file"):
        files.read_file(path, 10)
    with pytest.raises(OSError, match=f"{kind}.* in the place of a file"):
        files.open_file(path, os.O_WRONLY | os.O_APPEND, 0o600)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_a_link_in_the_place_of_a_directory_is_not_followed(tmp_path: Path) -> None:
    """Logs stay in the run directory."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "logs").symlink_to(elsewhere)
    with pytest.raises(OSError, match="a link in the place of a folder"):
        files.create_subdirectory(tmp_path / "logs")


def test_a_strangers_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose it is comes before what is in it."""
    path = tmp_path / "f"
    path.write_text("planted")
    monkeypatch.setattr("amtconnector.system.file_owners.foreign_owner", lambda *_: "'mallory'")
    with pytest.raises(ForeignFile, match="it belongs to 'mallory'"):
        files.read_file(path, 10)


def test_a_file_with_a_second_name_is_read(tmp_path: Path) -> None:
    """Backups and tools that find copies give files second names; nobody who may not write one can do so by them."""
    path = tmp_path / "f"
    path.write_text("ours")
    (tmp_path / "second").hardlink_to(path)
    assert files.read_file(path, 10)


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
def test_a_file_that_everybody_may_write_is_not_read(tmp_path: Path) -> None:
    """Whoever has opened it can still write it when the folder is closed; what is made anew is never that open."""
    path = tmp_path / "f"
    tmp_path.chmod(0o777)
    files.replace_file(path, b"ours")
    assert files.read_file(path, 10)
    path.chmod(0o666)
    with pytest.raises(ExposedFile, match="every account of this machine may write it"):
        files.read_file(path, 10)
