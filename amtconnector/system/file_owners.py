"""Whether a file in a folder of ours was put there by somebody who may: ourselves, an administrator, who was let in.

The folder itself was looked at before (`file_access`). A file in it can be older than the folder's present rights.
"""

from __future__ import annotations

import errno
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

if sys.platform == "win32":
    from amtconnector.system.file_owners_windows import foreign_owner, is_as_known, reach_of_others
else:
    from amtconnector.system.file_owners_posix import foreign_owner, is_as_known, reach_of_others

__all__ = ["ExposedFile", "ForeignFile", "check_owner", "foreign_owner", "is_as_known", "reach_of_others"]


class ForeignFile(OSError):
    """A file that belongs to an account which is not allowed to put one there: nothing in it is believed."""


class ExposedFile(ForeignFile):
    """A file of ours that everybody may write: it may say what it says by their doing."""


def check_owner(path: Path, descriptor: int | None = None) -> None:
    """Raise `ForeignFile` when a file or folder belongs to an account that may not put one into the folder above.

    Raises `ExposedFile` when it is a file of ours that everybody may write.

    Allowed are this account, the administrators, the owner of the folder above, and whoever that folder lets write; on
    a network share everybody, for its server says who may write there and may show another owner.
    """
    if owner := foreign_owner(path, descriptor):
        raise ForeignFile(errno.EPERM, f"it belongs to {owner}, who is not allowed to put it there", str(path))
    if reach := reach_of_others(path, descriptor):
        raise ExposedFile(errno.EPERM, reach, str(path))
