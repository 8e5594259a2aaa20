"""A stdout that breaks: the task is watched to its end, and the exit code still tells the truth."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.workplace import opcon_job, start_of
from tests.support.processes import clean_environment

if TYPE_CHECKING:
    from tests.end_to_end.workplace import SharedSimulator, Workplace

pytestmark = pytest.mark.posix_only

FULL = Path("/dev/full")
JOB = opcon_job()


def through_shell(site: Workplace, redirection: str, *arguments: str) -> int:
    """Run `amt` with its streams redirected by a shell, and return its exit code."""
    command = [*site.programs.amt, *arguments, "--config", str(site.config)]
    environment = {**clean_environment(site.folder), **JOB}
    shell = ["sh", "-c", f'exec "$@" {redirection}', "sh", *command]
    return subprocess.run(shell, cwd=site.folder, env=environment, check=False, timeout=60).returncode


@pytest.mark.parametrize("redirection", [">&-", ">&- 2>&-", "<&- >&- 2>&-", ">/dev/full", ">/dev/full 2>&1", "2>&-"])
@pytest.mark.parametrize(("job", "code"), [("SHORT", 4), ("ENDS_11", 11)])
def test_a_stdout_that_takes_nothing_changes_no_exit_code(
    site: Workplace, simulator: SharedSimulator, redirection: str, job: str, code: int
) -> None:
    """Closed from the start, or on a disk that is full: one start, the task's end, a finished record."""
    if "/dev/full" in redirection and not FULL.exists():
        pytest.skip("this system has no /dev/full")
    assert through_shell(site, redirection, *start_of(job)) == code
    assert simulator.summary()["requests"]["start"] == 1
    assert (site.record()["state"], site.record()["exit_code"]) == ("finished", code)


@pytest.mark.parametrize("lines", [0, 1, 12])
def test_a_reader_that_goes_away_changes_no_exit_code(site: Workplace, simulator: SharedSimulator, lines: int) -> None:
    """The pipe is closed before the first line, after it, and in the middle of the job log."""
    process = site.start(*start_of("LONGER"), environment=JOB)
    assert process.stdout is not None
    for _ in range(lines):
        process.stdout.readline()
    process.stdout.close()
    assert process.wait(30) == 4
    assert site.record()["state"] == "finished"
    assert simulator.summary()["requests"]["start"] == 1


def test_a_failure_has_its_code_without_a_reader_too(site: Workplace, simulator: SharedSimulator) -> None:
    """104 with a closed stdout is 104, and the restart says what the first run could not."""
    simulator.add_fault("start", "reset-after")
    assert through_shell(site, ">&-", *start_of("SHORT")) == 104
    again = site.run(*start_of("SHORT"), environment=JOB)
    assert again.exit_code == 104
    assert "--release" in again.text
    assert through_shell(site, ">&-", "-jt", "START") == 101


@pytest.mark.parametrize("command", [["check"], ["runs"], ["runs", "--json"]])
def test_a_command_does_its_work_with_a_closed_stdout(site: Workplace, command: list[str]) -> None:
    """Whoever closes it wants the exit code alone."""
    assert through_shell(site, ">&-", *command) == 0
    assert through_shell(site, "<&- >&- 2>&-", *command) == 0


def test_a_signal_is_served_without_a_reader(site: Workplace, simulator: SharedSimulator) -> None:
    """The task is killed, and 3 is the exit code."""
    process = site.start(*start_of("NEVER_ENDS"), environment=JOB)
    assert process.stdout is not None
    process.stdout.close()
    simulator.wait_for_call("status")
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 3


def test_a_reader_that_is_late_gets_everything(site: Workplace) -> None:
    """A pipe that is full for a while, made non-blocking by its reader, loses no line."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    process = site.start(*start_of("LONGER"), environment=JOB, stdout=writing)
    os.close(writing)
    assert process.wait(30) == 4
    with os.fdopen(reading, "rb") as file:
        text = file.read()
    assert all(word in text for word in (b" : Started\n", b" : Done\n", b"return code 4\n"))


def test_a_run_log_that_can_not_be_written_changes_no_exit_code(site: Workplace) -> None:
    """The log of a run is a kindness."""
    site.runs.mkdir()
    (site.runs / "logs").write_text("a file stands here", encoding="utf-8")
    site.write_config({"DEBUG": "ON"})
    run = site.run(*start_of("SHORT"), environment=JOB)
    assert run.exit_code == 4, run.text
