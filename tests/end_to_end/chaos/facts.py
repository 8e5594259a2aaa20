"""What is known of each process of a run, and what is true on the simulator after it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Truth:
    """The simulator's tasks of this OpCon job and all its requests so far, the run record, the run logs."""

    tasks: list[dict[str, Any]]
    requests: list[dict[str, Any]]
    record: dict[str, Any]
    logs: str


NOTHING = Truth([], [], {}, "")


@dataclass(slots=True)
class Act:
    """One process of the connector: how it was called, what hit it, what it printed and how it ended.

    `has_twin`: another one of the same OpCon job ran at the same time. `before` is the truth when it began.
    """

    number: int
    arguments: tuple[str, ...]
    path: Path
    has_twin: bool
    before: Truth
    events: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    exit_code: int = 0
    text: str = ""
    truth: Truth = NOTHING

    @property
    def lines(self) -> list[str]:
        """The whole lines without their timestamps; one that a kill has cut is left out."""
        return [line.partition(" : ")[2] for line in self.text.split("\n")[:-1]]

    def was_hit_by(self, what: str) -> bool:
        """Whether an event of this kind happened to it."""
        return any(event.startswith(what) for event in self.events)

    @property
    def is_cut(self) -> bool:
        """Whether it was ended from outside without a word: killed, or signalled before it could listen."""
        return self.exit_code < 0
