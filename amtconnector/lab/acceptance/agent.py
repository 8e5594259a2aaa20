"""Starting the connector as OpCon's agent does: no console, its standard handles chosen, the agent's variables set."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from amtconnector.lab.acceptance.check import Failed
from amtconnector.lab.programs import environment_for_programs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PATIENCE_S = 150.0
_IS_WINDOWS = sys.platform == "win32"
_AFTER_KILL_S = 10.0


class Ended(NamedTuple):
    """A program that has ended. `output` is stdout and stderr as they were captured into one job log."""

    exit_code: int
    output: bytes
    seconds: float

    @property
    def text(self) -> str:
        """The output, whatever its encoding, with plain line ends."""
        return self.output.decode("utf-8", "backslashreplace").replace("\r\n", "\n")

    def must_exit(self, exit_code: int) -> Ended:
        """Return this run; raises Failed when its exit code is another one or it printed nothing."""
        if self.exit_code != exit_code:
            raise Failed(f"exit code {self.exit_code}, expected {exit_code}", self.text)
        if not self.output.strip():
            raise Failed(f"exit code {exit_code} as expected, but nothing was printed: no job log reached the agent")
        return self

    def must_say(self, *parts: str) -> Ended:
        """Return this run; raises Failed when its output lacks one of these texts."""
        for part in parts:
            if part not in self.text:
                raise Failed(f"the output does not say {part!r}", self.text)
        return self


class Started:
    """A program that is running in a session of its own."""

    def __init__(self, process: subprocess.Popen[bytes], capture: IO[bytes] | None = None) -> None:
        self.process = process
        self._capture = capture
        # Out of the reach of communicate(), which would close it.
        self._stdin, process.stdin = process.stdin, None
        self._begun = time.monotonic()

    def ended(self, within_s: float = PATIENCE_S) -> Ended:
        """Wait for its end; raises Failed, after ending it, when that takes too long."""
        try:
            output, _ = self.process.communicate(timeout=within_s)
        except subprocess.TimeoutExpired as timeout:
            self.end()
            said = (timeout.output or b"").decode("utf-8", "backslashreplace")
            raise Failed(f"still running after {within_s:g} s", said) from None
        seconds = time.monotonic() - self._begun
        if self._stdin:
            self._stdin.close()
        if self._capture is not None:
            self._capture.seek(0)
            output = self._capture.read()
        return Ended(self.process.returncode, output or b"", seconds)

    def ended_by_force(self) -> Ended:
        """End it after a moment of patience, and return what it has said until then."""
        try:
            return self.ended(1)
        except Failed as failure:
            return Ended(-1, failure.output.encode(), 1)

    def kill(self) -> None:
        """Kill the process as the agent does: it alone, without a word."""
        self.process.kill()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_AFTER_KILL_S)

    def end(self) -> None:
        """End it and all that it started, however it is."""
        if sys.platform == "win32":
            if self.process.poll() is None:
                end_tree = ["taskkill", "/T", "/F", "/PID", str(self.process.pid)]
                subprocess.run(end_tree, capture_output=True, check=False)
        else:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.kill()
        for stream in (self._stdin, self.process.stdout, self._capture):
            if stream:
                with suppress(OSError):  # a pipe with something left in it
                    stream.close()


class Surroundings(NamedTuple):
    """What a program finds around itself.

    `stdout` is `pipe`, `file`, `null` or `none` (no standard handles at all). `account` is a POSIX user id to run as.
    `has_window` gives it, on Windows, a console that can be closed; the agent gives none.
    """

    stdout: str = "pipe"
    account: int | None = None
    has_window: bool = False


AS_THE_AGENT = Surroundings()


def start(
    command: Sequence[str], folder: Path, variables: Mapping[str, str], surroundings: Surroundings = AS_THE_AGENT
) -> Started:
    """Start a program; stderr goes where stdout goes, and standard input is open and never written to."""
    account = surroundings.account
    settings: dict[str, Any] = {"start_new_session": True, "cwd": folder, **_windows_settings(surroundings)}
    if account is not None:
        settings |= {"user": account, "group": account, "extra_groups": []}
    capture = tempfile.TemporaryFile() if surroundings.stdout == "file" else None  # noqa: SIM115 - Started closes it
    if surroundings.stdout == "none":
        command = _without_handles(command)
    else:
        target = subprocess.DEVNULL if surroundings.stdout == "null" else subprocess.PIPE
        settings |= {"stdin": subprocess.PIPE, "stdout": capture or target, "stderr": subprocess.STDOUT}
    environment = {**environment_for_programs(), **variables}
    return Started(subprocess.Popen(command, env=environment, **settings), capture)


def _without_handles(command: Sequence[str]) -> Sequence[str]:
    if _IS_WINDOWS:
        return command  # _windows_settings sees to it
    return ["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command]


def _windows_settings(surroundings: Surroundings) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if sys.platform == "win32":
        settings["creationflags"] = subprocess.CREATE_NO_WINDOW
        if surroundings.has_window:
            hidden = subprocess.STARTUPINFO(dwFlags=subprocess.STARTF_USESHOWWINDOW, wShowWindow=subprocess.SW_HIDE)
            settings = {"creationflags": subprocess.CREATE_NEW_CONSOLE, "startupinfo": hidden}
        elif surroundings.stdout == "none":
            # The flag without a handle beside it: the program gets none, not those of this one.
            nothing = subprocess.STARTUPINFO(dwFlags=subprocess.STARTF_USESTDHANDLES)
            settings = {"creationflags": subprocess.DETACHED_PROCESS, "startupinfo": nothing}
    return settings
