"""The access lists that the program itself gives: to new folders and key files, and to a folder that it closes."""

from __future__ import annotations

import ctypes
import sys
from contextlib import contextmanager, suppress
from ctypes import wintypes
from typing import TYPE_CHECKING

from amtconnector.system import file_access_sids as sids
from amtconnector.system import file_owners_windows as file_owners
from amtconnector.system import windows_api

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

assert sys.platform == "win32"  # noqa: S101  # mypy takes it as the switch between the systems

_PARENTS_WITH_GRANTS = 2
"""A folder below the machine's folder lets in whom these folders above it let in by name."""


def close(path: Path) -> None:
    """Give a folder an access list of its own: for whom it and the folders above let in by name, and no wide group."""
    with windows_api.descriptor_from(f"D:P{_entries(path)}") as descriptor:
        acl = ctypes.c_void_p()
        present, defaulted = ctypes.byref(wintypes.BOOL()), ctypes.byref(wintypes.BOOL())
        windows_api.GetSecurityDescriptorDacl(descriptor, present, ctypes.byref(acl), defaulted)
        what = windows_api.DACL_SECURITY_INFORMATION | windows_api.PROTECTED_DACL_SECURITY_INFORMATION
        windows_api.SetNamedSecurityInfo(str(path), windows_api.SE_FILE_OBJECT, what, None, None, acl, None)


def make_folder(path: Path) -> None:
    """Create a folder, and those above it, for SYSTEM, Administrators, this account and whom the folder above names.

    Raises `OSError`; one that exists is left as it is.
    """
    if path.is_dir():
        return
    make_folder(path.parent)
    with windows_api.descriptor_from(f"D:P{_entries(path.parent)}") as descriptor:
        attributes = windows_api.SecurityAttributes(ctypes.sizeof(windows_api.SecurityAttributes), descriptor, False)
        try:
            windows_api.CreateDirectory(str(path), ctypes.byref(attributes))
        except FileExistsError:
            if not path.is_dir():
                raise


def private_descriptor() -> AbstractContextManager[ctypes.c_void_p]:
    """Make a security descriptor that inherits nothing: full access for SYSTEM, Administrators and this account."""
    entries = "".join(f"(A;;FA;;;{sid})" for sid in (sids.SYSTEM, sids.ADMINISTRATORS, file_owners.own_sid()))
    return windows_api.descriptor_from(f"D:P{entries}")


@contextmanager
def descriptor_of(path: Path) -> Iterator[ctypes.c_void_p]:
    """Yield the security descriptor of a file with its access list, alive as long as the block."""
    descriptor = ctypes.c_void_p()
    windows_api.GetNamedSecurityInfo(
        str(path),
        windows_api.SE_FILE_OBJECT,
        windows_api.DACL_SECURITY_INFORMATION,
        None,
        None,
        None,
        None,
        ctypes.byref(descriptor),
    )
    try:
        yield descriptor
    finally:
        windows_api.LocalFree(descriptor)


def _entries(folder: Path) -> str:
    """Return the entries of a folder's own list, in the security descriptor definition language."""
    everything = dict.fromkeys((sids.SYSTEM, sids.ADMINISTRATORS, file_owners.own_sid()), "FA")
    named = {sid: f"0x{rights:x}" for sid, rights in _let_in(folder).items()}
    return "".join(f"(A;OICI;{rights};;;{sid})" for sid, rights in {**named, **everything}.items())


def _let_in(folder: Path) -> dict[str, int]:
    """Return whom a folder and those above it let in by name to what is made there; the nearest one decides."""
    found: dict[str, int] = {}
    for at in (*reversed(folder.parents[:_PARENTS_WITH_GRANTS]), folder):
        with suppress(OSError, ValueError):
            found.update(sids.granted_to_children(file_owners.security_of(at)))
    return found
