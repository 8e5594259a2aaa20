"""The failure blocks of docs/operations.md are what the program prints: each is made here and compared.

Numbers, times, run ids and the path of the configuration differ from run to run; nothing else may.
"""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.installation import Ended, Installation
from tests.end_to_end.simulator_process import SimulatorProcess
from tests.support.configfile import ROOT
from tests.support.doc_pages import blocks

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Programs

pytestmark = pytest.mark.source_only

SHOWN = [text for text in blocks(ROOT / "docs" / "operations.md", "text") if text.startswith("What happened")]
JOBS = """
[applications.DEMO2.jobs]
TEN_MESSAGES = {}
NEVER_ENDS = { ends = "never" }
STUBBORN = { ends = "never", ignores_kill = true }
[scheduler]
controller_delay = 0.1
"""


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[SimulatorProcess]:
    """Return a simulator of this test's own: one test takes it down."""
    with SimulatorProcess(tmp_path / "simulator", JOBS) as process:
        yield process


@pytest.fixture
def site(tmp_path: Path, programs: Programs, simulator: SimulatorProcess) -> Installation:
    """Return an installation that gives up soon."""
    limits = {"STATUS_CHECK_MAX_OUTAGE": 1.0, "KILL_CONFIRM_TIMEOUT": 0.3}
    installation = Installation(tmp_path / "site", programs, simulator.address)
    installation.write_config(limits)
    return installation


def job(name: str) -> dict[str, str]:
    """Return the agent's variables for an OpCon job."""
    return {
        "SMA_MSLSAM_SCHEDULE_DATE": "20261123",
        "SMA_MSLSAM_SCHEDULE_NAME": "Nightly",
        "SMA_MSLSAM_JOB_NAME": f"{name} 0000004711",
    }


def begun(site: Installation, amt_job: str, *flags: str, opcon_job: str = "EOD") -> subprocess.Popen[bytes]:
    """Start a run and return when its record names a request."""
    process = site.start("-jt", "START", "-an", "DEMO2", "-jn", amt_job, *flags, environment=job(opcon_job))
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        records = json.loads(site.run_bare(*site.programs.amt, "runs", "--json").output)
        if any((record["opcon_job"], record["state"]) == (opcon_job, "submitted") for record in records):
            return process
    raise AssertionError("the run did not start")


def left_open(site: Installation, amt_job: str, *flags: str, opcon_job: str = "EOD") -> None:
    """Leave a run open, as OpCon's Kill does."""
    process = begun(site, amt_job, *flags, opcon_job=opcon_job)
    process.kill()
    process.communicate()


def a_start_of_unknown_fate(site: Installation, simulator: SimulatorProcess) -> Ended:
    """Cut the connection after the start has been executed."""
    simulator.add_fault("start", "reset-after")
    return site.run("-jt", "START", "-an", "DEMO2", "-jn", "TEN_MESSAGES", environment=job("EOD"))


def other_values(site: Installation, _: SimulatorProcess) -> Ended:
    """Run a job again with another parameter while its task runs."""
    left_open(site, "NEVER_ENDS", "-pa", "A")
    return site.run("-jt", "START", "-an", "DEMO2", "-jn", "NEVER_ENDS", "-pa", "B", environment=job("EOD"))


def another_process(site: Installation, _: SimulatorProcess) -> Ended:
    """Run a job that a process is watching."""
    process = begun(site, "NEVER_ENDS")
    try:
        return site.run("-jt", "START", "-an", "DEMO2", "-jn", "NEVER_ENDS", environment=job("EOD"))
    finally:
        process.kill()
        process.communicate()


def a_server_that_went_down(site: Installation, simulator: SimulatorProcess) -> Ended:
    """Take the server away from a run."""
    process = begun(site, "NEVER_ENDS")
    simulator.wait_for_call("status", count=2)
    simulator.kill()
    output, _ = process.communicate(timeout=30)
    return Ended(process.returncode, output)


def an_unconfirmed_kill(site: Installation, _: SimulatorProcess) -> Ended:
    """Kill a task that takes no notice."""
    left_open(site, "STUBBORN")
    return site.run("-jt", "KILL", "-an", "DEMO2", "-jn", "STUBBORN", environment=job("EOD KILL"))


def several_open_runs(site: Installation, _: SimulatorProcess) -> Ended:
    """Kill by name what two OpCon jobs run."""
    left_open(site, "NEVER_ENDS", opcon_job="N1")
    left_open(site, "NEVER_ENDS", opcon_job="N2")
    return site.run("-jt", "KILL", "-an", "DEMO2", "-jn", "NEVER_ENDS", environment=job("KILL"))


STORIES: dict[str, Callable[[Installation, SimulatorProcess], Ended]] = {
    "The start was sent": a_start_of_unknown_fate,
    "An earlier run of this job started": other_values,
    "Another process": another_process,
    "The server has not answered": a_server_that_went_down,
    "KILL was requested": an_unconfirmed_kill,
    "Several open runs": several_open_runs,
}


def plain(text: str) -> str:
    """Return a block without what differs from run to run."""
    text = re.sub(r"\d{8}-[0-9a-f]{10}", "RUN", text)
    text = re.sub(r"--config \S+", "--config FILE", text)
    text = re.sub(r"\S*/amt(?= -jt| runs)", "PROGRAM", text)
    text = re.sub(r"\d+( min| s)?(?=\W)", "0", text)
    # The clock may go on to the next second between the start and its failure.
    return re.sub(r"between (0-0-0 0:0:0 local time \(0-0-0 0:0:0 UTC\)) and \1", r"at \1", text)


@pytest.mark.parametrize("shown", SHOWN, ids=lambda text: text[26:46].strip())
def test_the_block_is_what_the_program_prints(shown: str, site: Installation, simulator: SimulatorProcess) -> None:
    """What an operator compares with the page is the same, word for word."""
    (tell,) = [story for words, story in STORIES.items() if shown[26:].startswith(words)]
    done = tell(site, simulator)
    lines = done.lines
    begin = next(number for number, line in enumerate(lines) if line.startswith("What happened"))
    end = next(number for number, line in enumerate(lines) if line.startswith("Outcome : "))
    assert plain("\n".join([*lines[begin : end + 1], ""])) == plain(shown)
    assert shown.endswith(f"({done.exit_code})\n")


def test_the_page_has_every_block() -> None:
    """The three forms of 104, 105, 107 and the kill of one of several are shown."""
    assert sorted(re.findall(r"\((\d+)\)$", "".join(SHOWN), re.MULTILINE)) == ["101", "104", "104", "104", "105", "107"]
