"""Whose a file is, on Windows."""

from __future__ import annotations

import ctypes
import msvcrt
import os
import sys
from ctypes import wintypes
from functools import cache
from typing import TYPE_CHECKING

from amtconnector.system import file_access_sids as sids
from amtconnector.system import security_descriptor, windows_api

if TYPE_CHECKING:
    from pathlib import Path

    from amtconnector.system.security_descriptor import SecurityDescriptor

assert sys.platform == "win32"  # noqa: S101  # mypy takes it as the switch between the systems

_WHAT = windows_api.OWNER_SECURITY_INFORMATION | windows_api.DACL_SECURITY_INFORMATION
_ADDING = 0x2
"""FILE_ADD_FILE."""


def foreign_owner(path: Path, descriptor: int | None) -> str:
    """Return the name of the owner of a file or folder who may not put one into the folder above; "" for one who may.

    `descriptor` is that of the open file, None for what is not opened; raise `OSError`.
    """
    it = security_of(path) if descriptor is None else _of_handle(msvcrt.get_osfhandle(descriptor))
    owner = it.owner
    if owner == own_sid() or sids.is_administrator(owner):
        return ""
    folder = security_of(path.parent)
    if owner == folder.owner or owner in sids.granted_sids(folder):
        return ""
    return "" if is_on_share(path) or _may_add(owner, folder) else account_name(owner)


def reach_of_others(path: Path, descriptor: int | None) -> str:
    """Return "": a file's access list comes from its folder here, which was looked at."""
    del path, descriptor
    return ""


def is_as_known(status: os.stat_result, owners: set[int]) -> bool:
    """Return False: here a status tells no owner, so each file is looked at."""
    del status, owners
    return False


def security_of_link(path: Path) -> SecurityDescriptor:
    """Return owner and access list of a link itself, not of what it leads to; raise `OSError`."""
    flags = windows_api.FILE_FLAG_OPEN_REPARSE_POINT | windows_api.FILE_FLAG_BACKUP_SEMANTICS
    shared = windows_api.FILE_SHARE_EVERYTHING
    handle = windows_api.CreateFile(
        str(path), windows_api.READ_CONTROL, shared, None, windows_api.OPEN_EXISTING, flags, None
    )
    try:
        return _of_handle(handle)
    finally:
        windows_api.CloseHandle(handle)


def security_of(path: Path) -> SecurityDescriptor:
    """Return owner and access list of a file or folder, of what a link leads to; raise `OSError`."""
    found = ctypes.c_void_p()
    windows_api.GetNamedSecurityInfo(
        str(path), windows_api.SE_FILE_OBJECT, _WHAT, None, None, None, None, ctypes.byref(found)
    )
    return _taken(found)


@cache
def own_sid() -> str:
    """Return the identifier of the account that this process runs as."""
    token = wintypes.HANDLE()
    windows_api.OpenProcessToken(windows_api.GetCurrentProcess(), windows_api.TOKEN_QUERY, ctypes.byref(token))
    try:
        # TOKEN_USER is one SID_AND_ATTRIBUTES and the identifier behind it, 68 bytes at most.
        buffer = ctypes.create_string_buffer(256)
        windows_api.GetTokenInformation(
            token, windows_api.TOKEN_USER, buffer, ctypes.sizeof(buffer), ctypes.byref(wintypes.DWORD())
        )
    finally:
        windows_api.CloseHandle(token)
    return windows_api.sid_text(ctypes.cast(buffer, ctypes.POINTER(windows_api.SidAndAttributes)).contents.Sid)


def account_name(sid: str) -> str:
    """Return how messages name an account or group, its identifier when it has no name."""
    if wide := sids.wide_name(sid):
        return wide
    try:
        return _looked_up(sid)
    except OSError:
        return sid


def is_on_share(path: Path) -> bool:
    """Whether a path lies on a network share, by a UNC path or a mapped drive."""
    root = os.path.splitdrive(path.absolute())[0]
    is_unc = root.startswith("\\\\") and not root.startswith(("\\\\?\\", "\\\\.\\"))
    return (
        is_unc
        or root.upper().startswith("\\\\?\\UNC")
        or windows_api.GetDriveType(f"{root}\\") == windows_api.DRIVE_REMOTE
    )


def _of_handle(handle: int) -> SecurityDescriptor:
    found = ctypes.c_void_p()
    windows_api.GetSecurityInfo(handle, windows_api.SE_FILE_OBJECT, _WHAT, None, None, None, None, ctypes.byref(found))
    return _taken(found)


def _taken(descriptor: ctypes.c_void_p) -> SecurityDescriptor:
    try:
        length = windows_api.GetSecurityDescriptorLength(descriptor)
        return security_descriptor.parse(ctypes.string_at(descriptor.value or 0, length))
    finally:
        windows_api.LocalFree(descriptor)


def _may_add(sid: str, folder: SecurityDescriptor) -> bool:
    """Whether an account belongs to a group that a folder lets in by name to add files; False where nobody can say.

    Only those entries are asked about: what a wide group may makes nobody one of ours.
    """
    named = sids.granted_sids(folder)
    own = (entry for entry in folder.entries or () if not entry.is_for_children_only)
    adding = (entry for entry in own if entry.sid in named and entry.rights & _ADDING)
    entries = "".join(f"(A;;0x{_ADDING:x};;;{entry.sid})" for entry in adding)
    if not entries:
        return False
    acl, rights = ctypes.c_void_p(), wintypes.DWORD()
    try:
        with windows_api.descriptor_from(f"D:{entries}") as descriptor, windows_api.sid_from(sid) as pointer:
            flags = ctypes.byref(wintypes.BOOL()), ctypes.byref(wintypes.BOOL())
            windows_api.GetSecurityDescriptorDacl(descriptor, flags[0], ctypes.byref(acl), flags[1])
            trustee = windows_api.Trustee(None, 0, windows_api.TRUSTEE_IS_SID, 0, pointer)
            windows_api.GetEffectiveRightsFromAcl(acl, ctypes.byref(trustee), ctypes.byref(rights))
    except OSError:
        return False
    return bool(rights.value & _ADDING)


def _looked_up(sid: str) -> str:
    name, domain = ctypes.create_unicode_buffer(256), ctypes.create_unicode_buffer(256)
    sizes = wintypes.DWORD(256), wintypes.DWORD(256)
    with windows_api.sid_from(sid) as pointer:
        windows_api.LookupAccountSid(
            None, pointer, name, ctypes.byref(sizes[0]), domain, ctypes.byref(sizes[1]), ctypes.byref(ctypes.c_int())
        )
    return f"{domain.value}\\{name.value}" if domain.value else name.value
