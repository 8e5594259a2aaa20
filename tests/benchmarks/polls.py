"""Run the connector in this process with waits that are over at once, and tell its memory on stderr.

Arguments: a Connector.config, and how many polls to make. Prints the private memory in MB after 1,000 polls and after
the last but one.
"""

from __future__ import annotations

import gc
import os
import sys
from unittest import mock

from amtconnector.commands import run
from amtconnector.run import session
from amtconnector.run.clock import RunClock
from tests.benchmarks.measure import private_mb

EARLY = 1_000


class Timeless(RunClock):
    """The connector's clock, on which no wait takes any time."""

    waits = 0
    readings: tuple[float, ...] = ()
    read_at: tuple[int, ...] = ()

    def wait(self, seconds: float) -> None:
        """Go on at once; the output is handed over as before a real wait."""
        super().wait(min(seconds, 0.0))
        Timeless.waits += 1
        if Timeless.waits in Timeless.read_at:
            gc.collect()
            Timeless.readings += (private_mb(os.getpid()),)


def main() -> int:
    """Run one job with that many polls; return its completion code."""
    config, polls = sys.argv[1], int(sys.argv[2])
    Timeless.read_at = EARLY, polls - 1
    with mock.patch.object(session, "RunClock", Timeless):  # the one thing that is not the real program
        code = run.run(["-jt", "START", "-an", "BENCH", "-jn", f"R{polls}M10", "--config", config])
    sys.stderr.write(" ".join(f"{reading:.3f}" for reading in Timeless.readings))
    return code


if __name__ == "__main__":
    sys.exit(main())
