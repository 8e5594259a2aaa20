"""The steps of `amt check` on this machine: configuration, key file, credentials, run directory."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from amtconnector import config, credentials
from amtconnector.check.findings import Finding, Step, failed, ok, refused, skipped, warning
from amtconnector.config import installation_id, trust
from amtconnector.credentials import Form, Secret, Stored, key_places
from amtconnector.errors import ConfigurationError, CredentialsError
from amtconnector.system import file_access, files
from amtconnector.system.file_access import account
from amtconnector.system.remedies import remedy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from amtconnector.config import Config
    from amtconnector.system.file_access import Fault


def configuration(path: Path) -> tuple[Config | None, Finding]:
    """Read Connector.config, and say what is odd in it."""
    try:
        read = config.load(path)
    except ConfigurationError as error:
        return None, refused(Step.CONFIGURATION, error)
    text = f"{path}, for the server {read.server.base_url}"
    places = (*installation_id.shared_place(read, datetime.now(UTC)), *installation_id.open_runs_elsewhere(read))
    if odd := (*read.warnings, *places):
        count = "an oddity" if len(odd) == 1 else f"{len(odd)} oddities"
        hint = "Correct them; until then the connector runs as these lines say."
        return read, warning(Step.CONFIGURATION, f"{text}, with {count}", hint, *odd)
    return read, ok(Step.CONFIGURATION, text)


class StoredCredentials:
    """USER and PASSWORD as Connector.config holds them, and the keys that they ask for."""

    def __init__(self, read: Config) -> None:
        server = read.server
        texts = {"USER": server.user, "PASSWORD": server.password}
        self._values = tuple(Stored(name, Secret(text), read.path) for name, text in texts.items())
        self._key_file = read.key_file
        self._path = read.path
        self._has_keys = False
        self.is_usable = False

    def key_file(self) -> Finding:
        """Read the key file that the values need."""
        key_ids = {value.key_id for value in self._values if value.form is Form.ENCRYPTED} - {""}
        if not key_ids:
            return skipped(Step.KEY_FILE, "no value asks for a key")
        try:
            rings = [key_places.ring_for(key_id, self._key_file, self._path) for key_id in sorted(key_ids)]
        except CredentialsError as error:
            return refused(Step.KEY_FILE, error)
        self._has_keys = True
        places = " and ".join(dict.fromkeys(str(path) for ring in rings for path in ring.paths))
        count = len({key.id for ring in rings for key in ring.keys})
        text = f"{places}: {count} key{'s' if count > 1 else ''}, readable and not exposed"
        if linked := dict.fromkeys(path for ring in rings for path in ring.paths if path.stat().st_nlink > 1):
            hint = "Find out which file that is, and who made it; a copy in its place has one name alone."
            return warning(Step.KEY_FILE, text, hint, *(f"{path} has a second name (a hard link)" for path in linked))
        return ok(Step.KEY_FILE, text)

    def credentials(self) -> Finding:
        """Decrypt the values, and say in which form they are stored."""
        if not self._has_keys and any(value.key_id for value in self._values):
            return skipped(Step.CREDENTIALS, "the key file can't be used")
        try:
            credentials.refuse_plain(self._values)
            details = tuple(self._described())
        except CredentialsError as error:
            return refused(Step.CREDENTIALS, error)
        self.is_usable = True
        if any(value.form is Form.LEGACY for value in self._values):
            fix = credentials.command("migrate", config_path=self._values[0].config_path)
            text = "readable, but stored in the old encoding, which protects nothing"
            return warning(Step.CREDENTIALS, text, f"Encrypt them in place: {fix}", *details)
        return ok(Step.CREDENTIALS, "encrypted, and they decrypt", *details)

    def _described(self) -> Iterator[str]:
        for value in self._values:
            if value.form is Form.ENCRYPTED:
                opened = credentials.open_encrypted(value, self._key_file)
                when = f"{opened.encrypted_at:%Y-%m-%d %H:%M} UTC"
                yield f"{value.name}: encrypted with the key {opened.key.id} on {when}"
            else:
                yield f"{value.name}: {value.form.value}"


def run_directory(path: Path, config_path: Path) -> Finding:
    """Look who may change what runs record, then write, flush and remove a small file there."""
    if fault := trust.run_directory_fault(path, config_path):
        return _untrusted(path, config_path, fault)
    probe = path / f"check-{os.getpid()}-{os.urandom(4).hex()}{files.TEMPORARY}"
    try:
        files.create_directory(path)
        files.replace_file(probe, b"amt check\n")
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        text = f"{path} can't be written by the account '{account()}' ({reason})"
        hint = (
            f"{remedy(error, path)}\n"
            "Without run records no OpCon job is started: they keep a restart from running a task twice."
        )
        return failed(Step.RUN_DIRECTORY, ConfigurationError, text, hint)
    finally:
        files.remove_file(probe)
    if foreign := tuple(file_access.foreign_files(path)):
        hint = "Find out who put them there; runs do not believe them. Remove them when you have looked at them."
        return warning(Step.RUN_DIRECTORY, f"{path} can be written, and holds files of others", hint, *foreign)
    return ok(Step.RUN_DIRECTORY, f"{path} can be written, and by nobody whom nobody let in")


def rights(read: Config) -> Finding:
    """Look who may change what people made for the connector: configuration, certificates, the program itself."""
    found = [*trust.made_by_people(read), *trust.program_files(read.path)]
    if not found:
        return ok(Step.RIGHTS, "nobody else may change Connector.config, what it names, or the program")
    # A folder on the way is a fault of everything below it, and is mended once.
    commands = dict.fromkeys(line for one in found for line in one.fault.commands.splitlines())
    details = dict.fromkeys(f"{one.what}: {one.fault}" for one in found)
    text = "others may change what decides where the credentials go and what is run"
    hint = "As an administrator, close it:\n" + "\n".join(commands)
    return failed(Step.RIGHTS, ConfigurationError, text, hint, *details)


def _untrusted(path: Path, config_path: Path, fault: Fault) -> Finding:
    error = trust.refusal(fault, path)
    if trust.is_believed(path, config_path):
        return warning(Step.RUN_DIRECTORY, error.message, error.hint)
    return refused(Step.RUN_DIRECTORY, error)
