"""What OpCon makes of the connector: kill jobs, the status that it shows, and the check of an installation."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from tests.end_to_end.installation import Installation, ended
from tests.end_to_end.simulator_process import SimulatorProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Programs

JOBS = """
[scheduler]
controller_delay = 0

[users.ocadm]
password = "opconxps"

[applications.DEMO2.jobs.SHORT]
duration = 0.5

[applications.DEMO2.jobs.NEVER_ENDS]
ends = "never"
"""
NEVER_ENDS = ("-jt", "START", "-an", "DEMO2", "-jn", "NEVER_ENDS")
SHORT = ("-jt", "START", "-an", "DEMO2", "-jn", "SHORT")


def _identity(job: str) -> dict[str, str]:
    """Return the agent's variables for one job of OpCon."""
    return {
        "SMA_MSLSAM_SCHEDULE_DATE": "20261123",
        "SMA_MSLSAM_SCHEDULE_NAME": "Nightly",
        "SMA_MSLSAM_JOB_NAME": f"{job} 0000012345",
    }


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[SimulatorProcess]:
    """Serve http."""
    with SimulatorProcess(tmp_path / "amt", JOBS) as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, programs: Programs, simulator: SimulatorProcess) -> Installation:
    """Install the connector beside it."""
    return Installation(tmp_path / "site", programs, simulator.address)


def _kill_flags(site: Installation) -> list[str]:
    """Return the flags of the kill job, from the definition that the program writes for OpCon."""
    options = ["--schedule", "Nightly", "--machine", "M", "--exe", "amt.exe", "--kill"]
    written = site.run_bare(*site.programs.amt, "opcon", "job", *options, "--", *NEVER_ENDS)
    jobs = ET.fromstring(written.text).findall("schedule/job")  # noqa: S314 - our own output
    assert [job.findtext("jobdata/fail_1_val") for job in jobs] == ["4", "3"]
    return shlex.split(jobs[1].findtext("jobdata/cmd_line", ""))[1:]


@pytest.mark.windows
def test_the_kill_job_ends_the_task_of_its_companion(site: Installation, simulator: SimulatorProcess) -> None:
    """Started as OpCon starts it, it kills the one task, and both jobs exit with 3."""
    running = site.start(*NEVER_ENDS, environment=_identity("ENDLESS"))
    simulator.wait_for_call("status")
    killed = site.run(*_kill_flags(site), environment=_identity("ENDLESS KILL"))
    assert killed.exit_code == 3, killed.text
    assert ended(running).exit_code == 3
    assert [task["status"] for task in simulator.tasks()] == [3]


def test_a_kill_job_without_a_task_does_nothing(site: Installation, simulator: SimulatorProcess) -> None:
    """An operator who starts it too late harms nobody."""
    assert site.run(*_kill_flags(site), environment=_identity("ENDLESS KILL")).exit_code == 101
    assert not simulator.requests("kill")


@pytest.mark.posix_only
def test_each_status_is_shown_in_opcon(site: Installation, simulator: SimulatorProcess, tmp_path: Path) -> None:
    """The agent's program gets the status with the request id, and a run that it disturbs ends as well."""
    shown = tmp_path / "shown"
    program = tmp_path / "SMAStatus"
    program.write_text(f'#!/bin/sh\necho "$1" >> {shown}\nexit 9\n', encoding="utf-8")
    program.chmod(0o755)
    with site.config.open("a", encoding="utf-8") as file:
        file.write("\n[OPCON]\nPUBLISH_STATUS=True\n")
    environment = {**_identity("SHORT"), "SMA_MSLSAM_ROOT_DIRECTORY": str(tmp_path)}
    assert site.run(*SHORT, environment=environment).exit_code == 4
    (task,) = simulator.tasks()
    assert f"RUNNING {task['id']}" in shown.read_text("utf-8").splitlines()


@pytest.mark.windows
def test_a_check_of_a_sound_installation_finds_nothing(site: Installation, simulator: SimulatorProcess) -> None:
    """It logs on once, starts nothing, and says so to programs and to people."""
    checked = site.run_bare(*site.programs.amt, "check", "--json")
    document = json.loads(checked.text)
    assert checked.exit_code == document["exit_code"] == 0
    assert {step["verdict"] for step in document["steps"]} == {"ok", "warning"}
    assert [step["step"] for step in document["steps"] if step["verdict"] == "warning"] == ["configuration", "TLS"]
    assert len(simulator.requests("logon")) == 1
    assert not simulator.tasks()


def test_a_check_with_tls_shows_the_certificate(tmp_path: Path, programs: Programs) -> None:
    """Trusted through CA_FILE, described, and saved."""
    with SimulatorProcess(tmp_path / "amt", JOBS, tls=True) as simulator:
        site = Installation(tmp_path / "site", programs, simulator.address, ca_file=simulator.ca_file)
        checked = site.run_bare(*programs.amt, "check", "--no-logon", "--save-chain", "saved.pem")
    assert checked.exit_code == 0, checked.text
    assert "ok       TLS" in checked.text
    assert (site.folder / "saved.pem").read_text("ascii").startswith("-----BEGIN CERTIFICATE-----")
