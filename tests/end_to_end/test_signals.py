"""Being told to stop, at every moment of a run."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.installation import Ended, ended
from tests.end_to_end.workplace import opcon_job, printed_messages, start_of

if TYPE_CHECKING:
    import subprocess

    from tests.end_to_end.workplace import SharedSimulator, Workplace

pytestmark = pytest.mark.posix_only  # Windows has console events in their place: test_console_windows.py

SHORT, NEVER_ENDS, STUBBORN = start_of("SHORT"), start_of("NEVER_ENDS"), start_of("STUBBORN")
JOB = opcon_job()
BOTH = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])


def signalled(process: subprocess.Popen[bytes], number: signal.Signals, *, within_s: float) -> Ended:
    """Send a signal, and see that the process ends in time."""
    begun = time.monotonic()
    process.send_signal(number)
    run = ended(process)
    assert time.monotonic() - begun < within_s, run.text
    return run


def watched(site: Workplace, simulator: SharedSimulator, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a job of OpCon, and return when its status has been asked for twice."""
    process = site.start(*arguments, environment=JOB)
    simulator.wait_for_call("status", count=2)
    return process


@BOTH
def test_a_signal_kills_the_task_and_its_end_is_the_exit_code(
    site: Workplace, simulator: SharedSimulator, number: signal.Signals
) -> None:
    """KILLED (3), confirmed by the status; the messages are complete; one kill is enough."""
    run = signalled(watched(site, simulator, *NEVER_ENDS), number, within_s=4)
    assert run.exit_code == 3, run.text
    assert simulator.task_of("NEVER_ENDS")["cut_by"] == "KILL"
    assert len(simulator.requests("kill")) == 1
    assert printed_messages(run.lines) == ["Started"]
    assert (site.record()["state"], site.record()["exit_code"]) == ("finished", 3)


def test_whatever_end_the_kill_leads_to_is_the_exit_code(site: Workplace, simulator: SharedSimulator) -> None:
    """A task that is done before the kill reaches it ends with 4."""
    run = signalled(watched(site, simulator, *start_of("ENDS_DONE_WHEN_KILLED")), signal.SIGTERM, within_s=4)
    assert run.exit_code == 4, run.text


@BOTH
def test_before_the_logon_nothing_is_started(
    site: Workplace, simulator: SharedSimulator, number: signal.Signals
) -> None:
    """The answer to the logon is still out: 107, not started, and no start is sent."""
    simulator.add_fault("logon", "delay", delay=3)
    process = site.start(*SHORT, environment=JOB)
    simulator.wait_for_call("logon")
    run = signalled(process, number, within_s=1.5)
    assert run.exit_code == 107, run.text
    assert "before anything was started" in run.text
    assert simulator.requests("start") == []
    assert site.record()["state"] == "not started"
    assert site.run(*SHORT, environment=JOB).exit_code == 4


def test_a_logon_that_is_tried_again_ends_with_the_signal(site: Workplace, simulator: SharedSimulator) -> None:
    """In the pause between two attempts too."""
    simulator.add_fault("logon", "status", status=503, count=0)
    process = site.start(*SHORT, environment=JOB)
    simulator.wait_for_call("logon", count=2)
    run = signalled(process, signal.SIGTERM, within_s=1.5)
    assert run.exit_code == 107, run.text
    assert "before anything was started" in run.text


@BOTH
def test_a_start_on_the_wire_is_not_cut(site: Workplace, simulator: SharedSimulator, number: signal.Signals) -> None:
    """The signal is served when its answer has come: the task is killed."""
    simulator.add_fault("start", "delay", delay_after=1)
    process = site.start(*NEVER_ENDS, environment=JOB)
    simulator.wait_for_call("start")
    run = signalled(process, number, within_s=5)
    assert run.exit_code == 3, run.text
    assert simulator.task_of("NEVER_ENDS")["status"] == 3


def test_a_start_that_turns_out_unexecuted_is_not_sent_again_after_a_signal(
    site: Workplace, simulator: SharedSimulator
) -> None:
    """Told to stop while the server says 'busy': nothing was started, and it stays so."""
    simulator.add_fault("start", "status", status=429, count=0, delay=0.5)
    process = site.start(*NEVER_ENDS, environment=JOB)
    simulator.wait_for_call("start")
    run = signalled(process, signal.SIGTERM, within_s=3)
    assert run.exit_code == 107, run.text
    assert "before anything was started" in run.text
    assert (len(simulator.requests("start")), simulator.tasks()) == (1, [])
    assert site.record()["state"] == "not started"


