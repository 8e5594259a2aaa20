"""Writing small files on Windows: access lists, names that take another file's place, readers that are in the way."""

from __future__ import annotations

import ctypes
import msvcrt
import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from amtconnector.system import windows_api

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

assert sys.platform == "win32"  # noqa: S101  # mypy takes it as the switch between the systems

_Result = TypeVar("_Result")

_PAUSE_S = 0.01
_PATIENCE_S = 0.6
_NAME_SURROGATE = 0x20000000
"""IsReparseTagNameSurrogate: of tags that stand for another file or folder."""


class NewFile:
    """A file that is being written under a temporary name and has not taken its place.

    With `may_be_unnamed` its access list is its own from its first moment on: that of SYSTEM, Administrators and this
    account, or that of another file. Else it inherits one.
    """

    def __init__(self, temporary: Path, *, may_be_unnamed: bool) -> None:
        self._temporary = temporary
        self._is_private = may_be_unnamed
        self._other: Path | None = None

    def set_mode(self, mode: int) -> None:
        """Do nothing: modes are POSIX's."""

    def set_access_of(self, other: Path, *, keeps_owner: bool) -> None:
        """Give the file the access list of another one, when it is made."""
        del keeps_owner  # an owner here has no rights that the list does not give
        self._other = other

    def write(self, content: bytes) -> None:
        """Make the file, write the content and flush it to the disk."""
        with os.fdopen(self._made(), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def become(self, target: Path) -> None:
        """Take a name that nobody has; raises FileExistsError when somebody has it."""
        rename(self._temporary, target)

    def take_place_of(self, target: Path, backup: Path) -> None:
        """Take the place of another file, whose access list and attributes stay when this file has its access.

        That is done in steps. The old file is called `backup` in between and afterwards; where a step fails, either
        name or both may be left.
        """
        if self._other:
            windows_api.ReplaceFile(str(target), str(self._temporary), str(backup), 0, None, None)
        else:
            # os.replace does not ask for the rename to be on the disk when it returns.
            flags = windows_api.MOVEFILE_REPLACE_EXISTING | windows_api.MOVEFILE_WRITE_THROUGH
            windows_api.MoveFileEx(str(self._temporary), str(target), flags)

    def close(self) -> None:
        """Do nothing: the file was closed when it was written."""

    def _made(self) -> int:
        if not self._is_private:
            return os.open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_BINARY)
        from amtconnector.system import access_lists_windows as access  # no run writes such a file

        with access.descriptor_of(self._other) if self._other else access.private_descriptor() as security:
            attributes = windows_api.SecurityAttributes(ctypes.sizeof(windows_api.SecurityAttributes), security, False)
            handle = windows_api.CreateFile(
                str(self._temporary),
                windows_api.GENERIC_WRITE,
                0,
                ctypes.byref(attributes),
                windows_api.CREATE_NEW,
                windows_api.FILE_ATTRIBUTE_NORMAL,
                None,
            )
        return msvcrt.open_osfhandle(handle, os.O_WRONLY | os.O_BINARY)


def is_link(path: Path) -> bool:
    """Whether a path is a link to somewhere else: a symbolic one, a junction, a folder that a drive is mounted in."""
    try:
        return bool(path.lstat().st_reparse_tag & _NAME_SURROGATE)
    except OSError:
        return False


def rename(source: Path, target: Path) -> None:
    """Give a file a name that nobody has, on the disk when this returns; raises FileExistsError."""
    windows_api.MoveFileEx(str(source), str(target), windows_api.MOVEFILE_WRITE_THROUGH)


def is_in_use(path: Path) -> bool:
    """Whether a process is still writing a temporary file: then nobody else may open it."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_BINARY))
    except PermissionError:
        return True
    return False


def patiently(action: Callable[[], _Result], *, patience_s: float = _PATIENCE_S) -> _Result:
    """Do something to a file that a reader or a virus scanner may have open for a moment: denied access is retried.

    Windows denies replacing, opening and removing a file that somebody else has open without sharing it.
    """
    give_up_at = time.monotonic() + patience_s
    while time.monotonic() < give_up_at:
        with suppress(PermissionError):
            return action()
        time.sleep(_PAUSE_S)
    return action()


def flush_directory(path: Path) -> None:
    """Do nothing: here the replacement itself is written through to the disk."""


def file_mode(directory: Path) -> int:
    """Return the mode of new files: writable, for the read-only attribute of a folder says nothing about its files."""
    del directory
    return 0o666


lock_mode = file_mode


def set_mode(descriptor: int, mode: int) -> None:
    """Do nothing: modes are POSIX's."""
