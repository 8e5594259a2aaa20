"""Taking turns at a logon whose credentials are not known to be good.

Fifty jobs that begin in the same second with an old password would lock the account before the first refusal is noted.
Until the server has accepted the credentials once, a short while ago, one process tries them and the others wait.
"""

from __future__ import annotations

import hashlib
import time
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from amtconnector.records import timestamps
from amtconnector.system import files, locks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PREFIX = "accepted-logon-"

_PROVEN_FOR = timedelta(minutes=10)
_LONGEST_WAIT_S = 60.0
_PAUSE_S = 0.05


@contextmanager
def turn(directory: Path, digest: str, now: datetime, while_waiting: Callable[[], None]) -> Iterator[None]:
    """Wait until it is this process's turn, for at most 60 s, and hold it; proven credentials need none.

    `while_waiting` is called between two looks, and may raise. A directory that can't be used leaves everybody free.
    """
    lock = _taken(directory, digest, now, while_waiting)
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


def note_accepted(directory: Path, digest: str, now: datetime) -> None:
    """Note that the server accepted these credentials, unless that was noted a short while ago; never raises."""
    with suppress(OSError):
        if not _is_proven(directory, digest, now, _PROVEN_FOR / 2):
            timestamps.write(_path(directory, digest, timestamps.ENDING), now)


def clear(directory: Path, digest: str) -> None:
    """Forget that these credentials were accepted; never raises."""
    files.remove_file(_path(directory, digest, timestamps.ENDING))


def _taken(directory: Path, digest: str, now: datetime, while_waiting: Callable[[], None]) -> locks.FileLock | None:
    end = time.monotonic() + _LONGEST_WAIT_S
    try:
        while not _is_proven(directory, digest, now, _PROVEN_FOR) and time.monotonic() < end:
            if lock := locks.take(_path(directory, digest, ".lock")):
                return lock
            while_waiting()
            time.sleep(_PAUSE_S)
    except OSError:
        pass
    return None


def _is_proven(directory: Path, digest: str, now: datetime, within: timedelta) -> bool:
    noted = timestamps.read(_path(directory, digest, timestamps.ENDING))
    return noted is not None and abs(now - noted) < within


def _path(directory: Path, digest: str, ending: str) -> Path:
    name = hashlib.sha256(digest.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return directory / f"{PREFIX}{name}{ending}"
