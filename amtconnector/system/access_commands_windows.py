"""The commands that mend owners and access lists on Windows, by identifiers, which are the same in every language."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from amtconnector.system import file_access_sids as sids
from amtconnector.system import file_owners_windows as file_owners
from amtconnector.system import files_windows
from amtconnector.system.command_line import quoted
from amtconnector.system.file_access_rules import Access, Place, Standing, is_foreign

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

assert sys.platform == "win32"  # noqa: S101  # mypy takes it as the switch between the systems


def account() -> str:
    """Return the name of the account that this process runs as, its identifier when it has no name."""
    return file_owners.account_name(file_owners.own_sid())


def mending_commands(path: Path, place: Place, access: Access) -> str:
    """Return the commands, one a line, after which a path is trusted: who may change it now may still read it."""
    if is_foreign(access) and files_windows.is_link(path):  # it leads where he liked it to
        return f"{'rmdir' if path.is_dir() else 'del'} {quoted(str(path))}"
    commands = [_taking(path)] if is_foreign(access) else []
    if ungranted := [party.id for party in access.writers if party.standing is Standing.UNGRANTED]:
        reach = "" if place is Place.FILE else "(OI)(CI)"
        reading = " ".join(f'"*{sid}:{reach}RX"' for sid in ungranted)
        commands += [f"icacls {quoted(str(path))} /inheritance:d", f"icacls {quoted(str(path))} /grant:r {reading}"]
    return "\n".join(commands)


def run_directory_commands(path: Path, access: Access) -> str:
    """Return the commands, one a line, that make a run directory the administrators' and the accounts' let in."""
    named = [party.id for party in access.writers if party.standing is Standing.GRANTED]
    grants = [f"*{sid}:(OI)(CI)F" for sid in dict.fromkeys((sids.SYSTEM, sids.ADMINISTRATORS, file_owners.own_sid()))]
    grants += [f"*{sid}:(OI)(CI)M" for sid in named]
    unwanted = [party.id for party in access.writers if party.standing is Standing.UNGRANTED]
    name, granting = quoted(str(path)), " ".join(map(quoted, grants))
    removing = f" /remove:g {' '.join(quoted(f'*{sid}') for sid in unwanted)}" if unwanted else ""
    closing = f"icacls {name} /inheritance:r /grant:r {granting}{removing}"
    return "\n".join([*([_taking(path)] if is_foreign(access) else []), closing])


def closing_command(path: Path) -> str:
    """Return the command that closes an exposed file and leaves it readable for this account."""
    descriptor = file_owners.security_of(path)
    readers = sids.access_of(descriptor, Place.FILE, frozenset({file_owners.own_sid()})).readers
    unwanted = [party.id for party in readers if party.standing is Standing.UNGRANTED] or sids.WIDE_GROUPS
    groups = " ".join(f'"*{sid}"' for sid in unwanted)
    grants = f'"*{sids.SYSTEM}:F" "*{sids.ADMINISTRATORS}:F" "{_account_for_icacls()}:R"'
    return f"icacls {quoted(str(path))} /inheritance:r /grant:r {grants} /remove:g {groups}"


def granting_command(path: Path) -> str:
    """Return the command that lets this account read a file that it can't."""
    return f'icacls {quoted(str(path))} /grant "{_account_for_icacls()}:R"'


def granting_writes(folder: Path) -> str:
    """Return the commands, one a line, that let this account write a folder and what is in it."""
    making = "" if folder.is_dir() else f"mkdir {quoted(str(folder))}\n"
    return making + f'icacls {quoted(str(folder))} /grant "{_account_for_icacls()}:(OI)(CI)M"'


def sharing_advice(path: Path) -> str:
    """Say how another account than this one gets to read the file."""
    return f'allow it (Local System and administrators are): icacls "{path}" /grant "ACCOUNT:R"'


def _account_for_icacls() -> str:
    """Return this account as icacls takes it: an identifier needs a star."""
    name = account()
    return f"*{name}" if name == file_owners.own_sid() else name


def _taking(path: Path) -> str:
    return f'icacls {quoted(str(path))} /setowner "*{sids.ADMINISTRATORS}"'


def group_problem(group: str) -> str:
    """Say why a group can't be used, "" when it can; icacls itself names one that Windows does not know."""
    return "its name can't hold a quote or a colon" if set('":') & set(group) else ""


def sharing_steps(run_directory: Path, key: Path | None, group: str) -> Iterator[tuple[str, ...]]:
    """Yield the commands that give a group of job accounts the run directory, and the reading of the key file."""
    administrators = f"*{sids.ADMINISTRATORS}"
    full = [f"*{sid}:(OI)(CI)F" for sid in (sids.SYSTEM, sids.ADMINISTRATORS)]
    runs = str(run_directory)
    if not run_directory.is_dir():
        yield "cmd", "/c", "mkdir", runs
    yield "icacls", runs, "/setowner", administrators
    yield "icacls", runs, "/inheritance:r", "/grant:r", *full, f"{group}:(OI)(CI)M"
    if any(run_directory.glob("*")):
        # What lies in it takes the folder's list and keeps its owners: a stranger's file is not believed. Links are not
        # followed: a stranger's junction leads where he likes.
        yield "icacls", rf"{runs}\*", "/reset", "/T", "/L", "/C", "/Q"
    if key is not None:
        yield "icacls", str(key), "/setowner", administrators
        yield (
            *("icacls", str(key), "/inheritance:r", "/grant:r"),
            *(f"*{sids.SYSTEM}:F", f"*{sids.ADMINISTRATORS}:F", f"{group}:R"),
        )
