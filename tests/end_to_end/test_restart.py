"""Restart protection: what an earlier run of the same OpCon job means, row by row, with real processes."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.installation import Ended, ended
from tests.end_to_end.workplace import opcon_job, printed_messages, start_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.end_to_end.workplace import SharedSimulator, Workplace

SHORT, LONGER, NEVER_ENDS = start_of("SHORT"), start_of("LONGER"), start_of("NEVER_ENDS")
JOB = opcon_job()
RESTARTED = opcon_job(number=99999)


def killed_while_watching(site: Workplace, simulator: SharedSimulator, *arguments: str) -> int:
    """Start a job of OpCon, kill the connector hard in the middle of its watch, and return the request id."""
    process = site.start(*arguments, environment=JOB)
    simulator.wait_for(lambda amt: len(amt.tasks()) == 1 and bool(amt.requests("messages")))
    process.kill()
    process.communicate()
    [task] = simulator.tasks()
    assert site.record()["state"] == "submitted"
    return int(task["id"])


def killed_with_start_on_wire(site: Workplace, simulator: SharedSimulator, job: str, *, arrives: bool) -> str:
    """Kill the connector while its start hangs, executed or not; return the run's id."""
    simulator.add_fault("start", "hang-after" if arrives else "hang-before")
    process = site.start(*start_of(job), environment=JOB)
    simulator.wait_for_call("start")
    process.kill()
    process.communicate()
    assert len(simulator.tasks()) == arrives
    assert site.record()["state"] == "intended"
    return str(site.record()["run_id"])


