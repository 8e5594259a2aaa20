"""The batch scheduler: queues with a limit, a controller that takes its time, stop and kill.

Whenever something happens (a start, a stop, a kill), the moments at which the waiting tasks of that queue will start
are worked out anew and stored. Between two such events nothing needs to run: a status is a comparison of times.
"""

from __future__ import annotations

import heapq
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from amtconnector.simulator import statuses
from amtconnector.simulator.definitions import job_from
from amtconnector.simulator.messages import Message
from amtconnector.simulator.task import Order, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from amtconnector.simulator.definitions import Definitions, Job
    from amtconnector.simulator.store import Store


class UnknownTarget(Exception):
    """The start names an application, job or queue that does not exist."""


class UnknownUser(Exception):
    """The start names a RunAs user that does not exist, and the definitions want that refused."""


class Scheduler:
    """All tasks. `clock` returns seconds since the epoch; `speed` is how fast the scheduler's own time passes."""

    def __init__(self, definitions: Definitions, store: Store, *, speed: float, clock: Callable[[], float]) -> None:
        self._definitions = definitions
        self._store = store
        self._speed = speed
        self._clock = clock
        self._tasks: dict[int, Task] = {task.id: task for task in store.tasks(definitions.forms)}
        self._next = max(self._tasks, default=definitions.first_request_id - 1) + 1
        self._live: dict[str, list[Task]] = {}
        for task in self._tasks.values():
            self._live.setdefault(task.queue, []).append(task)

    def __iter__(self) -> Iterator[Task]:
        return iter(self._tasks.values())

    def get(self, number: int) -> Task | None:
        """Return a task by its request id; None when there is none, or it has been forgotten."""
        task = self._tasks.get(number)
        return None if task is None or task.is_forgotten(self._clock()) else task

    def start(self, order: Order) -> Task:
        """Put a task into its queue; raises UnknownTarget or UnknownUser."""
        job = self._job_for(order)
        queue = order.queue or job.queue or self._definitions.default_queue
        if order.queue and order.queue not in self._definitions.queues:
            raise UnknownTarget(f"Queue '{order.queue}' does not exist.")
        number = self._next
        self._next += 1
        task = Task(number, order, job, queue, self._speed, self._clock())
        self._tasks[number] = task
        self._live.setdefault(queue, []).append(task)
        self._plan(queue)
        self._store.save_task(task)
        return task

    def stop(self, task: Task) -> None:
        """End a task in an orderly way: after its job's `stop_delay`."""
        if not task.job.ignores_stop:
            self._cut(task, task.job.stop_delay, task.job.stop_ends, "STOP")

    def kill(self, task: Task) -> None:
        """End a task: after its job's `kill_delay`."""
        if not task.job.ignores_kill:
            self._cut(task, task.job.kill_delay, task.job.kill_ends, "KILL")

    def end(self, task: Task, status: int) -> None:
        """End a task at once, as an operator does in the Control Center."""
        self._cut(task, 0, status, "OPERATOR")

    def remove(self, task: Task) -> None:
        """Forget a task: the server does not know its request id any more. It leaves its queue."""
        task.is_removed = True
        self._cut(task, 0, statuses.KILLED, "REMOVED")
        self._store.save_task(task)

    def _cut(self, task: Task, delay: float, status: int, by: str) -> None:
        now = self._clock()
        cut_at = now + (delay / self._speed if task.starts_at <= now else 0)
        if task.has_ended(now) or task.cut_at <= cut_at:
            return
        task.cut_at, task.cut_status, task.cut_by = cut_at, status, by
        self._plan(task.queue)
        self._store.save_task(task)

    def _job_for(self, order: Order) -> Job:
        jobs = self._definitions.applications.get(order.application)
        if jobs is None:
            raise UnknownTarget(f"Application '{order.application}' does not exist.")
        job = self._script(order.script) if order.script else jobs.get(order.job)
        if job is None:
            raise UnknownTarget(f"Job '{order.job}' does not exist in application '{order.application}'.")
        if order.user and order.user not in self._definitions.run_as_users:
            return self._job_of_nobody(order, job)
        return _echoing(job, order) if job.echo else job

    def _script(self, path: str) -> Job:
        text = json.dumps(f"Script file '{path}' not found.")
        missing = {"duration": 0, "ends": statuses.ERROR, "messages": [{"json": text}]}
        return self._definitions.script(path) or job_from(path, missing, self._definitions.forms)

    def _job_of_nobody(self, order: Order, job: Job) -> Job:
        if self._definitions.unknown_user == "refused":
            raise UnknownUser(f"User '{order.user}' does not exist.")
        source = {"queue": job.queue, "duration": 0, "ends": statuses.INVALID_USER}
        return job_from(job.name, source, self._definitions.forms)

    def _plan(self, queue: str) -> None:
        """Work out when the waiting tasks of a queue will start."""
        now = self._clock()
        live = self._live[queue] = [task for task in self._live[queue] if not task.has_ended(now)]
        waiting = [task for task in live if task.starts_at > now]
        slots = self._slots([task.ends_at for task in live if task.starts_at <= now], len(waiting), queue)
        for task in waiting:
            starts_at = max(task.submitted_at + self._definitions.controller_delay / self._speed, slots[0], now)
            if starts_at != task.starts_at:
                task.starts_at = starts_at
                self._store.save_task(task)
            heapq.heapreplace(slots, task.ends_at)

    def _slots(self, busy_until: list[float], waiting: int, queue: str) -> list[float]:
        """Return when each slot of a queue comes free, as a heap; an unlimited queue has a slot for every task."""
        limit = self._definitions.queues.get(queue, 0) or len(busy_until) + waiting or 1
        slots = sorted(busy_until)[-limit:]
        slots += [0.0] * (limit - len(slots))
        heapq.heapify(slots)
        return slots


def _echoing(job: Job, order: Order) -> Job:
    """Return the job with one more message, at its start, for each task value and parameter."""
    lines = [f"Task value {n}: {text}" for n, text in enumerate(order.task_values, 1)]
    lines += [f"Parameter {n}: {text}" for n, text in enumerate(order.parameters, 1)]
    echoed = tuple(Message(0, line, is_literal=True) for line in lines)
    source = {
        **job.source,
        "messages": [*_listed(job.source), *({"at": 0, "json": json.dumps(line)} for line in lines)],
    }
    return replace(job, messages=job.messages + echoed, source=source)


def _listed(source: Mapping[str, object]) -> list[object]:
    messages = source.get("messages")
    return messages if isinstance(messages, list) else []
