"""Connector.config as Encrypt sees it: USER, PASSWORD and KEY_FILE, whatever else is missing or wrong there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from amtconnector import credentials
from amtconnector.config import inifile, keys
from amtconnector.credentials.stored import Secret, Stored
from amtconnector.errors import ConfigurationError
from amtconnector.text import described

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from amtconnector.credentials.keyfile import KeyRing

NAMES = (keys.USER.key, keys.PASSWORD.key)


class CredentialFile(NamedTuple):
    """A configuration file whose credentials are looked at or exchanged."""

    path: Path
    ini: inifile.IniText

    def __repr__(self) -> str:
        return described(self, "ini")

    @property
    def key_file(self) -> Path | None:
        """The key file that runs with this configuration use; None for the machine's place."""
        given = self._value(keys.CONNECTOR, keys.KEY_FILE.key)
        return self.path.parent / given if given else None

    @property
    def values(self) -> tuple[Stored, ...]:
        """USER and PASSWORD as they are stored."""
        return tuple(Stored(name, Secret(self._value(keys.SERVER, name)), self.path) for name in NAMES)

    def store(self, secrets: Mapping[str, Secret], ring: KeyRing) -> None:
        """Encrypt secrets, by their names, into the file, every other byte untouched, and read them back.

        Raises ConfigurationError when the file can't be written, and is then as it was.
        """
        ini = self.ini
        for name, secret in secrets.items():
            ini = inifile.replaced(ini, keys.SERVER, name, credentials.encrypt(secret.reveal(), ring))
        self._write(ini)
        for value in read(self.path).values:
            expected = secrets.get(value.name)
            if expected and credentials.decrypt(value, ring).secret.reveal() != expected.reveal():
                raise ConfigurationError(f"{value.name} does not read back as it was written.", subject=str(self.path))

    def _write(self, ini: inifile.IniText) -> None:
        try:
            inifile.write(self.path, ini)
        except OSError as error:
            raise ConfigurationError(
                f"The configuration file can't be written: {error.strerror}. It is unchanged.",
                subject=str(self.path),
                hint="Run Encrypt as an account that may write it.",
            ) from error

    def _value(self, section: str, key: str) -> str:
        entries = self.ini.entries_of(section, key)
        return entries[-1].value if entries else ""


def read(path: Path) -> CredentialFile:
    """Read a configuration file; raises ConfigurationError when it can't be read or is no text."""
    try:
        ini = inifile.read(path)
    except OSError as error:
        raise ConfigurationError(
            f"The configuration file can't be read: {error.strerror}.",
            subject=str(path),
            hint="Name the file with --config, and run Encrypt as an account that may read it.",
        ) from error
    if "\0" in ini.text:
        raise ConfigurationError(
            "The configuration file is neither UTF-8 nor ANSI text.", subject=str(path), hint="Save it as UTF-8."
        )
    return CredentialFile(path, ini)
