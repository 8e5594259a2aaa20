"""Make the page's rows out of the scheduler's tasks."""

from __future__ import annotations

import math
import time
from collections import Counter
from typing import TYPE_CHECKING

from markupsafe import Markup

from amtconnector.simulator.page.values import Detail, JobRow, QueueRow, TaskRow
from amtconnector.simulator.statuses import kind_of, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from amtconnector.simulator.definitions import Definitions
    from amtconnector.simulator.task import Order, Task

MESSAGES_SHOWN = 200
TEXT_SHOWN = 500
GIVEN_SHOWN = 120
BAR_WIDTH = 200


def task_row(task: Task, now: float) -> TaskRow:
    """Return a task as a row of the table."""
    number, order = task.status(now), task.order
    stretches = _stretches(task, now)
    return TaskRow(
        id=task.id,
        name=readable(order.script or order.job, GIVEN_SHOWN),
        application=readable(order.application, GIVEN_SHOWN),
        given=readable(" ".join([*order.task_values, *order.parameters]), GIVEN_SHOWN),
        submit_user=readable(order.submit_user, GIVEN_SHOWN),
        station=readable(order.station, GIVEN_SHOWN),
        queue=task.queue,
        status=f"{number} {name_of(number)}" if name_of(number) != str(number) else str(number),
        kind=kind_of(number),
        is_live=not task.has_ended(now),
        submitted=clock_time(task.submitted_at),
        age=duration(min(now, task.ends_at) - task.submitted_at),
        bar=_bar(task, stretches, now),
        is_forgotten=task.is_forgotten(now),
    )


def detail(task: Task, now: float) -> Detail:
    """Return everything about one task."""
    order = task.order
    facts = [
        ("Application", order.application),
        ("Job", order.job),
        ("Script", order.script),
        ("RunAs user", order.user),
        ("Submit user", order.submit_user),
        ("Station", order.station),
        ("Queue", task.queue),
        *((f"Task value {n}", text) for n, text in enumerate(order.task_values, 1)),
        *((f"Parameter {n}", text) for n, text in enumerate(order.parameters, 1)),
        ("Cut short by", task.cut_by if task.is_cut else ""),
    ]
    texts, count = task.last_messages(now, MESSAGES_SHOWN)
    steps = [(clock_time(at), name_of(status), kind_of(status)) for at, _, status in _stretches(task, now)]
    if not task.has_ended(now) or task.final_status is None:
        ending: list[tuple[str, str, str]] = []
    else:
        ending = [(clock_time(task.ends_at), name_of(task.final_status), kind_of(task.final_status))]
    shown = [(name, readable(text, TEXT_SHOWN)) for name, text in facts if text]
    return Detail(task_row(task, now), shown, steps + ending, [readable(text, TEXT_SHOWN) for text in texts], count)


def queue_rows(definitions: Definitions, live: Iterable[Task], now: float) -> list[QueueRow]:
    """Return every queue that is defined or in use, with the counts of its live tasks."""
    waiting: Counter[str] = Counter()
    running: Counter[str] = Counter()
    for task in live:
        (running if task.starts_at <= now else waiting)[task.queue] += 1
    names = dict.fromkeys([*definitions.queues, definitions.default_queue, *waiting, *running])
    return [
        QueueRow(name or "(AMT's own)", str(definitions.queues.get(name) or ""), waiting[name], running[name])
        for name in names
    ]


class JobCounts:
    """How often each job was started. Tasks are counted once, in the order in which they were started."""

    def __init__(self, definitions: Definitions) -> None:
        jobs = [(name, job) for name, jobs in definitions.applications.items() for job in jobs.values()]
        self._known = {(application, job.name): job.description for application, job in jobs}
        self._starts: Counter[tuple[str, str]] = Counter()
        self._repeated: Counter[tuple[str, str]] = Counter()
        self._orders: set[Order] = set()
        self._last: dict[tuple[str, str], float] = {}
        self._counted = 0

    def rows(self, tasks: Sequence[Task]) -> list[JobRow]:
        """Return a row for each job, the latest first, those never started last.

        `tasks` are those of the last time and more behind them.
        """
        for task in tasks[self._counted :]:
            key = (task.order.application, task.order.script or task.order.job)
            self._starts[key] += 1
            self._repeated[key] += task.order in self._orders
            self._orders.add(task.order)
            self._last.pop(key, None)
            self._last[key] = task.submitted_at
        self._counted = len(tasks)
        never = [key for key in self._known if key not in self._last]
        return [self._row(key, clock_time(at)) for key, at in reversed(self._last.items())] + [
            self._row(key, "") for key in never
        ]

    def _row(self, key: tuple[str, str], last: str) -> JobRow:
        application, name = (readable(text, GIVEN_SHOWN) for text in key)
        return JobRow(name, application, self._starts[key], self._repeated[key], last, self._known.get(key, ""))


def _stretches(task: Task, now: float) -> list[tuple[float, float, int]]:
    """Return from when until when a task has had which status; its end is no stretch."""
    line = [(at, status) for at, status in task.timeline() if at <= now]
    until = min(now, task.ends_at)
    ends = [at for at, _ in line[1:]] + [until]
    return [(at, end, status) for (at, status), end in zip(line, ends, strict=True) if at < task.ends_at]


def _bar(task: Task, stretches: Sequence[tuple[float, float, int]], now: float) -> Markup:
    """Return a task's life as a bar: to its end where that is known, else to now."""
    end = task.ends_at if math.isfinite(task.ends_at) else now
    scale = BAR_WIDTH / max(end - task.submitted_at, 0.001)
    life = ", ".join(f"{name_of(status)} {duration(until - at)}" for at, until, status in stretches)
    pieces = [
        f'<rect class="{kind_of(status)}" x="{(at - task.submitted_at) * scale:.0f}" '
        f'width="{max((until - at) * scale, 1):.0f}" height="10"/>'
        for at, until, status in stretches
    ]
    if task.has_ended(now):
        pieces.append(f'<rect class="{kind_of(task.status(now))}" x="{BAR_WIDTH - 6}" width="6" height="10"/>')
    # Nothing but numbers and words of ours.
    return Markup(  # noqa: S704
        f'<svg class="bar" viewBox="0 0 {BAR_WIDTH} 10" preserveAspectRatio="none" role="img" aria-label="{life}">'
        f'<title>{life}</title><rect class="track" width="{BAR_WIDTH}" height="10"/>{"".join(pieces)}</svg>'
    )


def clock_time(moment: float) -> str:
    """Return a moment as local time of day."""
    return time.strftime("%H:%M:%S", time.localtime(moment))


def duration(seconds: float) -> str:
    """Return a duration in the two largest units."""
    whole = max(int(seconds), 0)
    minutes, s = divmod(whole, 60)
    hours, m = divmod(minutes, 60)
    if hours:
        return f"{hours} h {m:02d} min"
    return f"{m} min {s:02d} s" if m else f"{s} s"


def readable(text: str, length: int) -> str:
    """Return a text that is safe to show: control characters escaped, no longer than so many characters."""
    cut = text if len(text) <= length else f"{text[:length]} … ({len(text)} characters)"
    if cut.isprintable():
        return cut
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in cut
    )
