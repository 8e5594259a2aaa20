"""Time and chance as a run has them."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amtconnector.output.job_log import JobLog
    from amtconnector.system.signals import Interrupt


class RunClock:
    """Time and chance, and waits that print first and end when the connector is told to stop."""

    def __init__(self, log: JobLog, interrupt: Interrupt) -> None:
        self._log = log
        self._interrupt = interrupt

    def monotonic(self) -> float:
        """Return seconds since some fixed moment."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """Wait; raises StopRequested."""
        self._log.flush()
        self._interrupt.wait(seconds)

    def serve_stop(self, within_s: float) -> None:
        """Begin to do what was asked for; after so many seconds waits end again."""
        self._interrupt.serve(within_s)

    def chance(self) -> float:
        """Return a random number from 0 to 1."""
        return random.random()  # noqa: S311 - spreads requests, protects nothing
