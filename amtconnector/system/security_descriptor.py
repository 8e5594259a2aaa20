"""Windows security descriptors as bytes: who owns a file, and what its access list allows to whom.

Nothing here asks Windows, so it is the same on every system. The forms are those of the [MS-DTYP] specification:
SECURITY_DESCRIPTOR (2.4.6, self-relative), ACL (2.4.5), ACCESS_ALLOWED_ACE (2.4.4.2) and SID (2.4.2.2).
"""

from __future__ import annotations

import struct

from amtconnector.named_tuple import NamedTuple

_DACL_PRESENT = 0x0004
_ALLOWING = frozenset({0x0, 0x9})
"""ACCESS_ALLOWED_ACE_TYPE and ACCESS_ALLOWED_CALLBACK_ACE_TYPE, whose condition counts as met."""

_ALLOWING_OBJECTS = frozenset({0x5, 0xB})
"""The same with a part that names objects of a directory (2.4.4.3), which a file has not; the others deny or audit."""

_OBJECT_TYPE_PRESENT, _INHERITED_OBJECT_TYPE_PRESENT, _GUID_LENGTH = 0x1, 0x2, 16

_OBJECT_INHERIT, _CONTAINER_INHERIT, _INHERIT_ONLY, _INHERITED = 0x1, 0x2, 0x8, 0x10


class Entry(NamedTuple):
    """One entry that allows something: to whom (S-1-...), what, and where it comes from and goes to."""

    sid: str
    rights: int
    is_inherited: bool = False
    is_for_children_only: bool = False
    reaches_children: bool = False


class SecurityDescriptor(NamedTuple):
    """Owner (S-1-..., "" for none) and allowing entries of a file; None stands for no list, which allows all to all.

    A denial is not counted, for its order could undo it.
    """

    owner: str
    entries: tuple[Entry, ...] | None


def parse(content: bytes) -> SecurityDescriptor:
    """Read a self-relative security descriptor; raise `ValueError` for what is none."""
    try:
        _, control, owner, _, _, acl = struct.unpack_from("<2sHIIII", content)
        entries = _entries(content, acl) if control & _DACL_PRESENT and acl else None
        return SecurityDescriptor(_sid(content, owner) if owner else "", entries)
    except struct.error as error:
        raise ValueError("not a security descriptor") from error


def _entries(content: bytes, offset: int) -> tuple[Entry, ...]:
    count = struct.unpack_from("<4xH", content, offset)[0]
    offset += 8
    found = []
    for _ in range(count):
        kind, flags, size, rights = struct.unpack_from("<BBHI", content, offset)
        if kind in _ALLOWING:
            found.append(_entry(_sid(content, offset + 8), rights, flags))
        elif kind in _ALLOWING_OBJECTS:
            found.append(_entry(_sid(content, _behind_objects(content, offset + 8)), rights, flags))
        offset += size
    return tuple(found)


def _behind_objects(content: bytes, offset: int) -> int:
    (present,) = struct.unpack_from("<I", content, offset)
    given = sum(bool(present & flag) for flag in (_OBJECT_TYPE_PRESENT, _INHERITED_OBJECT_TYPE_PRESENT))
    return offset + 4 + given * _GUID_LENGTH


def _entry(sid: str, rights: int, flags: int) -> Entry:
    return Entry(
        sid,
        rights,
        is_inherited=bool(flags & _INHERITED),
        is_for_children_only=bool(flags & _INHERIT_ONLY),
        reaches_children=bool(flags & (_OBJECT_INHERIT | _CONTAINER_INHERIT)),
    )


def _sid(content: bytes, offset: int) -> str:
    revision, count = struct.unpack_from("<BB", content, offset)
    authority = int.from_bytes(content[offset + 2 : offset + 8], "big")
    parts = struct.unpack_from(f"<{count}I", content, offset + 8)
    return "-".join(str(part) for part in ("S", revision, authority, *parts))
