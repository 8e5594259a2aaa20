"""Notes of rejected logons, so that a fleet of jobs with an old password asks once and does not lock the account.

A note is named by a digest of server, user and stored password: other credentials are another question.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from amtconnector.records import timestamps
from amtconnector.system import files

if TYPE_CHECKING:
    from pathlib import Path

WINDOW = timedelta(minutes=10)
"""How long the same credentials are not tried again."""

PREFIX = "rejected-logon-"


def blocked_until(directory: Path, digest: str, now: datetime) -> datetime | None:
    """Return until when a logon with these credentials is not tried; None when it may be. Never raises.

    A note from the future blocks no longer than the window, so a clock that was set back does not block for ever.
    """
    try:
        noted = timestamps.read(_path(directory, digest))
    except OSError:
        return None
    if noted is None or abs(now - noted) >= WINDOW:
        return None
    return min(noted, now) + WINDOW


def note(directory: Path, digest: str, now: datetime) -> None:
    """Note that a logon with these credentials was rejected; never raises, for the note is only a kindness."""
    with suppress(OSError):
        files.create_directory(directory)
        timestamps.write(_path(directory, digest), now)


def clear(directory: Path, digest: str | None = None) -> None:
    """Remove the note of these credentials, or with None every note; never raises."""
    if digest is not None:
        files.remove_file(_path(directory, digest))
        return
    with suppress(OSError):
        for path in directory.glob(f"{PREFIX}*{timestamps.ENDING}"):
            files.remove_file(path)


def _path(directory: Path, digest: str) -> Path:
    # Digested once more, so that whatever is given is a file's name.
    name = hashlib.sha256(digest.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return directory / f"{PREFIX}{name}{timestamps.ENDING}"
