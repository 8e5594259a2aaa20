"""Connector.config as Encrypt sees it: USER, PASSWORD and KEY_FILE, whatever else is missing or wrong there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from amtconnector import credentials
from amtconnector.config import inifile, keys
from amtconnector.config.connector_config import load_text
from amtconnector.credentials import key_places
from amtconnector.credentials.stored import Secret, Stored
from amtconnector.errors import ConfigurationError
from amtconnector.named_tuple import NamedTuple
from amtconnector.system import file_access
from amtconnector.system.files import ContentElsewhere, remove_abandoned
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
        self.write(ini)
        for value in read(self.path).values:
            expected = secrets.get(value.name)
            if expected and credentials.decrypt(value, ring).secret.reveal() != expected.reveal():
                raise ConfigurationError(f"{value.name} does not read back as it was written.", subject=str(self.path))

    def write(self, ini: inifile.IniText) -> None:
        """Replace the file's text; raises ConfigurationError, which says what the file holds then."""
        try:
            inifile.write(self.path, ini)
        except ContentElsewhere as error:
            _refuse_without_file(self.path, error)
        except OSError as error:
            is_new = _is_written(self.path, ini)
            what = "It holds the new value, which a power cut may take back" if is_new else "It is unchanged"
            raise ConfigurationError(
                f"The configuration file can't be written: {error.strerror}. {what}.",
                subject=str(self.path),
                hint="Run Encrypt as an account that may write it and its folder, and see that the disk has room.",
            ) from error

    def _value(self, section: str, key: str) -> str:
        return self.ini.value_of(section, key)


def read(path: Path) -> CredentialFile:
    """Read a configuration file; raises ConfigurationError when it can't be read or is no text.

    So it does where a stranger's link leads there. What an Encrypt that was killed has left beside it and beside its
    key file is removed.
    """
    _refuse_strangers_link(path)
    file = CredentialFile(path, load_text(path))
    for written in (path, *((file.key_file,) if file.key_file else key_places.usual_places())):
        remove_abandoned(written)
    return file


def _refuse_strangers_link(path: Path) -> None:
    """Raise ConfigurationError where a stranger's link decides which file is written."""
    for fault in file_access.way_faults(path, file_access.owners(None)):
        if fault.is_foreign and fault.path.is_symlink():
            raise ConfigurationError(
                f"The configuration file is reached through a link of somebody else's: {fault}. Nothing was changed.",
                subject=str(path),
                hint=f"Name the file itself with --config, or remove the link:\n{fault.commands}",
            )


def _is_written(path: Path, ini: inifile.IniText) -> bool:
    try:
        return inifile.read(path).text == ini.text
    except OSError:
        return False


def _refuse_without_file(path: Path, error: ContentElsewhere) -> NoReturn:
    old, *others = error.places
    new = f" The new content is in {others[0]}." if others else ""
    raise ConfigurationError(
        f"The configuration file could not be replaced: {error.strerror}. It is not under its name any more.",
        subject=str(path),
        hint=f"Its content is in {old}: rename that file to {path.name}.{new}",
    ) from error
