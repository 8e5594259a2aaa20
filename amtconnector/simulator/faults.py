"""Faults that can be switched on per call: what goes wrong, how often, and whether the request is executed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from amtconnector.simulator.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CALLS = ("any", "heartbeat", "logon", "start", "stop", "kill", "status", "messages", "logoff", "connection")
BEFORE = ("reset-before", "close-before", "hang-before", "unauthorized")
"""The request is read and not executed."""
AFTER = ("reset-after", "close-after", "hang-after", "truncated", "content", "drip", "big")
"""The request is executed; its answer does not arrive as it should."""
KINDS = ("delay", "status", *BEFORE, *AFTER)

CONTENTS = {
    "html": ("text/html; charset=utf-8", b"<!DOCTYPE html><html><body><h1>Sign in</h1></body></html>"),
    "empty": ("application/json; charset=utf-8", b""),
    "null": ("application/json; charset=utf-8", b"null"),
    "text": ("text/plain; charset=utf-8", b"Service is starting, please wait\x1b[2J"),
    "bom": ("application/json; charset=utf-8", b"\xef\xbb\xbfnull"),
    "not-json": ("application/json; charset=utf-8", b'{"BatchRequestId": 21'),
    "not-utf-8": ("application/json; charset=utf-8", b'{"Status":"\xff\xfe"}'),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `count` calls are hit (0: all), after the first `after` that matched; `job` narrows it to one job.

    `delay` and `delay_after` are seconds before and after the request is executed, with any kind. A fault of kind
    `status` executes the request only when `executed` is true. With `probability` below 1 a generator seeded with
    `seed` decides for each matching call.
    """

    call: str = "any"
    kind: str = "delay"
    count: int = 1
    after: int = 0
    probability: float = 1
    seed: int = 1
    job: str = ""
    delay: float = 0
    delay_after: float = 0
    status: int = 503
    executed: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    content_type: str = ""
    content: str = "html"
    bytes: int | None = None
    pause: float = 0.05
    ends_with: str = "close"

    @property
    def executes(self) -> bool:
        """Whether the request takes effect."""
        return self.executed if self.kind == "status" else self.kind not in BEFORE


def read_faults(root: Table) -> tuple[Fault, ...]:
    """Read the list `faults` of a table."""
    return tuple(
        read_fault(Table(item, f"faults[{number}]", root.problems))
        for number, item in enumerate(root.items("faults"), 1)
    )


def read_fault(table: Table) -> Fault:
    """Read one fault."""
    fault = Fault(
        call=table.choice("call", CALLS),
        kind=table.choice("kind", KINDS),
        count=table.whole("count", 1),
        after=table.whole("after", 0),
        probability=table.seconds("probability", 1),
        seed=table.whole("seed", 1),
        job=table.text("job"),
        delay=table.seconds("delay", 0),
        delay_after=table.seconds("delay_after", 0),
        status=table.whole("status", 503, least=200),
        executed=table.flag("executed"),
        headers={name: str(value) for name, value in table.table("headers").values.items()},
        body=table.text("body") if "body" in table else None,
        content_type=table.text("content_type"),
        content=table.choice("content", tuple(CONTENTS)),
        bytes=table.whole("bytes", 0) if "bytes" in table else None,
        pause=table.seconds("pause", 0.05),
        ends_with=table.choice("ends_with", ("close", "reset")),
    )
    if fault.call == "connection" and fault.kind != "reset-before":
        table.problem("kind", 'a connection can only be "reset-before"')
    table.finish()
    return fault


class Armed:
    """A fault that is switched on, with what it has seen and done so far."""

    def __init__(self, number: int, fault: Fault) -> None:
        self.number = number
        self.fault = fault
        self.seen = 0
        self.fired = 0
        # Reproducible is what this generator has to be, not secret.
        self._random = random.Random(fault.seed)  # noqa: S311

    @property
    def is_spent(self) -> bool:
        """Whether it has hit as many calls as it should."""
        return 0 < self.fault.count <= self.fired

    def hits(self, call: str, job: str) -> bool:
        """Count a call and say whether it is hit."""
        fault = self.fault
        matches_call = fault.call == call or (fault.call == "any" and call in CALLS and call != "connection")
        if self.is_spent or not matches_call or (fault.job and fault.job != job):
            return False
        self.seen += 1
        if self.seen <= fault.after or (fault.probability < 1 and self._random.random() >= fault.probability):
            return False
        self.fired += 1
        return True


class FaultTable:
    """All faults that are switched on, in the order in which they were."""

    def __init__(self, faults: tuple[Fault, ...] = ()) -> None:
        self._armed: list[Armed] = []
        self._last = 0
        for fault in faults:
            self.add(fault)

    def __iter__(self) -> Iterator[Armed]:
        return iter(self._armed)

    def add(self, fault: Fault) -> Armed:
        """Switch a fault on."""
        self._last += 1
        armed = Armed(self._last, fault)
        self._armed.append(armed)
        return armed

    def remove(self, number: int | None = None) -> int:
        """Switch one fault off, or all of them; return how many that were."""
        kept = [] if number is None else [armed for armed in self._armed if armed.number != number]
        removed = len(self._armed) - len(kept)
        self._armed = kept
        return removed

    def take(self, call: str, job: str = "") -> Armed | None:
        """Return the first fault that hits this call; the faults behind it do not see the call."""
        return next((armed for armed in self._armed if armed.hits(call, job)), None)
