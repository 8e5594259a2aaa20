"""A file's content replaced as a whole: never half of it, and with the access rights that the file had."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from amtconnector.system import files

if TYPE_CHECKING:
    from pathlib import Path


def replace(path: Path, content: bytes) -> None:
    """Replace the content of an existing file atomically, keeping its permissions and, where allowed, its owner.

    A symbolic link stays one. Raises OSError; the file is then as it was, unless only the last flush did not succeed.
    """
    target = path.resolve(strict=True)
    temporary = target.with_name(f".{target.name}.{os.urandom(6).hex()}.tmp")
    try:
        _write_private(temporary, content)
        files.patiently(lambda: _take_place(temporary, target))
    finally:
        files.remove_file(temporary)
    files.flush_directory(target.parent)


def _write_private(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


if sys.platform == "win32":
    import ctypes
    import errno
    from ctypes import wintypes

    _UNABLE_TO_REMOVE_REPLACED = 1175

    def _check(result: Any, _function: object, _arguments: object) -> Any:
        if result:
            return result
        code = ctypes.get_last_error()
        if code == _UNABLE_TO_REMOVE_REPLACED:  # a reader has it open: the same as denied access
            raise PermissionError(errno.EACCES, ctypes.FormatError(code))
        raise ctypes.WinError(code)

    _replace_file = ctypes.WinDLL("kernel32", use_last_error=True).ReplaceFileW
    _replace_file.argtypes = (
        wintypes.LPCWSTR,
        wintypes.LPCWSTR,
        wintypes.LPCWSTR,
        wintypes.DWORD,
        wintypes.LPVOID,
        wintypes.LPVOID,
    )
    _replace_file.restype = wintypes.BOOL
    _replace_file.errcheck = _check

    def _take_place(temporary: Path, target: Path) -> None:
        # ReplaceFileW hands the old file's access list to the new one; a rename would take the folder's.
        _replace_file(str(target), str(temporary), None, 0, None, None)

else:
    import contextlib
    import shutil

    def _take_place(temporary: Path, target: Path) -> None:
        status = target.stat()
        _give_to(temporary, status.st_uid, status.st_gid)
        shutil.copystat(target, temporary)  # mode and extended attributes, which hold access lists
        os.utime(temporary)
        temporary.replace(target)

    def _give_to(path: Path, owner: int, group: int) -> None:
        try:
            os.chown(path, owner, group)
        except PermissionError:
            with contextlib.suppress(PermissionError):
                os.chown(path, -1, group)
