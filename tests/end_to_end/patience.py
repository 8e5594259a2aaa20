"""Runs into limits that no setting shortens: 60 s for what reaches nobody, 20 s for a start when told to stop.

They are started before all other tests and run beside them.
"""

from __future__ import annotations

import signal
import socket
import time
from typing import TYPE_CHECKING, Self

from tests.end_to_end.installation import ended
from tests.end_to_end.workplace import DEFINITIONS, SharedSimulator, Workplace, opcon_job, start_of

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.conftest import Programs
    from tests.end_to_end.installation import Ended

SHORT = start_of("SHORT")


class PatientRuns:
    """Each run by its name: its site, its process and when it began."""

    def __init__(self, folder: Path, programs: Programs) -> None:
        self._folder = folder
        self._programs = programs
        self.plain = SharedSimulator(folder / "plain", DEFINITIONS)
        self.tls = SharedSimulator(folder / "tls", DEFINITIONS, tls=True)
        self.sites: dict[str, Workplace] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._begun = 0.0
        self._nobody = socket.socket()

    def __enter__(self) -> Self:
        self._nobody.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        self.plain.start()
        self.tls.start()
        self._begun = time.monotonic()
        self._begin("nobody listens", f"127.0.0.1:{self._nobody.getsockname()[1]}", uses_tls=False)
        self._begin("TLS to a plain server", self.plain.address, uses_tls=True)
        self._begin("plain to a TLS server", self.tls.address, uses_tls=False)
        self.plain.add_fault("start", "status", status=429, count=0, job="SHORT")
        self._begin("always busy", self.plain.address, uses_tls=False)
        self.plain.add_fault("start", "hang-after", job="NEVER_ENDS")
        self._begin("start unanswered", self.plain.address, uses_tls=False, job="NEVER_ENDS")
        self.plain.wait_for(lambda amt: bool(amt.tasks()))
        self._processes["start unanswered"].send_signal(signal.SIGTERM)
        return self

    def __exit__(self, *_: object) -> None:
        for site in self.sites.values():
            site.close()
        self.plain.kill()
        self.tls.kill()
        self._nobody.close()

    def end_of(self, name: str) -> tuple[Ended, Workplace]:
        """Wait for the end of a run; return it with its site."""
        left_s = 90 - (time.monotonic() - self._begun)
        return ended(self._processes[name], max(left_s, 1.0)), self.sites[name]

    def _begin(self, name: str, address: str, *, uses_tls: bool, job: str = "SHORT") -> None:
        site = self.sites[name] = Workplace(self._folder / name, self._programs, address)
        site.write_config({}, uses_tls=uses_tls)
        self._processes[name] = site.start(*start_of(job), environment=opcon_job())
