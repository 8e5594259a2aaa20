"""Where the key file is: KEY_FILE of the configuration, else the machine's place, else the user's.

The machine's place counts where there is a file or one can be made. A run looks into both places, since a value names
its key: a service that has no access to the machine's place may have a key of its own.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from amtconnector.credentials import keyfile
from amtconnector.errors import CredentialsError
from amtconnector.system import file_access, files
from amtconnector.system.command_line import encrypt_command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amtconnector.credentials.keyfile import KeyRing

_NAME = "connector.key"


def machine_place() -> Path:
    """Return where the key file of the machine is."""
    if sys.platform == "win32":
        folder = Path(os.environ.get("PROGRAMDATA") or r"C:\ProgramData", "AmtConnector")
    else:
        folder = Path("/etc/amtconnector")
    return folder / _NAME


def user_place() -> Path:
    """Return where the key file of this account is."""
    import platformdirs  # most runs find the machine's key

    name = "AmtConnector" if sys.platform == "win32" else "amtconnector"
    return platformdirs.user_config_path(name, appauthor=False) / _NAME


def usual_places() -> tuple[Path, ...]:
    """Return where key files are without KEY_FILE: the machine's place and the user's."""
    return tuple(_places(None))


def ring_for(key_id: str, key_file: Path | None, config_path: Path | None = None) -> KeyRing:
    """Return the keys to decrypt a value with: KEY_FILE, else the machine's and, when it is needed, the user's.

    `config_path` is the Connector.config that asks, whose owner may own the key file. Raises CredentialsError when
    there is no key file, or when one that is refused could hold the key. When the ring lacks it, no file that there is
    holds it.
    """
    ring: KeyRing | None = None
    refusal: CredentialsError | None = None
    for place in _places(key_file):
        if not _is_there(place):
            continue
        try:
            found = keyfile.load(place, config_path)
            ring = ring.joined(found) if ring else found
        except CredentialsError as error:
            refusal = refusal or error
        if ring and ring.find(key_id):
            return ring
    if refusal:
        raise refusal
    return ring or _refuse_missing(tuple(_places(key_file)), key_file, config_path)


def place_to_encrypt() -> Path:
    """Return the key file that is taken without KEY_FILE: the first one that is there, else the machine's place."""
    return next((place for place in _places(None) if _is_there(place)), machine_place())


def ring_to_encrypt(key_file: Path | None, config_path: Path | None = None) -> tuple[KeyRing, bool]:
    """Return the keys to encrypt with, and whether they are new: the key file is made when there is none.

    Raises CredentialsError when the file that there is must be refused, or when none can be made.
    """
    failure: OSError | None = None
    for place in _places(key_file):
        if _is_there(place):
            return keyfile.load(place, config_path), False
        if left := files.left_beside(place):
            _refuse_to_replace(place, left[0])
        try:
            is_new = keyfile.create(place)
        except OSError as error:
            failure = error
        else:
            return keyfile.load(place, config_path), is_new
    raise CredentialsError(
        f"No key file can be made: {failure.strerror if failure else 'there is no place for it'}.",
        subject=", ".join(str(place) for place in _places(key_file)),
        hint=f"Run it as an account that may write there (this is '{file_access.account()}'), or name another file "
        "with --key-file and set KEY_FILE in Connector.config to it.",
    ) from failure


def _refuse_to_replace(place: Path, left: Path) -> NoReturn:
    """Raise CredentialsError: the key file has lost its name, and a new one would not decrypt what there is."""
    raise CredentialsError(
        "The key file is not under its name, since replacing it was cut off. Nothing was encrypted.",
        subject=str(place),
        hint=f"Its content is in {left}: rename that file to {place.name}, and start again.",
    )


def _refuse_missing(places: tuple[Path, ...], key_file: Path | None, config_path: Path | None) -> NoReturn:
    """Raise CredentialsError: there is no key file in any of the places."""
    hints = ["Copy the key file from the machine where the credentials were encrypted."]
    if not key_file:
        hints.append(
            "Where another account of this machine has encrypted them, the key may be in that account's own folder: "
            "put it where both accounts reach it, and let KEY_FILE in Connector.config name it."
        )
    named = ("--config", str(config_path.absolute())) if config_path else ()
    hints += [
        f"Or encrypt {name} again here: {encrypt_command('--set', name, *named)}" for name in ("USER", "PASSWORD")
    ]
    raise CredentialsError(
        "There is no key file to decrypt the credentials with.",
        subject=" or ".join(str(place) for place in places),
        hint="\n".join(hints),
    )


def _places(key_file: Path | None) -> Iterator[Path]:
    if key_file is not None:
        yield key_file
        return
    yield machine_place()
    # Asked for late: most runs find the machine's key and need no import of platformdirs.
    yield user_place()


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        # A folder on the way that this account can't enter: reading the file will say so.
        return True
    return True
