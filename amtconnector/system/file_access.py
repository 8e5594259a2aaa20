"""Who may own, write and read what the connector trusts, on whichever system this is."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from amtconnector.system.command_line import quoted
from amtconnector.system.file_access_rules import Fault, Place, is_foreign, writing_fault
from amtconnector.system.file_owners import ForeignFile, check_owner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

if sys.platform == "win32":
    from amtconnector.system.access_commands_windows import (
        account,
        closing_command,
        granting_command,
        granting_writes,
        group_problem,
        mending_commands,
        run_directory_commands,
        sharing_advice,
        sharing_steps,
    )
    from amtconnector.system.access_lists_windows import close
    from amtconnector.system.file_access_windows import (
        exposure,
        is_own,
        look,
        name_of,
        owners,
        way_to,
    )
else:
    from amtconnector.system.access_commands_posix import (
        account,
        closing_command,
        granting_command,
        granting_writes,
        group_problem,
        mending_commands,
        run_directory_commands,
        sharing_advice,
        sharing_steps,
    )
    from amtconnector.system.file_access_posix import (
        close,
        exposure,
        is_own,
        look,
        name_of,
        owners,
        way_to,
    )

__all__ = [
    "IS_WINDOWS",
    "Fault",
    "Place",
    "account",
    "all_faults",
    "close",
    "closing_command",
    "exposure",
    "find_fault",
    "foreign_files",
    "granting_command",
    "granting_writes",
    "group_problem",
    "is_own",
    "look",
    "own_fault",
    "owners",
    "planting_fault",
    "quoted",
    "sharing_advice",
    "sharing_steps",
    "way_faults",
]


IS_WINDOWS = sys.platform == "win32"


def foreign_files(folder: Path) -> Iterator[str]:
    """Tell the files in a folder of ours that belong to accounts which may not put them there; raise `OSError`."""
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            check_owner(entry)
        except ForeignFile as error:
            yield f"{entry.name}: {error.strerror}"
        except OSError:
            continue  # it has gone


def find_fault(path: Path, place: Place, allowed: frozenset[str], *, is_run_directory: bool = False) -> Fault | None:
    """Return what makes a path untrusted: an account that may not own or change it, or a folder on the way to it.

    The way comes first, for who changes a folder decides what is below it. None when all is well, and where there is
    nothing yet. `allowed` is from `owners`. What can't be looked at is no fault: using it will say why.
    """
    on_the_way = next(way_faults(path, allowed), None)
    return on_the_way or own_fault(path, place, allowed, is_run_directory=is_run_directory)


def all_faults(path: Path, place: Place, allowed: frozenset[str]) -> Iterator[Fault]:
    """Yield everything that makes a path untrusted, the way first; each thing is looked at when it is asked for."""
    yield from way_faults(path, allowed)
    if fault := own_fault(path, place, allowed):
        yield fault


def way_faults(path: Path, allowed: frozenset[str]) -> Iterator[Fault]:
    """Yield what makes the folders and links on the way to a path untrusted, from the root on."""
    for folder, kind in way_to(path):
        if fault := own_fault(folder, kind, allowed):
            yield fault


def planting_fault(path: Path) -> Fault | None:
    """Return the fault of a file or link that a stranger may have put there: his, where others may add files."""
    fault = own_fault(path, Place.ABOVE, owners(None))
    return fault if fault and fault.is_foreign and own_fault(path.parent, Place.FOLDER, owners(None)) else None


def own_fault(path: Path, place: Place, allowed: frozenset[str], *, is_run_directory: bool = False) -> Fault | None:
    """Return what makes a path untrusted, the way to it left out."""
    try:
        access = look(path, place, allowed)
    except OSError:
        return None
    reason = writing_fault(access, name_of)
    if not reason:
        return None
    if place is Place.ABOVE:
        with suppress(OSError):  # no link
            reason += f" and leads to {os.readlink(path)}"  # noqa: PTH115  # Path.readlink is the same call
    commands = run_directory_commands(path, access) if is_run_directory else mending_commands(path, place, access)
    return Fault(path, reason, commands, is_foreign(access))
