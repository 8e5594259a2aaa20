"""What the processes of a run directory tell each other of a logon, so that AMT does not lock the account.

    <directory>/rejected-logon-<digest>.note   when these credentials were refused
    <directory>/logon-<digest>-<number>.lock   whoever logs on with them holds the lock on one of these files
    <directory>/logon-<digest>-<number>.note   when the last logon in that place was left without an answer
    <directory>/failed-logon-<digest>.note     when the server failed at a logon with them, and answered otherwise

`<digest>` names server, user and stored password: other credentials are another question.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from amtconnector.records import timestamps
from amtconnector.system import files, locks

if TYPE_CHECKING:
    from pathlib import Path

REFUSAL_LASTS = timedelta(minutes=10)
"""How long credentials that were refused are not tried again."""

SILENCE_LASTS = timedelta(seconds=45)
"""How long a logon that was left without an answer may still be refused: its place is taken for so long.

A job waits longer than that for a place: where the server was only slow for a while, none ends for it.
"""

FAILURE_PAUSES = timedelta(seconds=45)
"""How long none is tried after a logon at which the server failed alone, which may be its way to refuse."""

NOTE_PREFIX = "rejected-logon-"
SLOT_PREFIX = "logon-"
FAILURE_PREFIX = "failed-logon-"

_SLOTS = 2


class LogonNotes:
    """The notes about one set of credentials; `digest` is one of server, user and stored password."""

    def __init__(self, directory: Path, digest: str) -> None:
        # Digested once more, so that whatever is given is a file's name.
        name = hashlib.sha256(digest.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        self._directory = directory
        self._note = directory / f"{NOTE_PREFIX}{name}{timestamps.ENDING}"
        self._failure = directory / f"{FAILURE_PREFIX}{name}{timestamps.ENDING}"
        self._slots = [directory / f"{SLOT_PREFIX}{name}-{number}.lock" for number in range(1, _SLOTS + 1)]

    def slot(self) -> Slot | None:
        """Take one of the two places for a logon, until it is released; None when both are taken.

        After a logon at which the server failed there is none for 45 s, then a single one until it succeeds. Creates
        the directory; raises `OSError` when it can't be used.
        """
        files.create_directory(self._directory)
        for path in self._slots[:1] if self._failed_until(REFUSAL_LASTS) else self._slots:
            if self._is_free(path) and (lock := locks.take(path)):
                if self._is_free(path):  # once more: whoever had the lock may have noted something
                    return Slot(path, lock)
                lock.remove()
        return None

    def _is_free(self, slot: Path) -> bool:
        return not _awaits_answer(slot) and not self.has_just_failed

    def _failed_until(self, span: timedelta) -> datetime | None:
        return _lasts_until(self._failure, datetime.now(UTC), span)

    @property
    def has_just_failed(self) -> bool:
        """Whether the server failed at a logon with these credentials a moment ago."""
        return self._failed_until(FAILURE_PAUSES) is not None

    @property
    def has_failed_before(self) -> bool:
        """Whether it did within the last 10 minutes, before the pause."""
        return not self.has_just_failed and self._failed_until(REFUSAL_LASTS) is not None

    def note_failure(self, now: datetime) -> None:
        """Note that the server failed at a logon with these credentials, and answers otherwise; never raises."""
        _note(self._failure, now)

    def forget_failure(self) -> None:
        """Remove that note; never raises."""
        files.remove_file(self._failure)

    @property
    def awaits_answers(self) -> bool:
        """Whether every place is taken by a logon that was left without an answer."""
        return all(map(_awaits_answer, self._slots))

    def refused_until(self, now: datetime) -> datetime | None:
        """Return until when a logon with these credentials is not tried; None when it may be. Never raises.

        A note from the future blocks no longer than 10 minutes, so a clock that was set back does not block for ever.
        """
        return _lasts_until(self._note, now, REFUSAL_LASTS)

    def note_refusal(self, now: datetime) -> None:
        """Note that these credentials were refused; never raises."""
        with suppress(OSError):
            files.create_directory(self._directory)
        _note(self._note, now)

    def forget(self) -> None:
        """Remove what is noted of these credentials; never raises."""
        for note in (self._note, self._failure, *map(_note_of, self._slots)):
            files.remove_file(note)


class Slot:
    """A place for a logon, until it is given back."""

    def __init__(self, path: Path, lock: locks.FileLock) -> None:
        self._path = path
        self._lock = lock

    def note_silence(self, now: datetime) -> None:
        """Note that the logon was left without an answer: its place stays taken for a while. Never raises."""
        _note(_note_of(self._path), now)

    def give_back(self) -> None:
        """Let somebody else have it; a file that an administrator left behind could be closed to the jobs' account."""
        self._lock.remove()


def _note_of(slot: Path) -> Path:
    return slot.with_suffix(timestamps.ENDING)


def _awaits_answer(slot: Path) -> bool:
    return _lasts_until(_note_of(slot), datetime.now(UTC), SILENCE_LASTS) is not None


def _note(path: Path, now: datetime) -> None:
    with suppress(OSError):
        try:
            timestamps.write(path, now)
        except OSError:  # a full disk often still takes an empty file, whose own time then tells
            path.touch()


def _lasts_until(note: Path, now: datetime, span: timedelta) -> datetime | None:
    try:
        noted = timestamps.read(note) or timestamps.written_at(note)
    except OSError:
        return None
    return None if noted is None or abs(now - noted) >= span else min(noted, now) + span