def changed_record(site: Workplace, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the only record on disk."""
    [path] = site.runs.glob("*.json")
    record = json.loads(path.read_text("ascii"))
    change(record)
    lines = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in record.items())
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="ascii")


def assert_nothing_was_started(run: Ended, simulator: SharedSimulator, tasks: int = 1) -> None:
    """See that a run refused to start anything."""
    assert run.exit_code == 104, run.text
    assert "Outcome : submission-unknown (104)" in run.lines
    assert "othing was started" in run.text
    assert len(simulator.tasks()) == tasks
    assert [line for line in run.lines if "START request received" in line] == []


def test_after_a_good_end_a_new_run_starts_and_names_that_end(site: Workplace, simulator: SharedSimulator) -> None:
    """A finished run is no obstacle."""
    assert site.run(*SHORT, environment=JOB).exit_code == 4
    again = site.run(*SHORT, environment=RESTARTED)
    assert again.exit_code == 4
    first = simulator.tasks()[0]["id"]
    assert re.search(
        rf"Restart protection\s+: on, run \S+; an earlier run .* DONE at .*, request {first}\n", again.text
    )
    assert len(simulator.tasks()) == 2


def test_after_a_refused_start_a_new_run_starts(site: Workplace, simulator: SharedSimulator) -> None:
    """What provably did not start leaves 'not started'."""
    simulator.add_fault("start", "status", status=400)
    refused = site.run(*SHORT, environment=JOB)
    assert (refused.exit_code, site.record()["state"]) == (106, "not started")
    assert site.run(*SHORT, environment=RESTARTED).exit_code == 4
    assert len(simulator.tasks()) == 1


def test_a_killed_connector_is_taken_up_with_all_messages(site: Workplace, simulator: SharedSimulator) -> None:
    """Kill it hard and restart it: one task, its messages from the start, its end as the exit code."""
    request = killed_while_watching(site, simulator, *LONGER)
    again = site.run(*LONGER, environment=RESTARTED)
    assert again.exit_code == 4, again.text
    assert f"BatchrequestId '{request}'" in again.text
    assert "START request received" not in again.text
    assert printed_messages(again.lines) == simulator.messages(request)
    assert simulator.summary()["executed"]["start"] == 1
    assert (site.record()["state"], site.record()["exit_code"]) == ("finished", 4)


@pytest.mark.parametrize(("status", "code"), [("DONE", 4), ("ERROR", 11)])
def test_a_task_that_ended_meanwhile_is_reported_and_nothing_is_started(
    site: Workplace, simulator: SharedSimulator, status: str, code: int
) -> None:
    """The first and the last lines say which end it is, and what starts it again."""
    request = killed_while_watching(site, simulator, *NEVER_ENDS)
    simulator.end_task(request, status)
    again = site.run(*NEVER_ENDS, environment=RESTARTED)
    assert again.exit_code == code, again.text
    told = rf"Nothing was started\. This is the end of request {request} of \d\d:\d\d\. "
    told += r"To run it again restart this job once more\."
    places = [number for number, line in enumerate(again.lines) if re.fullmatch(told, line)]
    assert len(places) == 2
    assert places[0] < again.lines.index(f"Job log {'-' * 57}")
    assert len(again.lines) - places[1] < 10
    assert len(simulator.tasks()) == 1
    once_more = site.start(*NEVER_ENDS, environment=RESTARTED)
    simulator.wait_for(lambda amt: len(amt.tasks()) == 2)
    simulator.end_task(simulator.tasks()[1]["id"], "DONE")
    assert ended(once_more).exit_code == 4


@pytest.mark.parametrize("flag", ["-pa", "-tv"])
def test_other_values_are_no_reason_to_attach(site: Workplace, simulator: SharedSimulator, flag: str) -> None:
    """Both are shown, with the commands by request id and the release by run id."""
    request = killed_while_watching(site, simulator, *NEVER_ENDS, flag, "yesterday")
    again = site.run(*NEVER_ENDS, flag, "today", environment=RESTARTED)
    assert_nothing_was_started(again, simulator)
    assert all(word in again.text for word in ("then yesterday, now today", f"request {request}"))
    assert_names_the_ways_on(again, site, request)


def assert_names_the_ways_on(run: Ended, site: Workplace, request: int) -> None:
    """See that a failure names the commands that attach, kill and release."""
    config = f"--config {site.programs.path(site.config)}"
    assert f" -jt ATTACH -id {request} {config}" in run.text
    assert f" -jt KILL -id {request} {config}" in run.text
    assert f"--release {site.record()['run_id']}" in run.text
    assert f" runs --forget {site.record()['run_id']}" in run.text


def test_a_run_of_four_days_ago_is_not_attached_to(site: Workplace, simulator: SharedSimulator) -> None:
    """Longer than a weekend: an operator decides."""
    request = killed_while_watching(site, simulator, *NEVER_ENDS)
    long_ago = (datetime.now(UTC) - timedelta(days=4)).isoformat().replace("+00:00", "Z")
    changed_record(site, lambda record: record.update(submitted_at=long_ago))
    again = site.run(*NEVER_ENDS, environment=RESTARTED)
    assert_nothing_was_started(again, simulator)
    assert "more than 3 days old" in again.text
    assert_names_the_ways_on(again, site, request)


@pytest.mark.parametrize("arrives", [True, False])
def test_a_start_of_unknown_fate_stays_one(site: Workplace, simulator: SharedSimulator, *, arrives: bool) -> None:
    """It says what to look for in AMT and in which interval, and the two ways on; again and again."""
    run_id = killed_with_start_on_wire(site, simulator, "NEVER_ENDS", arrives=arrives)
    for _ in range(2):
        again = site.run(*NEVER_ENDS, environment=RESTARTED)
        assert_nothing_was_started(again, simulator, tasks=int(arrives))
        wanted = ["application DEMO2", "job NEVER_ENDS", "submit user BATCH", "station OPCON", "AMT's own", "UTC"]
        wanted += ["-jt ATTACH -id N", f"--release {run_id}", f" runs --forget {run_id}"]
        assert all(word in again.text for word in wanted), again.text
    assert simulator.summary()["requests"]["start"] == 1


def test_attach_settles_a_start_of_unknown_fate(site: Workplace, simulator: SharedSimulator) -> None:
    """-jt ATTACH -id N in the OpCon job: the record gets the request, and then the end."""
    killed_with_start_on_wire(site, simulator, "LONGER", arrives=True)
    request = simulator.task_of("LONGER")["id"]
    settled = site.run("-jt", "ATTACH", "-id", str(request), environment=RESTARTED)
    assert settled.exit_code == 4, settled.text
    assert printed_messages(settled.lines) == ["Started", "Half", "Done"]
    assert (site.record()["state"], site.record()["request_id"]) == ("finished", str(request))
    assert site.run(*SHORT, environment=RESTARTED).exit_code == 4


def test_an_attach_that_is_killed_leaves_a_record_to_attach_to(site: Workplace, simulator: SharedSimulator) -> None:
    """Once the request is known, the restarted START attaches by itself."""
    killed_with_start_on_wire(site, simulator, "NEVER_ENDS", arrives=True)
    request = simulator.task_of("NEVER_ENDS")["id"]
    process = site.start("-jt", "ATTACH", "-id", str(request), environment=RESTARTED)
    simulator.wait_for_call("status", count=2)
    process.kill()
    process.communicate()
    assert (site.record()["state"], site.record()["request_id"]) == ("submitted", str(request))
    simulator.end_task(request, "DONE")
    assert site.run(*NEVER_ENDS, environment=RESTARTED).exit_code == 4
    assert len(simulator.tasks()) == 1


def test_release_starts_once_and_is_spent(site: Workplace, simulator: SharedSimulator) -> None:
    """A flag left behind in a job releases nothing but the run that it names."""
    run_id = killed_with_start_on_wire(site, simulator, "SHORT", arrives=False)
    other = site.run(*SHORT, "--release", "20200101-0123456789", environment=RESTARTED)
    assert_nothing_was_started(other, simulator, tasks=0)
    released = site.run(*SHORT, "--release", run_id, environment=RESTARTED)
    assert released.exit_code == 4, released.text
    assert f"released: run {run_id}" in released.text
    killed_with_start_on_wire_again(site, simulator, run_id)
    left_behind = site.run(*SHORT, "--release", run_id, environment=RESTARTED)
    assert_nothing_was_started(left_behind, simulator)


def killed_with_start_on_wire_again(site: Workplace, simulator: SharedSimulator, released: str) -> None:
    """Leave another start of unknown fate, although the command line still releases an earlier one."""
    simulator.add_fault("start", "hang-before")
    process = site.start(*SHORT, "--release", released, environment=JOB)
    simulator.wait_for_call("start", count=3)
    process.kill()
    process.communicate()


def test_forget_releases_from_a_shell_and_runs_shows_it(site: Workplace, simulator: SharedSimulator) -> None:
    """`amt runs` lists what is open, `--forget` releases it, and the next run starts."""
    run_id = killed_with_start_on_wire(site, simulator, "SHORT", arrives=False)
    listed = site.run("runs")
    assert listed.exit_code == 0
    assert all(word in listed.text for word in (run_id, "End of day", "SHORT", "intended"))
    [shown] = json.loads(site.run("runs", "--json").text)
    assert (shown["run_id"], shown["state"], shown["is_running"]) == (run_id, "intended", False)
    forgotten = site.run("runs", "--forget", run_id)
    assert (forgotten.exit_code, "is released" in forgotten.text) == (0, True)
    assert site.run(*SHORT, environment=RESTARTED).exit_code == 4
    assert len(simulator.tasks()) == 1


def test_a_running_run_can_not_be_forgotten(site: Workplace, simulator: SharedSimulator) -> None:
    """A connector that is at work on a record keeps it."""
    process = site.start(*NEVER_ENDS, environment=JOB)
    simulator.wait_for_call("status")
    run_id = site.record()["run_id"]
    assert site.run("runs", "--forget", run_id).exit_code == 1
    [shown] = json.loads(site.run("runs", "--json").text)
    assert shown["is_running"] is True
    assert "Authentication successful" in site.run("runs", "--log", run_id).text
    simulator.end_task(simulator.task_of("NEVER_ENDS")["id"], "DONE")
    assert ended(process).exit_code == 4


def test_another_process_at_work_is_left_alone(site: Workplace, simulator: SharedSimulator) -> None:
    """104 names the request, the other OpCon job's number and the ATTACH command."""
    first = site.start(*NEVER_ENDS, environment=JOB)
    simulator.wait_for_call("status")
    second = site.run(*NEVER_ENDS, environment=RESTARTED)
    assert_nothing_was_started(second, simulator)
    request = simulator.task_of("NEVER_ENDS")["id"]
    assert all(word in second.text for word in (f"request {request}", "0000012345", f"-jt ATTACH -id {request}"))
    simulator.end_task(request, "DONE")
    assert ended(first).exit_code == 4


def test_of_processes_at_the_same_moment_one_runs(site: Workplace, simulator: SharedSimulator) -> None:
    """Six at once: one start, five ends with 104."""
    processes = [site.start(*LONGER, environment=opcon_job(number=number)) for number in range(6)]
    runs = [ended(process) for process in processes]
    assert sorted(run.exit_code for run in runs) == [4, 104, 104, 104, 104, 104], [run.text for run in runs]
    assert len(simulator.tasks()) == 1
    assert simulator.summary()["requests"]["start"] == 1


@pytest.mark.parametrize("share", [0, 0.3, 0.7, 0.99])
def test_a_record_that_was_cut_short_is_the_most_careful_case(
    site: Workplace, simulator: SharedSimulator, share: float
) -> None:
    """A crash or a full disk in the middle of a write: nothing is started, and the release works."""
    assert site.run(*SHORT, environment=JOB).exit_code == 4
    [path] = site.runs.glob("*.json")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    again = site.run(*SHORT, environment=RESTARTED)
    assert_nothing_was_started(again, simulator)
    found = re.search(r"--release (\S+)", again.text)
    assert found, again.text
    assert "damaged" in again.text
    released = site.run(*SHORT, "--release", found[1], environment=RESTARTED)
    assert released.exit_code == 4, released.text
    assert len(simulator.tasks()) == 2


OTHERS = {
    "another date": {**JOB, "SMA_MSLSAM_SCHEDULE_DATE": "20261124"},
    "another schedule": opcon_job(schedule="Weekly"),
    "another job": opcon_job("Payroll"),
}


@pytest.mark.parametrize("other", OTHERS)
def test_another_opcon_job_is_another_run(site: Workplace, simulator: SharedSimulator, other: str) -> None:
    """An open run of one job does not hold another one up."""
    killed_while_watching(site, simulator, *NEVER_ENDS)
    process = site.start(*NEVER_ENDS, environment=OTHERS[other])
    simulator.wait_for(lambda amt: len(amt.tasks()) == 2)
    process.kill()


def test_a_run_by_hand_is_never_blocked_and_names_what_is_open(site: Workplace, simulator: SharedSimulator) -> None:
    """Outside of OpCon there is no restart; the warning names the request."""
    request = killed_while_watching(site, simulator, *NEVER_ENDS)
    process = site.start(*NEVER_ENDS)
    simulator.wait_for(lambda amt: len(amt.tasks()) == 2)
    simulator.end_task(simulator.tasks()[1]["id"], "DONE")
    run = ended(process)
    assert run.exit_code == 4
    assert "Restart protection      : off" in run.text
    assert f"Warning: another run of this AMT job is unfinished: request {request}" in run.text


def broken_configuration(site: Workplace) -> None:
    """Break a setting."""
    site.config.write_text(site.config.read_text("utf-8").replace("[CONNECTOR]", "[CONNECTOR]\nDEBUG=x"), "utf-8")


def broken_credentials(site: Workplace) -> None:
    """Take the key away."""
    (site.folder / "connector.key").unlink()


def exposed_nothing(_site: Workplace) -> None:
    """Leave everything as it is."""


@pytest.mark.parametrize(
    ("break_it", "arguments", "code"),
    [
        (broken_configuration, NEVER_ENDS, 102),
        (broken_credentials, NEVER_ENDS, 103),
        (exposed_nothing, (*NEVER_ENDS, "-zz", "1"), 101),
    ],
)
@pytest.mark.parametrize("fate", ["submitted", "intended"])
def test_a_failure_of_a_restart_names_the_open_run(
    site: Workplace,
    simulator: SharedSimulator,
    break_it: Callable[[Workplace], None],
    arguments: tuple[str, ...],
    code: int,
    fate: str,
) -> None:
    """101, 102 and 103 mean that no task was started, but an earlier one may be running: the text says so."""
    if fate == "submitted":
        name = f"request {killed_while_watching(site, simulator, *NEVER_ENDS)}"
    else:
        name = killed_with_start_on_wire(site, simulator, "NEVER_ENDS", arrives=True)
    break_it(site)
    run = ended(site.start(*arguments, environment=RESTARTED, names_config=code != 101))
    assert run.exit_code == code, run.text
    assert name in run.text
    assert "earlier run" in run.text


def test_a_logon_refused_at_a_restart_names_the_request(site: Workplace, simulator: SharedSimulator) -> None:
    """24 with the request id; the record stays, and the next restart attaches."""
    request = killed_while_watching(site, simulator, *NEVER_ENDS)
    simulator.add_fault("logon", "status", status=401)
    refused = site.run(*NEVER_ENDS, environment=RESTARTED)
    assert refused.exit_code == 24, refused.text
    assert f"request {request}" in refused.text
    assert "may be running" in refused.text
    assert site.record()["state"] == "submitted"
    barred = site.run(*NEVER_ENDS, environment=RESTARTED)
    assert barred.exit_code == 24, barred.text
    assert f"request {request}" in barred.text
    assert simulator.summary()["requests"]["logon"] == 2


def test_an_unreachable_server_at_a_restart_is_lost_contact(site: Workplace, simulator: SharedSimulator) -> None:
    """A run that finds an unfinished record is a watch from its first second: 105, never 23."""
    site.write_config({"STATUS_CHECK_MAX_OUTAGE": 0.8, "STATUS_CHECK_POLL_INTERVAL": 0.1})
    request = killed_while_watching(site, simulator, *NEVER_ENDS)
    simulator.kill()
    try:
        lost = site.run(*NEVER_ENDS, environment=RESTARTED)
    finally:
        simulator.start()
    assert lost.exit_code == 105, lost.text
    assert f"request {request}" in lost.text
    assert "Restart this OpCon job: it starts nothing new and attaches to this request." in lost.text
    assert site.record()["state"] == "submitted"


def test_the_records_outlive_a_change_of_the_name(site: Workplace, simulator: SharedSimulator) -> None:
    """NAME is a label; the protection does not hang on it."""
    killed_while_watching(site, simulator, *NEVER_ENDS)
    site.write_config({"NAME": "Another name", "STATUS_CHECK_POLL_INTERVAL": 0.1})
    simulator.end_task(simulator.task_of("NEVER_ENDS")["id"], "DONE")
    assert site.run(*NEVER_ENDS, environment=RESTARTED).exit_code == 4
    assert len(simulator.tasks()) == 1
