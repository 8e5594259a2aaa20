"""INSTALLATION_ID: the name of an installation, which goes where its Connector.config goes and names its runs' place.

An id that is written first is the name of the place that the runs have already, so that writing it moves nothing. A
copy of the file carries it: two installations that share an id by accident share a folder, and nothing else, since each
record is found by its server. Their administrators are told all the same.
"""

from __future__ import annotations

import os
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from amtconnector.config import inifile, keys, places
from amtconnector.named_tuple import NamedTuple
from amtconnector.records import RunDirectory
from amtconnector.system.command_line import encrypt_command

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amtconnector.config.connector_config import Config
    from amtconnector.records.record import RunRecord

_LATELY = timedelta(days=7)


class OpenRuns(NamedTuple):
    """A folder of run records, and those of them that are unfinished; never empty."""

    directory: Path
    run_ids: tuple[str, ...]

    def __str__(self) -> str:
        more = f" and {len(self.run_ids) - 3} more" if len(self.run_ids) > 3 else ""
        return f"{', '.join(self.run_ids[:3])}{more} in {self.directory}"


def needs_id(ini: inifile.IniText) -> bool:
    """Whether a file names neither the place of its runs nor itself."""
    return not any(ini.value_of(keys.CONNECTOR, key.key) for key in (keys.RUN_DIRECTORY, keys.INSTALLATION_ID))


def with_id(ini: inifile.IniText, installation_id: str) -> inifile.IniText:
    """Return the text with an installation's id, in the place of another one or as a new line."""
    return inifile.replaced(ini, keys.CONNECTOR, keys.INSTALLATION_ID.key, installation_id)


def first_id(path: Path) -> str:
    """Return the id for a file that has none: the name of the place that its runs have without one.

    A new id where runs of another configuration file are kept in that place.
    """
    first = places.as_id(places.default_run_directory(path, "").name)
    return new_id(path) if keeps_others(places.default_run_directory(path, first), path) else first


def new_id(path: Path) -> str:
    """Return an id that nobody has: the folder's name, for people, and a random part."""
    return places.as_id(f"{places.readable_name(places.real_path(path).parent)}-{secrets.token_hex(6)}")


def open_runs(directory: Path, *, config: Path | None = None, server: str = "") -> OpenRuns | None:
    """Return the unfinished runs of a folder: of one configuration file, of one server (`host:port`), or all."""
    found = tuple(
        record.run_id
        for record in _records(directory)
        if record.is_unfinished
        and (config is None or _is_same_file(record.config, config))
        and server.lower() in {"", record.key.server.lower()}
    )
    return OpenRuns(directory, found) if found else None


def named_open_runs(ini: inifile.IniText, directory: Path, path: Path) -> OpenRuns | None:
    """Return the unfinished runs that a file finds through its id, in its run directory."""
    return None if ini.value_of(keys.CONNECTOR, keys.RUN_DIRECTORY.key) else open_runs(directory, config=path)


def open_runs_elsewhere(config: Config) -> tuple[str, ...]:
    """Warn of unfinished runs of the same server in other default places of this machine, where the own is new.

    () when it has a run, or when the file names it in RUN_DIRECTORY. Never raises OSError.
    """
    own = config.run_directory
    if RunDirectory(own).has_runs or own.parent != places.runs_directory():
        return ()
    found = (open_runs(other, server=config.server.address) for other in _folders(own.parent))
    return tuple(
        f"this configuration has no runs yet, and another one of this machine has open runs of the same server: {runs}."
        " Where both are one installation, both files need the same INSTALLATION_ID, for a restart finds its run by it."
        for runs in found
        if runs
    )


def keeps_others(directory: Path, path: Path) -> bool:
    """Whether a folder holds runs that are not of this configuration file, or do not tell of which they are."""
    return not all(_is_same_file(record.config, path) for record in _records(directory))


def shared_place(config: Config, now: datetime) -> tuple[str, ...]:
    """Warn of another server's configuration whose runs were kept in the same place within a week.

    Both have the same INSTALLATION_ID: one is a copy of the other. Never raises OSError.
    """
    if not config.installation_id:
        return ()
    return tuple(
        f"INSTALLATION_ID is that of {other} too, which is for another server. Where this file is a copy, give it one "
        f"of its own: {encrypt_command('new-id', '--config', str(config.path))}"
        for other in _other_users(config, now)
    )


def _other_users(config: Config, now: datetime) -> tuple[Path, ...]:
    records = (record for record in _records(config.run_directory) if record.since and now - record.since < _LATELY)
    others = {
        record.config
        for record in records
        if record.key.server.lower() != config.server.address.lower() and not _is_same_file(record.config, config.path)
    }
    return tuple(Path(other) for other in sorted(others - {""}))


def _records(directory: Path) -> Iterable[RunRecord]:
    try:
        return RunDirectory(directory).records() if os.path.isdir(directory) else ()  # noqa: PTH112
    except OSError:
        return ()


def _folders(runs: Path) -> list[Path]:
    try:
        return sorted(path for path in runs.iterdir() if path.is_dir())
    except OSError:
        return []


def _is_same_file(written: str, path: Path) -> bool:
    """Whether a record's path is this one; a record that does not tell may be anybody's."""
    return bool(written) and places.real_path(Path(written)) == places.real_path(path)
