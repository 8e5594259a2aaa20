"""STOP, KILL and ATTACH: by request id, and by what this machine's records know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.installation import ended
from tests.end_to_end.workplace import opcon_job, printed_messages, start_of

if TYPE_CHECKING:
    import subprocess

    from tests.end_to_end.workplace import SharedSimulator, Workplace

JOB = opcon_job()
KILL_JOB = opcon_job("End of day KILL")


def started(site: Workplace, simulator: SharedSimulator, job: str) -> tuple[subprocess.Popen[bytes], str]:
    """Start a job of OpCon; return its process and its request id when it is being watched."""
    known = len(simulator.tasks())
    process = site.start(*start_of(job), environment=opcon_job(f"{job} {known}"))
    simulator.wait_for(lambda amt: len(amt.tasks()) == known + 1)
    request = str(simulator.tasks()[-1]["id"])
    simulator.wait_for(lambda amt: any(request in entry["query"] for entry in amt.requests("status")))
    return process, request


def by_name(action: str, job: str) -> tuple[str, ...]:
    """Return a command line that names the task by application and job."""
    return "-jt", action, "-an", "DEMO2", "-jn", job


def quick(site: Workplace) -> None:
    """Let the site wait less than a second for the end of a task."""
    site.write_config({"KILL_CONFIRM_TIMEOUT": 0.6, "STATUS_CHECK_MAX_OUTAGE": 0.7, "STATUS_CHECK_POLL_INTERVAL": 0.1})


@pytest.mark.parametrize("spelling", ["KILL", "kill"])
def test_kill_by_id_ends_the_task_and_both_runs_with_3(
    site: Workplace, simulator: SharedSimulator, spelling: str
) -> None:
    """The kill job and the job itself exit with the task's end, and the record is finished."""
    process, request = started(site, simulator, "NEVER_ENDS")
    killed = site.run("-jt", spelling, "-id", f" {request} ", environment=KILL_JOB)
    assert killed.exit_code == 3, killed.text
    assert ended(process).exit_code == 3
    assert len(simulator.requests("start")) == 1
    assert site.record()["state"] == "finished"


def test_kill_by_name_finds_the_request_in_the_records(site: Workplace, simulator: SharedSimulator) -> None:
    """-an with -jn is enough on this machine."""
    process, request = started(site, simulator, "NEVER_ENDS")
    other, _ = started(site, simulator, "STUBBORN")
    killed = site.run(*by_name("KILL", "NEVER_ENDS"), environment=KILL_JOB)
    assert killed.exit_code == 3, killed.text
    assert request in killed.text
    assert ended(process).exit_code == 3
    assert other.poll() is None


def test_kill_by_name_settles_the_record_of_a_killed_connector(site: Workplace, simulator: SharedSimulator) -> None:
    """Nobody else is at work on it any more."""
    process, _ = started(site, simulator, "NEVER_ENDS")
    process.kill()
    process.communicate()
    assert site.run(*by_name("KILL", "NEVER_ENDS"), environment=KILL_JOB).exit_code == 3
    assert (site.record()["state"], site.record()["exit_code"]) == ("finished", 3)


@pytest.mark.parametrize("action", ["KILL", "STOP", "ATTACH"])
def test_of_several_matches_none_is_touched(site: Workplace, simulator: SharedSimulator, action: str) -> None:
    """They are listed, and it is 101."""
    requests = [started(site, simulator, "NEVER_ENDS")[1] for _ in range(2)]
    run = site.run(*by_name(action, "NEVER_ENDS"), environment=KILL_JOB)
    assert run.exit_code == 101, run.text
    assert all(f"request {request}" in run.text for request in requests)
    assert simulator.requests("kill") == simulator.requests("stop") == []


@pytest.mark.parametrize("action", ["KILL", "STOP", "ATTACH"])
def test_without_a_match_nothing_is_done(site: Workplace, simulator: SharedSimulator, action: str) -> None:
    """101, and no request goes out."""
    run = site.run(*by_name(action, "NEVER_ENDS"), environment=KILL_JOB)
    assert run.exit_code == 101, run.text
    assert "nothing was done" in run.text
    assert simulator.requests() == []


@pytest.mark.parametrize("action", ["KILL", "STOP", "ATTACH"])
def test_a_start_of_unknown_fate_can_not_be_named(site: Workplace, simulator: SharedSimulator, action: str) -> None:
    """Only "intended": 104, and what to look for."""
    simulator.add_fault("start", "reset-after")
    assert site.run(*start_of("NEVER_ENDS"), environment=JOB).exit_code == 104
    run = site.run(*by_name(action, "NEVER_ENDS"), environment=KILL_JOB)
    assert run.exit_code == 104, run.text
    assert "application DEMO2, job NEVER_ENDS" in run.text
    assert simulator.requests("kill") == simulator.requests("stop") == []


