"""A file that is replaced: whatever step fails, the old or the new content has its name, or it is said where it is."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from amtconnector.system import files
from amtconnector.system.files import Access, ContentElsewhere

if TYPE_CHECKING:
    from collections.abc import Callable

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="modes, owners and links are POSIX's")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="files without a name are Linux's")

SYSTEM: Any = vars(files)["_system"]
"""The half of the module that is for this system."""

KEPT = (Access.AS_BEFORE, Access.AS_BEFORE_WITH_OWNER)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Make a file with old content, alone in its folder."""
    path = tmp_path / "Connector.config"
    path.write_bytes(b"old")
    return path


def content_of(folder: Path) -> dict[str, bytes]:
    """Return what each file of a folder holds."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@on_posix
@pytest.mark.parametrize("access", KEPT)
def test_a_replaced_file_keeps_its_mode(old: Path, access: Access) -> None:
    """The account that reads the file can read it afterwards, and nobody else can."""
    old.chmod(0o640)
    files.replace_file(old, b"new", access=access)
    assert (old.stat().st_mode & 0o777, content_of(old.parent)) == (0o640, {old.name: b"new"})


@on_posix
def test_a_link_to_the_file_stays_a_link(old: Path) -> None:
    """The file behind a link is rewritten, in its own place."""
    link = old.with_name("link")
    link.symlink_to(old)
    files.replace_file(link, b"new", access=Access.AS_BEFORE)
    assert link.is_symlink()
    assert old.read_bytes() == b"new"


def test_a_file_that_is_to_keep_its_access_must_be_there(tmp_path: Path) -> None:
    """Only an existing file is rewritten."""
    with pytest.raises(FileNotFoundError):
        files.replace_file(tmp_path / "Connector.config", b"new", access=Access.AS_BEFORE)
    assert not list(tmp_path.iterdir())


def test_a_new_file_replaces_nothing(old: Path) -> None:
    """The first of two who make a file wins."""
    with pytest.raises(FileExistsError):
        files.replace_file(old, b"new", access=Access.OWNER, is_new=True)
    assert content_of(old.parent) == {old.name: b"old"}


@on_posix
@pytest.mark.parametrize("has_unnamed", [True, False])
@pytest.mark.parametrize("umask", [0o000, 0o177, 0o777])
def test_a_new_secret_is_its_owners_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int, *, has_unnamed: bool
) -> None:
    """Whatever the umask, and also where the file system knows no files without a name."""
    if not has_unnamed:
        monkeypatch.setattr(SYSTEM, "_UNNAMED", 0)
    path = tmp_path / "folder" / "connector.key"
    before = os.umask(umask)
    try:
        files.create_directory(path.parent, is_open=True)
        files.replace_file(path, b"key", access=Access.OWNER, is_new=True)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert content_of(path.parent) == {path.name: b"key"}


@on_posix
@pytest.mark.parametrize("umask", [0o077, 0o177, 0o777])
def test_a_new_directory_can_be_entered_by_its_owner_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    """A umask that takes the owner's own rights must not make a folder that nobody can use."""
    before = os.umask(umask)
    try:
        files.create_directory(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    for folder in (tmp_path / "a", tmp_path / "a" / "b"):
        assert folder.stat().st_mode & 0o700 == 0o700


def failing(*_: object, **__: object) -> None:
    """Stand in for a call to the system that fails as on a full disk."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


POSIX_STEPS = ("open", "fchmod", "write", "fsync", "link", "rename", "stat")


@on_linux
@pytest.mark.parametrize("access", KEPT)
@pytest.mark.parametrize("step", POSIX_STEPS)
def test_whatever_step_fails_the_old_content_is_there_and_nothing_else(
    old: Path, monkeypatch: pytest.MonkeyPatch, step: str, access: Access
) -> None:
    """A full disk at any call leaves the file as it was, and no temporary copy of it."""
    owner, name = (Path, {"rename": "replace", "stat": "stat"}[step]) if step in {"rename", "stat"} else (os, step)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, failing)
        with pytest.raises(OSError, match="space"):
            files.replace_file(old, b"new", access=access)
    assert content_of(old.parent) == {old.name: b"old"}


@on_linux
def test_a_last_flush_that_fails_leaves_the_new_content(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller is told, and finds the new file."""
    with monkeypatch.context() as patch:
        patch.setattr(files, "flush_directory", failing)
        with pytest.raises(OSError, match="space"):
            files.replace_file(old, b"new", access=Access.AS_BEFORE)
    assert content_of(old.parent) == {old.name: b"new"}


@on_linux
@pytest.mark.parametrize("step", ["os.write", "os.fsync", "os.fchmod", "os.link", "Path.replace"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_no_kill_leaves_more_than_the_next_writer_finds(old: Path, step: str, moment: str) -> None:
    """A process that is killed at any step leaves the old or the new content, and what it left beside it is found."""
    script = f"""
import os, signal, sys
from pathlib import Path
from amtconnector.system import files
real = {step}
def die(*args, **options):
    if {moment!r} == "after":
        real(*args, **options)
    os.kill(os.getpid(), signal.SIGKILL)
{step} = die
files.replace_file(Path(sys.argv[1]), b"new", access=files.Access.AS_BEFORE)
"""
    ended = subprocess.run([sys.executable, "-c", script, str(old)], check=False)
    assert ended.returncode == -9
    assert old.read_bytes() in {b"old", b"new"}
    files.remove_abandoned(old)
    assert [path.name for path in old.parent.iterdir()] == [old.name]


@on_linux
def test_until_it_is_complete_a_secret_has_no_name(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash while it is written leaves nothing to be found, by anybody."""
    seen = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        seen.append([path.name for path in old.parent.iterdir()])
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    files.replace_file(old, b"new", access=Access.AS_BEFORE)
    assert seen[0] == [old.name]


@on_linux
def test_a_file_that_is_being_written_is_not_abandoned(old: Path) -> None:
    """Who cleans up leaves alone what another process is about to put in place."""
    temporary = old.with_name(f"{old.name}.0123456789ab.tmp")
    new = SYSTEM.NewFile(temporary, may_be_unnamed=True)
    new._link(temporary)
    files.remove_abandoned(old)
    assert temporary.exists()
    new.close()
    files.remove_abandoned(old)
    assert not temporary.exists()


class FakeWindows:
    """A file whose place is taken in steps, as ReplaceFileW does it; `outcome` says where it stops and what is left."""

    def __init__(self, outcome: Callable[[Path, Path, Path], None]) -> None:
        self._outcome = outcome

    def new_file(self, temporary: Path, *, may_be_unnamed: bool) -> FakeWindows:
        """Stand in for NewFile."""
        del may_be_unnamed
        self._temporary = temporary
        return self

    def set_access_of(self, other: Path, *, keeps_owner: bool) -> None:
        """Do nothing."""

    def write(self, content: bytes) -> None:
        """Write the temporary file."""
        self._temporary.write_bytes(content)

    def take_place_of(self, target: Path, backup: Path) -> None:
        """Do what the outcome is."""
        self._outcome(self._temporary, target, backup)

    def close(self) -> None:
        """Do nothing."""


def _denied(temporary: Path, target: Path, backup: Path) -> None:
    del temporary, target, backup
    raise PermissionError(errno.EACCES, "in use (1175)")


def _neither(temporary: Path, target: Path, backup: Path) -> None:
    del temporary, backup
    target.unlink()
    raise OSError(errno.EIO, "the replacement could not be renamed (1176)")


def _moved(temporary: Path, target: Path, backup: Path) -> None:
    del temporary
    target.rename(backup)
    raise OSError(errno.EIO, "the replacement could not be renamed (1177)")


def _done(temporary: Path, target: Path, backup: Path) -> None:
    target.rename(backup)
    temporary.rename(target)


def as_windows(monkeypatch: pytest.MonkeyPatch, outcome: Callable[[Path, Path, Path], None]) -> None:
    """Let files be replaced as Windows does it."""
    monkeypatch.setattr(SYSTEM, "NewFile", FakeWindows(outcome).new_file)


@on_posix
@pytest.mark.parametrize(
    ("outcome", "expected"), [(_denied, b"old"), (_neither, b"new"), (_moved, b"old"), (_done, b"new")]
)
def test_whatever_windows_leaves_the_name_has_a_content(
    old: Path, monkeypatch: pytest.MonkeyPatch, outcome: Callable[[Path, Path, Path], None], expected: bytes
) -> None:
    """The old content gets its name back, the new one where there is no old one, and no copy is left."""
    as_windows(monkeypatch, outcome)
    try:
        files.replace_file(old, b"new", access=Access.AS_BEFORE)
    except OSError:
        assert expected == b"old"
    else:
        assert expected == b"new"
    assert content_of(old.parent) == {old.name: expected}


@on_posix
@pytest.mark.parametrize(("outcome", "contents"), [(_neither, [b"new"]), (_moved, [b"old", b"new"])])
def test_where_the_name_can_not_be_given_back_nothing_is_removed_and_the_places_are_told(
    old: Path, monkeypatch: pytest.MonkeyPatch, outcome: Callable[[Path, Path, Path], None], contents: list[bytes]
) -> None:
    """The content is never lost: the failure says which files hold it."""
    as_windows(monkeypatch, outcome)
    monkeypatch.setattr(SYSTEM, "rename", failing)
    with pytest.raises(ContentElsewhere) as caught:
        files.replace_file(old, b"new", access=Access.AS_BEFORE)
    assert [path.read_bytes() for path in caught.value.places] == contents
    assert len(content_of(old.parent)) == len(contents)
