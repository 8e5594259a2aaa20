"""The simulator's scheduler: queues, the controller's delay, stop and kill; every time can be worked out by hand."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amtconnector.simulator import definitions
from amtconnector.simulator.scheduler import Scheduler, UnknownTarget, UnknownUser
from amtconnector.simulator.store import Store
from amtconnector.simulator.task import Order, Task

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEFINITIONS = """
[scheduler]
controller_delay = 1
run_as_users = ["BATCH"]
[queues.FREE]
[queues.TWO]
limit = 2
[applications.A.jobs.TEN]
duration = 10
messages = ["a", { at = 5, text = "b" }, { at = 12, text = "late" }]
[applications.A.jobs.STEPS]
duration = 10
statuses = [{ at = 2, status = 14 }, { at = 6, status = "RUNNING" }]
forgotten_after = 5
[applications.A.jobs.ENDLESS]
ends = "never"
kill_clears_messages = true
messages = ["a"]
[applications.A.jobs.STUBBORN]
duration = 10
ignores_stop = true
ignores_kill = true
[applications.A.jobs.ECHO]
echo = true
messages = ["first", { at = 1, text = "{job} of {application} as {user}: {parameters} / {task_values} / {request_id}" }]
[scripts.'C:\\S.ps1']
duration = 3
"""


@dataclass
class Clock:
    """A clock that stands until it is set."""

    now: float = 1000

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock at 1000."""
    return Clock()


@pytest.fixture
def store() -> Iterator[Store]:
    """Return a memory of its own."""
    store = Store(None)
    yield store
    store.close()


@pytest.fixture
def scheduler(clock: Clock, store: Store) -> Scheduler:
    """Return a scheduler at normal speed."""
    return Scheduler(definitions.parse(DEFINITIONS), store, speed=1, clock=clock)


def order(job: str, *, queue: str = "", user: str = "", script: str = "", parameters: tuple[str, ...] = ()) -> Order:
    """Return a start for a job of application A."""
    return Order("A", job, script, "BATCH", user, "OPCON", queue, ("25",), parameters)


def texts(task: Task, now: float) -> list[str]:
    """Return the texts that a task shows."""
    return [message.text for message in task.entries(now)]


def test_request_ids_count_from_the_first_one(scheduler: Scheduler) -> None:
    """The first request is the documented 2112, the next one follows."""
    assert [scheduler.start(order("TEN")).id for _ in range(3)] == [2112, 2113, 2114]


def test_a_task_is_queued_then_runs_then_ends(scheduler: Scheduler) -> None:
    """The controller picks it up after its delay; it ends after its duration, with its job's status."""
    task = scheduler.start(order("TEN"))
    assert [task.status(now) for now in (1000, 1000.9, 1001, 1010.9, 1011, 9999)] == [1, 1, 2, 2, 4, 4]


def test_statuses_follow_their_times(scheduler: Scheduler) -> None:
    """Each status holds from its second until the next one."""
    task = scheduler.start(order("STEPS"))
    assert [task.status(now) for now in (1002.9, 1003, 1006.9, 1007, 1011)] == [2, 14, 14, 2, 4]


@given(st.floats(1000, 1020))
def test_the_timeline_says_what_the_status_is_at_any_moment(now: float) -> None:
    """The truth that tests read and the answers that clients get are the same."""
    store = Store(None)
    task = Scheduler(definitions.parse(DEFINITIONS), store, speed=1, clock=Clock()).start(order("STEPS"))
    assert task.status(now) == [status for at, status in task.timeline() if at <= now][-1]
    store.close()


def test_speed_shortens_every_time_of_a_task(clock: Clock, store: Store) -> None:
    """At ten times the speed a job of ten seconds takes one."""
    task = Scheduler(definitions.parse(DEFINITIONS), store, speed=10, clock=clock).start(order("TEN"))
    assert (task.starts_at, task.ends_at) == (1000.1, 1001.1)
    assert (texts(task, 1000.5), texts(task, 1000.61)) == (["a"], ["a", "b"])


