"""Who can read the key file, on Windows: its access list."""

from __future__ import annotations

import ctypes
import sys
from contextlib import contextmanager
from ctypes import wintypes
from typing import TYPE_CHECKING

from amtconnector.system import windows_api

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

assert sys.platform == "win32"  # noqa: S101  # mypy takes it as the switch between the systems

SYSTEM, ADMINISTRATORS = "S-1-5-18", "S-1-5-32-544"
WIDE_GROUPS = {
    "S-1-1-0": "Everyone",
    "S-1-5-32-545": "Users",
    "S-1-5-11": "Authenticated Users",
    "S-1-5-4": "Interactive",
}
"""The groups that are as good as everybody, by their identifiers, which are the same in every language."""

_READING_RIGHTS = 0x80000000 | 0x10000000 | 0x02000000 | 0x1
"""GENERIC_READ, GENERIC_ALL, MAXIMUM_ALLOWED and FILE_READ_DATA."""


def account() -> str:
    """Return the name of the account that this process runs as, its identifier when it has no name."""
    with _own_sid() as sid:
        try:
            return _account_name(sid)
        except OSError:
            return windows_api.sid_text(sid)


def quoted(text: str) -> str:
    """Return the text as one word of a command line; no path on Windows holds a quote."""
    return f'"{text}"'


def exposure(path: Path, descriptor: int) -> str:
    """Say which group that is as good as everybody may read a file; "" for none."""
    del descriptor
    with _security(path) as (acl, _):
        return exposure_by(acl)


def exposure_by(acl: ctypes.c_void_p) -> str:
    """Say which wide group an access list lets read; a denial is not counted, for its order could undo it."""
    if not acl.value:
        return "every account of this machine can read it (it has no access list)"
    wide = sorted({WIDE_GROUPS[sid] for sid, rights in windows_api.allowing_entries(acl) if _exposes(sid, rights)})
    return f"{', '.join(wide)} may read it" if wide else ""


def closing_command(path: Path) -> str:
    """Return the command that closes an exposed file and leaves it readable for this account."""
    groups = " ".join(f'"*{sid}"' for sid in WIDE_GROUPS)
    grants = f'"*{SYSTEM}:F" "*{ADMINISTRATORS}:F" "{account()}:R"'
    return f'icacls "{path}" /inheritance:r /grant:r {grants} /remove:g {groups}'


def granting_command(path: Path) -> str:
    """Return the command that lets this account read a file that it can't."""
    return f'icacls "{path}" /grant "{account()}:R"'


def sharing_advice(path: Path) -> str:
    """Say how another account than this one gets to read the file."""
    return f'allow it (Local System and administrators are): icacls "{path}" /grant "ACCOUNT:R"'


def _exposes(sid: str, rights: int) -> bool:
    return sid in WIDE_GROUPS and bool(rights & _READING_RIGHTS)


@contextmanager
def private_descriptor() -> Iterator[ctypes.c_void_p]:
    """Yield a security descriptor that inherits nothing: full access for SYSTEM, Administrators and this account."""
    with _own_sid() as sid:
        text = f"D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;{windows_api.sid_text(sid)})"
    descriptor = ctypes.c_void_p()
    windows_api.ConvertStringSecurityDescriptorToSecurityDescriptor(
        text, windows_api.SDDL_REVISION_1, ctypes.byref(descriptor), None
    )
    try:
        yield descriptor
    finally:
        windows_api.LocalFree(descriptor)


@contextmanager
def security_of(path: Path) -> Iterator[ctypes.c_void_p]:
    """Yield the security descriptor that holds a file's access list; it lives as long as the block."""
    with _security(path) as (_, descriptor):
        yield descriptor


@contextmanager
def _security(path: Path) -> Iterator[tuple[ctypes.c_void_p, ctypes.c_void_p]]:
    """Yield a file's access list and the security descriptor that holds it; both live as long as the block."""
    acl, descriptor = ctypes.c_void_p(), ctypes.c_void_p()
    windows_api.GetNamedSecurityInfo(
        str(path),
        windows_api.SE_FILE_OBJECT,
        windows_api.DACL_SECURITY_INFORMATION,
        None,
        None,
        ctypes.byref(acl),
        None,
        ctypes.byref(descriptor),
    )
    try:
        yield acl, descriptor
    finally:
        windows_api.LocalFree(descriptor)


@contextmanager
def _own_sid() -> Iterator[int]:
    """Yield the address of this account's identifier, alive as long as the block."""
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
    yield ctypes.cast(buffer, ctypes.POINTER(windows_api.SidAndAttributes)).contents.Sid


def _account_name(sid: int) -> str:
    name, domain = ctypes.create_unicode_buffer(256), ctypes.create_unicode_buffer(256)
    sizes = wintypes.DWORD(256), wintypes.DWORD(256)
    windows_api.LookupAccountSid(
        None, sid, name, ctypes.byref(sizes[0]), domain, ctypes.byref(sizes[1]), ctypes.byref(ctypes.c_int())
    )
    return f"{domain.value}\\{name.value}" if domain.value else name.value