def test_in_the_initial_delay(site: Workplace, simulator: SharedSimulator) -> None:
    """A wait of 30 s ends at once."""
    site.write_config({"STATUS_CHECK_INITIAL_POLL_DELAY": 30})
    process = site.start(*NEVER_ENDS, environment=JOB)
    simulator.wait_for(lambda amt: bool(amt.tasks()))
    time.sleep(0.2)
    run = signalled(process, signal.SIGTERM, within_s=15)
    assert run.exit_code == 3, run.text


@pytest.mark.parametrize("call", ["status", "messages"])
def test_in_a_blocking_read(site: Workplace, simulator: SharedSimulator, call: str) -> None:
    """An answer that does not come is not waited for."""
    simulator.add_fault(call, "hang-before", after=1)
    process = site.start(*NEVER_ENDS, environment=JOB)
    simulator.wait_for_call(call, count=2)
    run = signalled(process, signal.SIGTERM, within_s=4)
    assert run.exit_code == 3, run.text


def test_in_the_final_drain(site: Workplace, simulator: SharedSimulator) -> None:
    """The task has ended: its end stays the exit code, and one line says that messages may be missing."""
    site.write_config({"STREAM_MESSAGES": False})
    simulator.add_fault("messages", "delay", delay=3, count=0)
    process = site.start(*SHORT, environment=JOB)
    simulator.wait_for_call("messages")
    run = signalled(process, signal.SIGTERM, within_s=2)
    assert run.exit_code == 4, run.text
    assert "The job log may be incomplete: the connector was told to stop." in run.text
    assert simulator.requests("kill") == []
    assert site.record()["state"] == "finished"


def test_in_an_outage(site: Workplace, simulator: SharedSimulator) -> None:
    """The kill can't be delivered: 107 after KILL_CONFIRM_TIMEOUT, and the text says that the task may be running."""
    site.write_config({"KILL_CONFIRM_TIMEOUT": 0.6, "STATUS_CHECK_POLL_INTERVAL": 0.1})
    process = watched(site, simulator, *NEVER_ENDS)
    simulator.kill()
    try:
        time.sleep(0.3)
        run = signalled(process, signal.SIGTERM, within_s=4)
    finally:
        simulator.start()
    assert run.exit_code == 107, run.text
    request = simulator.task_of("NEVER_ENDS")["id"]
    assert all(word in run.text for word in ("may be running", f"request {request}", f"-jt KILL -id {request}"))
    assert site.record()["state"] == "submitted"


def test_a_kill_that_is_not_accepted_is_repeated(site: Workplace, simulator: SharedSimulator) -> None:
    """It may be, for it does the same twice."""
    simulator.add_fault("kill", "status", status=500)
    simulator.add_fault("kill", "reset-after")
    simulator.add_fault("status", "status", status=500, count=1, after=4)
    run = signalled(watched(site, simulator, *NEVER_ENDS), signal.SIGTERM, within_s=6)
    assert run.exit_code == 3, run.text
    assert len(simulator.requests("kill")) in {2, 3}


def test_a_kill_without_effect_is_107(site: Workplace, simulator: SharedSimulator) -> None:
    """Accepted is not done: after KILL_CONFIRM_TIMEOUT the end is not confirmed."""
    site.write_config({"KILL_CONFIRM_TIMEOUT": 0.6, "STATUS_CHECK_POLL_INTERVAL": 0.1})
    run = signalled(watched(site, simulator, *STUBBORN), signal.SIGTERM, within_s=4)
    assert run.exit_code == 107, run.text
    assert "not confirmed (AMT accepted it)" in run.text
    assert site.record()["state"] == "submitted"


def test_the_task_is_left_where_that_is_configured(site: Workplace, simulator: SharedSimulator) -> None:
    """KILL_TASK_ON_INTERRUPT=False: 107 at once, the task runs on, and the restarted job attaches."""
    site.write_config({"KILL_TASK_ON_INTERRUPT": False, "STATUS_CHECK_POLL_INTERVAL": 0.1})
    run = signalled(watched(site, simulator, *NEVER_ENDS), signal.SIGTERM, within_s=1.5)
    assert run.exit_code == 107, run.text
    task = simulator.task_of("NEVER_ENDS")
    assert task["has_ended"] is False
    assert simulator.requests("kill") == []
    assert f"request {task['id']}" in run.text
    simulator.end_task(task["id"], "DONE")
    assert site.run(*NEVER_ENDS, environment=JOB).exit_code == 4


