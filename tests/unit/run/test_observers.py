"""The rules of those who look on: they learn of a run's progress, and nothing of theirs can end it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from amtconnector.opcon import StatusPublisher
from amtconnector.records import RunDirectory
from amtconnector.run.observers import RunObservers
from amtconnector.task import RequestId
from tests.support.fakes import RUNNING

if TYPE_CHECKING:
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

    def clean(self, retain_days: float, *, now: datetime, deadline_s: float = 1.0) -> int:
        """Go wrong."""
        del retain_days, now, deadline_s
        raise ZeroDivisionError


def test_each_status_is_shown_in_opcon_and_live(tmp_path: Path) -> None:
    """With the request id, and for a person with the time since the start."""
    shown, live = Shown(), list[tuple[str, float]]()
    onlookers = RunObservers(
        shown, RunDirectory(tmp_path), retain_days=30, show_live=lambda text, age: live.append((text, age)), note=print
    )
    onlookers.task_started(ID)
    onlookers.status_changed(ID, RUNNING, 7.0)
    assert shown.texts == ["RUNNING 2112"]
    assert live == [("started, request 2112", 0.0), ("RUNNING (2), request 2112", 7.0)]


@pytest.mark.parametrize("error", [OSError("gone"), ValueError("odd")])
def test_a_defect_of_an_onlooker_is_noted_and_ends_nothing(error: Exception) -> None:
    """The task is running: neither the terminal, nor OpCon's column, nor old records are worth its watch."""

    def fail(_text: str, _age: float) -> None:
        raise error

    notes: list[str] = []
    onlookers = RunObservers(Shown(), BrokenDirectory(Path()), retain_days=30, show_live=fail, note=notes.append)
    onlookers.status_changed(ID, RUNNING, 7.0)
    onlookers.task_started(ID)
    assert notes == [f"an onlooker failed: {type(error).__name__}"] * 2


def test_a_defect_in_the_cleaning_of_old_records_ends_nothing() -> None:
    """It is tried after the start, when nothing may go wrong any more."""
    notes: list[str] = []
    onlookers = RunObservers(
        Shown(), BrokenDirectory(Path()), retain_days=30, show_live=lambda _text, _age: None, note=notes.append
    )
    onlookers.task_started(ID)
    assert notes == ["an onlooker failed: ZeroDivisionError"]
