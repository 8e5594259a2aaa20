"""The rules of those who look on: they learn of a run's progress, and nothing of theirs can end it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from amtconnector.opcon import StatusPublisher
from amtconnector.records import RunDirectory
from amtconnector.records.attention import AttentionFile
from amtconnector.run.next_steps import NextSteps
from amtconnector.run.observers import Attention, Cleaning, LiveLine, RunObservers, StatusColumn
from amtconnector.task import RequestId
from tests.support.fakes import RUNNING, status

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

ID = RequestId("2112")


class Shown(StatusPublisher):
    """Keeps what OpCon would show."""

    def __init__(self) -> None:
        super().__init__(None)
        self.texts: list[str] = []

    def show(self, text: str) -> None:
        """Keep it."""
        self.texts.append(text)


class BrokenDirectory(RunDirectory):
    """A directory whose cleaning has a defect."""

    def clean(self, *_: object, **__: object) -> int:
        """Go wrong."""
        raise ZeroDivisionError


class SlowDirectory(RunDirectory):
    """A directory that is never clean."""

    def __init__(self) -> None:
        super().__init__(Path())
        self.deadlines: list[float] = []
        self.is_stopped = threading.Event()

    def clean(
        self, retain_days: float, *, now: datetime, deadline_s: float = 1.0, is_over: Callable[[], bool] = bool
    ) -> int:
        """Take the whole time, the second time until it is stopped."""
        del retain_days, now
        self.deadlines.append(deadline_s)
        while len(self.deadlines) > 1 and not is_over():
            pass
        if is_over():
            self.is_stopped.set()
        return 0

    def needs_cleaning(self, now: datetime) -> bool:
        """Never be done."""
        del now
        return True


def attention(folder: Path, events: list[tuple[int, str]] | None = None) -> Attention:
    """Return the observer of a job's waiting."""
    report = None if events is None else lambda code, text: events.append((code, text))
    return Attention(AttentionFile(folder, "run"), "Job 'RUN_PAY'", NextSteps("/amt/Connector.config"), report)


def test_each_status_is_shown_in_opcon_and_live() -> None:
    """With the request id, and for a person with the time since the start."""
    shown, live = Shown(), list[tuple[str, float]]()
    observers = RunObservers([LiveLine(lambda text, age: live.append((text, age))), StatusColumn(shown)], print)
    observers.task_started(ID)
    observers.status_changed(ID, RUNNING, 7.0)
    observers.run_ended()
    assert shown.texts == ["RUNNING 2112"]
    assert live == [("started, request 2112", 0.0), ("RUNNING (2), request 2112", 7.0)]


@pytest.mark.parametrize("error", [OSError("gone"), ValueError("odd")])
def test_a_defect_of_an_observer_is_noted_and_ends_nothing(error: Exception) -> None:
    """The task is running: neither the terminal, nor OpCon's column, nor old records are worth its watch."""

    def fail(_text: str, _age: float) -> None:
        raise error

    notes: list[str] = []
    shown = Shown()
    observers = RunObservers([LiveLine(fail), Cleaning(BrokenDirectory(Path()), 30), StatusColumn(shown)], notes.append)
    observers.task_started(ID)
    observers.status_changed(ID, RUNNING, 7.0)
    assert notes == [f"an onlooker failed: {name}" for name in (type(error).__name__, "ZeroDivisionError")] + [
        f"an onlooker failed: {type(error).__name__}"
    ]
    assert shown.texts == ["RUNNING 2112"]


def test_a_cleaning_that_is_not_done_in_a_moment_goes_on_beside_the_watch_and_ends_with_the_run() -> None:
    """One second before the first status check; then it is in nobody's way."""
    directory = SlowDirectory()
    cleaning = Cleaning(directory, 30)
    cleaning.task_started(ID)
    cleaning.run_ended()
    assert directory.is_stopped.wait(10)
    assert directory.deadlines == [1.0, 60.0]


@pytest.mark.parametrize("code", [5, 14])
def test_a_task_that_waits_for_an_operator_has_a_file_as_long_as_it_waits(tmp_path: Path, code: int) -> None:
    """For whatever watches files; it says which request, and what can be done."""
    events: list[tuple[int, str]] = []
    one = attention(tmp_path, events)
    one.status_changed(ID, RUNNING, 1.0)
    assert list(tmp_path.iterdir()) == []
    one.status_changed(ID, status(code), 61.0)
    text = (tmp_path / "run.attention").read_text("utf-8")
    assert "Job 'RUN_PAY': request 2112 waits for an operator" in text
    assert "00:01:01 after its start" in text
    assert "-jt KILL -id 2112" in text
    one.status_changed(ID, RUNNING, 62.0)
    assert list(tmp_path.iterdir()) == []
    assert [event for event, _ in events] == [code]


def test_the_file_goes_with_the_run_whatever_ended_it_and_with_the_next_one_of_a_run_that_was_killed(
    tmp_path: Path,
) -> None:
    """Nobody is called for a task that is not waiting."""
    one = attention(tmp_path)
    one.status_changed(ID, status(5), 1.0)
    one.run_ended()
    assert list(tmp_path.iterdir()) == []
    attention(tmp_path).status_changed(ID, status(5), 1.0)
    attention(tmp_path).status_changed(ID, RUNNING, 1.0)
    assert list(tmp_path.iterdir()) == []
