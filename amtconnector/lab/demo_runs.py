"""The runs of the demonstration: jobs of OpCon, one to its end, one cut off."""

from __future__ import annotations

import locale
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, ClassVar

from amtconnector.lab.programs import environment_for_programs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_MIDDLE = ": Parameter 1"
"""What the job's last message but one has in it."""


class Runs:
    """Runs of one job on several days, as OpCon's agent starts them."""

    JOB: ClassVar = ("-jt", "START", "-an", "DEMO2", "-jn", "RUN_PARAMETERTESTA", "-pa", "'PARAM'")

    def __init__(self, connector: Sequence[str], config: Path) -> None:
        self._command = [*connector, *self.JOB, "--config", str(config)]

    def whole(self, *, day: int, number: int) -> int:
        """Run the job on this terminal to its end and return its exit code; a signal is its own matter."""
        sys.stdout.flush()
        process = subprocess.Popen(self._command, env=_environment(day, number))
        earlier = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        try:
            while True:
                try:
                    return process.wait()
                except KeyboardInterrupt:
                    # The terminal sent it to the run too, which now ends its task: see that to its end.
                    continue
        finally:
            signal.signal(signal.SIGTERM, earlier)

    def cut_off(self, *, day: int, number: int) -> bool:
        """Show the job's log up to the middle of its task and kill its connector; False when it ended before."""
        with subprocess.Popen(
            self._command,
            env=_environment(day, number),
            stdout=subprocess.PIPE,
            text=True,
            encoding=locale.getencoding() if sys.platform == "win32" else "utf-8",
            errors="replace",
        ) as process:
            try:
                is_middle = self._shown_to_the_middle(process)
            finally:
                process.kill()
        return is_middle

    def _shown_to_the_middle(self, process: subprocess.Popen[str]) -> bool:
        for line in process.stdout or ():
            sys.stdout.write(line)
            sys.stdout.flush()
            if _MIDDLE in line:
                return True
        return False


def _environment(day: int, number: int) -> dict[str, str]:
    """Return what the agent puts into a job's environment."""
    return {
        **environment_for_programs(),
        "SMA_MSLSAM_SCHEDULE_DATE": f"202601{day:02}",
        "SMA_MSLSAM_SCHEDULE_NAME": "AMT DEMONSTRATION",
        "SMA_MSLSAM_JOB_NAME": f"PARAMETER TEST {number:010}",
    }
