"""Many jobs at once never lock the account: real processes against a simulator that counts."""

from __future__ import annotations

import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.installation import ended
from tests.end_to_end.workplace import SharedSimulator, Workplace, opcon_job, start_of

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable

SHORT = start_of("SHORT")


def wrong_password(site: Workplace) -> None:
    """Let the configuration have a password that AMT does not know."""
    assert site.encrypt("--set", "PASSWORD", "--config", str(site.config), "-v", "not it").exit_code == 0


def at_once(site: Workplace, count: int) -> list[subprocess.Popen[bytes]]:
    """Start so many jobs of OpCon."""
    return [site.start(*SHORT, environment=opcon_job(f"Job {number}")) for number in range(count)]


def codes(processes: Iterable[subprocess.Popen[bytes]]) -> set[int]:
    """Return the exit codes of processes, once all have ended."""
    return {ended(process).exit_code for process in processes}


def refusals(simulator: SharedSimulator) -> int:
    """Return how many logons were answered with a refusal."""
    return sum(request["status"] == 401 for request in simulator.requests("logon"))


def test_many_jobs_with_a_password_that_was_just_changed_are_refused_twice(
    site: Workplace, simulator: SharedSimulator
) -> None:
    """Minutes after a good logon, at a server that takes two seconds for each."""
    assert site.run(*SHORT, environment=opcon_job()).exit_code == 4
    wrong_password(site)
    simulator.clear_requests()
    simulator.add_fault("logon", "delay", delay=2, count=100)
    assert codes(at_once(site, 24)) == {24}
    assert 1 <= refusals(simulator) <= 2
    assert len(simulator.tasks()) == 1


def test_a_check_that_found_the_server_busy_opens_no_door(site: Workplace, simulator: SharedSimulator) -> None:
    """It forgets the refusal, and that is not accepting: of twelve jobs two are refused."""
    wrong_password(site)
    assert site.run(*SHORT, environment=opcon_job()).exit_code == 24
    simulator.add_fault("logon", "status", status=503)
    assert site.run("check").exit_code == 23
    simulator.clear_faults()
    simulator.clear_requests()
    simulator.add_fault("logon", "delay", delay=1, count=100)
    assert codes(at_once(site, 12)) == {24}
    assert 1 <= refusals(simulator) <= 2


def test_good_credentials_let_every_job_through_two_at_a_time(site: Workplace, simulator: SharedSimulator) -> None:
    """Nobody is turned away while the jobs before it log on."""
    simulator.add_fault("logon", "delay", delay=0.3, count=100)
    assert codes(at_once(site, 12)) == {4}
    assert len(simulator.tasks()) == 12


@pytest.mark.begins_as(1, process=3)
def test_a_logon_that_fails_alone_is_tried_three_times_by_twelve_jobs(
    site: Workplace, simulator: SharedSimulator
) -> None:
    """Some servers answer a wrong password with 500; the jobs end with 108 before AMT can lock the account."""
    simulator.add_fault("logon", "status", status=500, count=1000)
    jobs = [ended(process) for process in at_once(site, 12)]
    assert {job.exit_code for job in jobs} == {108}
    assert len(simulator.requests("logon")) <= 3
    assert all("It may be a refusal of the password." in job.text for job in jobs)
    simulator.clear_faults()
    assert site.run(*SHORT, environment=opcon_job()).exit_code == 108
    assert site.run("check").exit_code == 0
    assert site.run(*SHORT, environment=opcon_job()).exit_code == 4


def test_an_error_that_names_the_account_is_tried_twice_at_most(site: Workplace, simulator: SharedSimulator) -> None:
    """It is no plain refusal, and reason enough to ask an operator."""
    body = '{"ExceptionMessage":"The user OPCON has been locked"}'
    simulator.add_fault("logon", "status", status=500, body=body, count=1000)
    assert codes(at_once(site, 12)) == {108}
    assert len(simulator.requests("logon")) <= 2


def test_a_server_that_fails_as_a_whole_for_a_while_turns_nobody_away(
    site: Workplace, simulator: SharedSimulator
) -> None:
    """While it restarts everything is answered with 500 or 503; the jobs wait."""
    for call in ("logon", "heartbeat"):
        simulator.add_fault(call, "status", status=500, count=1000)
    jobs = at_once(site, 8)
    time.sleep(4)
    for call in ("logon", "heartbeat"):
        simulator.add_fault(call, "status", status=503, count=1000)
    time.sleep(2)
    simulator.clear_faults()
    assert codes(jobs) == {4}


@pytest.mark.skipif(sys.platform == "win32", reason="a signal of POSIX")
def test_a_signal_ends_the_wait_for_the_turn(site: Workplace, simulator: SharedSimulator) -> None:
    """A job that waits for others' logons is told to stop: nothing was started."""
    simulator.add_fault("logon", "delay", delay=5, count=2)
    holders = at_once(site, 2)
    while len(list(site.runs.glob("logon-*.lock"))) < 2:
        time.sleep(0.05)
    waiting = site.start(*SHORT, environment=opcon_job("Waiting"))
    while not list(site.runs.glob("*waiting*.lock")):
        time.sleep(0.05)
    time.sleep(0.5)
    began_at = time.monotonic()
    waiting.send_signal(signal.SIGTERM)
    told = ended(waiting)
    assert time.monotonic() - began_at < 2
    assert told.exit_code == 107
    assert "before anything was started" in told.text
    assert codes(holders) == {4}
