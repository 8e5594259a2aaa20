"""Where the end-to-end tests work: jobs that show all that a task can do, a simulator to share, a site to run from."""

from __future__ import annotations

import json
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from amtconnector.statuses import AMT_STATUSES
from tests.end_to_end.installation import Installation
from tests.end_to_end.simulator_process import SimulatorProcess

if TYPE_CHECKING:
    from collections.abc import Mapping

TERMINAL = {status.code: status.name for status in AMT_STATUSES if status.is_terminal}
NOT_TERMINAL = {status.code: status.name for status in AMT_STATUSES if not status.is_terminal}
UNLISTED = (17, 25, 100, -1)
FORMS = ("strings", "objects", "text-objects", "wrapped", "wrapped-objects", "null", "nothing")

JOBS = r"""
[scheduler]
controller_delay = 0
run_as_users = ["BATCH"]

[logon]
token_lifetime = 0

[users.ocadm]
password = "opconxps"

[applications.DEMO2.jobs.RUN_PARAMETERTESTA]
duration = 1
messages = ["Started Rev: 1.1 AMT: 8.0.16351.50. Params: /R:2103 /USEWORKINGDIR", { at = 0.9, text = "Done" }]

[applications.DEMO2.jobs.SHORT]
duration = 0.3
messages = ["Started", { at = 0.2, text = "Done" }]

[applications.DEMO2.jobs.LONGER]
duration = 2
messages = ["Started", { at = 1, text = "Half" }, { at = 1.9, text = "Done" }]

[applications.DEMO2.jobs.NEVER_ENDS]
ends = "never"
kill_delay = 0.2
stop_delay = 0.3
messages = ["Started"]

[applications.DEMO2.jobs.STUBBORN]
ends = "never"
ignores_kill = true
ignores_stop = true
messages = ["Started"]

[applications.DEMO2.jobs.STOPS_SLOWLY]
ends = "never"
stop_delay = 0.6
stop_ends = "ABORTED"
messages = ["Started"]

[applications.DEMO2.jobs.ENDS_DONE_WHEN_KILLED]
ends = "never"
kill_ends = "DONE"
kill_delay = 0.3

[applications.DEMO2.jobs.FAMILY]
duration = 2.2
messages = ["parent begins", "same", { at = 0.4, text = "parent goes on" },
    { at = 1.6, text = "child", position = 1 }, { at = 1.6, text = "child", position = 1 },
    { at = 1.8, text = "same" }, "Done"]

[applications.DEMO2.jobs.AWKWARD]
duration = 0.3
messages = ["caf\u00e9 \u2603 \U0001F600", "tab\there", "bell\u0007 escape\u001b[2J", "line\u2028separator",
    "carriage\rreturn", "two\nlines", "twice", "twice", "c1 \u0085 \u009b2J", "100 % of %TEMP%", "", " blanks ",
    { json = '"lone \ud800"' }, "[connector] not ours", "{\"a\": [1]}"]

[applications.DEMO2.jobs.LATE]
duration = 0.3
messages = ["Started", { at = 0.6, text = "after the end" }]

[applications.DEMO2.jobs.FORGOTTEN]
duration = 0.3
forgotten_after = 0

[applications.DEMO2.jobs.SUSPENDED]
duration = 1
statuses = [{ at = 0, status = "SUSPENDED" }, { at = 0.5, status = "RUNNING" }]
"""


def _generated() -> str:
    """Return a job for each terminal status, each other status and each form of messages."""
    ends = [
        f'[applications.DEMO2.jobs.ENDS_{code}]\nduration = 0.2\nends = "{name}"\n' for code, name in TERMINAL.items()
    ]
    stays = [
        f'[applications.DEMO2.jobs.STAYS_{code}]\nends = "never"\nstatuses = [{{ at = 0, status = {code} }}]\n'
        for code in (*NOT_TERMINAL, *UNLISTED)
    ]
    forms = [
        f'[applications.DEMO2.jobs.FORM_{form}]\nduration = 0.2\nmessages = ["one", "two"]\n'
        f'answers = {{ messages = "{form}" }}\n'
        for form in FORMS
    ]
    return "\n".join([*ends, *stays, *forms])


DEFINITIONS = JOBS + _generated()


def start_of(job: str) -> tuple[str, ...]:
    """Return the documented command line for a job."""
    return "-jt", "START", "-an", "DEMO2", "-jn", job


def opcon_job(name: str = "End of day", number: int = 12345, schedule: str = "Nightly") -> dict[str, str]:
    """Return the agent's variables for a job of OpCon."""
    return {
        "SMA_MSLSAM_SCHEDULE_DATE": "20261123",
        "SMA_MSLSAM_SCHEDULE_NAME": schedule,
        "SMA_MSLSAM_JOB_NAME": f"{name} {number:010}",
    }


class SharedSimulator(SimulatorProcess):
    """A simulator for many tests: after `refresh` it shows only what has happened since, and has no faults."""

    _known = 0

    def refresh(self) -> None:
        """Forget faults and requests, and leave the tasks that exist out of `tasks`."""
        self._known = max((task["id"] for task in super().tasks()), default=0)
        self.clear_faults()
        self.clear_requests()

    def tasks(self, *, messages: bool = False) -> list[dict[str, Any]]:
        """Return the tasks since the last refresh, oldest first."""
        return [task for task in super().tasks(messages=messages) if task["id"] > self._known]

    def task_of(self, job: str) -> dict[str, Any]:
        """Return the one task of a job; raises ValueError when there is none, or several."""
        [task] = [task for task in self.tasks() if task["job"] == job]
        return task


class Workplace(Installation):
    """An installation that ends what it has started, and that looks into its own run directory."""

    _started: list[subprocess.Popen[bytes]]

    def start(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        names_config: bool = True,
        stdin: int = subprocess.PIPE,
        stdout: int = subprocess.PIPE,
    ) -> subprocess.Popen[bytes]:
        """Start `amt` and remember it."""
        process = super().start(
            *arguments, environment=environment, names_config=names_config, stdin=stdin, stdout=stdout
        )
        if not hasattr(self, "_started"):
            self._started = []
        self._started.append(process)
        return process

    def close(self) -> None:
        """End every program that is still running."""
        for process in getattr(self, "_started", []):
            if process.poll() is None:
                process.kill()
            with suppress(ValueError, OSError):
                process.communicate(timeout=10)

    def records(self) -> list[dict[str, Any]]:
        """Return the run records as they are on disk, in the order of their files' names."""
        return [json.loads(path.read_text("ascii")) for path in sorted(self.runs.glob("*.json"))]

    def record(self) -> dict[str, Any]:
        """Return the only record."""
        [record] = self.records()
        return record

    def logs(self) -> str:
        """Return everything that is in the run logs."""
        return "\n".join(path.read_text("utf-8") for path in sorted(self.runs.glob("logs/*")))

    def add_to_server(self, **settings: object) -> None:
        """Add keys to the section AMT_BATCH_SERVER, which is the last one of the file."""
        with self.config.open("a", encoding="utf-8") as file:
            file.writelines(f"{key}={value}\n" for key, value in settings.items())


def printed_messages(lines: list[str]) -> list[str]:
    """Return the task's messages among the lines of a job log, their timestamps taken off already."""
    begin = next(number for number, line in enumerate(lines) if line.startswith("Job log ---"))
    end = next((number for number, line in enumerate(lines) if line.startswith("End Job log ---")), len(lines))
    return [line for line in lines[begin + 1 : end] if not line.startswith("[connector] ") or "not ours" in line]
