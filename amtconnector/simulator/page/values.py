"""What the page shows, as values: templates only lay them out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from amtconnector.simulator.page.presets import PRESETS, Preset

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup


class TaskRow(NamedTuple):
    """One task in the table. `kind` is the class of its status: queued, waiting, operator, running, good, bad."""

    id: int
    name: str
    application: str
    given: str
    submit_user: str
    station: str
    queue: str
    status: str
    kind: str
    is_live: bool
    submitted: str
    age: str
    bar: Markup
    is_forgotten: bool


class Detail(NamedTuple):
    """The task that was chosen: the facts of its start, its life, its messages."""

    row: TaskRow
    facts: Sequence[tuple[str, str]]
    steps: Sequence[tuple[str, str, str]]
    messages: Sequence[str]
    message_count: int


class QueueRow(NamedTuple):
    """A queue: how many tasks may run at once ("" for any number), wait, run."""

    name: str
    limit: str
    waiting: int
    running: int


class JobRow(NamedTuple):
    """A job: how often it was started, and how often with the very same values as before."""

    name: str
    application: str
    starts: int
    repeated: int
    last: str
    description: str = ""


class FaultRow(NamedTuple):
    """A fault that is on or spent."""

    number: int
    name: str
    call: str
    kind: str
    hits: str
    fired: int
    seen: int
    is_spent: bool


class RequestRow(NamedTuple):
    """A request that arrived."""

    number: int
    at: str
    call: str
    about: str
    status: str
    milliseconds: str
    fault: str
    is_good: bool


class AccountRow(NamedTuple):
    """An account with rejected logons."""

    user: str
    rejections: int
    is_locked: bool


class View(NamedTuple):
    """Everything on the page. `older` is the request before which the next page of tasks begins; 0: there is none."""

    counts: Sequence[tuple[str, str, int]]
    tasks: Sequence[TaskRow]
    tasks_in_all: int
    older: int
    show: str
    before: int
    detail: Detail | None
    chosen: int
    queues: Sequence[QueueRow]
    jobs: Sequence[JobRow]
    faults: Sequence[FaultRow]
    requests: Sequence[RequestRow]
    accounts: Sequence[AccountRow]
    tokens: int
    notice: str
    about: Mapping[str, Any]
    presets: Sequence[Preset] = PRESETS
