"""The rules of the events that a run's end raises in the operating system's log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from amtconnector.commands.job import Job
from amtconnector.errors import (
    Interrupted,
    LostContact,
    RunError,
    ServerUnreachable,
    SubmissionUnknown,
    TaskFate,
    TaskState,
)
from amtconnector.output.stdout import Output
from amtconnector.run.arguments import parse

if TYPE_CHECKING:
    from collections.abc import Callable

RUNNING = TaskFate(TaskState.RUNNING, "2112")


def report(error: RunError, take: Callable[..., None]) -> None:
    """Let a run that ends so report."""
    job = Job(parse(["-jt", "START", "-an", "DEMO2", "-jn", "POST"]), Output())
    job._report_event = take
    job._report(error)
    job._interrupt._bell.close()
    job._interrupt._ringer.close()


def reported(error: RunError) -> list[tuple[int, str, bool]]:
    """Return what a run that ends so reports."""
    events: list[tuple[int, str, bool]] = []
    report(error, lambda number, text, *, is_error: events.append((number, text, is_error)))
    return events


@pytest.mark.parametrize(
    ("error", "number"),
    [
        (SubmissionUnknown("nobody knows", fate=RUNNING), 104),
        (LostContact("no answer", fate=RUNNING), 105),
        (Interrupted("told to stop", fate=RUNNING), 107),
    ],
)
def test_an_end_after_which_somebody_has_to_look_is_an_event(error: RunError, number: int) -> None:
    """With the exit code as its number, the job, and whether a task may be running."""
    [(event, text, is_error)] = reported(error)
    assert (event, is_error) == (number, True)
    assert text.startswith(f"Job 'POST': {error.slug} ({number}): ")
    assert "The task may be running: request 2112." in text


def test_other_ends_are_none() -> None:
    """The job log is enough where nothing can be running."""
    assert reported(ServerUnreachable("down")) == []


def test_an_event_that_can_not_be_written_changes_nothing() -> None:
    """The exit code is told already."""

    def fail(*_: object, **__: object) -> None:
        raise OSError("no log")

    report(LostContact("no answer", fate=RUNNING), fail)
