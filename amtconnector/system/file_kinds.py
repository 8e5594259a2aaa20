"""What stands where a file is expected: reading a pipe would wait for ever, a device may have no end."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 16 * 1024 * 1024
"""Bytes: more than any file has that people make for the connector."""

CAREFULLY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""How our own files are opened: no link is followed, and a pipe or a device does not keep us waiting."""

_NO_FILES = {
    errno.ELOOP: "a link in the place of a file, which is not followed",
    errno.EISDIR: "a directory in the place of a file",
    errno.ENXIO: "a pipe, socket or device in the place of a file",
}
_PIECE = 64 * 1024

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def content_of(path: str | os.PathLike[str]) -> bytes:
    """Return what is in a file that people made; raise `OSError` also for what is no file, or is too large to be one.

    What was looked at before can be another one by now: a pipe is not waited for, and a device has no end.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        if kind := _KINDS.get(stat.S_IFMT(os.fstat(descriptor).st_mode)):
            raise OSError(errno.ENXIO, f"{kind} in the place of a file", os.fspath(path))
        content = bytearray()
        while len(content) <= LARGEST and (piece := os.read(descriptor, _PIECE)):  # as much memory as there is to read
            content += piece
    finally:
        os.close(descriptor)
    if len(content) > LARGEST:
        raise OSError(errno.EFBIG, "it is larger than 16 MiB", os.fspath(path))
    return bytes(content)


def dead_link(path: str | os.PathLike[str]) -> str:
    """Say where a link leads that leads to no file, as the end of a sentence; "" where there is no such link."""
    try:
        target = os.readlink(path)  # noqa: PTH115 - as below
    except (OSError, ValueError):
        return ""
    return "" if os.path.exists(path) else f"is a link to {target}, which is not there"  # noqa: PTH110 - as below


def other_than_file(path: str | os.PathLike[str]) -> str:
    """Return what stands in place of a file, such as "a pipe"; "" for a file. Raises OSError where nothing is."""
    return _KINDS.get(stat.S_IFMT(os.stat(path).st_mode), "")  # noqa: PTH116  # a name as the system has it


def open_regular(path: Path, flags: int, mode: int) -> int:
    """Open a regular file; raise `OSError`, also for what is none."""
    descriptor = _opened(path, flags | CAREFULLY, mode)
    kind = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(kind):
        os.close(descriptor)
        raise _no_file(errno.EISDIR if stat.S_ISDIR(kind) else errno.ENXIO, path)
    return descriptor


def _opened(path: Path, flags: int, mode: int) -> int:
    try:
        return os.open(path, flags, mode)
    except BlockingIOError:  # a file server's lease on it: it is a file, and the wait for its return is short
        if stat.S_ISREG(path.lstat().st_mode):
            return os.open(path, flags & ~getattr(os, "O_NONBLOCK", 0), mode)
        raise
    except OSError as error:
        if error.errno in _NO_FILES:
            raise _no_file(error.errno, path) from error
        raise


def _no_file(number: int, path: Path) -> OSError:
    return OSError(number, _NO_FILES[number], str(path))
