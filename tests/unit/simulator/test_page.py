"""The simulator's page from inside: what it counts, and whom it answers."""

from __future__ import annotations

import time
from typing import Any

import pytest
from starlette.requests import Request

from amtconnector.simulator import definitions
from amtconnector.simulator.faults import FaultTable, read_fault
from amtconnector.simulator.page import guard
from amtconnector.simulator.page.presets import PRESETS
from amtconnector.simulator.page.rows import duration, readable
from amtconnector.simulator.page.view import Asked, Viewer, World
from amtconnector.simulator.scheduler import Scheduler
from amtconnector.simulator.store import Store
from amtconnector.simulator.table import Table
from amtconnector.simulator.task import Order

DEFINITIONS = """
[scheduler]
controller_delay = 0
[queues.SINGLE]
limit = 1
[applications.A.jobs.ENDLESS]
ends = "never"
[applications.A.jobs.SHORT]
duration = 0.2
"""


def test_a_preset_is_a_fault_that_could_be_written() -> None:
    """Each is one that a definitions file may hold."""
    problems: list[str] = []
    for preset in PRESETS:
        fault = preset.fault
        values = {"call": fault.call, "kind": fault.kind, "count": fault.count, "delay": fault.delay}
        read_fault(Table(values, preset.key, problems))
    assert problems == []
    assert len({preset.key for preset in PRESETS}) == len(PRESETS)


def test_only_this_machine_sees_the_page() -> None:
    """However the simulator listens, a client from elsewhere is told so."""

    def asked(client: str) -> str:
        headers = [(b"host", b"localhost:4004")]
        return guard.objection_to_reading(
            Request(
                {
                    "type": "http",
                    "client": (client, 1),
                    "headers": headers,
                    "scheme": "http",
                    "path": "/",
                    "server": ("", 1),
                    "query_string": b"",
                }
            )
        )

    assert [bool(asked(client)) for client in ("127.0.0.1", "::1", "::ffff:127.0.0.1")] == [False, False, False]
    assert [bool(asked(client)) for client in ("192.0.2.7", "::ffff:192.0.2.7", "testclient")] == [True, True, True]


def world_with(count: int) -> tuple[World, list[Any]]:
    """Return a simulator's inside with so many tasks, half of them ended."""
    known = definitions.parse(DEFINITIONS)
    store = Store(None)
    scheduler = Scheduler(known, store, speed=1, clock=time.time)
    jobs = ("ENDLESS", "SHORT")
    tasks = [
        scheduler.start(Order("A", jobs[n % 2], "", "BATCH", "", "OPCON", "", (str(n % 7),), ())) for n in range(count)
    ]
    return World(known, scheduler, store, FaultTable(), 1), tasks


def test_counts_queues_and_starts_are_those_of_the_scheduler() -> None:
    """Waiting and running per queue; how often each job was started, and how often with the very same values."""
    world, tasks = world_with(20)
    later = time.time() + 5
    view = Viewer(world).view(Asked(), later)
    assert {name: count for name, _, count in view.counts}["Running"] == 10
    assert {name: count for name, _, count in view.counts}["Done"] == 10
    assert [(queue.name, queue.waiting, queue.running) for queue in view.queues] == [
        ("SINGLE", 0, 0),
        ("(AMT's own)", 0, 10),
    ]
    assert [(job.name, job.starts, job.repeated) for job in view.jobs] == [("SHORT", 10, 3), ("ENDLESS", 10, 3)]
    assert [task.id for task in view.tasks] == [task.id for task in reversed(tasks)]
    assert all(row.is_live == (row.name == "ENDLESS") for row in view.tasks)


def test_a_view_twice_counts_once() -> None:
    """What was counted stays counted, what is new comes on top."""
    world, _ = world_with(2)
    viewer = Viewer(world)
    viewer.view(Asked(), time.time())
    world.scheduler.start(Order("A", "SHORT", "", "", "", "", "", (), ()))
    assert {job.name: job.starts for job in viewer.view(Asked(), time.time()).jobs} == {"SHORT": 2, "ENDLESS": 1}


def test_older_tasks_are_on_the_next_page() -> None:
    """A hundred at a time, each of them once."""
    world, tasks = world_with(250)
    viewer, seen, before = Viewer(world), [], 0
    while True:
        view = viewer.view(Asked(before=before), time.time())
        seen += [row.id for row in view.tasks]
        before = view.older
        if not before:
            break
    assert seen == [task.id for task in reversed(tasks)]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.9, "0 s"), (61, "1 min 01 s"), (3661, "1 h 01 min"), (-5, "0 s"), (90000, "25 h 00 min")]
)
def test_a_duration_is_told_in_two_units(seconds: float, text: str) -> None:
    """The two largest ones."""
    assert duration(seconds) == text


def test_a_text_is_made_safe_to_show() -> None:
    """Control characters and lone surrogates escaped, what is too long cut with its length."""
    assert readable("a\x1b[2J\ud800\u2028é", 50) == "a\\x1b[2J\\ud800\\u2028é"
    assert readable("x" * 1200, 3) == "xxx … (1200 characters)"
