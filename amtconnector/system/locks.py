"""The operating system's lock on an open small file: it ends with the process that holds it, however that ends.

The lock is on the first byte of the file: a POSIX record lock, on Windows a byte-range lock. Both are what SMB carries
to the server, so processes on several machines see one another on a share. It is never on a file that others read, for
Windows locks are mandatory.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from amtconnector.system import files
from amtconnector.system.file_owners import ForeignFile

if TYPE_CHECKING:
    from collections.abc import Callable

_HELD: dict[str, object] = {}
"""The lock files that this process has open, by real path.

A POSIX record lock belongs to the whole process: it would be granted twice, and closing a second descriptor of the file
would drop it. So a file that is in here is never opened again. This state is the process's own, as the lock is.
"""

_ATTEMPTS = 100


class LockRefused(OSError):
    """The system lets this account lock nothing there: it is not known whether another process is at work."""


class FileLock:
    """A lock that is held from `take` until `release` or the end of the process."""

    def __init__(self, name: str, descriptor: int) -> None:
        self._name = name
        self._descriptor: int | None = descriptor

    @property
    def is_held(self) -> bool:
        """Whether `release` has not been called yet."""
        return self._descriptor is not None

    def release(self) -> None:
        """Give the lock back; its file stays. A second call does nothing."""
        self._end(removes=False)

    def remove(self) -> None:
        """Give the lock back and remove its file where the system allows it."""
        self._end(removes=True)

    def _end(self, *, removes: bool) -> None:
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        try:
            _give_back(self._name, descriptor, removes=removes)
        finally:
            _HELD.pop(self._name, None)


def take(path: Path, *, is_patient: bool = True) -> FileLock | None:
    """Take the lock on a file, made where it is missing; return None at once when it is held, also by this process.

    `is_patient`: on Windows, denied access is tried again for a moment, for it may be a virus scanner's doing. Raises
    `OSError` when the file can't be opened for writing, and `LockRefused` when the system refuses the lock itself.
    """
    name = _name(path)
    owner = object()
    if _HELD.setdefault(name, owner) is not owner:
        return None
    descriptor = None
    try:
        descriptor = _locked_descriptor(name, files.file_mode(path.parent), is_patient=is_patient)
    finally:
        if descriptor is None:
            del _HELD[name]
    return None if descriptor is None else FileLock(name, descriptor)


def is_taken(path: Path) -> bool:
    """Whether a process holds the lock on a file, this one included; raise `OSError` when the file can't be opened.

    To find out, the lock is held for a moment: whoever takes it for good must try more than once.
    """
    name = _name(path)
    owner = object()
    if _HELD.setdefault(name, owner) is not owner:
        return True
    try:
        return _is_taken_by_another(name)
    finally:
        del _HELD[name]


def _is_taken_by_another(name: str) -> bool:
    try:
        descriptor = _opened(lambda: files.open_existing(Path(name), os.O_RDONLY), is_patient=True)
    except (FileNotFoundError, ForeignFile):  # nobody who may is at work there
        return False
    try:
        is_free = _try_lock(descriptor, is_shared=True)
        if is_free:
            _unlock(descriptor)
        return not is_free
    finally:
        os.close(descriptor)


def _locked_descriptor(name: str, mode: int, *, is_patient: bool) -> int | None:
    for _ in range(_ATTEMPTS):
        try:
            descriptor = _opened(lambda: files.open_file(name, os.O_RDWR, mode), is_patient=is_patient)
        except ForeignFile:
            Path(name).unlink(missing_ok=True)  # whoever planted it could hold it for ever
            continue
        is_kept = False
        try:
            if not _try_lock(descriptor, is_shared=False):
                return None
            is_kept = _is_still_named(name, descriptor)
            if is_kept:
                return descriptor
        finally:
            if not is_kept:
                os.close(descriptor)
    raise OSError(errno.EBUSY, "the lock file is removed over and over", name)


def _opened(open_it: Callable[[], int], *, is_patient: bool) -> int:
    return files.patiently(open_it) if is_patient else open_it()


def _name(path: Path) -> str:
    """Return one name for a file, however its folder is reached; a link in the file's own place is not followed."""
    return os.path.join(os.path.realpath(path.parent), path.name)  # noqa: PTH118 - as text, for it is a key


if sys.platform == "win32":
    import ctypes
    import msvcrt

    from amtconnector.system import windows_api

    # LockFileEx itself, not msvcrt.locking: that one tells "held by another" by nothing but EACCES, and has no shared
    # locks.
    def _try_lock(descriptor: int, *, is_shared: bool) -> bool:
        flags = windows_api.LOCKFILE_FAIL_IMMEDIATELY | (0 if is_shared else windows_api.LOCKFILE_EXCLUSIVE_LOCK)
        position = ctypes.byref(windows_api.Overlapped())
        is_ours: bool = windows_api.LockFileEx(msvcrt.get_osfhandle(descriptor), flags, 0, 1, 0, position)
        return is_ours

    def _unlock(descriptor: int) -> None:
        # Closing unlocks too, but Windows does not promise when.
        position = ctypes.byref(windows_api.Overlapped())
        windows_api.UnlockFileEx(msvcrt.get_osfhandle(descriptor), 0, 1, 0, position)

    def _is_still_named(name: str, descriptor: int) -> bool:  # noqa: ARG001 - an open file can't be removed here
        return True

    def _give_back(name: str, descriptor: int, *, removes: bool) -> None:
        # The C run-time opens files without sharing their removal, so removing fails while anybody has this one open.
        _unlock(descriptor)
        os.close(descriptor)
        if removes:
            files.remove_file(Path(name))

else:
    import fcntl

    # POSIX lets a system say EACCES for a lock that is held. Linux does not: there it is a security module's refusal.
    _HELD_BY_ANOTHER = {errno.EAGAIN} if sys.platform == "linux" else {errno.EAGAIN, errno.EACCES}

    def _try_lock(descriptor: int, *, is_shared: bool) -> bool:
        kind = fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX
        try:
            fcntl.lockf(descriptor, kind | fcntl.LOCK_NB, 1, 0, os.SEEK_SET)
        except OSError as error:
            if error.errno in _HELD_BY_ANOTHER:
                return False
            raise LockRefused(error.errno, f"locks are refused there: {error.strerror}") from error
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, 0, os.SEEK_SET)

    def _is_still_named(name: str, descriptor: int) -> bool:
        # A file is removed only under its lock. Between our opening and our locking it may have been, and the name may
        # be another file's by now: a lock on a file without that name keeps nobody out.
        try:
            return os.path.samestat(os.fstat(descriptor), Path(name).stat())
        except FileNotFoundError:
            return False

    def _give_back(name: str, descriptor: int, *, removes: bool) -> None:
        try:
            if removes:
                files.remove_file(Path(name))
        finally:
            os.close(descriptor)
