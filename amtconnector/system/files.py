"""Small files that survive a crash: written in full or not at all, and on the disk when the call returns."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from stat import S_IMODE, S_IRWXU, S_ISREG
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_Result = TypeVar("_Result")

TEMPORARY = ".tmp"
"""How the name of a file ends that is still being written; one that is a day old was left behind by a crash."""


PATIENCE_S = 0.6
"""How long access that Windows denies is tried again: it may really be denied."""

REPLACING_PATIENCE_S = 2.0
"""The same for replacing a file in a directory that has just been written to."""


def create_directory(path: Path) -> None:
    """Create a directory with those above it; raise `OSError`.

    On POSIX it is for its owner alone, on Windows it inherits its access. One that exists is left as it is: whoever
    shares it among accounts has prepared it.
    """
    if not path.is_dir():
        _make_directory(path, _DIRECTORY_MODE)


def create_subdirectory(path: Path) -> None:
    """Create a directory, as open as the one that it is in, which is created too; raise `OSError`."""
    if path.is_dir():
        return
    create_directory(path.parent)
    path.mkdir(exist_ok=True)
    with suppress(OSError):
        path.chmod(S_IMODE(path.parent.stat().st_mode))


def _make_directory(path: Path, mode: int) -> None:
    # Each one is flushed: a record is as good as lost when the directory above it is not on the disk yet.
    if path.parent != path and not path.parent.is_dir():
        _make_directory(path.parent, 0o755)
    if _is_made_here(path, mode):
        _give_back_to_owner(path)
    flush_directory(path.parent)


def _is_made_here(path: Path, mode: int) -> bool:
    """Make a directory; return False when somebody else has made it meanwhile."""
    try:
        path.mkdir(mode=mode)
    except FileExistsError:
        if not path.is_dir():
            raise
        return False
    return True


def _give_back_to_owner(path: Path) -> None:
    """Give the owner of a new directory what a umask such as 0177 takes, without which nobody can enter it."""
    mode = S_IMODE(path.stat().st_mode)
    if mode & S_IRWXU != S_IRWXU:
        path.chmod(mode | S_IRWXU)


def file_mode(directory: Path) -> int:
    """Return the mode of new files in a directory: as open as the directory is, whatever the umask says."""
    return directory.stat().st_mode & 0o666


def replace_file(path: Path, content: bytes) -> None:
    """Put a file in the place of another one in one step, flushed to the disk.

    Raises `OSError` when it can't be written; the old file is then untouched, unless only the last flush failed.
    """
    temporary = path.with_name(f"{path.name}.{os.urandom(6).hex()}{TEMPORARY}")
    try:
        _write_flushed(temporary, content, file_mode(path.parent))
        patiently(lambda: _take_place(temporary, path), patience_s=REPLACING_PATIENCE_S)
    finally:
        remove_file(temporary)
    flush_directory(path.parent)


def read_file(path: Path, limit: int) -> tuple[bytes, float] | None:
    """Return a file's first `limit` bytes and when it was written, in seconds since 1970; None when it is not there.

    Raises `OSError` when it is there and can't be read.
    """
    try:
        return patiently(lambda: _start_of(path, limit))
    except FileNotFoundError:
        return None


def remove_file(path: Path) -> None:
    """Remove a file if that is possible; never raises."""
    with suppress(OSError):
        path.unlink()


def open_file(path: str | Path, flags: int, mode: int) -> int:
    """Open a file of ours, which is made with this mode where it is missing; raise `OSError`.

    What lies in its place is not touched unless it is a regular file: in a directory that several accounts can write,
    a link could lead to a file of somebody else's.
    """
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        descriptor = os.open(path, flags | os.O_CREAT, mode)  # again with O_CREAT: it can be removed meanwhile
        if not S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "not a regular file", str(path)) from None
        return descriptor
    set_mode(descriptor, mode)
    return descriptor


def set_mode(descriptor: int, mode: int) -> None:
    """Give an open file of ours its mode where the system has modes; never raises (a share may not keep them)."""
    with suppress(OSError):
        if os.fstat(descriptor).st_mode & 0o777 != mode:
            _change_mode(descriptor, mode)


def _write_flushed(path: Path, content: bytes, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags, mode), "wb") as file:
        set_mode(file.fileno(), mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _start_of(path: Path, limit: int) -> tuple[bytes, float]:
    with path.open("rb") as file:
        return file.read(limit), os.fstat(file.fileno()).st_mtime


if sys.platform == "win32":
    import ctypes
    import time
    from ctypes import wintypes

    _DIRECTORY_MODE = 0o777  # newer Pythons make 0o700 an access list without the other job accounts
    _PAUSE_S = 0.01
    _REPLACE_EXISTING = 0x1
    _WRITE_THROUGH = 0x8

    _move_file = ctypes.WinDLL("kernel32", use_last_error=True).MoveFileExW
    _move_file.argtypes = (wintypes.LPCWSTR, wintypes.LPCWSTR, wintypes.DWORD)
    _move_file.restype = wintypes.BOOL

    def patiently(action: Callable[[], _Result], *, patience_s: float = PATIENCE_S) -> _Result:
        """Do something to a file that a reader or a virus scanner may have open for a moment: denied access is retried.

        Windows denies replacing, opening and removing a file that somebody else has open without sharing it.
        """
        give_up_at = time.monotonic() + patience_s
        while time.monotonic() < give_up_at:
            try:
                return action()
            except PermissionError:
                time.sleep(_PAUSE_S)
        return action()

    def flush_directory(path: Path) -> None:
        """Do nothing: here the replacement itself is written through to the disk."""

    def _take_place(temporary: Path, target: Path) -> None:
        # os.replace does not ask for the rename to be on the disk when it returns.
        if not _move_file(str(temporary), str(target), _REPLACE_EXISTING | _WRITE_THROUGH):
            raise ctypes.WinError(ctypes.get_last_error())

    def _change_mode(descriptor: int, mode: int) -> None:
        pass

else:
    _DIRECTORY_MODE = 0o700  # parameters of tasks may be nobody else's business
    _CANNOT_FLUSH = {errno.EINVAL, errno.ENOTSUP, errno.EACCES}

    def patiently(action: Callable[[], _Result], *, patience_s: float = PATIENCE_S) -> _Result:  # noqa: ARG001 - for Windows
        """Do it: on POSIX an open file is in nobody's way, and denied access stays denied."""
        return action()

    def flush_directory(path: Path) -> None:
        """Flush the names in a directory to the disk; raise `OSError`, but not where the file system can't do that."""
        try:
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            if error.errno not in _CANNOT_FLUSH:
                raise

    def _take_place(temporary: Path, target: Path) -> None:
        temporary.replace(target)

    def _change_mode(descriptor: int, mode: int) -> None:
        os.fchmod(descriptor, mode)