@pytest.mark.parametrize("action", ["KILL", "STOP"])
def test_a_task_that_has_ended_is_left_as_it_is(site: Workplace, simulator: SharedSimulator, action: str) -> None:
    """Its end is the exit code, and nothing is sent."""
    assert site.run(*start_of("ENDS_12"), environment=JOB).exit_code == 12
    run = site.run("-jt", action, "-id", str(simulator.tasks()[0]["id"]), environment=KILL_JOB)
    assert run.exit_code == 12, run.text
    assert f"no {action} was sent" in run.text
    assert simulator.requests("kill") == simulator.requests("stop") == []


def test_a_kill_that_is_not_confirmed_is_107(site: Workplace, simulator: SharedSimulator) -> None:
    """Accepted is not done."""
    quick(site)
    _, request = started(site, simulator, "STUBBORN")
    run = site.run("-jt", "KILL", "-id", request, environment=KILL_JOB)
    assert run.exit_code == 107, run.text
    assert "may be running" in run.text


@pytest.mark.parametrize(("status", "at_most"), [(403, 1), (501, 1), (409, 5), (500, 5)])
def test_a_kill_that_amt_does_not_accept_is_sent_seldom_and_said_once(
    site: Workplace, simulator: SharedSimulator, status: int, at_most: int
) -> None:
    """With AMT's reason; the KILL is named again only for when a right has been given."""
    site.write_config({"KILL_CONFIRM_TIMEOUT": 3, "STATUS_CHECK_POLL_INTERVAL": 0.2})
    _, request = started(site, simulator, "NEVER_ENDS")
    simulator.add_fault("kill", "status", status=status, count=100)
    run = site.run("-jt", "KILL", "-id", request, environment=KILL_JOB)
    assert run.exit_code == 107, run.text
    assert 1 <= len(simulator.requests("kill")) <= at_most
    assert run.text.count("AMT has not accepted the KILL") == (at_most > 1)
    assert f"the server answered {status}" in run.text.partition("What happened")[2]
    assert (f"-jt KILL -id {request}" in run.text) is (status == 403)
    assert f"-jt ATTACH -id {request}" in run.text
    simulator.clear_faults()


def test_stop_waits_for_the_orderly_end(site: Workplace, simulator: SharedSimulator) -> None:
    """Longer than a kill may take, up to STATUS_CHECK_MAX_OUTAGE."""
    site.write_config({"KILL_CONFIRM_TIMEOUT": 0.1, "STATUS_CHECK_POLL_INTERVAL": 0.1})
    process, request = started(site, simulator, "STOPS_SLOWLY")
    stopped = site.run("-jt", "STOP", "-id", request, environment=KILL_JOB)
    assert stopped.exit_code == 12, stopped.text
    assert ended(process).exit_code == 12
    assert len(simulator.requests("stop")) == 1


def test_a_stop_without_effect_is_107(site: Workplace, simulator: SharedSimulator) -> None:
    """The task may be running, and the ways on are named."""
    quick(site)
    _, request = started(site, simulator, "STUBBORN")
    run = site.run("-jt", "STOP", "-id", request, environment=KILL_JOB)
    assert run.exit_code == 107, run.text
    assert f"-jt KILL -id {request}" in run.text


def test_attach_follows_to_the_end_with_all_messages(site: Workplace, simulator: SharedSimulator) -> None:
    """By hand, of a task that this machine knows nothing of."""
    process, request = started(site, simulator, "LONGER")
    process.kill()
    process.communicate()
    for path in site.runs.glob("*.json"):
        path.unlink()
    run = site.run("-jt", "ATTACH", "-id", request)
    assert run.exit_code == 4, run.text
    assert printed_messages(run.lines) == ["Started", "Half", "Done"]
    assert re.search(r"Completion : DONE \(4\)", run.text)
    assert len(simulator.requests("start")) == 1


@pytest.mark.parametrize("action", ["KILL", "STOP", "ATTACH"])
def test_a_request_that_amt_does_not_know_is_109(site: Workplace, simulator: SharedSimulator, action: str) -> None:
    """404 while the server answers otherwise; nothing is stopped."""
    quick(site)
    run = site.run("-jt", action, "-id", "999999", environment=KILL_JOB)
    assert run.exit_code == 109, run.text
    assert "request 999999" in run.text
    assert simulator.requests("kill") == simulator.requests("stop") == []


def test_a_refused_logon_stops_nothing(site: Workplace, simulator: SharedSimulator) -> None:
    """24 names the request, which may be running."""
    process, request = started(site, simulator, "NEVER_ENDS")
    simulator.add_fault("logon", "status", status=401)
    run = site.run("-jt", "KILL", "-id", request, environment=KILL_JOB)
    assert run.exit_code == 24, run.text
    assert f"request {request}" in run.text
    assert process.poll() is None
