"""The column "may a task be running?" of the exit-code table, against every place that raises."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import amtconnector
from amtconnector import errors
from amtconnector.errors import RunError, TaskState

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = Path(amtconnector.__file__).parent
OUTCOMES = {kind.__name__: kind for kind in RunError.__subclasses__()}
NO, MAYBE, YES = TaskState.NONE, TaskState.MAYBE, TaskState.RUNNING
TABLE = {
    23: {NO},
    24: {NO, YES},
    100: {NO, MAYBE, YES},
    101: {NO},
    102: {NO},
    103: {NO},
    104: {MAYBE, NO},  # no: another process ran this job at the same moment and has seen its end
    105: {YES},
    106: {NO},
    107: {NO, MAYBE, YES},
    108: {NO, YES},
    109: {MAYBE},
}
"""The states that an exit code can come with, as docs/operations.md has them."""


class Site:
    """One place in the code that makes a failure of a run."""

    def __init__(self, path: Path, call: ast.Call, kind: type[RunError]) -> None:
        self.place = f"{path.relative_to(SOURCES)}:{call.lineno}"
        self.kind = kind
        given = [keyword.value for keyword in call.keywords if keyword.arg == "fate"]
        self.state = _state(given[0]) if given else f"TaskState.{kind.fate.state.name}"


def _state(fate: ast.expr) -> str:
    """Return the first argument of `TaskFate(...)`, or of the monitor's own `_fate(...)`."""
    assert isinstance(fate, ast.Call), ast.unparse(fate)
    return ast.unparse(fate.args[0])


def sites() -> Iterator[Site]:
    """Yield every place that makes a failure."""
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in OUTCOMES:
                yield Site(path, node, OUTCOMES[node.func.id])


@pytest.fixture(scope="module")
def found() -> list[Site]:
    """Return every place that makes a failure."""
    return list(sites())


def test_there_are_places_for_every_outcome_but_the_defect(found: list[Site]) -> None:
    """A defect is made by its class, in the one place at the edge."""
    assert {site.kind for site in found} == set(OUTCOMES.values()) - {errors.InternalError}


@pytest.mark.parametrize("kind", OUTCOMES.values(), ids=lambda kind: kind.slug)
def test_every_place_that_raises_says_whether_a_task_may_be_running(found: list[Site], kind: type[RunError]) -> None:
    """By a name of the states, never by a value that is worked out, and as the table has it."""
    right = {f"TaskState.{state.name}" for state in TABLE[kind.exit_code]}
    assert {site.place: site.state for site in found if site.kind is kind and site.state not in right} == {}


@pytest.mark.parametrize("kind", OUTCOMES.values(), ids=lambda kind: kind.slug)
def test_what_a_class_says_by_itself_is_in_the_table(kind: type[RunError]) -> None:
    """A failure that says nothing else is not played down."""
    assert kind.fate.state in TABLE[kind.exit_code]
