"""The log of one run: a file of its own, so that runs at the same time never share one.

Whoever writes masks secrets first; nothing is masked here.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from amtconnector.system import files
from amtconnector.text import escaped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def utc_now() -> datetime:
    """Return the time, aware and in UTC."""
    return datetime.now(UTC)


class RunLog:
    """A run's log file, made with the first line; every line is in the file when `write` returns.

    A log never gets in the way of the run: after the first failure nothing is written any more, and `broken` says what
    happened, for one line in the job log ("" while all is well).
    """

    def __init__(self, path: Path, *, now: Callable[[], datetime] = utc_now) -> None:
        self.path = path
        self.broken = ""
        self._now = now
        self._descriptor: int | None = None
        self._is_closed = False

    def write(self, text: str) -> None:
        """Add one line, its UTC time before the text, control characters escaped; never raises."""
        self._add([text])

    def write_lines(self, text: str) -> None:
        """Add every line of a text, a traceback say, as a line of its own; never raises."""
        self._add(text.rstrip("\n").split("\n"))

    def close(self) -> None:
        """Close the file; what is written later is dropped. Never raises."""
        self._is_closed = True
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        try:
            os.close(descriptor)
        except OSError as error:
            self._give_up(error)

    def _add(self, lines: list[str]) -> None:
        if self.broken or self._is_closed:
            return
        stamp = self._now().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        text = "".join(f"{stamp} {escaped(line)}\n" for line in lines)
        try:
            self._write(text.encode("utf-8", "backslashreplace"))
        except OSError as error:
            self._give_up(error)

    def _write(self, content: bytes) -> None:
        if self._descriptor is None:
            self._descriptor = _opened(self.path)
        view = memoryview(content)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def _give_up(self, error: OSError) -> None:
        self.broken = f"the run's log {self.path} can't be written: {error.strerror or error}"
        self.close()


def _opened(path: Path) -> int:
    files.create_subdirectory(path.parent)
    mode = files.file_mode(path.parent)
    return files.patiently(lambda: files.open_file(path, os.O_WRONLY | os.O_APPEND, mode))
