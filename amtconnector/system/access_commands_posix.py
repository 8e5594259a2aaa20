"""The commands that mend owners and modes on POSIX, worked out from what is there, each one as it can be pasted."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import sys
from typing import TYPE_CHECKING

from amtconnector.system import file_owners_posix as file_owners
from amtconnector.system.command_line import quoted
from amtconnector.system.file_access_rules import Access, Place, Standing, is_foreign

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

assert sys.platform != "win32"  # noqa: S101  # mypy takes it as the switch between the systems


def account() -> str:
    """Return the name of the account that this process runs as, its number when it has no name."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def mending_commands(path: Path, place: Place, access: Access) -> str:
    """Return the commands, one a line, after which a path is trusted."""
    del place
    name = quoted(str(path))
    if is_foreign(access):
        return "\n".join(_taking(path, "root", "go-w"))
    return f"chmod o-w {name}" if any(party.standing is Standing.UNGRANTED for party in access.writers) else ""


def run_directory_commands(path: Path, access: Access) -> str:
    """Return the commands, one a line, that make a run directory this account's and nobody else's."""
    if is_foreign(access):
        return "\n".join(_taking(path, f"{account()}:", "go-rwx"))
    return f"chmod o-rwx {quoted(str(path))}"  # a group that works in it keeps it


def closing_command(path: Path) -> str:
    """Return the command that closes an exposed file and leaves it readable for this account."""
    status = path.stat()
    if status.st_uid == os.geteuid() or os.geteuid() == 0:
        return f"chmod {'640' if status.st_mode & stat.S_IRGRP else '600'} {quoted(str(path))}"
    if status.st_gid in (os.getegid(), *os.getgroups()):
        return f"chmod 640 {quoted(str(path))}"
    return granting_command(path)


def granting_command(path: Path) -> str:
    """Return the command, worked out from what is there, that lets this account read a file, and not everybody.

    What lies below a closed folder can't be seen from here: then the folder comes first, and nothing is guessed.
    """
    closed = [quoted(str(folder)) for folder in reversed(path.absolute().parents) if not _can_enter(folder)]
    if closed:
        return f"chmod a+x {' '.join(closed)}"
    try:
        status = path.stat()
    except OSError:
        return _granting(path, quoted(_group()))
    if status.st_gid in (os.getegid(), *os.getgroups()):
        return f"chmod 640 {quoted(str(path))}"
    if status.st_mode & stat.S_IRGRP and status.st_gid != file_owners.ROOT:
        return _joining(status.st_gid)
    return _granting(path, quoted(_group()))


def granting_writes(folder: Path) -> str:
    """Return the command, worked out from what is there, that lets this account write a folder and what is in it."""
    name = quoted(str(folder))
    if closed := [quoted(str(above)) for above in reversed(folder.absolute().parents) if _is_closed(above)]:
        return f"chmod a+x {' '.join(closed)}"
    try:
        status = folder.stat()
    except OSError:
        return f"mkdir -p {name} && chown {quoted(account())} {name} && chmod 700 {name}"
    if status.st_uid == os.geteuid():
        return f"chmod u+rwx {name}"
    opening = f"chmod -R o-rwx,g+rwX {name} && find {name} -type d -exec chmod g+s {{}} +"
    if status.st_gid in (os.getegid(), *os.getgroups()):
        return opening
    if status.st_mode & stat.S_IWGRP and status.st_gid != file_owners.ROOT:
        return _joining(status.st_gid)
    return f"chgrp -R {quoted(_group())} {name} && {opening}"


def sharing_advice(path: Path) -> str:
    """Say how another account than this one gets to read the file."""
    closed = [quoted(str(folder)) for folder in reversed(path.absolute().parents) if not _others_enter(folder)]
    opening = f"chmod a+x {' '.join(closed)} && " if closed else ""
    return f"put it into the group of that account: {opening}{_granting(path, 'GROUP')}"


def _taking(path: Path, owner: str, closing: str) -> Iterator[str]:
    """Yield the commands that take a path from a stranger, with what he granted: his group's rights and his list."""
    name = quoted(str(path))
    if path.is_symlink():  # it leads where he liked it to
        yield f"rm {name}"
        return
    yield f"chown {quoted(owner)} {name}"
    if _has_list(path):
        yield f"setfacl -b {name}"
    yield f"chmod {closing} {name}"


def _has_list(path: Path) -> bool:
    """Whether a file or folder has an access list beside its mode, or hands one on to what is made in it."""
    if sys.platform != "linux":
        return False
    try:
        return any(name.startswith("system.posix_acl_") for name in os.listxattr(path, follow_symlinks=False))
    except OSError:
        return False


def _granting(path: Path, group: str) -> str:
    name = quoted(str(path))
    return f"chgrp {group} {name} && chmod 640 {name}"


def _joining(gid: int) -> str:
    # Another group has it already, and a file has one group alone: so this account joins that group.
    return f"usermod -aG {quoted(file_owners.group_name(gid))} {quoted(account())}"


def _is_closed(folder: Path) -> bool:
    return os.path.lexists(folder) and not _can_enter(folder)


def _group() -> str:
    return file_owners.group_name(os.getegid())


def _can_enter(folder: Path) -> bool:
    try:
        os.stat(f"{folder}/.")  # noqa: PTH116  # a Path drops the dot, which is what asks for the right to enter
    except OSError:
        return False
    return True


def _others_enter(folder: Path) -> bool:
    try:
        return bool(folder.stat().st_mode & stat.S_IXOTH)
    except OSError:
        return False


def group_problem(group: str) -> str:
    """Say why a group can't be used, "" when it can."""
    try:
        grp.getgrnam(group)
    except KeyError:
        return f"there is no group '{group}' on this machine"
    return ""


def sharing_steps(run_directory: Path, key: Path | None, group: str) -> Iterator[tuple[str, ...]]:
    """Yield the commands that give a group of job accounts the run directory, and the reading of the key file.

    The folders are closed while it is done: who owned or wrote one could swap a file that was found for a link to one
    from elsewhere, as which a file with a second name is not touched either. Files keep their owners, and one that
    everybody may write stays so: what is a stranger's, or may be by what it says, must not become what is believed.
    """
    runs = os.path.realpath(run_directory)
    if not run_directory.is_dir():
        yield "mkdir", "-p", runs
    is_own = run_directory.is_dir() and run_directory.stat().st_uid == os.geteuid() != file_owners.ROOT
    taking = () if is_own else ("-exec", "chown", "root", "{}", ";")
    yield "find", runs, "-type", "d", *taking, "-exec", "chmod", "700", "{}", ";"
    if any(map(_has_list, (run_directory, *run_directory.rglob("*")))):
        yield "setfacl", "-R", "-P", "-b", runs
    yield (
        *("find", runs, "-type", "f", "-links", "1", "!", "-perm", "-2"),
        *("-exec", "chgrp", group, "{}", "+", "-exec", "chmod", "660", "{}", "+"),
    )
    yield (
        *("find", runs, "-depth", "-type", "d"),
        *("-exec", "chgrp", group, "{}", ";", "-exec", "chmod", "2770", "{}", ";"),
    )
    if key is not None:
        yield "chgrp", group, str(key)
        yield "chmod", "640", str(key)
    for folder in _own_closed_folders(run_directory, key):
        yield "chmod", "a+x", str(folder)


def _own_closed_folders(*paths: Path | None) -> list[Path]:
    above = (folder for path in paths if path is not None for folder in reversed(path.absolute().parents))
    return list(dict.fromkeys(folder for folder in above if folder.is_dir() and not _others_enter(folder)))
