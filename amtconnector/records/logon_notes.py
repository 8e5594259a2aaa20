"""What the processes of a run directory tell each other of a logon, so that AMT does not lock the account.

    <directory>/rejected-logon-<digest>.note   when these credentials were refused
    <directory>/logon-<digest>-<number>.lock   whoever logs on with them holds the lock on one of these files

`<digest>` names server, user and stored password: other credentials are another question.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from amtconnector.records import timestamps
from amtconnector.system import files, locks

if TYPE_CHECKING:
    from pathlib import Path

REFUSAL_LASTS = timedelta(minutes=10)
"""How long credentials that were refused are not tried again."""

NOTE_PREFIX = "rejected-logon-"
SLOT_PREFIX = "logon-"

_SLOTS = 2


class LogonNotes:
    """The notes about one set of credentials; `digest` is one of server, user and stored password."""

    def __init__(self, directory: Path, digest: str) -> None:
        # Digested once more, so that whatever is given is a file's name.
        name = hashlib.sha256(digest.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        self._directory = directory
        self._note = directory / f"{NOTE_PREFIX}{name}{timestamps.ENDING}"
        self._slots = [directory / f"{SLOT_PREFIX}{name}-{number}.lock" for number in range(1, _SLOTS + 1)]

    def slot(self) -> locks.FileLock | None:
        """Take one of the two places for a logon, until it is released; None when both are taken.

        Creates the directory; raises `OSError` when it can't be used.
        """
        files.create_directory(self._directory)
        return next((lock for path in self._slots if (lock := locks.take(path))), None)

    def refused_until(self, now: datetime) -> datetime | None:
        """Return until when a logon with these credentials is not tried; None when it may be. Never raises.

        A note from the future blocks no longer than 10 minutes, so a clock that was set back does not block for ever.
        """
        try:
            noted = timestamps.read(self._note) or timestamps.written_at(self._note)
        except OSError:
            return None
        if noted is None or abs(now - noted) >= REFUSAL_LASTS:
            return None
        return min(noted, now) + REFUSAL_LASTS

    def note_refusal(self, now: datetime) -> None:
        """Note that these credentials were refused; never raises."""
        with suppress(OSError):
            files.create_directory(self._directory)
            try:
                timestamps.write(self._note, now)
            except OSError:  # a full disk often still takes an empty file, whose own time then tells
                self._note.touch()

    def forget_refusal(self) -> None:
        """Remove the note; never raises."""
        files.remove_file(self._note)
