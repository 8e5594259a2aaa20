"""What Encrypt does to a configuration file: each returns the exit code, and raises what keeps it from being done."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from amtconnector import config, credentials
from amtconnector.commands.click_command import DONE, NOT_DONE
from amtconnector.config import places
from amtconnector.credentials import credential_file, key_places
from amtconnector.errors import ConfigurationError
from amtconnector.system import file_access
from amtconnector.system.command_line import encrypt_command, own_command

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from amtconnector.credentials import Secret
    from amtconnector.credentials.credential_file import CredentialFile
    from amtconnector.credentials.keyfile import KeyRing


def set_value(file: CredentialFile, name: str, secret: Secret) -> int:
    """Write an encrypted value into the file, and the id of the installation where it has none."""
    ring, is_new = key_places.ring_to_encrypt(file.key_file, file.path)
    named, installation_id = _named(file)
    named.store({name: secret}, ring)
    click.echo(f"{name} in {file.path} is encrypted with the key {ring.newest.id} of {ring.path}.")
    if installation_id:
        click.echo(f"INSTALLATION_ID={installation_id} was written into it: a copy for another version has it too.")
    _warn_of_shared_id(file.path)
    if is_new:
        tell_of_new_key(ring)
    return DONE


def new_id(file: CredentialFile) -> int:
    """Write an id into the file: the first one, or another one, which moves the place of the runs."""
    from amtconnector.config import installation_id as ids

    directory = config.run_directory_of(file.path)
    named, chosen = _named(file)
    if not chosen:
        if open_runs := ids.named_open_runs(file.ini, directory, file.path):
            raise ConfigurationError(
                "Runs of this installation are open: under another id their jobs would not find them. "
                "Nothing was changed.",
                subject=str(open_runs),
                hint=f"See them:  {own_command('runs', '--config', str(file.path))}",
            )
        chosen = ids.new_id(file.path)
        named = file._replace(ini=ids.with_id(file.ini, chosen))
    file.write(named.ini)
    click.echo(f"INSTALLATION_ID={chosen} was written into {file.path}.")
    click.echo(f"Its runs are kept in {config.run_directory_of(file.path)}")
    return DONE


def migrate(file: CredentialFile) -> int:
    """Encrypt what is in the old encoding."""
    credentials.refuse_plain(file.values)
    found = {value.name: credentials.legacy_secret(value) for value in file.values}
    secrets = {name: secret for name, secret in found.items() if secret is not None}
    if not secrets:
        click.echo(f"Nothing to do: USER and PASSWORD in {file.path} are encrypted.")
        return DONE
    ring, is_new = key_places.ring_to_encrypt(file.key_file, file.path)
    file.store(secrets, ring)
    click.echo(f"{' and '.join(secrets)} in {file.path}: encrypted with the key {ring.newest.id} of {ring.path}.")
    if is_new:
        tell_of_new_key(ring)
    return DONE


def check(file: CredentialFile) -> int:
    """Tell how the values are stored, and whether a run can use them."""
    from amtconnector.credentials import credential_check  # only check needs it

    report = credential_check.report(file)
    for line in report.lines:
        click.echo(line)
    return DONE if report.is_usable else NOT_DONE


def rotate(given: Iterable[Path]) -> int:
    """Encrypt the values of several files with a new key."""
    from amtconnector.credentials import rotation  # only rotate needs it

    paths = {places.real_path(path): path for path in given}.values()
    done = rotation.rotate([credential_file.read(path) for path in paths])
    click.echo(f"The new key {done.ring.newest.id} is the first line of {done.ring.path}.")
    for path in paths:
        click.echo(f"{path}: USER and PASSWORD are encrypted with it, verified.")
    if done.unused:
        unused = ", ".join(f"{key.id} (line {key.line})" for key in done.unused)
        click.echo(f"No longer used in these files: {unused} of {done.ring.path}. No key was removed.")
        click.echo("Other installations may still need them, and copies of these files: before you remove those lines,")
        click.echo(f"look at each other file:  {encrypt_command('check', '--config', 'FILE')}")
    return DONE


def tell_of_new_key(ring: KeyRing) -> None:
    """Tell of a key that was just made: the one thing left to do is to let the jobs' account read it."""
    click.echo(f"A new key file was made: {ring.path}. The account '{file_access.account()}' can read it.", err=True)
    click.echo(f"Where the jobs run as another account, {file_access.sharing_advice(ring.path)}", err=True)
    if ring.path == key_places.user_place():
        click.echo("That account does not look there by itself. Connector.config has to name the file:", err=True)
        click.echo(f"KEY_FILE={ring.path}", err=True)


def _named(file: CredentialFile) -> tuple[CredentialFile, str]:
    """Return the file with the id of its installation, and that id where it is new there; "" where it needs none."""
    from amtconnector.config import installation_id as ids  # reads run records

    if not ids.needs_id(file.ini):
        return file, ""
    first = ids.first_id(file.path)
    return file._replace(ini=ids.with_id(file.ini, first)), first


def _warn_of_shared_id(path: Path) -> None:
    """Say that the file's id is another installation's: copies for another environment get their credentials here."""
    from amtconnector.config import installation_id as ids

    try:
        warnings = ids.shared_place(config.load(path), datetime.now(UTC))
    except ConfigurationError:
        return  # the file is not finished yet
    for warning in warnings:
        click.echo(f"Warning: {warning}", err=True)
