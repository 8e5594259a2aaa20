"""The AMT account of one installation: its credentials, and whether a logon with them was refused a short while ago.

AMT locks an account after some refused logons, and fifty jobs can start in the same minute: a refusal is therefore
noted in the run directory, and the same credentials are not tried again for 10 minutes.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from amtconnector.config import load
from amtconnector.credentials import Credentials, read_credentials
from amtconnector.errors import ConnectorError
from amtconnector.records import logon_turns, rejected_logons

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from amtconnector.config import Config
    from amtconnector.records import RunDirectory


class Account:
    """Credentials that are read from Connector.config, and the notes of their refusal."""

    def __init__(self, config: Config, directory: RunDirectory) -> None:
        """Decrypt the credentials; raises CredentialsError."""
        self._config = config
        self._directory = directory
        self._current = _decrypted(config)
        self._digest = _digest(config)
        self._refused: dict[str, datetime] = {}
        self._is_used = False

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd in the credentials, one sentence each."""
        return self._current.warnings

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

    def turn(self, while_waiting: Callable[[], None]) -> AbstractContextManager[None]:
        """Wait for this run's turn to try the current credentials, where it is not known yet that they are good."""
        return logon_turns.turn(self._directory.path, self._digest, datetime.now(UTC), while_waiting)

    def barred_until(self) -> datetime | None:
        """Return until when a logon with the current credentials is not to be tried; None when it may be.

        This run remembers by itself, too: the run directory may be one that can't be written.
        """
        now = datetime.now(UTC)
        own = self._refused.get(self._digest, now)
        return self._directory.rejected_logon_until(self._digest, now) or (own if own > now else None)

    def note(self, *, refused: bool) -> None:
        """Note how the server took the current credentials."""
        if refused:
            self._refused[self._digest] = datetime.now(UTC) + rejected_logons.WINDOW
            self._directory.note_rejected_logon(self._digest, datetime.now(UTC))
            logon_turns.clear(self._directory.path, self._digest)
        else:
            self._directory.clear_rejected_logon(self._digest)
            logon_turns.note_accepted(self._directory.path, self._digest, datetime.now(UTC))

    def _read_again(self) -> None:
        config = load(self._config.path)
        if config.server.address == self._config.server.address:  # another server's credentials are not for this one
            self._current, self._digest = _decrypted(config), _digest(config)


def _decrypted(config: Config) -> Credentials:
    return read_credentials(config.server.user, config.server.password, config.key_file, config_path=config.path)


def _digest(config: Config) -> str:
    parts = (config.server.address, config.server.user, config.server.password)
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()
