"""Being told to stop: by a signal or a console, by the end of the console, by the machine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from amtconnector.lab.acceptance import console, restarts
from amtconnector.lab.acceptance.agent import Surroundings
from amtconnector.lab.acceptance.check import Failed, NotTried, require

if TYPE_CHECKING:
    from amtconnector.lab.acceptance.stage import Stage

_CLOSE_LIMIT_S = 4.0  # the connector promises 2 s; a busy machine is no defect


def kills_the_task(event: str, stage: Stage) -> str:
    """See that Ctrl-C, Ctrl-Break, or SIGTERM, with which service managers stop a program, kills the task: 3."""
    console.must_be_able_to(event)
    job, site = stage.job("NEVER_ENDS"), stage.site()
    running, _ = restarts.started(stage, site, job)
    console.tell(running, event)
    ended = running.ended().must_exit(3).must_say("KILLED")
    [task] = stage.amt.tasks(job.marker)
    if task["status_name"] != "KILLED":
        raise Failed(f"exit code 3, but the task is {task['status_name']}", ended.text)
    return "the task is killed, exit code 3"


def closed(stage: Stage) -> str:
    """See that the end of the console leaves the task alone and is 107, and that the restarted job takes it up."""
    console.must_be_able_to("close")
    job, site = stage.job("NEVER_ENDS"), stage.site()
    running, task = restarts.started(stage, site, job, Surroundings(has_window=True))
    begun = time.monotonic()
    console.tell(running, "close")
    running.ended().must_exit(107).must_say(str(task["id"]))
    seconds = time.monotonic() - begun
    require(seconds < _CLOSE_LIMIT_S, f"107 came after {seconds:.1f} s; Windows waits for 5 s at most")
    [left] = stage.amt.tasks(job.marker)
    require(not left["has_ended"], "the task was ended too")
    return f"107 after {seconds:.1f} s; then {restarts.attaches(stage, site, job.restarted(), task)}"


def told_twice(stage: Stage) -> str:
    """See that a second signal ends the connector at once with 107, although the task goes on."""
    console.must_be_able_to("ctrl-c")
    job, site = stage.job("NEVER_ENDS"), stage.site()
    running, _ = restarts.started(stage, site, job)
    stage.amt.add_fault("kill", "hang-before")
    try:
        console.tell(running, "ctrl-c")
        stage.amt.wait_until(lambda amt: any(fault["fired"] for fault in amt.ask("GET", "faults")), 5)
        console.tell(running, "ctrl-c")
        running.ended().must_exit(107)
    finally:
        stage.amt.clear_faults()
    return "107 at once"


def logged_off(_stage: Stage) -> str:
    """See that a log-off is none of the connector's business; a shutdown is like a close."""
    raise NotTried("it would end this session: log off while the agent's service runs a job, and see it go on")
