"""The AMT account of one installation: its credentials, and the guard that keeps AMT from locking the account.

AMT locks an account after some refused logons, and fifty jobs can start in the same minute. Therefore at most two
processes try the same credentials at once, however good they were a short while ago, for a password can have been
changed since; and a refusal is noted in the run directory before others get their turn: then these credentials are
not tried again for 10 minutes. So it is after an answer that is not understood and may have been a refusal, until the
wire profile is another. A logon that was left without an answer keeps its place for 45 s more, for AMT may still refuse
it. A logon at which the server fails although it answers otherwise may be its way to refuse: none follows for 45 s,
then one, and when that fails so too it counts as such an answer. Where the run directory can't be used, each process
still remembers its own refusal.
"""

from __future__ import annotations

import hashlib
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from amtconnector.config import load
from amtconnector.credentials import Credentials, read_credentials
from amtconnector.errors import AnswerLate, Busy, ConnectorError, LogonRefused, NotUnderstood
from amtconnector.records.logon_notes import FAILURE_PAUSES, REFUSAL_LASTS, SILENCE_LASTS, LogonNotes
from amtconnector.system.file_kinds import content_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from amtconnector.config import Config
    from amtconnector.credentials import Secret
    from amtconnector.records import RunDirectory
    from amtconnector.records.logon_notes import Slot

_LONGEST_WAIT_S = 60.0
_PAUSE_S = 0.1


class Account:
    """Credentials that are read from Connector.config, and whether they may be tried."""

    def __init__(self, config: Config, directory: RunDirectory, *, longest_wait_s: float = _LONGEST_WAIT_S) -> None:
        """Decrypt the credentials; raises CredentialsError. An attempt waits at most `longest_wait_s` for its turn."""
        self._config = config
        self._directory = directory
        self._longest_wait_s = longest_wait_s
        self._current = decrypted(config)
        self._digest = _digest(config)
        self._profile = _profile_text(config)
        self._refused: dict[str, datetime] = {}
        self._is_used = False
        self._has_failed = False

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd in the credentials, one sentence each."""
        return self._current.warnings

    @property
    def user(self) -> Secret:
        """The name of the account at AMT, as it was read last."""
        return self._current.user

    def credentials(self) -> Credentials:
        """Return the credentials, after the first time as the file has them now.

        A file that can't be read any more in the middle of a watch leaves them as they were.
        """
        if self._is_used:
            try:
                self._read_again()
            except (ConnectorError, OSError):
                return self._current
        self._is_used = True
        return self._current

    @contextmanager
    def attempt(self, while_waiting: Callable[[], None]) -> Iterator[None]:
        """Wait for one of the two places for a logon with the current credentials, and hold it.

        Whether they were refused is looked at once the place is there, and within it `refused` is to be called before
        it is given up, or `doubted`. `while_waiting` is called between two looks, and may raise. Raises LogonRefused or
        NotUnderstood when they are not to be tried, Busy when no place became free in time.
        """
        slot = self._slot(while_waiting)
        try:
            if until := self.barred_until():
                raise LogonRefused(
                    "these credentials were refused less than 10 minutes ago; to keep AMT from locking the account "
                    f"they are not tried again before {until.astimezone():%H:%M:%S}"
                )
            if until := self._noted_until(self._doubt):
                doubt = NotUnderstood(
                    "the answer to a logon less than 10 minutes ago may have refused these credentials; to keep AMT "
                    f"from locking the account they are not tried again before {until.astimezone():%H:%M:%S}"
                )
                doubt.may_refuse = True
                raise doubt
            yield
        except AnswerLate:
            if slot is not None:
                slot.note_silence(datetime.now(UTC))
            raise
        finally:
            if slot is not None:
                slot.give_back()

    def barred_until(self) -> datetime | None:
        """Return until when a logon with the current credentials is not to be tried; None when it may be."""
        return self._noted_until(self._digest)

    def accepted(self) -> None:
        """Take note that the server accepted the current credentials."""
        self.forget_refusal()

    def refused(self) -> None:
        """Take note that the server refused the current credentials."""
        self._note(self._digest)

    def doubted(self) -> None:
        """Take note that the answer was not understood, and may have refused the current credentials."""
        self._note(self._doubt)

    def failed(self) -> bool:
        """Take note that the server failed at this logon alone; the second time count it as doubted, and return so."""
        notes = self._notes(self._digest)
        is_second = self._has_failed or notes.has_failed_before
        self._has_failed = True
        if is_second:
            self.doubted()
            notes.forget_failure()  # only now, for until then it bars the way
        else:
            notes.note_failure(datetime.now(UTC))
        return is_second

    def forget_refusal(self) -> None:
        """Let the current credentials be tried again, for somebody has seen to it; nothing is said about them."""
        self._has_failed = False
        for digest in (self._digest, self._doubt):
            self._refused.pop(digest, None)
            self._notes(digest).forget()

    @property
    def _doubt(self) -> str:
        """What names a doubt about the current credentials: another profile may understand what this one did not."""
        return f"{self._digest} {self._profile}"

    def _noted_until(self, digest: str) -> datetime | None:
        now = datetime.now(UTC)
        own = self._refused.get(digest, now)
        return self._notes(digest).refused_until(now) or (own if own > now else None)

    def _note(self, digest: str) -> None:
        now = datetime.now(UTC)
        self._refused[digest] = now + REFUSAL_LASTS
        self._notes(digest).note_refusal(now)

    def _notes(self, digest: str) -> LogonNotes:
        return LogonNotes(self._directory.path, digest)

    def _slot(self, while_waiting: Callable[[], None]) -> Slot | None:
        """Take a place; None where the run directory can't be used: that is no reason not to run."""
        notes = self._notes(self._digest)
        give_up_at = time.monotonic() + self._longest_wait_s
        try:
            while (slot := notes.slot()) is None:
                if time.monotonic() >= give_up_at:
                    raise Busy(self._why_no_place(notes))
                while_waiting()
                time.sleep(_PAUSE_S)
        except OSError:
            return None
        return slot

    def _why_no_place(self, notes: LogonNotes) -> str:
        if notes.has_just_failed:
            return (
                "the server has just failed at a logon with this account, and answers otherwise: it may be its way to "
                f"refuse, so none follows for {FAILURE_PAUSES.seconds} s, lest AMT locks the account"
            )
        if notes.awaits_answers:
            return (
                f"AMT has just left two logons with this account without an answer; each may still be refused, so none "
                f"follows for {SILENCE_LASTS.seconds} s, lest AMT locks the account"
            )
        return (
            f"for {self._longest_wait_s:g} s other jobs have been logging on with the same account, "
            "two at a time so that AMT does not lock it"
        )

    def _read_again(self) -> None:
        config = load(self._config.path)
        if config.server.address == self._config.server.address:  # another server's credentials are not for this one
            self._current, self._digest = decrypted(config), _digest(config)


def decrypted(config: Config) -> Credentials:
    """Return the credentials of an installation; raises CredentialsError."""
    return read_credentials(config.server.user, config.server.password, config.key_file, config_path=config.path)


def _profile_text(config: Config) -> str:
    """Return what the wire profile says, "" for the built-in one and for one that can't be read."""
    try:
        return content_of(config.wire_profile).decode("utf-8", "replace") if config.wire_profile else ""
    except OSError:
        return ""


def _digest(config: Config) -> str:
    parts = (config.server.address, config.server.user, config.server.password)
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()
