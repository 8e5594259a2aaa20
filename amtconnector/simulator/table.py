"""One table of the definitions file, read key by key so that every problem is reported with its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from amtconnector.simulator.statuses import number_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")


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
        return self._read(key, default, _seconds, "a number, 0 or more")

    def whole(self, key: str, default: int, least: int = 0) -> int:
        """Return a whole number that is `least` or more."""
        fits = _fitting(int, lambda value: not isinstance(value, bool) and value >= least)
        return self._read(key, default, fits, f"a whole number, {least} or more")

    def text(self, key: str, default: str = "") -> str:
        """Return a text."""
        return self._read(key, default, _fitting(str), "a text")

    def choice(self, key: str, choices: Sequence[str]) -> str:
        """Return one of several words; the first is the default."""
        value = self.text(key, choices[0])
        if value in choices:
            return value
        self.problem(key, f"expected one of {', '.join(choices)}")
        return choices[0]

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return true or false."""
        return self._read(key, default, _fitting(bool), "true or false")

    def status(self, key: str, default: int) -> int:
        """Return an AMT status, written as its number or its name."""
        return self._read(key, default, number_of, "an AMT status, its number or its name")

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts."""
        found = self.items(key)
        if all(isinstance(item, str) for item in found):
            return tuple(str(item) for item in found)
        self.problem(key, "expected a list of texts")
        return ()

    def items(self, key: str) -> Sequence[object]:
        """Return a list of anything."""
        return self._read(key, [], _fitting(list), "a list")

    def table(self, key: str) -> Table:
        """Return the table under a key; an absent one is empty."""
        self._asked.add(key)
        return Table(self.values.get(key, {}), f"{self.where}.{key}" if self.where else key, self.problems)

    def tables(self, key: str) -> Iterator[tuple[str, Table]]:
        """Yield the tables inside the table under a key, each with its own name."""
        outer = self.table(key)
        for name, values in outer.values.items():
            yield name, Table(values, f"{outer.where}.{name}", self.problems)

    def _read(self, key: str, default: T, read: Callable[[object], T], expected: str) -> T:
        """Return what a reader makes of a value; it raises ValueError for one that is not as expected."""
        value = self.value(key)
        try:
            return default if value is None else read(value)
        except ValueError:
            self.problem(key, f"expected {expected}")
            return default


def _fitting(kind: type[T], is_fit: Callable[[T], bool] = lambda _: True) -> Callable[[object], T]:
    def read(value: object) -> T:
        if isinstance(value, kind) and is_fit(value):
            return value
        raise ValueError

    return read


def _seconds(value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
        return float(value)
    raise ValueError
