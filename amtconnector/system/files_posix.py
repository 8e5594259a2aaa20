"""Writing small files on POSIX: modes, owners, and files that have no name until they are complete."""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

assert sys.platform != "win32"  # noqa: S101  # mypy takes it as the switch between the systems

_Result = TypeVar("_Result")

DIRECTORY_MODE = 0o700
"""Of a directory of ours: parameters of tasks may be nobody else's business."""

_CANNOT_FLUSH = {errno.EINVAL, errno.ENOTSUP, errno.EACCES}
_UNNAMED = getattr(os, "O_TMPFILE", 0)
_NO_UNNAMED = {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT}
_NO_ATTRIBUTE = {errno.EPERM, errno.ENOTSUP, errno.ENODATA, errno.EINVAL, errno.EACCES}


class NewFile:
    """A file that is being written and has not taken its place: without a name, where the system has such files.

    Else its name is `temporary`. Its owner alone can get at it until it is given the access of another file, or a mode.
    """

    def __init__(self, temporary: Path, *, may_be_unnamed: bool) -> None:
        self._temporary = temporary
        self._descriptor = _unnamed_file(temporary.parent) if may_be_unnamed else None
        self._is_named = self._descriptor is None
        if self._descriptor is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self._descriptor = os.open(temporary, flags, 0o600)
        if may_be_unnamed:
            _mark_as_in_use(self._descriptor)

    @property
    def _file(self) -> int:
        if self._descriptor is None:
            raise ValueError("the file is closed")
        return self._descriptor

    def set_mode(self, mode: int) -> None:
        """Give the file a mode, whatever the umask says."""
        set_mode(self._file, mode)

    def set_access_of(self, other: Path, *, keeps_owner: bool) -> None:
        """Give the file the owner, group, mode and extended attributes (access lists) of another one.

        Raises PermissionError where `keeps_owner` is asked for and this account may not give files away; else the
        group is kept where that is allowed.
        """
        status = other.stat()
        try:
            if (status.st_uid, status.st_gid) != _owners(self._file):
                os.fchown(self._file, status.st_uid, status.st_gid)
        except PermissionError:
            if keeps_owner:
                raise
            with suppress(PermissionError):
                os.fchown(self._file, -1, status.st_gid)
        os.fchmod(self._file, stat.S_IMODE(status.st_mode))
        _copy_attributes(other, self._file)

    def write(self, content: bytes) -> None:
        """Write the content and flush it to the disk."""
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self._file, rest) :]
        os.fsync(self._file)

    def become(self, target: Path) -> None:
        """Take a name that nobody has; raises FileExistsError when somebody has it."""
        # A link, unlike a rename, never replaces what somebody else has put there in the meantime.
        self._link(target) if not self._is_named else os.link(self._temporary, target)

    def take_place_of(self, target: Path, backup: Path) -> None:
        """Take the place of another file in one step."""
        del backup  # here no step leaves the name without a file
        if not self._is_named:
            self._link(self._temporary)
            self._is_named = True
        self._temporary.replace(target)
        self._is_named = False

    def close(self) -> None:
        """Let the file go; never raises. Without a name it is gone."""
        if self._descriptor is not None:
            with suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None

    def _link(self, target: Path) -> None:
        # A directory's descriptor, which the absolute path makes meaningless, is what makes Python follow the link.
        os.link(f"/proc/self/fd/{self._file}", target, src_dir_fd=self._file)


def is_link(path: Path) -> bool:
    """Whether a path is a link to somewhere else."""
    return path.is_symlink()


def rename(source: Path, target: Path) -> None:
    """Give a file a name that nobody has."""
    os.link(source, target)
    source.unlink()


def is_in_use(path: Path) -> bool:
    """Whether a process is still writing a temporary file: it holds a lock on it."""
    import fcntl  # only what an earlier process left behind is asked about

    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def patiently(action: Callable[[], _Result], *, patience_s: float = 0) -> _Result:
    """Do it: on POSIX an open file is in nobody's way, and denied access stays denied."""
    del patience_s
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


def file_mode(directory: Path) -> int:
    """Return the mode of new files in a directory: as open as the directory is, whatever the umask says.

    But never one that everybody may write: nothing in it would be believed.
    """
    return directory.stat().st_mode & 0o664


def lock_mode(directory: Path) -> int:
    """Return the mode of lock files: for those who may write the directory, since a reader could hold a lock."""
    writing = directory.stat().st_mode & 0o222
    return 0o600 | writing | writing << 1


def set_mode(descriptor: int, mode: int) -> None:
    """Give an open file of ours its mode; never raises (a share may not keep them)."""
    with suppress(OSError):
        if stat.S_IMODE(os.fstat(descriptor).st_mode) != mode:
            os.fchmod(descriptor, mode)


def _unnamed_file(folder: Path) -> int | None:
    """Open a file without a name, which no crash can leave behind; None where the system or file system has none."""
    if not _UNNAMED or not os.path.isdir("/proc/self/fd"):  # noqa: PTH112 - no need for a Path
        return None
    try:
        return os.open(folder, os.O_WRONLY | _UNNAMED | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno not in _NO_UNNAMED:
            raise
        return None


def _mark_as_in_use(descriptor: int) -> None:
    import fcntl  # no run writes such a file

    with suppress(OSError):  # a file system without locks
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _owners(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_uid, status.st_gid


def _copy_attributes(source: Path, descriptor: int) -> None:
    if sys.platform != "linux":
        return
    try:
        for name in os.listxattr(source):
            _copy_attribute(source, name, descriptor)
    except OSError as error:
        if error.errno not in _NO_ATTRIBUTE:
            raise


def _copy_attribute(source: Path, name: str, descriptor: int) -> None:
    try:
        os.setxattr(descriptor, name, os.getxattr(source, name))
    except OSError as error:  # a security module's own, say
        if error.errno not in _NO_ATTRIBUTE:
            raise
