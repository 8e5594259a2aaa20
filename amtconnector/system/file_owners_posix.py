"""Whose a file is, on POSIX."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import sys
from pathlib import Path

assert sys.platform != "win32"  # noqa: S101  # mypy takes it as the switch between the systems

ROOT = 0
_SHARES = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ncpfs", "fuse.sshfs", "ceph", "virtiofs"})
_MOUNTS = Path("/proc/self/mountinfo")


def foreign_owner(path: Path, descriptor: int | None) -> str:
    """Return the name of the owner of a file or folder who may not put one into the folder above; "" for one who may.

    `descriptor` is that of the open file, None for what is not opened; raise `OSError`.
    """
    status = path.lstat() if descriptor is None else os.fstat(descriptor)
    owner = status.st_uid
    if owner in {os.geteuid(), ROOT}:
        return ""
    folder = path.parent.stat()
    if owner == folder.st_uid or (folder.st_mode & stat.S_IWGRP and _is_member(owner, folder.st_gid)):
        return ""
    return "" if is_on_share(status) else user_name(owner)


def reach_of_others(path: Path, descriptor: int | None) -> str:
    """Say how others reach a file of ours past the folder that it is in, "" where they can't; raise `OSError`."""
    status = path.lstat() if descriptor is None else os.fstat(descriptor)
    reach = _reach_by_status(status)
    return reach if reach and not is_on_share(status) else ""


def is_as_known(status: os.stat_result, owners: set[int]) -> bool:
    """Whether an open file needs no look: others of its owner in its folder were found to be in order, so it is."""
    return status.st_uid in owners and not _reach_by_status(status)


def _reach_by_status(status: os.stat_result) -> str:
    if not stat.S_ISREG(status.st_mode):
        return ""
    return "every account of this machine may write it" if status.st_mode & stat.S_IWOTH else ""


def user_name(uid: int) -> str:
    """Return how messages name an account."""
    try:
        return f"'{pwd.getpwuid(uid).pw_name}'"
    except KeyError:
        return f"the account number {uid}"


def group_name(gid: int) -> str:
    """Return the name of a group, its number when it has none."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def is_on_share(status: os.stat_result) -> bool:
    """Whether a file lies on a network share, as far as Linux tells; elsewhere no."""
    device = f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}"
    try:
        mounts = [line.split() for line in _MOUNTS.read_text("utf-8", "replace").splitlines()]
    except OSError:
        return False
    # 36 35 98:0 /root /mount options - type source: the type follows the dash, whose place varies.
    return any(mount[2] == device and mount[mount.index("-") + 1] in _SHARES for mount in mounts if "-" in mount)


def _is_member(uid: int, gid: int) -> bool:
    try:
        account = pwd.getpwuid(uid)
    except KeyError:
        return False
    return gid in os.getgrouplist(account.pw_name, account.pw_gid)
