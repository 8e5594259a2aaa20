"""The calls into the operating system that a lock on an open file takes.

POSIX record locks, on Windows byte-range locks, both on the first byte of the file.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from amtconnector.system import files

if TYPE_CHECKING:
    from collections.abc import Iterator


REPLACING_PATIENCE_S = 2.0
"""How long a process waits for another one that replaces a lock file which somebody has planted."""

_PAUSE_S = 0.01


class LockRefused(OSError):
    """The system lets this account lock nothing there: it is not known whether another process is at work."""


if sys.platform == "win32":
    import ctypes
    import msvcrt

    from amtconnector.system import windows_api

    # LockFileEx itself, not msvcrt.locking: that one tells "held by another" by nothing but EACCES, and has no shared
    # locks.
    def try_lock(descriptor: int, *, is_shared: bool) -> bool:
        """Take a lock on an open file at once, or return False where another process holds it; raise `OSError`."""
        flags = windows_api.LOCKFILE_FAIL_IMMEDIATELY | (0 if is_shared else windows_api.LOCKFILE_EXCLUSIVE_LOCK)
        position = ctypes.byref(windows_api.Overlapped())
        is_ours: bool = windows_api.LockFileEx(msvcrt.get_osfhandle(descriptor), flags, 0, 1, 0, position)
        return is_ours

    def unlock(descriptor: int) -> None:
        """Give a lock back, the file staying open."""
        # Closing unlocks too, but Windows does not promise when.
        position = ctypes.byref(windows_api.Overlapped())
        windows_api.UnlockFileEx(msvcrt.get_osfhandle(descriptor), 0, 1, 0, position)

    def is_still_named(name: str, descriptor: int) -> bool:  # noqa: ARG001 - an open file can't be removed here
        """Return that an open file still has its name."""
        return True

    @contextmanager
    def sole_remover(folder: str) -> Iterator[None]:  # noqa: ARG001 - as above: nobody removes what another one holds
        """Do nothing."""
        yield

    def give_back(name: str, descriptor: int, *, removes: bool) -> None:
        """Give a lock back and close its file, which goes where that is wanted and possible."""
        # The C run-time opens files without sharing their removal, so removing fails while anybody has this one open.
        unlock(descriptor)
        os.close(descriptor)
        if removes:
            files.remove_file(Path(name))

else:
    import fcntl

    # POSIX lets a system say EACCES for a lock that is held. Linux does not: there it is a security module's refusal.
    _HELD_BY_ANOTHER = {errno.EAGAIN} if sys.platform == "linux" else {errno.EAGAIN, errno.EACCES}

    def try_lock(descriptor: int, *, is_shared: bool) -> bool:
        """Take a lock on an open file at once, or return False where another process holds it; raise `OSError`."""
        kind = fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX
        try:
            fcntl.lockf(descriptor, kind | fcntl.LOCK_NB, 1, 0, os.SEEK_SET)
        except OSError as error:
            if error.errno in _HELD_BY_ANOTHER:
                return False
            raise LockRefused(error.errno, f"locks are refused there: {error.strerror}") from error
        return True

    def unlock(descriptor: int) -> None:
        """Give a lock back, the file staying open."""
        fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, 0, os.SEEK_SET)

    def is_still_named(name: str, descriptor: int) -> bool:
        """Whether an open file still has its name."""
        # A file is removed only under its lock. Between our opening and our locking it may have been, and the name may
        # be another file's by now: a lock on a file without that name keeps nobody out.
        try:
            return os.path.samestat(os.fstat(descriptor), Path(name).stat())
        except FileNotFoundError:
            return False

    @contextmanager
    def sole_remover(folder: str) -> Iterator[None]:
        """Keep out who asks for the same folder while the block lasts; raise `BlockingIOError` after 2 s."""
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            _lock_folder(descriptor)
            yield
        finally:
            os.close(descriptor)

    def give_back(name: str, descriptor: int, *, removes: bool) -> None:
        """Give a lock back and close its file, which goes where that is wanted."""
        try:
            if removes:
                files.remove_file(Path(name))
        finally:
            os.close(descriptor)

    def _lock_folder(descriptor: int) -> None:
        give_up_at = time.monotonic() + REPLACING_PATIENCE_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= give_up_at:
                    raise
                time.sleep(_PAUSE_S)
            else:
                return
