"""The key file: what it holds, and when it is refused.

One Fernet key a line, newest first: the first encrypts, all decrypt. Lines that are empty or start with `#` are
comments. A key is named by its id, a short digest that reveals nothing of it. The file is made for its owner alone, and
refused when others can read or change it (`key_access`). It never lies beside Connector.config by default, so that a
copy of an installation does not carry the key.
"""

from __future__ import annotations

import binascii
import hashlib
import os
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from amtconnector.credentials import key_access
from amtconnector.errors import CredentialsError
from amtconnector.named_tuple import NamedTuple
from amtconnector.system import file_access, files
from amtconnector.system.command_line import credentials_commands
from amtconnector.system.file_kinds import dead_link, other_than_file
from amtconnector.text import described

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_KEY_LENGTH = 32
_LARGEST = 64 * 1024
_BOM = b"\xef\xbb\xbf"


class Key(NamedTuple):
    """One key: its id, its text as the file holds it, which nothing ever shows, that file, and its line there."""

    id: str
    text: str
    path: Path
    line: int = 1

    def __repr__(self) -> str:
        return described(self, "text")


class KeyRing(NamedTuple):
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


def load(path: Path, config: Path | None = None) -> KeyRing:
    """Read one key file; raises CredentialsError, with what to do, when it is missing, refused, unreadable, damaged.

    `config` is the Connector.config whose owner may own the key file too.
    """
    keys = tuple(_key(line, number, path, config) for number, line in _lines(_content(path, config)))
    if not keys:
        _refuse_damaged("The key file holds no key.", path, config)
    return KeyRing(keys)


def create(path: Path) -> bool:
    """Make a key file with one key, for its owner alone; return False when somebody else has just made it.

    Raises OSError when it can't be made there.
    """
    files.create_directory(path.parent, is_open=True)
    try:
        files.replace_file(path, _new_line(), access=files.Access.OWNER, is_new=True)
    except FileExistsError:
        return False
    return True


def with_new_key(ring: KeyRing, config: Path | None = None) -> KeyRing:
    """Put a new key in front of the others and flush it to disk; no key is ever removed.

    Raises CredentialsError when the file can't be written, and is then as it was.
    """
    try:
        content = _new_line() + ring.path.read_bytes().removeprefix(_BOM)
        files.replace_file(ring.path, content, access=files.Access.AS_BEFORE_WITH_OWNER)
    except files.ContentElsewhere as error:
        raise CredentialsError(
            f"The key file could not be replaced: {error.strerror}. It is not under its name any more.",
            subject=str(ring.path),
            hint=f"Its content is in {error.places[0]}: rename that file to {ring.path.name}, and start again.",
        ) from error
    except OSError as error:
        raise CredentialsError(
            f"The new key can't be written into the key file: {error.strerror}. No value was encrypted with it.",
            subject=str(ring.path),
            hint=f"Run it as an account that may write that file and its folder (this is '{file_access.account()}').",
        ) from error
    return load(ring.path, config)


def key_id(text: str) -> str:
    """Return the id of a key: the start of a digest that tells keys apart and reveals nothing of them."""
    return hashlib.sha256(b"amtconnector key id:" + text.encode()).hexdigest()[:8]


def _new_line() -> bytes:
    return binascii.b2a_base64(os.urandom(_KEY_LENGTH)).replace(b"+", b"-").replace(b"/", b"_")


def _content(path: Path, config: Path | None) -> bytes:
    with suppress(OSError):  # reading it says what is wrong
        if kind := other_than_file(path):
            _refuse_damaged(f"The key file is {kind}, not a file.", path, config)
    try:
        content = key_access.read(path, _LARGEST + 1, config)
    except OSError as error:
        what = dead_link(path) or f"can't be read: {error.strerror}"
        raise CredentialsError(
            f"The key file {what}.",
            subject=str(path),
            hint="Check KEY_FILE in Connector.config, and the file.",
        ) from error
    if len(content) > _LARGEST:
        _refuse_damaged("The key file is too large to be one.", path, config)
    return content


def _lines(content: bytes) -> Iterator[tuple[int, str]]:
    text = content.removeprefix(_BOM).decode("ascii", "replace")
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            yield number, line.strip()


def _key(text: str, number: int, path: Path, config: Path | None) -> Key:
    standard = text.translate({45: "+", 95: "/", 43: "?", 47: "?"}).encode("ascii", "replace")
    try:
        key = binascii.a2b_base64(standard)
    except binascii.Error:
        key = b""
    if len(key) != _KEY_LENGTH or binascii.b2a_base64(key, newline=False) != standard:
        _refuse_damaged(f"Line {number} of the key file is no key: the file is damaged.", path, config)
    return Key(key_id(text), text, path, number)


def _refuse_damaged(message: str, path: Path, config: Path | None) -> NoReturn:
    raise CredentialsError(
        message,
        subject=str(path),
        hint="Put back the key file from a backup or from the machine where the credentials were encrypted.\n"
        "Only if there is none: move it away and encrypt the credentials again:\n"
        f"{credentials_commands(config)}",
    )
