"""Security descriptors as Windows keeps them, made from the language that documents and tools write them in.

    descriptor("O:BAD:P(A;OICI;FA;;;SY)(A;ID;0x1200a9;;;BU)")

Only what the tests say is understood: an owner, and entries that allow or deny with the rights that appear here.
"""

from __future__ import annotations

import re
import struct
import uuid

_SIDS = {
    "SY": "S-1-5-18",
    "BA": "S-1-5-32-544",
    "BU": "S-1-5-32-545",
    "BG": "S-1-5-32-546",
    "WD": "S-1-1-0",
    "AU": "S-1-5-11",
    "IU": "S-1-5-4",
    "NU": "S-1-5-2",
    "SU": "S-1-5-6",
    "CO": "S-1-3-0",
    "NS": "S-1-5-20",
    "DU": "S-1-5-21-1-2-3-513",
    "DA": "S-1-5-21-1-2-3-512",
}
_RIGHTS = {
    "FA": 0x1F01FF,
    "FR": 0x120089,
    "FW": 0x120116,
    "GA": 0x10000000,
    "GR": 0x80000000,
    "GW": 0x40000000,
    "RC": 0x20000,
    "M": 0x1301BF,
}
_FLAGS = {"OI": 0x1, "CI": 0x2, "NP": 0x4, "IO": 0x8, "ID": 0x10}
_ENTRY = re.compile(r"\((?P<kind>[AD]|XA|OA);(?P<flags>[A-Z]*);(?P<rights>[^;]*);(?P<guid>[^;]*);;(?P<sid>[^)]*)\)")
_KINDS = {"A": 0x0, "D": 0x1, "XA": 0x9, "OA": 0x5}
_HEADER = 20


def descriptor(text: str) -> bytes:
    """Return the self-relative form of a descriptor; without a part D: it has no access list."""
    owner_text, has_list, entries_text = text.partition("D:")
    owner = _sid(owner_text.removeprefix("O:"))
    entries = b"".join(_entry(match) for match in _ENTRY.finditer(entries_text))
    count = len(_ENTRY.findall(entries_text))
    acl = struct.pack("<BBHHH", 2, 0, 8 + len(entries), count, 0) + entries if has_list else b""
    control = 0x8000 | (0x4 if has_list else 0) | (0x1000 if entries_text.startswith("P") else 0)
    at_acl = _HEADER + len(owner) if has_list else 0
    return struct.pack("<BBHIIII", 1, 0, control, _HEADER, 0, 0, at_acl) + owner + acl


def _entry(match: re.Match[str]) -> bytes:
    sid = _sid(match["sid"])
    flags = sum(_FLAGS[match["flags"][at : at + 2]] for at in range(0, len(match["flags"]), 2))
    rights = _RIGHTS[match["rights"]] if match["rights"] in _RIGHTS else int(match["rights"], 16)
    whom = _object(match["guid"]) + sid if match["kind"] == "OA" else sid
    return struct.pack("<BBHI", _KINDS[match["kind"]], flags, 8 + len(whom), rights) + whom


def _object(guid: str) -> bytes:
    return struct.pack("<I", 1) + uuid.UUID(guid).bytes_le if guid else struct.pack("<I", 0)


def _sid(text: str) -> bytes:
    _, revision, authority, *parts = _SIDS.get(text, text).split("-")
    head = bytes((int(revision), len(parts))) + int(authority).to_bytes(6, "big")
    return head + struct.pack(f"<{len(parts)}I", *map(int, parts))
