"""The key file: where it is, what it holds, and when it is refused.

One Fernet key a line, newest first: the first encrypts, all decrypt. Lines that are empty or start with `#` are
comments. A key is named by its id, a short digest that reveals nothing of it. The file is made on the first use of
Encrypt, for its owner alone, in the machine's place where that can be written, else in the user's. It never lies beside
Connector.config by default, so that a copy of an installation does not carry the key.
"""

from __future__ import annotations

import binascii
import hashlib
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from amtconnector import access, durable
from amtconnector.errors import CredentialsError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_NAME = "connector.key"
_KEY_LENGTH = 32
_LARGEST = 64 * 1024
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Key:
    """One key: its id, its text as the file holds it, which nothing ever shows, and that file."""

    id: str
    text: str = field(repr=False)
    path: Path


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys of a key file (or of both places), newest first; at least one."""

    keys: tuple[Key, ...]

    @property
    def path(self) -> Path:
        """The file whose first key encrypts."""
        return self.newest.path

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every file that a key is from."""
        return tuple(dict.fromkeys(key.path for key in self.keys))

    @property
    def newest(self) -> Key:
        """The key that encrypts."""
        return self.keys[0]

    def find(self, key_id: str) -> Key | None:
        """Return the key with this id, None when it is not here."""
        return next((key for key in self.keys if key.id == key_id), None)

    def joined(self, other: KeyRing) -> KeyRing:
        """Return a ring that holds the keys of both."""
        return KeyRing((*self.keys, *other.keys))


def machine_place() -> Path:
    """Return where the key file of the machine is."""
    if sys.platform == "win32":
        folder = Path(os.environ.get("PROGRAMDATA") or r"C:\ProgramData", "AmtConnector")
    else:
        folder = Path("/etc/amtconnector")
    return folder / _NAME


def user_place() -> Path:
    """Return where the key file of this account is."""
    import platformdirs  # noqa: PLC0415  # most runs find the machine's key

    name = "AmtConnector" if sys.platform == "win32" else "amtconnector"
    return platformdirs.user_config_path(name, appauthor=False) / _NAME


def load(path: Path) -> KeyRing:
    """Read one key file; raises CredentialsError, with what to do, when it is missing, exposed, unreadable, damaged."""
    keys = tuple(_key(line, number, path) for number, line in _lines(_content(path)))
    if not keys:
        _refuse_damaged("The key file holds no key.", path)
    return KeyRing(keys)


def ring_for(key_ids: Collection[str], key_file: Path | None) -> KeyRing:
    """Return the keys that a run decrypts with: KEY_FILE, else the machine's and, when it is needed, the user's.

    Raises CredentialsError when there is no key file, or when one that is refused could hold a key that is needed.
    A ring may lack a key: then no file that there is holds it.
    """
    ring: KeyRing | None = None
    refusal: CredentialsError | None = None
    for place in _places(key_file):
        if not _is_there(place):
            continue
        try:
            ring = ring.joined(load(place)) if ring else load(place)
        except CredentialsError as error:
            refusal = refusal or error
        if ring and all(ring.find(key_id) for key_id in key_ids):
            return ring
    if refusal:
        raise refusal
    return ring or _refuse_missing(key_file)


def ring_to_encrypt(key_file: Path | None) -> tuple[KeyRing, bool]:
    """Return the keys to encrypt with, and whether they are new: the key file is made when there is none.

    Raises CredentialsError when the file that there is must be refused, or when none can be made.
    """
    failure: OSError | None = None
    for place in _places(key_file):
        if _is_there(place):
            return load(place), False
        try:
            return _created(place)
        except OSError as error:
            failure = error
    raise CredentialsError(
        f"No key file can be made: {failure.strerror if failure else 'there is no place for it'}.",
        subject=", ".join(str(place) for place in _places(key_file)),
        hint=f"Run it as an account that may write there (this is '{access.account()}'), or name another file "
        "with --key-file and set KEY_FILE in Connector.config to it.",
    ) from failure


def with_new_key(ring: KeyRing) -> KeyRing:
    """Put a new key in front of the others and flush it to disk; no key is ever removed. Raises OSError."""
    content = ring.path.read_bytes().removeprefix(_BOM)
    access.replace(ring.path, _new_line() + content)
    return load(ring.path)


def key_id(text: str) -> str:
    """Return the id of a key: the start of a digest that tells keys apart and reveals nothing of them."""
    return hashlib.sha256(b"amtconnector key id:" + text.encode()).hexdigest()[:8]


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
        # A folder on the way that this account can't enter: load() says so.
        return True
    return True


def _created(path: Path) -> tuple[KeyRing, bool]:
    try:
        access.create(path, _new_line())
    except FileExistsError:
        return load(path), False
    return load(path), True


def _new_line() -> bytes:
    return binascii.b2a_base64(os.urandom(_KEY_LENGTH)).replace(b"+", b"-").replace(b"/", b"_")


def _content(path: Path) -> bytes:
    try:
        with durable.patiently(lambda: path.open("rb")) as file:
            if exposure := access.exposure(path, file.fileno()):
                _refuse_exposed(exposure, path)
            return file.read(_LARGEST)
    except PermissionError as error:
        _refuse_unreadable(path, error)
    except FileNotFoundError:
        _refuse_missing(path)
    except OSError as error:
        raise CredentialsError(
            f"The key file can't be read: {error.strerror}.",
            subject=str(path),
            hint="Check KEY_FILE in Connector.config, and the file.",
        ) from error


def _lines(content: bytes) -> Iterator[tuple[int, str]]:
    text = content.removeprefix(_BOM).decode("ascii", "replace")
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            yield number, line.strip()


def _key(text: str, number: int, path: Path) -> Key:
    standard = text.translate({45: "+", 95: "/", 43: "?", 47: "?"}).encode("ascii", "replace")
    try:
        is_key = len(binascii.a2b_base64(standard, strict_mode=True)) == _KEY_LENGTH
    except binascii.Error:
        is_key = False
    if not is_key:
        _refuse_damaged(f"Line {number} of the key file is no key: the file is damaged.", path)
    return Key(key_id(text), text, path)


def _refuse_missing(key_file: Path | None) -> NoReturn:
    raise CredentialsError(
        "There is no key file to decrypt the credentials with.",
        subject=" or ".join(str(place) for place in _places(key_file)),
        hint="Copy the key file from the machine where the credentials were encrypted, or encrypt them again here: "
        "'Encrypt --set USER', then 'Encrypt --set PASSWORD'.",
    )


def _refuse_exposed(exposure: str, path: Path) -> NoReturn:
    raise CredentialsError(
        f"The key file is exposed: {exposure}. The account '{access.account()}' refuses to use it.",
        subject=str(path),
        hint=f"Close it: {access.closing_command(path)}\n"
        "If somebody may have read it, make a new key afterwards: 'Encrypt rotate' with every Connector.config that "
        "uses it, and change the password in AMT.",
    )


def _refuse_unreadable(path: Path, error: OSError) -> NoReturn:
    raise CredentialsError(
        f"The key file can't be read by the account '{access.account()}', which this program runs as.",
        subject=str(path),
        hint=f"As an administrator: {access.granting_command(path)}",
    ) from error


def _refuse_damaged(message: str, path: Path) -> NoReturn:
    raise CredentialsError(
        message,
        subject=str(path),
        hint="Put back the key file from a backup or from the machine where the credentials were encrypted.\n"
        "Only if there is none: move it away and encrypt the credentials again: 'Encrypt --set USER', then "
        "'Encrypt --set PASSWORD'.",
    )
