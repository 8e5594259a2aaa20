"""What a run trusts, looked at before: the run directory, and what people made for it to read or to run.

A run asks before anything is believed, `amt check` asks the same functions.
"""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from amtconnector.config.places import own_directory, runs_directory
from amtconnector.errors import ConfigurationError
from amtconnector.named_tuple import NamedTuple
from amtconnector.system import file_access, files
from amtconnector.system.command_line import own_command
from amtconnector.system.file_access import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amtconnector.config.connector_config import Config
    from amtconnector.system.file_access import Fault


class Untrusted(NamedTuple):
    """A path that others may change: what it is to the connector, and the fault."""

    what: str
    fault: Fault


def run_directory_fault(path: Path, config: Path) -> Fault | None:
    """Return what lets others change what runs leave behind, None when nobody may; never raises."""
    return file_access.find_fault(path, Place.FOLDER, file_access.owners(config), is_run_directory=True)


def ensure_run_directory(path: Path, config: Path, *, is_made: bool) -> str:
    """Refuse a run directory that others may write or own; return a warning for the job log, "" for none.

    `is_made`: it is made where it is missing and nobody can change the way to it, before it is looked at itself; where
    that is not possible, using it will say so.
    A default directory that version 1.0 left open is closed by its owner; where this account is not its owner it is
    worth a warning, since an update must not stop a site. Raises ConfigurationError.
    """
    fault = run_directory_fault(path, config)
    for _ in path.parents:
        if fault and _is_closed_now(fault, path):
            fault = run_directory_fault(path, config)
    if is_made and fault is None and not os.path.lexists(path):
        with suppress(OSError):
            files.create_directory(path)
        fault = run_directory_fault(path, config)
    if fault is None:
        return ""
    if _is_of_version_1_0(fault, path):
        return f"Others may change the run directory, {fault}. {_way_to_close(config)}"
    raise refusal(fault, path)


def is_believed(path: Path, config: Path) -> bool:
    """Whether a run believes what is recorded in a run directory, as far as its rights go; never raises."""
    fault = run_directory_fault(path, config)
    return fault is None or _is_of_version_1_0(fault, path)


def refusal(fault: Fault, path: Path) -> ConfigurationError:
    """Return the failure of a run whose run directory others may change."""
    what = "" if fault.path == path else ", by a folder on the way to it"
    return ConfigurationError(
        f"The run directory can't be trusted{what}: {fault}. Who may change it decides what is started, so "
        "nothing that is recorded there is believed.",
        subject=str(path),
        hint=f"As an administrator, close it:\n{fault.commands}\n"
        "Or set RUN_DIRECTORY to a folder that only the job's accounts may write.",
    )


def made_by_people(config: Config) -> Iterator[Untrusted]:
    """Yield what others may change of what people made for the connector: configuration, certificates, program."""
    allowed = file_access.owners(config.path)
    for what, path, place in _made(config):
        if fault := file_access.find_fault(path, place, allowed):
            yield Untrusted(what, fault)


def faults_of_people(config: Config) -> Iterator[Fault]:
    """Yield all faults of what people made, from the top on: each is looked at when those before it may be mended."""
    allowed = file_access.owners(config.path)
    for _, path, place in _made(config):
        yield from file_access.all_faults(path, place, allowed)
    yield from (found.fault for found in program_files(config.path))


def program_files(config: Path) -> Iterator[Untrusted]:
    """Yield every file and folder of the built program that others may change, without the folders above it."""
    if not getattr(sys, "frozen", False):
        return
    allowed = file_access.owners(config)
    for path in sorted(own_directory().rglob("*")):
        # Of a link its owner counts, as of one on the way: where it leads is none of the program's.
        place = Place.ABOVE if path.is_symlink() else Place.FOLDER if path.is_dir() else Place.FILE
        if fault := file_access.own_fault(path, place, allowed):
            yield Untrusted("a file of the program", fault)


def warning(found: list[Untrusted], config: Path) -> str:
    """Return one line for the job log about what others may change, "" for nothing."""
    if not found:
        return ""
    named = "; ".join(dict.fromkeys(f"{what} ({fault})" for what, fault in found))
    return f"Others may change what this job relies on: {named}. {_way_to_close(config)}"


def _way_to_close(config: Path) -> str:
    return f"How to close it:  {own_command('check', '--config', str(config))}"


def _made(config: Config) -> Iterator[tuple[str, Path, Place]]:
    yield "Connector.config", config.path, Place.FILE
    if config.wire_profile:
        yield "WIRE_PROFILE", config.wire_profile, Place.FILE
    if config.server.ca_file:
        yield "CA_FILE", config.server.ca_file, Place.FILE
    if config.mask_messages:
        yield "MASK_MESSAGES", config.mask_messages, Place.FILE
    if getattr(sys, "frozen", False):
        folder = own_directory()
        yield "the program's folder", folder, Place.FOLDER
        yield "the program", Path(os.path.realpath(sys.executable)), Place.FILE
        yield "the program's libraries", Path(getattr(sys, "_MEIPASS", folder)), Place.FOLDER
    else:
        yield "the program's folder", Path(__file__).parent.parent, Place.FOLDER


def _is_default(path: Path) -> bool:
    return path.is_relative_to(runs_directory())


def _is_closed_now(fault: Fault, path: Path) -> bool:
    """Close a default run directory, or a folder of the program's own above it, where it is this account's."""
    if fault.is_foreign or not _is_default(path) or not fault.path.is_relative_to(runs_directory().parent):
        return False
    with suppress(OSError):
        if file_access.is_own(fault.path):
            file_access.close(fault.path)
            return True
    return False


def _is_of_version_1_0(fault: Fault, path: Path) -> bool:
    """Whether it is a default directory that an allowed account made, or that has this account's runs in it already."""
    if not _is_default(path) or not fault.path.is_relative_to(runs_directory().parent):
        return False
    if not fault.is_foreign:
        return True
    with suppress(OSError):
        return any(map(_is_made_here, path.glob("*.json")))
    return False


def _is_made_here(entry: Path) -> bool:
    """Whether this account made a file there, which no planter can: a link of his may lead to any file of ours."""
    status = entry.lstat()
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and file_access.is_own(entry)
