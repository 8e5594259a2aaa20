"""Small files that survive a crash: written in full or not at all, and on the disk when the call returns."""

from __future__ import annotations

import errno
import os
import re
import sys
from contextlib import suppress
from enum import Enum
from pathlib import Path
from stat import S_IMODE

if sys.platform == "win32":
    from amtconnector.system import access_lists_windows
    from amtconnector.system import files_windows as _system
    from amtconnector.system.files_windows import file_mode, flush_directory, lock_mode, patiently, set_mode
else:
    from amtconnector.system import files_posix as _system
    from amtconnector.system.files_posix import file_mode, flush_directory, lock_mode, patiently, set_mode

from amtconnector.system import file_kinds
from amtconnector.system.file_owners import ExposedFile, check_owner

__all__ = [
    "TEMPORARY",
    "Access",
    "ContentElsewhere",
    "create_directory",
    "create_subdirectory",
    "file_mode",
    "flush_directory",
    "left_beside",
    "lock_mode",
    "open_existing",
    "open_file",
    "patiently",
    "read_file",
    "remove_abandoned",
    "remove_file",
    "replace_file",
    "set_mode",
]

TEMPORARY = ".tmp"
"""How the name of a file ends that is still being written; one that is a day old was left behind by a crash."""

REPLACING_PATIENCE_S = 2.0
"""How long a file is tried to be replaced that somebody has open."""

_BACKUP = ".old"
_LEFT_BEHIND = r"\.[0-9a-f]{12,16}\.(tmp|old)"
_OPEN_DIRECTORY_MODE = 0o755
_OWNER_ENTERS = 0o700


class Access(Enum):
    """Who can get at a file that is written."""

    AS_FOLDER = "as open as the folder that it is in"
    AS_BEFORE = "who could get at the file that it replaces; its owner stays where the system allows that"
    AS_BEFORE_WITH_OWNER = "who could get at the file that it replaces, and its owner stays"
    OWNER = "its owner alone; on Windows SYSTEM and Administrators as well"

    @property
    def is_secret(self) -> bool:
        """Whether nobody may see the content before the file has its access, nor after a crash."""
        return self is not Access.AS_FOLDER


class ContentElsewhere(OSError):
    """A file's name could be given to neither the old nor the new content; `places` hold them, the old one first."""

    def __init__(self, cause: OSError, places: tuple[Path, ...]) -> None:
        super().__init__(cause.errno, cause.strerror)
        self.places = places


def create_directory(path: Path, *, is_open: bool = False) -> None:
    """Create a directory with those above it; raise `OSError`.

    On POSIX it is for its owner alone, or, with `is_open`, one that every account can enter; on Windows it is for its
    owner, administrators and whom the folder above lets in by name. One that exists is left as it is: whoever shares it
    among accounts has prepared it.
    """
    if path.is_dir():
        return
    if sys.platform == "win32":
        access_lists_windows.make_folder(path)
    else:
        _make_directory(path, _OPEN_DIRECTORY_MODE if is_open else _system.DIRECTORY_MODE, is_exact=is_open)


def create_subdirectory(path: Path) -> None:
    """Create a directory, as open as the one that it is in, which is created too; raise `OSError`.

    One that exists must be none of an account that may not put it there, and no link to somewhere else.
    """
    if os.path.lexists(path):
        if _system.is_link(path):
            raise OSError(errno.ELOOP, "a link in the place of a folder, which is not followed", str(path))
        check_owner(path)
    if path.is_dir():
        return
    create_directory(path.parent)
    path.mkdir(exist_ok=True)
    if sys.platform != "win32":  # there a mode is the read-only attribute
        with suppress(OSError):
            path.chmod(S_IMODE(path.parent.stat().st_mode))


def replace_file(path: Path, content: bytes, *, access: Access = Access.AS_FOLDER, is_new: bool = False) -> None:
    """Put a file in the place of another one in one step, flushed to the disk.

    A file that is replaced with its access may be a symbolic link, which stays one. With `is_new` nothing is replaced:
    raises FileExistsError when the file is there. Raises `ContentElsewhere` when the name was left without a file, and
    any other `OSError` when the old file is untouched, unless only the last flush failed.
    """
    target = path.resolve(strict=True) if access in _KEPT else path
    stem = f"{target.name}.{os.urandom(6).hex()}"
    temporary, backup = target.with_name(stem + TEMPORARY), target.with_name(stem + _BACKUP)
    new = _system.NewFile(temporary, may_be_unnamed=access.is_secret)
    try:
        _give_access(new, target, access)
        new.write(content)
        if is_new:
            new.become(target)
        elif access in _KEPT:
            _take_place_or_put_back(new, target, (backup, temporary))
        else:
            _take_place(new, target, backup)
    finally:
        new.close()
        if access not in _KEPT or os.path.lexists(target):
            _remove((temporary, backup) if access in _KEPT else (temporary,))
    flush_directory(target.parent)


