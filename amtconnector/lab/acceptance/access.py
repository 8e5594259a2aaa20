"""Who may change a file or folder besides its owner, administrators and the system: on POSIX and on Windows."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

from amtconnector.lab.acceptance.check import NotTried
from amtconnector.system.command_line import quoted

_RIGHTS = {
    "FA": 0x1F01FF, "FR": 0x120089, "FW": 0x120116, "FX": 0x1200A0,
    "GA": 0x10000000, "GX": 0x20000000, "GW": 0x40000000, "GR": 0x80000000,
    "CC": 0x1, "DC": 0x2, "LC": 0x4, "SW": 0x8, "RP": 0x10, "WP": 0x20, "DT": 0x40, "LO": 0x80, "CR": 0x100,
    "SD": 0x10000, "RC": 0x20000, "WD": 0x40000, "WO": 0x80000,
}  # fmt: skip
"""Rights of an access list in the security descriptor definition language, as bits."""
_EXCHANGE = 0x10000 | 0x40000 | 0x80000 | 0x10000000 | 0x40
"""DELETE, WRITE_DAC, WRITE_OWNER, GENERIC_ALL, FILE_DELETE_CHILD: enough to put something else in an object's place."""
WRITE = _EXCHANGE | 0x2 | 0x4 | 0x40000000
"""These, and FILEWRITE_DATA, FILE_APPEND_DATA and GENERICWRITE."""
_READ = 0x1 | 0x80000000 | 0x10000000
_ORDINARY = {
    "WD": "Everyone", "S-1-1-0": "Everyone", "BU": "Users", "S-1-5-32-545": "Users", "AU": "Authenticated Users",
    "S-1-5-11": "Authenticated Users", "IU": "Interactive", "S-1-5-4": "Interactive", "BG": "Guests",
    "S-1-5-32-546": "Guests", "AN": "Anonymous", "S-1-5-7": "Anonymous", "DU": "Domain Users",
}  # fmt: skip
_ENTRY = re.compile(r"\((?P<kind>[A-Z]+);(?P<flags>[A-Z]*);(?P<rights>[^;]*);[^;]*;[^;]*;(?P<account>[^;)]+)")
_ICACLS_TIMEOUT_S = 30.0
_IS_WINDOWS = sys.platform == "win32"
CLOSED_TO = ("*S-1-5-18:(OI)(CI)F", "*S-1-5-32-544:(OI)(CI)F")
"""Local System and Administrators, by their identifiers, which are the same in every language."""


def ordinary_writers(folder: Path) -> str:
    """Say how an ordinary account could change what is in a folder; "" when it can't.

    Looks at the folder, at all that is in it and at the folders above it. Raises NotTried where the system does not
    tell.
    """
    folder = folder.resolve()
    for path in (folder, *sorted(folder.rglob("*"))):
        if found := writers(path):
            return f"{path}: {found}"
    for above in folder.parents:
        if found := writers(above, is_above=True):
            return f"{above}: {found}"
    return ""


def writers(path: Path, *, is_above: bool = False) -> str:
    """Say which ordinary accounts may change a file or folder; `is_above`: may put another one in its place."""
    if _IS_WINDOWS:
        return _allowed(_descriptor(path), _EXCHANGE if is_above else WRITE, "change")
    return posix_writers(path.lstat(), is_above=is_above)


def closing_command(folder: Path) -> str:
    """Return the command after which ordinary accounts may read a folder and not change it."""
    if _IS_WINDOWS:
        grants = " ".join(f'"{grant}"' for grant in (*CLOSED_TO, "*S-1-5-32-545:(OI)(CI)RX"))
        return f'icacls "{folder}" /inheritance:r /grant:r {grants}'
    return f"chmod -R go-w {quoted(str(folder))}"


def readers(path: Path) -> str:
    """Say which ordinary accounts may read a file; "" for none."""
    if _IS_WINDOWS:
        return _allowed(_descriptor(path), _READ, "read")
    return "every account may read it" if path.stat().st_mode & stat.S_IROTH else ""


def may_be_entered(folder: Path) -> bool:
    """Say whether every account may enter a folder and those above it, by their POSIX modes."""
    return all(path.stat().st_mode & stat.S_IXOTH for path in (folder, *folder.parents))


def posix_writers(found: os.stat_result, *, is_above: bool) -> str:
    """Say which ordinary accounts may change what has this status."""
    if stat.S_ISLNK(found.st_mode):
        return ""
    is_sticky = bool(found.st_mode & stat.S_ISVTX) and is_above  # nobody renames there what is not his own
    if found.st_uid not in {0, own_user_id()}:
        return f"account {found.st_uid} owns it"
    if found.st_mode & stat.S_IWOTH and not is_sticky:
        return "every account may change it"
    if found.st_mode & stat.S_IWGRP and not is_sticky and not _is_private_group(found.st_gid, found.st_uid):
        return f"group {found.st_gid} may change it"
    return ""


def allowed_by(descriptor: str, rights: int) -> list[str]:
    """Return the ordinary groups that a security descriptor (SDDL) allows any of these rights."""
    entries = _ENTRY.finditer(descriptor.partition("D:")[2].partition("S:(")[0])
    found = {
        _ORDINARY[entry["account"]]
        for entry in entries
        if entry["kind"] in {"A", "XA"}
        and "IO" not in re.findall("..", entry["flags"])
        and entry["account"] in _ORDINARY
        and _bits(entry["rights"]) & rights
    }
    return sorted(found)


def _bits(rights: str) -> int:
    if rights.startswith("0x"):
        return int(rights, 16)
    return sum({_RIGHTS.get(token, 0) for token in re.findall("..", rights)})


def _allowed(descriptor: str, rights: int, verb: str) -> str:
    groups = allowed_by(descriptor, rights)
    return f"{', '.join(groups)} may {verb} it" if groups else ""


def _descriptor(path: Path) -> str:
    """Return the access list of a file in SDDL; raises NotTried where icacls can't save it, as under wine."""
    with tempfile.TemporaryDirectory(prefix="amt-acceptance-") as folder:
        saved = Path(folder) / "saved"
        command = ["icacls", str(path), "/save", str(saved)]
        try:
            subprocess.run(command, capture_output=True, timeout=_ICACLS_TIMEOUT_S, check=False)
            text = saved.read_bytes().decode("utf-16-le", "replace")
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotTried("icacls does not tell the access lists here") from error
    if "D:" not in text:
        raise NotTried("icacls does not tell the access lists here")
    return text[text.index("D:") :]


def own_user_id() -> int:
    """Return the POSIX user id of this process; 0 on Windows."""
    if sys.platform == "win32":
        return 0
    else:  # noqa: RET505 - mypy takes the branches as those of the systems
        return os.getuid()


def _is_private_group(group_id: int, user_id: int) -> bool:
    """Say whether a group is the one that belongs to an account alone, or the superuser's."""
    if sys.platform == "win32":
        return False
    else:  # noqa: RET505 - as above
        import grp
        import pwd

        try:
            group, owner = grp.getgrgid(group_id), pwd.getpwuid(user_id)
        except KeyError:
            return False
        return group_id == 0 or (owner.pw_gid == group_id and not set(group.gr_mem) - {owner.pw_name})
