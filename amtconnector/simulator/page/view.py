"""Look at the scheduler, the store and the faults, and say what the page shows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from amtconnector import __version__
from amtconnector.simulator.page.rows import JobCounts, clock_time, detail, duration, queue_rows, readable, task_row
from amtconnector.simulator.page.values import AccountRow, FaultRow, RequestRow, TaskRow, View
from amtconnector.simulator.statuses import kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from amtconnector.simulator.definitions import Definitions
    from amtconnector.simulator.faults import Armed, FaultTable
    from amtconnector.simulator.scheduler import Scheduler
    from amtconnector.simulator.store import Store
    from amtconnector.simulator.task import Task

TASKS_SHOWN = 100
REQUESTS_SHOWN = 30
SHOWS = ("all", "live", "operator")


class World(NamedTuple):
    """What there is to see."""

    definitions: Definitions
    scheduler: Scheduler
    store: Store
    faults: FaultTable
    speed: float


class Asked(NamedTuple):
    """What the address of the page asks for."""

    show: str = "all"
    task: int = 0
    before: int = 0
    notice: str = ""
    address: str = ""


class Viewer:
    """Makes views. A task that has ended stays as it is, so it is looked at once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ended: dict[int, TaskRow] = {}
        self._ends: dict[int, str] = {}
        self._jobs = JobCounts(world.definitions)
        self._started = time.time()

    def view(self, asked: Asked, now: float) -> View:
        """Return what the page shows now."""
        world = self._world
        tasks = list(world.scheduler)
        kinds = [self._kind(task, now) for task in tasks]
        wanted = [task for task, kind in zip(tasks, kinds, strict=True) if _is_wanted(kind, asked.show)]
        shown = [task for task in wanted if task.id < asked.before] if asked.before else wanted
        chosen = next((task for task in reversed(tasks) if task.id == asked.task), None)
        return View(
            counts=self._counts(kinds),
            tasks=[self._row(task, now) for task in reversed(shown[-TASKS_SHOWN:])],
            tasks_in_all=len(wanted),
            older=shown[-TASKS_SHOWN].id if len(shown) > TASKS_SHOWN else 0,
            show=asked.show,
            before=asked.before,
            detail=detail(chosen, now) if chosen else None,
            chosen=asked.task,
            queues=queue_rows(world.definitions, [task for task in tasks if task.id not in self._ends], now),
            jobs=self._jobs.rows(tasks),
            faults=[_fault_row(armed) for armed in world.faults],
            requests=[_request_row(facts) for facts in world.store.last_requests(REQUESTS_SHOWN)],
            accounts=[
                AccountRow(readable(user, 60), count, 0 < world.definitions.lock_after <= count)
                for user, count in world.store.rejections().items()
                if count
            ],
            tokens=world.store.count_tokens("", now),
            notice=asked.notice,
            about=self._about(asked.address, now),
        )

    def _kind(self, task: Task, now: float) -> str:
        """Return the class of a task's status; an end is final."""
        known = self._ends.get(task.id)
        if known is None:
            known = kind_of(task.status(now))
            if task.has_ended(now):
                self._ends[task.id] = known
        return known

    def _row(self, task: Task, now: float) -> TaskRow:
        row = self._ended.get(task.id)
        if row is None or row.is_forgotten != task.is_forgotten(now):
            row = task_row(task, now)
            if task.has_ended(now):
                self._ended[task.id] = row
        return row

    def _counts(self, kinds: Sequence[str]) -> list[tuple[str, str, int]]:
        waiting = kinds.count("queued") + kinds.count("waiting")
        return [
            ("Waiting", "queued", waiting),
            ("Running", "running", kinds.count("running") + kinds.count("unlisted")),
            ("For an operator", "operator", kinds.count("operator")),
            ("Done", "good", kinds.count("good")),
            ("Ended otherwise", "bad", kinds.count("bad")),
            ("Requests", "plain", self._world.store.count_requests()),
        ]

    def _about(self, address: str, now: float) -> Mapping[str, Any]:
        definitions = self._world.definitions
        application, jobs = next(iter(definitions.applications.items()), ("", {}))
        return {
            "version": __version__,
            "address": address,
            "speed": self._world.speed,
            "time": clock_time(now),
            "up": duration(now - self._started),
            "application": application,
            "job": next(iter(jobs), ""),
        }


def _is_wanted(kind: str, show: str) -> bool:
    if show == "live":
        return kind not in ("good", "bad")
    return show != "operator" or kind == "operator"


def _fault_row(armed: Armed) -> FaultRow:
    fault = armed.fault
    hits = f"{armed.fired} of {fault.count}" if fault.count else str(armed.fired)
    kind = f"{fault.kind} {fault.status}" if fault.kind == "status" else fault.kind
    return FaultRow(armed.number, fault.job, fault.call, kind, hits, armed.fired, armed.seen, armed.is_spent)


def _request_row(facts: Mapping[str, Any]) -> RequestRow:
    status, seconds = facts["status"], facts["seconds"]
    return RequestRow(
        number=facts["number"],
        at=clock_time(facts["time"]),
        call=facts["call"],
        about=readable(f"{facts['method']} {facts['path']}" + (f"?{facts['query']}" if facts["query"] else ""), 90),
        status=str(status) if status else "under way" if seconds is None else "no answer",
        milliseconds="" if seconds is None else f"{seconds * 1000:.0f} ms",
        fault=facts["fault"] or "",
        is_good=bool(status) and status < 400,
    )
