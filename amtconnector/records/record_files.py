"""Run records as files of a run directory: find, read and write them. Who may write is decided by the locks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from amtconnector.records import file_names as run_names
from amtconnector.records import record as run_record
from amtconnector.records import record_format, timestamps
from amtconnector.system import files
from amtconnector.system.file_owners import ForeignFile, check_owner, is_as_known

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from amtconnector.records.record import RunRecord

_COMMON_LENGTH = 64 * 1024
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_LIMIT = 4 * 1024 * 1024
"""More bytes than a record has; what is longer is none, and counts as damaged."""


def record_path(directory: Path, name: str) -> Path:
    """Return the path of a record, given its file's name without ending."""
    return directory / f"{name}{run_names.RECORD}"


def lock_path(directory: Path, name: str) -> Path:
    """Return the path of the file whose lock protects a record."""
    return directory / f"{name}{run_names.LOCK}"


def names(directory: Path, part: str = "") -> Iterator[str]:
    """Name the records of a directory whose file names hold a text, none where it does not exist.

    Raises `OSError` when it can't be read.
    """
    end = -len(run_names.RECORD)
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                text = entry.name
                if part in text and text.endswith(run_names.RECORD) and run_names.is_name(name := text[:end]):
                    yield name
    except FileNotFoundError:
        return


def starts(directory: Path, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Yield records as they are on disk, as far as a sound one can be long; b"" for what can't be read.

    Quick, for whoever looks through thousands: what is not a file, not readable or not believed is for `load_leniently`
    to tell.
    """
    allowed: set[int] = set()  # who may is the same for every file of a folder
    for name in names:
        yield name, _start_of(directory, name, allowed)


def start_of(directory: Path, name: str) -> bytes:
    """Return one record as `starts` does."""
    return _start_of(directory, name, set())


def _start_of(directory: Path, name: str, allowed: set[int]) -> bytes:
    try:
        descriptor = os.open(f"{directory}{os.sep}{name}{run_names.RECORD}", _FLAGS)
    except OSError:
        return b""
    try:
        status = os.fstat(descriptor)
        if not is_as_known(status, allowed):
            check_owner(record_path(directory, name), descriptor)
            allowed.add(status.st_uid)
        return os.read(descriptor, _COMMON_LENGTH)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def load(directory: Path, name: str, *, of_any_name: bool = False) -> RunRecord | None:
    """Read a record; None when there is none; raise `OSError` when the file is there and can't be opened.

    One whose file belongs to an account that may not put one there is damaged, whatever it says, and so is the record
    of another job that somebody has given this name, unless `of_any_name`.
    """
    try:
        file = files.read_file(record_path(directory, name), _LIMIT)
    except ForeignFile as error:
        return _foreign(directory, name, error)
    if file is None:
        return None
    content, written_at_s = file
    written_at = timestamps.from_file_time(written_at_s)
    stamp = f"{written_at:%Y%m%d%H%M%S}" if written_at else f"{written_at_s}"
    run_id = _own_run_id(name, content + stamp.encode("ascii"))
    record = record_format.loaded(content, run_id=run_id, written_at=written_at)
    if not of_any_name and not record.is_damaged and not _is_for(name, record):
        return _distrusted(name, run_id, "it is the record of another job, put there under this one's name")
    return record._replace(file_name=name)


def load_leniently(directory: Path, name: str, *, of_any_name: bool = False) -> RunRecord | None:
    """Read a record for a list, in which one that can't be opened counts as open and says why it can't."""
    try:
        return load(directory, name, of_any_name=of_any_name)
    except OSError as error:
        record = record_format.loaded(b"", run_id=_own_run_id(name, b""), written_at=None)
        return record._replace(trouble=error.strerror or type(error).__name__, file_name=name)


def save(directory: Path, name: str, record: RunRecord) -> None:
    """Put a record in the place of the one before, flushed to the disk; raise `OSError`, which leaves that one."""
    files.replace_file(record_path(directory, name), record_format.dumped(record._replace(file_name=name)))


def _foreign(directory: Path, name: str, error: OSError) -> RunRecord:
    try:
        status = record_path(directory, name).lstat()
        mark = f"{status.st_uid} {status.st_ino} {status.st_mtime_ns}"
    except OSError:
        mark = ""
    return _distrusted(name, _own_run_id(name, mark.encode("ascii")), f"{error.strerror}: {error.filename}")


def _distrusted(name: str, run_id: str, why: str) -> RunRecord:
    record = record_format.loaded(b"", run_id=run_id, written_at=None)
    return record._replace(distrust=why, file_name=name)


def _is_for(name: str, record: RunRecord) -> bool:
    """Whether a record was written for the file of this name; those of version 1.0 tell it by their job alone."""
    return name == (record.file_name or run_names.file_name(record.key, record.run_id))


def _own_run_id(name: str, content: bytes) -> str:
    # Made from content and time, so that a `--release` that is left behind in a job does not release the next damage.
    return run_names.run_id_in(name) or run_record.damaged_run_id(run_names.content_digest(name, content))
