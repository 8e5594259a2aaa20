"""The rows of docs/performance.md."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table. `bar` is the most that `ratio` (or the figure itself) may be; None: shown for comparison."""

    what: str
    figure: str
    against: str = ""
    ratio: float | None = None
    bar: float | None = None
    aim: float | None = None

    @property
    def is_met(self) -> bool:
        """Whether the bar is kept; a row without one keeps it."""
        return self.ratio is None or self.bar is None or self.ratio <= self.bar

    @property
    def verdict(self) -> str:
        """What the last column says."""
        if self.ratio is None or self.bar is None:
            return ""
        if not self.is_met:
            return f"**missed** by {self.ratio / self.bar - 1:.0%}"
        if self.aim is not None and self.ratio > self.aim:
            return f"met; {self.ratio - self.aim:.2f} above {self.aim:g}"
        return "met"


@dataclass(frozen=True, slots=True)
class Section:
    """One table and the sentences in front of it."""

    title: str
    text: str
    rows: tuple[Row, ...]

    def as_markdown(self) -> str:
        """Return the section as it stands in the document."""
        lines = [
            f"## {self.title}",
            "",
            self.text,
            "",
            "| | measured | compared with | ratio | bar | |",
            "|---|---|---|---|---|---|",
        ]
        lines += [
            f"| {row.what} | {row.figure} | {row.against} | {_number(row.ratio)} | {_number(row.bar)} | {row.verdict} |"
            for row in self.rows
        ]
        return "\n".join(lines) + "\n"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
