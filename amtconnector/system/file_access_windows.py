"""Who owns, writes and reads what the connector trusts, on Windows: owner and access list."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from amtconnector.system import file_access_sids as sids
from amtconnector.system import file_owners_windows as file_owners
from amtconnector.system import files_windows
from amtconnector.system.file_access_rules import Access, Place, reading_fault

if TYPE_CHECKING:
    from collections.abc import Iterator

assert sys.platform == "win32"  # noqa: S101  # mypy takes it as the switch between the systems


def owners(config: Path | None) -> frozenset[str]:
    """Return who may own what is trusted, administrators apart: this account and the owner of Connector.config."""
    found = {file_owners.own_sid()}
    if config is not None:
        with suppress(OSError, ValueError):
            found.add(file_owners.security_of(config).owner)
    return frozenset(found)


def way_to(path: Path) -> Iterator[tuple[Path, Place]]:
    """Yield the folders above a path, as it is written and as it is really, and the links among them and itself."""
    written, real = path.absolute(), Path(os.path.realpath(path))
    for folder in dict.fromkeys([*reversed(written.parents), *reversed(real.parents)]):
        if folder.exists():
            yield folder, Place.ROOT if folder.parent == folder else Place.ABOVE
    if files_windows.is_link(written):
        yield written, Place.ABOVE


def look(path: Path, place: Place, allowed: frozenset[str]) -> Access:
    """Return who owns, writes and reads a file or folder, a link on the way not followed; raise `OSError`."""
    try:
        is_itself = place is Place.ABOVE and files_windows.is_link(path)
        descriptor = file_owners.security_of_link(path) if is_itself else file_owners.security_of(path)
    except ValueError as error:
        raise OSError(errno.EINVAL, "its access list can't be understood", str(path)) from error
    return sids.access_of(descriptor, place, allowed, is_shared=file_owners.is_on_share(path))


def name_of(party: str) -> str:
    """Return how messages name an account or group."""
    return file_owners.account_name(party)


def is_own(path: Path) -> bool:
    """Whether this account or the administrators own a file or folder; raise `OSError`.

    What Local System makes belongs to the administrators.
    """
    owner = file_owners.security_of(path).owner
    return owner == file_owners.own_sid() or sids.is_administrator(owner)


def exposure(path: Path, descriptor: int) -> str:
    """Say which account that nobody let in by name may read a key file; "" for none."""
    del descriptor
    return reading_fault(look(path, Place.FILE, owners(None)), name_of)
