"""Reading a key file, and refusing one that others can read, own or change."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NoReturn

from amtconnector.errors import CredentialsError
from amtconnector.system import file_access, files
from amtconnector.system.command_line import encrypt_command
from amtconnector.system.file_access import Place

if TYPE_CHECKING:
    from pathlib import Path

    from amtconnector.system.file_access import Fault


def read(path: Path, limit: int, config: Path | None) -> bytes:
    """Return the first `limit` bytes of a key file that nobody could have planted, changed or read.

    `config` is the Connector.config whose owner may own the key file as well. Raises CredentialsError, with what to do,
    when the file can't be trusted or read, and OSError as the system says it otherwise.
    """
    try:
        with os.fdopen(files.patiently(lambda: _opened(path)), "rb") as file:
            if exposure := file_access.exposure(path, file.fileno()):
                _refuse_exposed(exposure, path, config)
            if fault := file_access.find_fault(path, Place.FILE, file_access.owners(config)):
                _refuse_untrusted(fault, path)
            return file.read(limit)
    except PermissionError as error:
        _refuse_unreadable(path, error)


def _opened(path: Path) -> int:
    # A pipe or a device in its place must not keep the program waiting.
    return os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))


def _refuse_exposed(exposure: str, path: Path, config: Path | None) -> NoReturn:
    raise CredentialsError(
        f"The key file is exposed: {exposure}. The account '{file_access.account()}' refuses to use it.",
        subject=str(path),
        hint=f"Close it: {file_access.closing_command(path)}\n"
        "If somebody may have read it, change the password in AMT and make a new key afterwards, for every "
        "Connector.config that uses it:\n"
        f"{encrypt_command('rotate', 'Connector.config' if config is None else str(config.absolute()))}",
    )


def _refuse_untrusted(fault: Fault, path: Path) -> NoReturn:
    what = "it" if fault.path == path else "a folder on the way to it"
    raise CredentialsError(
        f"The key file can't be trusted, for {what} can be changed by others: {fault}.",
        subject=str(path),
        hint="If you know the file and who made it, mend the rights as an administrator:\n"
        f"{fault.commands}\n"
        "If you do not, somebody else may have put it there to learn the account: move it away and encrypt the "
        "credentials anew.",
    )


def _refuse_unreadable(path: Path, error: OSError) -> NoReturn:
    raise CredentialsError(
        f"The key file can't be read by the account '{file_access.account()}', which this program runs as.",
        subject=str(path),
        hint=f"As an administrator: {file_access.granting_command(path)}",
    ) from error
