"""A file that exists as long as a task waits for an operator, for whatever watches files: OpCon, a monitoring system.

    <directory>/<name>.attention

`<name>` is that of the run's record, so that whoever cleans sees by the record's lock whether the run is alive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amtconnector.system import files
from amtconnector.text import escaped

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

ENDING = ".attention"


class AttentionFile:
    """The attention file of one run."""

    def __init__(self, directory: Path, name: str) -> None:
        self._path = directory / f"{name}{ENDING}"

    def show(self, lines: Iterable[str]) -> None:
        """Make the file, in the place of one that an earlier run left; raise `OSError`."""
        files.create_directory(self._path.parent)
        content = "".join(f"{escaped(line)}\n" for line in lines)
        files.replace_file(self._path, content.encode("utf-8", "backslashreplace"))

    def remove(self) -> None:
        """Remove the file, whoever made it; never raises."""
        files.remove_file(self._path)
