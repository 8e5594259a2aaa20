"""A new key for the credentials of several configuration files, in an order in which a crash loses nothing.

First every value is decrypted; then the new key is written in front of the others and flushed to the disk; then the
values are exchanged, file by file. Whenever it stops, each value there is can be decrypted. No key is ever removed:
other installations may use it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amtconnector import credentials
from amtconnector.config.places import real_path
from amtconnector.credentials import key_places, keyfile
from amtconnector.errors import CredentialsError
from amtconnector.named_tuple import NamedTuple
from amtconnector.system import locks
from amtconnector.system.command_line import encrypt_command

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from amtconnector.credentials.credential_file import CredentialFile
    from amtconnector.credentials.keyfile import Key, KeyRing
    from amtconnector.credentials.stored import Secret


class Rotation(NamedTuple):
    """What a rotation did: the keys as they are now, and those that the files use no more."""

    ring: KeyRing
    unused: tuple[Key, ...]


def rotate(files: Sequence[CredentialFile]) -> Rotation:
    """Encrypt the credentials of the files with a new key.

    Raises CredentialsError before anything has changed when a value can't be decrypted or the files use several key
    files, and OSError when something can't be written.
    """
    key_file = _common_key_file(files)
    secrets = [_secrets(file) for file in files]
    ring = _with_new_key(key_file, files[0].path)
    for file, found in zip(files, secrets, strict=True):
        file.store(found, ring)
    return Rotation(ring, ring.keys[1:])


def _secrets(file: CredentialFile) -> dict[str, Secret]:
    credentials.refuse_plain(file.values)
    return {value.name: credentials.reveal(value, file.key_file) for value in file.values}


def _common_key_file(files: Sequence[CredentialFile]) -> Path | None:
    users: dict[Path | tuple[int, int], list[CredentialFile]] = {}
    for file in files:
        users.setdefault(_one_spelling(file.key_file or key_places.place_to_encrypt()), []).append(file)
    if len(users) > 1:
        key_files = (str(together[0].key_file or "the machine's key file") for together in users.values())
        commands = (encrypt_command("rotate", *(str(file.path) for file in together)) for together in users.values())
        raise CredentialsError(
            "These files name different key files in KEY_FILE; nothing was changed.",
            subject=", ".join(key_files),
            hint="\n".join(f"For one of them: {command}" for command in commands),
        )
    return files[0].key_file


def _one_spelling(path: Path) -> Path | tuple[int, int]:
    """Return what tells a file from others however it is spelled: the file itself, its path where it is missing."""
    try:
        status = path.stat()
    except OSError:
        return real_path(path)
    return status.st_dev, status.st_ino


def _with_new_key(key_file: Path | None, config: Path) -> KeyRing:
    ring, is_new = key_places.ring_to_encrypt(key_file, config)
    if is_new:
        return ring
    lock = locks.take(ring.path.with_name(f"{ring.path.name}.lock"))
    if lock is None:
        raise CredentialsError(
            "Another rotation is under way; nothing was changed.",
            subject=str(ring.path),
            hint="Try again when it ends.",
        )
    try:
        return keyfile.with_new_key(ring, config)
    finally:
        lock.remove()
