"""One table of the definitions file, read key by key so that every problem is reported with its place."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from amtconnector.simulator.statuses import number_of

if TYPE_CHECKING:
    from collections.abc import Iterator


class DefinitionError(Exception):
    """The definitions do not say what the simulator can do; one problem a line."""


class Table:
    """A TOML table or JSON object, with the keys that have been asked for and the problems found so far.

    `problems` is shared by a whole file: call `finish()` on every table, then look whether it stayed empty.
    """

    def __init__(self, values: object, where: str, problems: list[str]) -> None:
        self.where = where
        self.problems = problems
        self._asked: set[str] = set()
        self.values: Mapping[str, object] = values if isinstance(values, Mapping) else {}
        if not isinstance(values, Mapping):
            self.problem("", "expected a table")

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def problem(self, key: str, text: str) -> None:
        """Note a problem with one key of this table ("": with the table itself)."""
        place = ".".join(part for part in (self.where, key) if part)
        self.problems.append(f"{place}: {text}")

    def finish(self) -> None:
        """Note every key that nobody asked for."""
        for key in self.values:
            if key not in self._asked:
                self.problem(key, f"unknown key; known are {', '.join(sorted(self._asked))}")

    def value(self, key: str) -> object:
        """Return what stands under a key; None when nothing does."""
        self._asked.add(key)
        return self.values.get(key)

    def seconds(self, key: str, default: float) -> float:
        """Return a number of seconds, 0 or more (inf is one)."""
        value = self.value(key)
        if value is None:
            return default
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0 and not math.isnan(value):
            return float(value)
        self.problem(key, "expected a number, 0 or more")
        return default

    def whole(self, key: str, default: int, least: int = 0) -> int:
        """Return a whole number that is `least` or more."""
        value = self.value(key)
        if value is None:
            return default
        if isinstance(value, int) and not isinstance(value, bool) and value >= least:
            return value
        self.problem(key, f"expected a whole number, {least} or more")
        return default

    def text(self, key: str, default: str = "") -> str:
        """Return a text."""
        value = self.value(key)
        if value is None or isinstance(value, str):
            return default if value is None else value
        self.problem(key, "expected a text")
        return default

    def choice(self, key: str, choices: Sequence[str]) -> str:
        """Return one of several words; the first is the default."""
        value = self.text(key, choices[0])
        if value in choices:
            return value
        self.problem(key, f"expected one of {', '.join(choices)}")
        return choices[0]

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return true or false."""
        value = self.value(key)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self.problem(key, "expected true or false")
        return default

    def status(self, key: str, default: int) -> int:
        """Return an AMT status, written as its number or its name."""
        value = self.value(key)
        if value is None:
            return default
        try:
            return number_of(value)
        except ValueError:
            self.problem(key, "expected an AMT status, its number or its name")
            return default

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts."""
        found = self.items(key)
        if all(isinstance(item, str) for item in found):
            return tuple(str(item) for item in found)
        self.problem(key, "expected a list of texts")
        return ()

    def items(self, key: str) -> Sequence[object]:
        """Return a list of anything."""
        value = self.value(key)
        if value is None or isinstance(value, list):
            return value or []
        self.problem(key, "expected a list")
        return []

    def table(self, key: str) -> Table:
        """Return the table under a key; an absent one is empty."""
        return Table(self.values.get(key, {}) if self._ask(key) else {}, self._place(key), self.problems)

    def tables(self, key: str) -> Iterator[tuple[str, Table]]:
        """Yield the tables inside the table under a key, each with its own name."""
        outer = self.table(key)
        for name, values in outer.values.items():
            yield name, Table(values, f"{outer.where}.{name}", self.problems)

    def _ask(self, key: str) -> bool:
        self._asked.add(key)
        return key in self.values

    def _place(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key
