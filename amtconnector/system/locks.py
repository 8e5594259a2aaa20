"""The operating system's lock on an open small file: it ends with the process that holds it, however that ends.

The lock is on the first byte of the file: a POSIX record lock, on Windows a byte-range lock. Both are what SMB carries
to the server, so processes on several machines see one another on a share. It is never on a file that others read, for
Windows locks are mandatory.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

from amtconnector.system import files
from amtconnector.system.file_owners import ExposedFile, ForeignFile
from amtconnector.system.lock_calls import LockRefused, give_back, is_still_named, sole_remover, try_lock, unlock

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FileLock", "LockRefused", "is_taken", "take"]

_HELD: dict[str, object] = {}
"""The lock files that this process has open, by real path.

A POSIX record lock belongs to the whole process: it would be granted twice, and closing a second descriptor of the file
would drop it. So a file that is in here is never opened again. This state is the process's own, as the lock is.
"""

_ATTEMPTS = 100


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
            give_back(self._name, descriptor, removes=removes)
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
        descriptor = _locked_descriptor(name, files.lock_mode(path.parent), is_patient=is_patient)
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
    except ExposedFile:
        return not _is_free(name)
    except (FileNotFoundError, ForeignFile):  # nobody who may is at work there
        return False
    try:
        is_free = try_lock(descriptor, is_shared=True)
        if is_free:
            unlock(descriptor)
        return not is_free
    finally:
        os.close(descriptor)


def _locked_descriptor(name: str, mode: int, *, is_patient: bool) -> int | None:
    for _ in range(_ATTEMPTS):
        try:
            descriptor = _opened(lambda: files.open_file(name, os.O_RDWR, mode), is_patient=is_patient)
        except ForeignFile as error:
            if not _is_removed(name, error):
                return None
            continue
        is_kept = False
        try:
            files.set_mode(descriptor, mode)  # version 1.0 let readers hold it
            if not try_lock(descriptor, is_shared=False):
                return None
            is_kept = is_still_named(name, descriptor)
            if is_kept:
                return descriptor
        finally:
            if not is_kept:
                os.close(descriptor)
    raise OSError(errno.EBUSY, "the lock file is removed over and over", name)


def _is_removed(name: str, error: ForeignFile) -> bool:
    """Remove a lock file that others have planted or reach, who could hold it for ever; False where a run may hold it.

    One process does that at a time, and looks once more: another one may have put its own there. Raises the error where
    it is not to be removed.
    """
    try:
        with sole_remover(os.path.dirname(name)):  # noqa: PTH120 - as text, for it is a key
            return _is_removed_now(name)
    except BlockingIOError:
        raise error from None


def _is_removed_now(name: str) -> bool:
    try:
        os.close(files.open_existing(Path(name), os.O_RDWR))
    except FileNotFoundError:
        return True
    except ForeignFile as error:
        if isinstance(error, ExposedFile) and not _is_free(name):
            return False
        try:
            Path(name).unlink(missing_ok=True)
        except PermissionError:  # on Windows, where he has it open
            raise error from None
    return True


def _is_free(name: str) -> bool:
    """Whether nobody holds the lock on a file that others reach."""
    try:
        descriptor = files.open_existing(Path(name), os.O_RDWR, may_be_exposed=True)
    except FileNotFoundError:
        return True
    try:
        return try_lock(descriptor, is_shared=False)
    finally:
        os.close(descriptor)


def _opened(open_it: Callable[[], int], *, is_patient: bool) -> int:
    return files.patiently(open_it) if is_patient else open_it()


def _name(path: Path) -> str:
    """Return one name for a file, however its folder is reached; a link in the file's own place is not followed."""
    return os.path.join(os.path.realpath(path.parent), path.name)  # noqa: PTH118 - as text, for it is a key
