"""One task, whatever becomes of the process that started it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amtconnector.lab.acceptance.agent import AS_THE_AGENT, Surroundings
from amtconnector.lab.acceptance.check import Failed, require

if TYPE_CHECKING:
    from amtconnector.lab.acceptance.agent import Started
    from amtconnector.lab.acceptance.site import Job, Site
    from amtconnector.lab.acceptance.stage import Stage

_PATIENCE_S = 60.0


def killed_and_attached(stage: Stage) -> str:
    """See that a connector that is killed leaves its task alone; the restarted job takes it up and tells its end."""
    job, site = stage.job("NEVER_ENDS"), stage.site()
    running, task = started(stage, site, job)
    running.kill()
    return attaches(stage, site, job.restarted(), task)


def two_at_once(stage: Stage) -> str:
    """See that a job that is started while it runs does nothing and is exit code 104."""
    job, site = stage.job("NEVER_ENDS"), stage.site()
    running, task = started(stage, site, job)
    site.run(job.restarted()).must_exit(104).must_say(str(task["id"]))
    stage.amt.end_task(task["id"], "DONE")
    running.ended().must_exit(4)
    require_one_start(stage, job)
    return "the second is 104, the first goes on to 4: one start"


def started(
    stage: Stage, site: Site, job: Job, surroundings: Surroundings = AS_THE_AGENT
) -> tuple[Started, dict[str, Any]]:
    """Start a job that does not end by itself; return when its status has been asked for."""
    running = site.start(job, surroundings=surroundings)
    asked = stage.amt.asked("status")
    if not stage.amt.wait_until(lambda amt: bool(amt.tasks(job.marker)) and amt.asked("status") > asked, _PATIENCE_S):
        raise Failed(f"no task was started and watched within {_PATIENCE_S:g} s", running.ended_by_force().text)
    return running, stage.amt.tasks(job.marker)[0]


def attaches(stage: Stage, site: Site, job: Job, task: dict[str, Any]) -> str:
    """Start the job again, see that it takes the task up, and end the task."""
    again = site.start(job)
    asked = stage.amt.asked("status")
    stage.amt.wait_until(lambda amt: amt.asked("status") > asked, _PATIENCE_S)
    stage.amt.end_task(task["id"], "DONE")
    again.ended().must_exit(4).must_say(f"'{task['id']}'")
    require_one_start(stage, job)
    return "one task, one start, exit code 4"


def require_one_start(stage: Stage, job: Job) -> None:
    """Raise Failed unless AMT has seen one start and has one task of this job."""
    starts, tasks = stage.amt.starts(job.marker), len(stage.amt.tasks(job.marker))
    require((starts, tasks) == (1, 1), f"{starts} starts and {tasks} tasks where there must be one")
