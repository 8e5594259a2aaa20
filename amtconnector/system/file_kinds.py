"""What stands where a file is expected: reading a pipe would wait for ever, a device may have no end."""

from __future__ import annotations

import os
import stat

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def other_than_file(path: str | os.PathLike[str]) -> str:
    """Return what stands in place of a file, such as "a pipe"; "" for a file. Raises OSError where nothing is."""
    return _KINDS.get(stat.S_IFMT(os.stat(path).st_mode), "")  # noqa: PTH116  # a name as the system has it