def read_file(path: Path, limit: int) -> tuple[bytes, float] | None:
    """Return a file's first `limit` bytes and when it was written, in seconds since 1970; None when it is not there.

    Raises `OSError` when it is there and can't be read, `ForeignFile` when an account wrote it that may not.
    """
    try:
        return patiently(lambda: _start_of(path, limit))
    except FileNotFoundError:
        return None


def remove_file(path: Path) -> None:
    """Remove a file if that is possible; never raises."""
    with suppress(OSError):
        path.unlink()


def remove_abandoned(path: Path) -> None:
    """Remove what a process that was killed while it replaced a file has left beside it; never raises."""
    with suppress(OSError):
        if path.is_file():
            for other in left_beside(path):
                if not _system.is_in_use(other):
                    remove_file(other)


def left_beside(path: Path) -> tuple[Path, ...]:
    """Return the files beside another one that hold what replaced it or was to replace it, old ones first."""
    pattern = re.compile(rf"\.?{re.escape(path.name)}{_LEFT_BEHIND}")
    try:
        found = [other for other in path.parent.iterdir() if pattern.fullmatch(other.name) and other.is_file()]
    except OSError:
        return ()
    return tuple(sorted(found, key=lambda other: (other.suffix != _BACKUP, other.name)))


def open_file(path: str | Path, flags: int, mode: int) -> int:
    """Open a file of ours, which is made with this mode where it is missing; raise `OSError`.

    What lies in its place is not touched unless it is a regular file of an account that may put one there: in a
    directory that several accounts can write, a link could lead to a file of somebody else's, and a pipe never ends.
    """
    try:
        descriptor = os.open(path, flags | file_kinds.CAREFULLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        # Again with O_CREAT, for it can be removed meanwhile.
        return _opened(Path(path), flags | os.O_CREAT, mode)
    set_mode(descriptor, mode)
    return descriptor


def open_existing(path: Path, flags: int, *, may_be_exposed: bool = False) -> int:
    """Open a file of ours that is there, as `open_file`; raise `OSError`, `ForeignFile` for somebody else's.

    `may_be_exposed`: also one that everybody may write.
    """
    return _opened(path, flags, 0, may_be_exposed=may_be_exposed)


_KEPT = (Access.AS_BEFORE, Access.AS_BEFORE_WITH_OWNER)


def _make_directory(path: Path, mode: int, *, is_exact: bool) -> None:
    # Each one is flushed: a record is as good as lost when the directory above it is not on the disk yet.
    if path.parent != path and not path.parent.is_dir():
        _make_directory(path.parent, _OPEN_DIRECTORY_MODE, is_exact=is_exact)
    try:
        path.mkdir(mode=mode)
    except FileExistsError:
        if not path.is_dir():
            raise
    else:
        # The umask may have taken from the owner what every owner of a directory needs.
        path.chmod(mode if is_exact else S_IMODE(path.stat().st_mode) | _OWNER_ENTERS)
    flush_directory(path.parent)


def _give_access(new: _system.NewFile, target: Path, access: Access) -> None:
    match access:
        case Access.AS_FOLDER:
            new.set_mode(file_mode(target.parent))
        case Access.OWNER:
            new.set_mode(0o600)
        case Access.AS_BEFORE | Access.AS_BEFORE_WITH_OWNER:
            new.set_access_of(target, keeps_owner=access is Access.AS_BEFORE_WITH_OWNER)


def _take_place(new: _system.NewFile, target: Path, backup: Path) -> None:
    patiently(lambda: new.take_place_of(target, backup), patience_s=REPLACING_PATIENCE_S)


def _take_place_or_put_back(new: _system.NewFile, target: Path, spares: tuple[Path, Path]) -> None:
    """Let the new file take the place of the old one, or see that the name is not left without a file.

    `spares` are the names of the old and the new file in between.
    """
    backup, temporary = spares
    try:
        _take_place(new, target, backup)
    except OSError as error:
        if os.path.lexists(target) or _is_renamed(backup, target):
            raise
        if not _is_renamed(temporary, target):
            raise ContentElsewhere(error, tuple(place for place in spares if os.path.lexists(place))) from error


def _is_renamed(source: Path, target: Path) -> bool:
    try:
        patiently(lambda: _system.rename(source, target), patience_s=REPLACING_PATIENCE_S)
    except OSError:
        return False
    return True


def _remove(paths: tuple[Path, ...]) -> None:
    for path in paths:
        with suppress(OSError):
            patiently(path.unlink)


def _start_of(path: Path, limit: int) -> tuple[bytes, float]:
    with os.fdopen(open_existing(path, os.O_RDONLY), "rb") as file:
        return file.read(limit), os.fstat(file.fileno()).st_mtime


def _opened(path: Path, flags: int, mode: int, *, may_be_exposed: bool = False) -> int:
    descriptor = file_kinds.open_regular(path, flags, mode)
    try:
        check_owner(path, descriptor)
    except OSError as error:
        if not (may_be_exposed and isinstance(error, ExposedFile)):
            os.close(descriptor)
            raise
    return descriptor
