"""Files that hold one time: when something was last done, or happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from amtconnector.system import files

if TYPE_CHECKING:
    from pathlib import Path

ENDING = ".note"

_LIMIT = 64
_FIRST_YEAR, _LAST_YEAR = 1971, 9998
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read(path: Path) -> datetime | None:
    """Return the time in a note, in UTC; None where there is no note or it can't be understood; raise `OSError`."""
    file = files.read_file(path, _LIMIT)
    if file is None:
        return None
    try:
        time = datetime.fromisoformat(file[0].decode("ascii").strip())
        return usable(time.astimezone(UTC)) if time.tzinfo else None
    except (ValueError, OverflowError):
        return None


def write(path: Path, time: datetime) -> None:
    """Put a time into a note, in the place of the one before; raise `OSError`."""
    files.replace_file(path, f"{time.astimezone(UTC).isoformat()}\n".encode("ascii"))


def written_at(path: Path) -> datetime | None:
    """Return when a file was written, by the file system's clock; None where it is not there; raise `OSError`."""
    try:
        return from_file_time(path.stat().st_mtime)
    except FileNotFoundError:
        return None


def from_file_time(seconds: float) -> datetime | None:
    """Return a file's time, in UTC; None for one that can't be right: any program may set any time."""
    try:
        return usable(_EPOCH + timedelta(seconds=seconds))
    except (OverflowError, ValueError):
        return None


def usable(time: datetime) -> datetime | None:
    """Return a time that every system can show in every zone; None for one before 1971 or after 9998."""
    return time if _FIRST_YEAR <= time.year <= _LAST_YEAR else None
