"""Run records as files of a run directory: find, read and write them. Who may write is decided by the locks."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from amtconnector.records import file_names as run_names
from amtconnector.records import record as run_record
from amtconnector.records import record_format
from amtconnector.records.file_names import FileName
from amtconnector.system import files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from amtconnector.records.record import RunRecord

_LIMIT = 4 * 1024 * 1024
"""More bytes than a record has; what is longer is none, and counts as damaged."""


def record_path(directory: Path, name: str) -> Path:
    """Return the path of a record, given its file's name without ending."""
    return directory / f"{name}{run_names.RECORD}"


def lock_path(directory: Path, name: str) -> Path:
    """Return the path of the file whose lock protects a record."""
    return directory / f"{name}{run_names.LOCK}"


def names(directory: Path) -> Iterator[FileName]:
    """Name the records of a directory, none where it does not exist; raise `OSError` when it can't be read."""
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                text, ending = os.path.splitext(entry.name)  # noqa: PTH122 - a Path for each of thousands is slow
                if ending == run_names.RECORD and (name := FileName.parse(text)):
                    yield name
    except FileNotFoundError:
        return


def load(directory: Path, name: str) -> RunRecord | None:
    """Read a record; None when there is none; raise `OSError` when the file is there and can't be opened."""
    file = files.read_file(record_path(directory, name), _LIMIT)
    if file is None:
        return None
    content, written_at_s = file
    written_at = datetime.fromtimestamp(written_at_s, UTC)
    run_id = _own_run_id(name, content + f"{written_at:%Y%m%d%H%M%S}".encode())
    return record_format.loaded(content, run_id=run_id, written_at=written_at)._replace(file_name=name)


def load_leniently(directory: Path, name: str) -> RunRecord | None:
    """Read a record for a list, in which one that can't be opened is a damaged one."""
    try:
        return load(directory, name)
    except OSError:
        written_at = datetime.fromtimestamp(0, UTC)
        record = record_format.loaded(b"", run_id=_own_run_id(name, b""), written_at=written_at)
        return record._replace(created_at=None, file_name=name)


def save(directory: Path, name: str, record: RunRecord) -> None:
    """Put a record in the place of the one before, flushed to the disk; raise `OSError`, which leaves that one."""
    files.replace_file(record_path(directory, name), record_format.dumped(record))


def _own_run_id(name: str, content: bytes) -> str:
    # Made from content and time, so that a `--release` that is left behind in a job does not release the next damage.
    parsed = FileName.parse(name)
    by_hand = parsed.run_id if parsed else ""
    return by_hand or run_record.damaged_run_id(run_names.content_digest(name, content))