def test_a_queue_runs_no_more_than_its_limit(scheduler: Scheduler, clock: Clock) -> None:
    """The third task of a queue for two starts when the first has ended."""
    tasks = []
    for clock.now in (1000, 1001, 1002, 1003):
        tasks.append(scheduler.start(order("TEN", queue="TWO")))
    assert [task.starts_at for task in tasks] == [1001, 1002, 1011, 1012]
    assert scheduler.start(order("TEN", queue="FREE")).starts_at == 1004


def test_a_killed_task_frees_its_place(scheduler: Scheduler, clock: Clock) -> None:
    """Whoever waits for it starts when it has really ended, not when the kill was asked for."""
    endless = [scheduler.start(order("ENDLESS", queue="TWO")) for _ in range(2)]
    waiting = scheduler.start(order("TEN", queue="TWO"))
    assert (waiting.status(5000), waiting.ends_at) == (1, float("inf"))
    clock.now = 2000
    scheduler.kill(endless[0])
    assert (waiting.starts_at, waiting.ends_at) == (2000.5, 2010.5)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=30))
def test_no_queue_ever_exceeds_its_limit(events: list[tuple[int, int]]) -> None:
    """Whatever is started and killed, at no moment do more than two tasks of the queue run, and all of them end."""
    store, clock = Store(None), Clock()
    scheduler = Scheduler(definitions.parse(DEFINITIONS), store, speed=1, clock=clock)
    started: list[Task] = []
    for pause, kind in events:
        clock.now += pause
        if kind == 0 and started:
            scheduler.kill(started[len(started) // 2])
        else:
            started.append(scheduler.start(order("TEN", queue="TWO")))
    ran = [task for task in started if task.starts_at < task.ends_at]
    for moment in itertools.chain.from_iterable((task.starts_at, task.ends_at) for task in ran):
        assert sum(task.starts_at <= moment < task.ends_at for task in ran) <= 2
    assert all(task.has_ended(clock.now + 10_000) for task in started)
    store.close()


def test_a_kill_is_accepted_first_and_done_later(scheduler: Scheduler, clock: Clock) -> None:
    """For the kill delay the task still runs; then it is KILLED and says nothing more."""
    task = scheduler.start(order("TEN"))
    clock.now = 1003
    scheduler.kill(task)
    assert [task.status(now) for now in (1003, 1003.4, 1003.5)] == [2, 2, 3]
    assert texts(task, 5000) == ["a"]


def test_a_kill_makes_a_stop_come_sooner_and_never_later(scheduler: Scheduler, clock: Clock) -> None:
    """A second request to end a task never postpones its end."""
    task = scheduler.start(order("TEN"))
    clock.now = 1003
    scheduler.stop(task)
    clock.now = 1003.1
    scheduler.kill(task)
    assert (task.ends_at, task.final_status) == (1003.6, 3)
    clock.now = 1003.2
    scheduler.kill(task)
    assert task.ends_at == 1003.6


def test_a_task_that_ends_before_the_kill_does_keeps_its_own_end(scheduler: Scheduler, clock: Clock) -> None:
    """A kill that comes too late changes nothing."""
    task = scheduler.start(order("TEN"))
    clock.now = 1010.8
    scheduler.kill(task)
    assert (task.status(1011), task.ends_at, task.is_cut) == (4, 1011, False)
    clock.now = 1012
    scheduler.kill(task)
    assert task.status(1020) == 4


def test_a_queued_task_is_killed_at_once(scheduler: Scheduler) -> None:
    """What does not run yet needs no time to end."""
    task = scheduler.start(order("TEN"))
    scheduler.kill(task)
    assert (task.status(1000), texts(task, 2000)) == (3, [])


def test_a_stubborn_task_takes_no_notice(scheduler: Scheduler, clock: Clock) -> None:
    """A stop or kill may be accepted and have no effect."""
    task = scheduler.start(order("STUBBORN"))
    clock.now = 1005
    scheduler.stop(task)
    scheduler.kill(task)
    assert (task.status(1010), task.status(1011)) == (2, 4)


def test_messages_may_be_gone_after_a_kill(scheduler: Scheduler, clock: Clock) -> None:
    """AMT's answer is empty after some kills."""
    task = scheduler.start(order("ENDLESS"))
    clock.now = 1005
    scheduler.kill(task)
    assert (texts(task, 1005.4), texts(task, 1005.5)) == (["a"], [])


def test_messages_may_come_after_the_end(scheduler: Scheduler) -> None:
    """A task that ended by itself may still have something to say."""
    task = scheduler.start(order("TEN"))
    assert (texts(task, 1011), texts(task, 1013)) == (["a", "b"], ["a", "b", "late"])


def test_a_request_is_forgotten_after_its_time(scheduler: Scheduler, clock: Clock) -> None:
    """A server may clear its ended requests away."""
    task = scheduler.start(order("STEPS"))
    clock.now = 1015.9
    assert scheduler.get(task.id) is task
    clock.now = 1016
    assert scheduler.get(task.id) is None


def test_an_operator_ends_a_task_at_once(scheduler: Scheduler, clock: Clock) -> None:
    """The Control Center can end what waits for ever."""
    task = scheduler.start(order("ENDLESS"))
    clock.now = 1500
    scheduler.end(task, 6)
    assert (task.status(1500), task.cut_by) == (6, "OPERATOR")


def test_an_unknown_script_ends_in_error(scheduler: Scheduler) -> None:
    """A script file that does not exist is ERROR (11), after the start was accepted; a known one runs."""
    missing = scheduler.start(order("", script=r"C:\missing.ps1"))
    assert (missing.status(1001), texts(missing, 1001)) == (11, [r"Script file 'C:\missing.ps1' not found."])
    assert scheduler.start(order("TEN", script=r"c:\s.PS1")).ends_at == 1004


def test_an_unknown_runas_user_ends_in_99(scheduler: Scheduler) -> None:
    """INVALID AMT USER is a terminal status of a task that was accepted."""
    assert scheduler.start(order("TEN", user="NOBODY")).status(1001) == 99
    assert scheduler.start(order("TEN", user="BATCH")).status(1001) == 2


def test_an_unknown_runas_user_can_be_refused(store: Store, clock: Clock) -> None:
    """The definitions may want the start refused instead."""
    refusing = definitions.parse(DEFINITIONS.replace("[scheduler]", '[scheduler]\nunknown_user = "refused"'))
    with pytest.raises(UnknownUser, match="'NOBODY'"):
        Scheduler(refusing, store, speed=1, clock=clock).start(order("TEN", user="NOBODY"))


@pytest.mark.parametrize(
    "unknown", [Order("B", "TEN", "", "", "", "", "", (), ()), order("NO_JOB"), order("TEN", queue="NO")]
)
def test_an_unknown_application_job_or_queue_is_refused(scheduler: Scheduler, unknown: Order) -> None:
    """Nothing is started, and no request id is used up."""
    with pytest.raises(UnknownTarget):
        scheduler.start(unknown)
    assert scheduler.start(order("TEN")).id == 2112


def test_an_echo_shows_every_value_as_it_came(scheduler: Scheduler) -> None:
    """Parameters and task values are shown as the server got them, whatever they contain."""
    task = scheduler.start(order("ECHO", parameters=("'PARAM'", "{job}", "\ud800")))
    assert texts(task, 1001)[:5] == [
        "first",
        "Task value 1: 25",
        "Parameter 1: 'PARAM'",
        "Parameter 2: {job}",
        "Parameter 3: \ud800",
    ]


def test_everything_is_the_same_after_a_restart(tmp_path: Path, clock: Clock) -> None:
    """The state file keeps every task with its times, whatever the definitions say by then."""
    before = Store(tmp_path / "state")
    scheduler = Scheduler(definitions.parse(DEFINITIONS), before, speed=1, clock=clock)
    for job in ("TEN", "STEPS", "ENDLESS", "ECHO"):
        scheduler.start(order(job, queue="TWO", parameters=("'PARAM'",)))
    scheduler.start(order("", script=r"C:\missing.ps1"))
    scheduler.start(order("TEN", user="NOBODY"))
    clock.now = 1003
    scheduler.kill(next(iter(scheduler)))
    expected = [(task.timeline(), texts(task, 1100), task.order) for task in scheduler]
    before.close()
    after = Store(tmp_path / "state")
    restarted = Scheduler(definitions.parse("[queues.TWO]\nlimit = 2"), after, speed=1, clock=clock)
    assert [(task.timeline(), texts(task, 1100), task.order) for task in restarted] == expected
    after.close()
