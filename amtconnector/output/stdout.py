r"""The one stream that a run writes: lines to stdout that nothing can break and nobody can hold up.

No character can break it: what the encoding can't hold is shown as `\u2603`. No reader can break it either: when the
pipe is closed or the disk is full the rest is dropped, and the run and its exit code go on. A reader that stops reading
holds up the printing, not the watch: a thread of its own writes, and the run only waits for it when a lot has piled up.
Lines are handed over together, 0.2 s after the first of them at the latest when more follow, else with `flush`, which
is called before every wait.
"""

from __future__ import annotations

import codecs
import os
import sys
import threading
import time
from queue import SimpleQueue

_LONGEST_DELAY_S = 0.2
_LARGEST_BATCH = 64 * 1024
_LARGEST_BACKLOG = 4 * 1024 * 1024
_STANDSTILL_S = 30.0
_LONGEST_STEP_S = 1.0
"""What one look at the clock counts at most: a machine that was suspended meanwhile has not waited."""
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
        self._writer = _Writer()
        self.use(encoding)

    @property
    def broken(self) -> str:
        """What has kept lines from being written; "" while all is well."""
        return self._writer.broken

    @property
    def is_held_up(self) -> bool:
        """Whether so much is waiting to be read that no more should be printed for now."""
        return self._writer.backlog > _LARGEST_BACKLOG

    def use(self, encoding: str | None) -> None:
        """Go on in another encoding; None is the default one."""
        self.flush()
        self._encoder = codecs.getincrementalencoder(encoding or default_encoding())("backslashreplace")

    def show_live(self, status: str, elapsed_s: float) -> None:
        """Show nothing: a live line is for a terminal."""

    def write(self, line: str) -> None:
        """Add one line, given without its end."""
        if not self._lines:
            self._first_at = time.monotonic()
        self._lines.append(line)
        self._size += len(line)
        if self._size >= _LARGEST_BATCH or time.monotonic() - self._first_at >= _LONGEST_DELAY_S:
            self.flush()

    def flush(self) -> None:
        """Hand over what has been added; never raises and never waits."""
        if not self._lines:
            return
        lines, self._lines, self._size = self._lines, [], 0
        lines.append("")
        self._writer.put(self._encoder.encode(os.linesep.join(lines)))

    def close(self) -> None:
        """Hand over the rest and wait until it is written, or until nobody has read anything for 30 s."""
        self.flush()
        self._writer.drain(_STANDSTILL_S)


class _Writer:
    """Writes to stdout on a thread of its own. `SimpleQueue` is safe to use even in a signal handler."""

    def __init__(self) -> None:
        self.broken = ""
        self._queue: SimpleQueue[bytes] = SimpleQueue()
        self._put = 0
        self._written = 0
        self._is_running = False

    @property
    def backlog(self) -> int:
        """How many bytes are waiting."""
        return 0 if self.broken else self._put - self._written

    def put(self, data: bytes) -> None:
        if self.broken:
            return
        self._put += len(data)
        self._queue.put(data)
        self._is_running = self._is_running or self._has_started()
        if not self._is_running:
            self._write_next()

    def drain(self, standstill_s: float) -> None:
        """Wait until everything is written; give up after a standstill of so many seconds."""
        seen, waited_s, pause_s, looked_at = self._written, 0.0, 0.0, time.monotonic()
        while self.backlog and waited_s < standstill_s:
            time.sleep(pause_s)
            pause_s = min(pause_s + 0.0002, 0.01)
            before, looked_at = looked_at, time.monotonic()
            waited_s += max(0.0, min(looked_at - before, _LONGEST_STEP_S))
            if self._written != seen:
                seen, waited_s = self._written, 0.0
        if self.backlog:
            self.broken = "nobody reads it"  # and nobody is waited for a second time

    def _work(self) -> None:
        while not self.broken:
            self._write_next()

    def _has_started(self) -> bool:
        try:
            threading.Thread(target=self._work, daemon=True).start()
        except RuntimeError:  # the system has no thread to spare
            return False
        return True

    def _write_next(self) -> None:
        try:
            self._write_all(self._queue.get())
        except OSError as error:
            self.broken = error.strerror or type(error).__name__

    def _write_all(self, data: bytes) -> None:
        remaining = memoryview(data)
        while remaining:
            try:
                written = os.write(_STDOUT, remaining)
            except BlockingIOError:  # a pipe that somebody made non-blocking is full: wait for its reader
                time.sleep(0.01)
                continue
            remaining = remaining[written:]
            self._written += written
