"""Windows accounts by their security identifiers, which are the same in every language, and what a list lets them do.

Nothing here asks Windows. The identifiers are those of "Well-known SIDs" in Microsoft's documentation, the rights those
of "File Access Rights Constants" and "Standard Access Rights".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from amtconnector.system.file_access_rules import Access, Party, Place, Standing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amtconnector.system.security_descriptor import Entry, SecurityDescriptor

SYSTEM, ADMINISTRATORS, EVERYONE = "S-1-5-18", "S-1-5-32-544", "S-1-1-0"
WIDE_GROUPS = {
    EVERYONE: "Everyone",
    "S-1-5-32-545": "Users",
    "S-1-5-11": "Authenticated Users",
    "S-1-5-4": "Interactive",
    "S-1-5-2": "Network",
    "S-1-5-3": "Batch",
    "S-1-5-6": "Service",
    "S-1-5-7": "Anonymous",
    "S-1-5-1": "Dialup",
    "S-1-5-14": "Remote Interactive",
    "S-1-5-15": "This Organization",
    "S-1-5-113": "Local account",
    "S-1-2-0": "Local",
    "S-1-2-1": "Console logon",
    "S-1-5-32-546": "Guests",
    "S-1-5-32-547": "Power Users",
    "S-1-5-32-554": "Pre-Windows 2000 Compatible Access",
    "S-1-5-32-555": "Remote Desktop Users",
    "S-1-5-13": "Terminal Server Users",
    "S-1-5-1000": "Other Organization",
    "S-1-5-80-0": "All services",
    "S-1-5-64-10": "NTLM Authentication",
    "S-1-5-64-14": "SChannel Authentication",
    "S-1-5-64-21": "Digest Authentication",
    "S-1-18-1": "Authentication authority asserted identity",
    "S-1-18-2": "Service asserted identity",
    "S-1-15-2-1": "All application packages",
    "S-1-15-2-2": "All restricted application packages",
}
"""The groups that are as good as everybody: nobody grants them anything by name."""

_WIDE_OF_DOMAIN = re.compile(r"S-1-5-21-\d+-\d+-\d+-(501|513|514|515)")
_WIDE_KINDS = {"S-1-15-2-": "Application package", "S-1-15-3-": "Application capability"}
"""Of an application whoever started it; no account of a job."""

_WIDE_NAMES = {"501": "Guest", "513": "Domain Users", "514": "Domain Guests", "515": "Domain Computers"}
_ADMINISTRATOR_OF_DOMAIN = re.compile(r"S-1-5-21-\d+-\d+-\d+-(500|512|518|519)")
_TRUSTED = frozenset(
    {
        SYSTEM,
        ADMINISTRATORS,
        "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464",  # TrustedInstaller
        "S-1-3-0",  # CREATOR OWNER: whoever makes a file, who needed a right to do so
        "S-1-3-4",  # OWNER RIGHTS: the owner, who is looked at himself
    }
)

_GENERIC_ALL, _GENERIC_WRITE, _GENERIC_READ, _MAXIMUM_ALLOWED = 0x10000000, 0x40000000, 0x80000000, 0x02000000
_DELETE, _WRITE_DAC, _WRITE_OWNER = 0x00010000, 0x00040000, 0x00080000
_READ_DATA, _WRITE_DATA, _APPEND_DATA, _DELETE_CHILD = 0x1, 0x2, 0x4, 0x40
_RULING = _GENERIC_ALL | _MAXIMUM_ALLOWED | _WRITE_DAC | _WRITE_OWNER
_TAKING = _RULING | _DELETE

_READING = _GENERIC_READ | _GENERIC_ALL | _MAXIMUM_ALLOWED | _READ_DATA
_WRITING = {
    # Who may only add to a folder on the way can't touch what is there: C:\ and %ProgramData% let users add.
    Place.ROOT: _RULING | _DELETE_CHILD,
    Place.ABOVE: _TAKING | _DELETE_CHILD,
    Place.FOLDER: _TAKING | _GENERIC_WRITE | _WRITE_DATA | _APPEND_DATA | _DELETE_CHILD,
    Place.FILE: _TAKING | _GENERIC_WRITE | _WRITE_DATA | _APPEND_DATA,
}


def wide_name(sid: str) -> str:
    """Return the English name of a group that is as good as everybody, "" for any other account."""
    if match := _WIDE_OF_DOMAIN.fullmatch(sid):
        return _WIDE_NAMES[match[1]]
    of_its_kind = next((name for start, name in _WIDE_KINDS.items() if sid.startswith(start)), "")
    return WIDE_GROUPS.get(sid, of_its_kind)


def is_administrator(sid: str) -> bool:
    """Whether it is Windows itself or its administrators, of the machine or of its domain."""
    return sid in _TRUSTED or _ADMINISTRATOR_OF_DOMAIN.fullmatch(sid) is not None


def granted_sids(descriptor: SecurityDescriptor) -> frozenset[str]:
    """Return who was let in by name: the entries that are not inherited and name no group that is everybody."""
    entries = descriptor.entries or ()
    return frozenset(entry.sid for entry in entries if not entry.is_inherited and not wide_name(entry.sid))


def granted_to_children(descriptor: SecurityDescriptor) -> dict[str, int]:
    """Return who was let in by name to what is made in a folder, administrators apart, with all his rights there."""
    granted = granted_sids(descriptor)
    rights: dict[str, int] = {}
    for entry in descriptor.entries or ():
        if entry.reaches_children and entry.sid in granted and not is_administrator(entry.sid):
            rights[entry.sid] = rights.get(entry.sid, 0) | entry.rights
    return rights


def access_of(
    descriptor: SecurityDescriptor,
    place: Place,
    owners: frozenset[str],
    *,
    granted: frozenset[str] = frozenset(),
    is_shared: bool = False,
) -> Access:
    """Return who owns, writes and reads what a descriptor is of.

    `owners` may own it besides administrators, `granted` were let in by name elsewhere.
    """
    granted |= granted_sids(descriptor)

    def party(sid: str) -> Party:
        if sid in owners or is_administrator(sid):
            return Party(sid, Standing.TRUSTED)
        return Party(sid, Standing.GRANTED if sid in granted else Standing.UNGRANTED)

    owner = party(descriptor.owner)
    if owner.standing is Standing.GRANTED:
        owner = Party(descriptor.owner, Standing.UNGRANTED)  # a planter can let himself in
    if descriptor.entries is None:
        everyone = (Party(EVERYONE, Standing.UNGRANTED),)
        return Access(owner, everyone, everyone, is_shared)
    entries = [entry for entry in descriptor.entries if _counts(entry, place)]
    writers = _with(entries, _WRITING[place])
    readers = _with(entries, _READING)
    return Access(owner, tuple(map(party, writers)), tuple(map(party, readers)), is_shared)


def _counts(entry: Entry, place: Place) -> bool:
    # What a folder hands on to its files is as good as a right to them.
    return not entry.is_for_children_only or (place is Place.FOLDER and entry.reaches_children)


def _with(entries: Iterable[Entry], rights: int) -> list[str]:
    return sorted({entry.sid for entry in entries if entry.rights & rights})
