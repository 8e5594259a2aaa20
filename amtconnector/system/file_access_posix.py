"""Who can read the key file, on POSIX: its owner, its group and its mode."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import stat
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

assert sys.platform != "win32"  # noqa: S101  # mypy takes it as the switch between the systems

_OTHERS_READ = stat.S_IROTH
_WRITE_BUT_OWNER = stat.S_IWGRP | stat.S_IWOTH


def account() -> str:
    """Return the name of the account that this process runs as, its number when it has no name."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def quoted(text: str) -> str:
    """Return the text as one word of a shell command."""
    return shlex.quote(text)


def exposure(path: Path, descriptor: int) -> str:
    """Say who can get at an open file and must not: others who read, all but its owner who write; "" for nobody."""
    del path
    mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
    if mode & _OTHERS_READ:
        return f"every account of this machine can read it (mode {mode:04o})"
    if mode & _WRITE_BUT_OWNER:
        return f"accounts other than its owner can write it (mode {mode:04o})"
    return ""


def closing_command(path: Path) -> str:
    """Return the command that closes an exposed file and leaves it readable for this account."""
    status = path.stat()
    if status.st_uid == os.geteuid() or os.geteuid() == 0:
        return f"chmod {'640' if status.st_mode & stat.S_IRGRP else '600'} {quoted(str(path))}"
    if status.st_gid in (os.getegid(), *os.getgroups()):
        return f"chmod 640 {quoted(str(path))}"
    return granting_command(path)


def granting_command(path: Path) -> str:
    """Return the command that lets this account read a file that it can't, and not everybody."""
    # What is below a closed folder can't be seen from here: opening it as well changes nothing where it is open.
    closed = [quoted(str(folder)) for folder in reversed(path.absolute().parents) if not _can_enter(folder)]
    opening = f"chmod a+x {' '.join(closed)} && " if closed else ""
    return opening + _granting(path, quoted(_group()))


def sharing_advice(path: Path) -> str:
    """Say how another account than this one gets to read the file."""
    return f"put it into the group of that account: {_granting(path, 'GROUP')}"


def _granting(path: Path, group: str) -> str:
    name = quoted(str(path))
    return f"chgrp {group} {name} && chmod 640 {name}"


def _group() -> str:
    try:
        return grp.getgrgid(os.getegid()).gr_name
    except KeyError:
        return str(os.getegid())


def _can_enter(folder: Path) -> bool:
    try:
        os.stat(f"{folder}/.")  # noqa: PTH116  # a Path drops the dot, which is what asks for the right to enter
    except OSError:
        return False
    return True
