"""Who owns, writes and reads what the connector trusts, on POSIX: owner, group and mode."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from amtconnector.system import file_owners_posix as file_owners
from amtconnector.system.file_access_rules import Access, Party, Place, Standing, is_foreign

if TYPE_CHECKING:
    from collections.abc import Iterator

assert sys.platform != "win32"  # noqa: S101  # mypy takes it as the switch between the systems

_OTHERS_READ = stat.S_IROTH
_WRITE_BUT_OWNER = stat.S_IWGRP | stat.S_IWOTH
_EVERYBODY = "every account of this machine"
_MOST_LINKS = 40


def owners(config: Path | None) -> frozenset[str]:
    """Return who may own what is trusted: this account, root, and the owner of Connector.config."""
    uids = {os.geteuid(), file_owners.ROOT}
    if config is not None:
        with suppress(OSError):
            uids.add(config.stat().st_uid)
    return frozenset(map(str, uids))


def way_to(path: Path) -> Iterator[tuple[Path, Place]]:
    """Yield what is passed on the way to a path, links and what they lead to included; not the path itself.

    What does not exist yet is left out, and what can't be looked at.
    """
    rest = [*reversed(path.absolute().parts[1:])]
    at, links = Path("/"), 0
    yield at, Place.ABOVE
    while rest:
        name = rest.pop()
        at = at.parent if name == ".." else at / name
        try:
            is_link = stat.S_ISLNK(at.lstat().st_mode)
        except OSError:
            return
        if is_link and (links := links + 1) <= _MOST_LINKS:
            yield at, Place.ABOVE
            target = Path(os.readlink(at))  # noqa: PTH115  # Path.readlink is the same call
            at = Path("/") if target.is_absolute() else at.parent
            rest += reversed(target.parts[1:] if target.is_absolute() else target.parts)
        elif rest:
            yield at, Place.ABOVE


def look(path: Path, place: Place, allowed: frozenset[str]) -> Access:
    """Return who owns and writes a file or folder, a link on the way not followed; raise `OSError`."""
    status = path.lstat() if place is Place.ABOVE else path.stat()
    access = access_of(status, place, allowed)
    return access._replace(is_shared=file_owners.is_on_share(status)) if is_foreign(access) else access


def access_of(status: os.stat_result, place: Place, allowed: frozenset[str]) -> Access:
    """Return who owns, writes and reads what a status is of; access lists beyond the mode can't be seen in it."""
    mode = status.st_mode
    owner = Party(str(status.st_uid), Standing.TRUSTED if str(status.st_uid) in allowed else Standing.UNGRANTED)
    if stat.S_ISLNK(mode):
        return Access(owner)
    group = (Party(f"group {status.st_gid}", Standing.GRANTED),)
    everybody = (Party(_EVERYBODY, Standing.UNGRANTED),)
    keeps_others_off = mode & stat.S_ISVTX and place is Place.ABOVE
    return Access(
        owner,
        (group if mode & stat.S_IWGRP else ()) + (everybody if mode & stat.S_IWOTH and not keeps_others_off else ()),
        (group if mode & stat.S_IRGRP else ()) + (everybody if mode & stat.S_IROTH else ()),
    )


def name_of(party: str) -> str:
    """Return how messages name an account or group."""
    return party if party == _EVERYBODY else file_owners.user_name(int(party))


def is_own(path: Path) -> bool:
    """Whether this account owns a file or folder; raise `OSError`."""
    return path.stat().st_uid == os.geteuid()


def close(path: Path) -> None:
    """Take the right to write a folder of this account's from everybody else, its group left as it is."""
    path.chmod(stat.S_IMODE(path.stat().st_mode) & ~(stat.S_IWOTH | stat.S_IROTH | stat.S_IXOTH))


def exposure(path: Path, descriptor: int) -> str:
    """Say who can get at an open key file and must not: others who read, all but its owner who write; "" for nobody."""
    del path
    mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
    if mode & _OTHERS_READ:
        return f"every account of this machine can read it (mode {mode:04o})"
    if mode & _WRITE_BUT_OWNER:
        return f"accounts other than its owner can write it (mode {mode:04o})"
    return ""
