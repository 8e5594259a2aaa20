"""A task on its way through time: what it is at any moment follows from a few facts and from nothing else."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from amtconnector.simulator import statuses
from amtconnector.simulator.messages import Wrapping, last_texts, pieces, shown

if TYPE_CHECKING:
    from amtconnector.simulator.definitions import Job
    from amtconnector.simulator.messages import Message


@dataclass(frozen=True, slots=True)
class Order:
    """What a start request asks for, member by member."""

    application: str
    job: str
    script: str
    submit_user: str
    user: str
    station: str
    queue: str
    task_values: tuple[str, ...]
    parameters: tuple[str, ...]
    unique_id: str = ""


@dataclass(slots=True)
class Task:
    """One batch request. Times are seconds since the epoch; `speed` is how many seconds of its job pass in one.

    `starts_at` is inf while no slot of its queue is known to come free. `cut_at` is when a stop, a kill or an operator
    ends it before its time, with `cut_status`.
    """

    id: int
    order: Order
    job: Job
    queue: str
    speed: float
    submitted_at: float
    starts_at: float = math.inf
    cut_at: float = math.inf
    cut_status: int = statuses.KILLED
    cut_by: str = ""
    is_removed: bool = False

    @property
    def natural_end(self) -> float:
        """When it ends if nobody interferes."""
        return self.starts_at + (math.inf if self.job.ends is None else self.job.duration / self.speed)

    @property
    def ends_at(self) -> float:
        """When it ends."""
        return min(self.natural_end, self.cut_at)

    @property
    def is_cut(self) -> bool:
        """Whether it ends before its time."""
        return self.cut_at < self.natural_end

    def has_ended(self, now: float) -> bool:
        """Whether it has reached a terminal status."""
        return self.ends_at <= now

    def is_forgotten(self, now: float) -> bool:
        """Whether the server does not know it any more."""
        return self.is_removed or self.ends_at + self.job.forgotten_after / self.speed <= now

    def status(self, now: float) -> int:
        """Return its status."""
        if self.has_ended(now) and self.final_status is not None:
            return self.final_status
        if now < self.starts_at:
            return statuses.QUEUED
        elapsed = (now - self.starts_at) * self.speed
        passed = [status for at, status in self.job.statuses if at <= elapsed]
        return passed[-1] if passed else statuses.RUNNING

    @property
    def final_status(self) -> int | None:
        """How it ends; None when it does not end by itself."""
        return self.cut_status if self.is_cut else self.job.ends

    def timeline(self) -> list[tuple[float, int]]:
        """Return when it has which status, in the order of time: (seconds since the epoch, status)."""
        steps = [(self.submitted_at, statuses.QUEUED), (self.starts_at, statuses.RUNNING)]
        steps += [(self.starts_at + at / self.speed, status) for at, status in self.job.statuses]
        line = [(at, status) for at, status in steps if at < self.ends_at]
        if self.final_status is not None and self.ends_at < math.inf:
            line.append((self.ends_at, self.final_status))
        return line

    def entries(self, now: float) -> list[Message]:
        """Return the messages that it shows; a task that was cut short says nothing more."""
        if now < self.starts_at or (self.job.kill_clears_messages and self.cut_by == "KILL" and now >= self.cut_at):
            return []
        until = min(now, self.cut_at) if self.is_cut else now
        return shown(self.job.messages, (until - self.starts_at) * self.speed)

    def message_pieces(self, now: float, wrapping: Wrapping) -> list[bytes]:
        """Return the messages that it shows as the inside of a JSON array, in pieces."""
        return pieces(self.entries(now), self._words(), wrapping)

    def last_messages(self, now: float, limit: int) -> tuple[list[str], int]:
        """Return the last few messages that it shows, and how many it shows in all."""
        return last_texts(self.entries(now), self._words(), limit)

    def prepare(self, wrapping: Wrapping) -> None:
        """Make its large answers now, so that the first one who asks for them does not wait longer than the next."""
        pieces([message for message in self.job.messages if message.is_large], self._words(), wrapping)

    def _words(self) -> dict[str, str]:
        order = self.order
        return {
            "{request_id}": str(self.id),
            "{application}": order.application,
            "{job}": order.job,
            "{script}": order.script,
            "{submit_user}": order.submit_user,
            "{user}": order.user,
            "{station}": order.station,
            "{queue}": order.queue,
            "{task_values}": " ".join(order.task_values),
            "{parameters}": " ".join(order.parameters),
        }
