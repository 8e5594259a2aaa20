"""Who may own, write or read what the connector trusts: decisions about values, the same on every system."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from amtconnector.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


class Standing(Enum):
    """How an account stands to a file: an administrator or ourselves, let in by name, or let in by nobody."""

    TRUSTED = "trusted"
    GRANTED = "granted"
    UNGRANTED = "ungranted"


class Place(Enum):
    """What a path is to the connector, which decides what somebody else could do with it."""

    ROOT = "the root of a drive, which nobody can rename"
    ABOVE = "a folder on the way: who may rename or remove what is in it, or itself"
    FOLDER = "the folder itself: who may put files into it"
    FILE = "the file itself"


class Party(NamedTuple):
    """An account or a group, by the system's own identifier."""

    id: str
    standing: Standing


class Access(NamedTuple):
    """Who owns a file or folder, and who else may write and read it.

    `is_shared` is True on a network share, whose server may show every owner as another one.
    """

    owner: Party
    writers: tuple[Party, ...] = ()
    readers: tuple[Party, ...] = ()
    is_shared: bool = False


class Fault(NamedTuple):
    """What makes a path untrusted: a clause that follows its name, and the commands that mend it, one a line."""

    path: Path
    reason: str
    commands: str
    is_foreign: bool = False

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def is_foreign(access: Access) -> bool:
    """Whether it belongs to an account that is not allowed to own it; on a share the access rights alone count."""
    return access.owner.standing is not Standing.TRUSTED and not access.is_shared


def writing_fault(access: Access, name_of: Callable[[str], str]) -> str:
    """Say who may change it and must not, "" for nobody."""
    if is_foreign(access):
        return f"it belongs to {name_of(access.owner.id)}"
    return _clause(access.writers, "write", name_of)


def reading_fault(access: Access, name_of: Callable[[str], str]) -> str:
    """Say who may read it and must not, "" for nobody."""
    return _clause(access.readers, "read", name_of)


def _clause(parties: Iterable[Party], verb: str, name_of: Callable[[str], str]) -> str:
    names = sorted({name_of(party.id) for party in parties if party.standing is Standing.UNGRANTED})
    return f"{', '.join(names)} may {verb} it" if names else ""
