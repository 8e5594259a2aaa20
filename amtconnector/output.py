r"""The one stream that a run writes: lines to stdout that nothing can break.

No character can break it: what the encoding can't hold is shown as `\u2603`. No reader can break it either: when the
pipe is closed or the disk is full the rest is dropped, and the run and its exit code go on. Lines are written together,
0.2 s after the first of them at the latest when more follow, else with `flush`, which is called before every wait.
"""

from __future__ import annotations

import codecs
import os
import sys
import time

_LONGEST_DELAY_S = 0.2
_LARGEST_BATCH = 64 * 1024
_STDOUT = 1


def default_encoding() -> str:
    """Return the encoding of a redirected stdout: the ANSI code page on Windows, as the incumbent's, else UTF-8."""
    return "mbcs" if sys.platform == "win32" else "utf-8"


def occupy_standard_streams() -> None:
    """Put the null device where a standard stream is closed: else the next socket would be taken for stdout."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


class Output:
    """Lines to the file descriptor of stdout."""

    def __init__(self, encoding: str | None = None) -> None:
        self._lines: list[str] = []
        self._size = 0
        self._first_at = 0.0
        self.broken = ""
        self.use(encoding)

    def use(self, encoding: str | None) -> None:
        """Go on in another encoding; None is the default one."""
        self.flush()
        self._encoder = codecs.getincrementalencoder(encoding or default_encoding())("backslashreplace")

    def show_live(self, status: str, elapsed_s: float) -> None:
        """Show nothing: a live line is for a terminal."""

    def close(self) -> None:
        """Hand over the rest."""
        self.flush()

    def write(self, line: str) -> None:
        """Add one line, given without its end."""
        if not self._lines:
            self._first_at = time.monotonic()
        self._lines.append(line)
        self._size += len(line)
        if self._size >= _LARGEST_BATCH or time.monotonic() - self._first_at >= _LONGEST_DELAY_S:
            self.flush()

    def flush(self) -> None:
        """Hand over what has been added; never raises."""
        if not self._lines:
            return
        lines, self._lines, self._size = self._lines, [], 0
        if self.broken:
            return
        lines.append("")
        try:
            _write_all(self._encoder.encode(os.linesep.join(lines)))
        except (OSError, ValueError) as error:
            self.broken = getattr(error, "strerror", None) or type(error).__name__


def _write_all(data: bytes) -> None:
    remaining = memoryview(data)
    while remaining:
        try:
            written = os.write(_STDOUT, remaining)
        except BlockingIOError:  # a pipe that somebody made non-blocking is full: wait for its reader
            time.sleep(0.01)
            continue
        remaining = remaining[written:]
