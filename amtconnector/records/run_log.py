"""The log of one run: a file of its own, so that runs at the same time never share one.

Whoever writes masks secrets first; nothing is masked here.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from amtconnector.system import files
from amtconnector.text import calm, escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


class RunLog:
    """A run's log file, made with the first line; every line is in the file when `write` returns.

    A log never gets in the way of the run: after the first failure nothing is written any more, and `tell` gets a
    sentence about it, once.
    """

    def __init__(
        self,
        path: Path,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.path = path
        self._now = now
        self._tell = tell
        self._descriptor: int | None = None
        self._is_closed = False

    def write(self, text: str) -> None:
        """Add one line, its UTC time before the text, control characters escaped; never raises."""
        self._add([text])

    def write_messages(self, texts: Sequence[str]) -> None:
        """Add the messages of a task, a line each, marked by `> `; never raises."""
        self._add([f"> {text}" for text in texts])

    def _add(self, lines: Sequence[str]) -> None:
        if self._is_closed or not lines:
            return
        stamp = self._now().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        text = "".join(f"{stamp} {escaped(line)}\n" for line in lines)
        try:
            self._write(text.encode("utf-8", "backslashreplace"))
        except OSError as error:
            self._give_up(error)

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

    def _write(self, content: bytes) -> None:
        if self._descriptor is None:
            self._descriptor = _opened(self.path)
        view = memoryview(content)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def _give_up(self, error: OSError) -> None:
        is_known = self._is_closed
        self.close()
        if not is_known:
            self._tell(f"the run's log can't be written ({calm(error.strerror or str(error))}): {self.path}")


def _opened(path: Path) -> int:
    files.create_subdirectory(path.parent)
    mode = files.file_mode(path.parent)
    return files.patiently(lambda: files.open_file(path, os.O_WRONLY | os.O_APPEND, mode))