def test_a_second_signal_ends_at_once(site: Workplace, simulator: SharedSimulator) -> None:
    """107 without waiting for the confirmation; the text says what may be running."""
    process = watched(site, simulator, *STUBBORN)
    process.send_signal(signal.SIGTERM)
    simulator.wait_for_call("kill")
    time.sleep(0.1)  # two signals of the same moment are one
    run = signalled(process, signal.SIGTERM, within_s=1)
    assert run.exit_code == 107, run.text
    assert f"The task may be running: request {simulator.task_of('STUBBORN')['id']}." in run.text
    assert run.lines[-2] == "Connector completed with return code 107"
    assert site.record()["state"] == "submitted"


def test_a_second_signal_while_the_start_is_on_the_wire_keeps_the_doubt(
    site: Workplace, simulator: SharedSimulator
) -> None:
    """The record stays "intended", and the text says so."""
    simulator.add_fault("start", "hang-after")
    process = site.start(*NEVER_ENDS, environment=JOB)
    simulator.wait_for_call("start")
    process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    run = signalled(process, signal.SIGINT, within_s=1)
    assert run.exit_code == 107, run.text
    assert site.record()["state"] == "intended"
    assert f"The task may be running: run {site.record()['run_id']}." in run.text
    assert site.run(*NEVER_ENDS, environment=JOB).exit_code == 104
    assert len(simulator.tasks()) == 1


def test_a_hang_up_leaves_the_task(site: Workplace, simulator: SharedSimulator) -> None:
    """SIGHUP is the end of a session, not an order: the task runs on, and its id is printed."""
    run = signalled(watched(site, simulator, *NEVER_ENDS), signal.SIGHUP, within_s=2)
    assert run.exit_code == 107, run.text
    task = simulator.task_of("NEVER_ENDS")
    assert f"request {task['id']}" in run.text
    assert (task["has_ended"], simulator.requests("kill")) == (False, [])
    assert site.record()["state"] == "submitted"


def test_nohup_is_respected(site: Workplace, simulator: SharedSimulator) -> None:
    """A hang-up that is ignored stays ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = watched(site, simulator, *NEVER_ENDS)
    finally:
        signal.signal(signal.SIGHUP, before)
    process.send_signal(signal.SIGHUP)
    seen = len(simulator.requests("status"))
    simulator.wait_for_call("status", count=seen + 2)
    simulator.end_task(simulator.task_of("NEVER_ENDS")["id"], "DONE")
    assert ended(process).exit_code == 4


def test_an_attached_run_is_told_to_stop_as_any_other(site: Workplace, simulator: SharedSimulator) -> None:
    """The task of an earlier run is killed and its record settled."""
    first = watched(site, simulator, *NEVER_ENDS)
    first.kill()
    first.communicate()
    again = site.start(*NEVER_ENDS, environment=JOB)
    seen = len(simulator.requests("status"))
    simulator.wait_for_call("status", count=seen + 2)
    run = signalled(again, signal.SIGTERM, within_s=4)
    assert run.exit_code == 3, run.text
    assert (site.record()["state"], len(simulator.tasks())) == ("finished", 1)


def test_a_signal_at_the_logon_of_a_restart_names_the_request(site: Workplace, simulator: SharedSimulator) -> None:
    """The task of the earlier run may be running, whatever became of this one."""
    site.write_config({"KILL_CONFIRM_TIMEOUT": 0.5, "STATUS_CHECK_POLL_INTERVAL": 0.1})
    site.add_to_server(READ_TIMEOUT=0.5)
    first = watched(site, simulator, *STUBBORN)
    first.kill()
    first.communicate()
    simulator.add_fault("logon", "hang-before", count=0)
    again = site.start(*STUBBORN, environment=JOB)
    simulator.wait_for_call("logon", count=2)
    run = signalled(again, signal.SIGTERM, within_s=5)
    assert run.exit_code == 107, run.text
    assert f"request {simulator.task_of('STUBBORN')['id']}" in run.text
    assert "may be running" in run.text
    assert site.record()["state"] == "submitted"
