"""Files that hold one time: when something was last done, or happened."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from amtconnector.system import files

if TYPE_CHECKING:
    from pathlib import Path

ENDING = ".note"

_LIMIT = 64


def read(path: Path) -> datetime | None:
    """Return the time in a note, in UTC; None where there is no note or it can't be understood; raise `OSError`."""
    file = files.read_file(path, _LIMIT)
    if file is None:
        return None
    try:
        time = datetime.fromisoformat(file[0].decode("ascii").strip())
        return time.astimezone(UTC) if time.tzinfo else None
    except (ValueError, OverflowError):
        return None


def write(path: Path, time: datetime) -> None:
    """Put a time into a note, in the place of the one before; raise `OSError`."""
    files.replace_file(path, f"{time.astimezone(UTC).isoformat()}\n".encode("ascii"))
