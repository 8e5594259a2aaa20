"""What to do about a folder of ours that can't be used, worked out from what the system said."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from amtconnector.system.file_access import account, granting_writes
from amtconnector.system.file_owners import ForeignFile
from amtconnector.system.locks import LockRefused

if TYPE_CHECKING:
    from pathlib import Path

_ELSEWHERE = "or set RUN_DIRECTORY in Connector.config to another folder."

_LOOK_FIRST = (
    "What was a run's record there is gone: look first in AMT Control Center whether a task of this job is running;\n"
    "only then move it away, for the next start of this job starts its task anew."
)

_REMEDIES = {
    errno.ENOSPC: f"The disk is full: free space on it, {_ELSEWHERE}",
    getattr(errno, "EDQUOT", errno.ENOSPC): f"This account's quota on the disk is used up: raise it, {_ELSEWHERE}",
    errno.EROFS: f"The disk is mounted read-only: mount it for writing, {_ELSEWHERE}",
    errno.ENOTDIR: f"A file lies where there ought to be a folder: move it away, {_ELSEWHERE}",
    errno.EEXIST: f"A file lies where there ought to be a folder: move it away, {_ELSEWHERE}",
    errno.EISDIR: f"A folder lies where the connector keeps a file. {_LOOK_FIRST}",
    errno.ENXIO: f"It is none of the connector's files. {_LOOK_FIRST}",
    errno.ELOOP: f"It is none of the connector's files. {_LOOK_FIRST}",
    errno.EMFILE: "This process may not open more files: raise its limit (ulimit -n).",
    errno.ENFILE: "This machine has no more open files to give: end what holds them, or raise its limit.",
    errno.ENOENT: f"The folder, or a disk or share that holds it, is missing: bring it back, {_ELSEWHERE}",
    errno.EIO: f"The disk or share is failing: look at the system's own log, {_ELSEWHERE}",
}

_RIGHTS = {errno.EACCES, errno.EPERM}


def remedy(error: OSError, folder: Path) -> str:
    """Return what to do, one step a line, about a run directory that the system refused to use with this error."""
    if isinstance(error, LockRefused):
        return (
            f"Its file system has to serve locks (NFS: no option nolock; else a security module's rules), {_ELSEWHERE}"
        )
    if isinstance(error, ForeignFile):
        return f"Find out who put it there and why; it is none of the connector's files. {_LOOK_FIRST}"
    if error.errno in _RIGHTS:
        return f"Let the account '{account()}' write there:\n{granting_writes(folder)}\nO{_ELSEWHERE[1:]}"
    return _REMEDIES.get(error.errno or 0, f"Look at the folder and at the disk or share that holds it, {_ELSEWHERE}")
