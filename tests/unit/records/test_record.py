"""The rules of a run's values: ids that are easy to type, and states that say since when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from amtconnector.records.record import RunKey, RunRecord, RunState, damaged_run_id, is_run_id, new_run_id

CREATED, INTENDED, SUBMITTED, FINISHED, RELEASED = (datetime(2026, 11, 23, hour, tzinfo=UTC) for hour in range(5))
RECORD = RunRecord(
    RunKey(),
    "20261123-a1b2c3d4e5",
    RunState.INTENDED,
    created_at=CREATED,
    intended_at=INTENDED,
    submitted_at=SUBMITTED,
    finished_at=FINISHED,
)


def test_a_run_id_tells_its_utc_day_and_is_made_of_the_random_bytes() -> None:
    """Time and chance are given, so an id can be foretold in a test."""
    now = datetime(2026, 11, 24, 1, tzinfo=timezone(timedelta(hours=5)))
    assert new_run_id(now, bytes.fromhex("a1b2c3d4e5ff")) == "20261123-a1b2c3d4e5"
    assert is_run_id(new_run_id(now, bytes(5)))


@pytest.mark.parametrize(
    "text",
    ["", "20261123", "20261123-A1B2C3D4E5", "20261123-a1b2c3d4e5\n", "../20261123-a1b2c3d4e5", "2026112३-a1b2c3d4e5"],
)
def test_only_a_run_id_is_one(text: str) -> None:
    """A run id becomes part of a path, so nothing else may pass."""
    assert not is_run_id(text)


def test_the_id_made_for_a_damaged_record_is_a_run_id() -> None:
    """It must be possible to release a run whose record is damaged."""
    assert is_run_id(damaged_run_id("0123456789abcdef"))


@pytest.mark.parametrize(
    ("state", "since"),
    [
        (RunState.NOT_STARTED, CREATED),
        (RunState.INTENDED, INTENDED),
        (RunState.SUBMITTED, SUBMITTED),
        (RunState.FINISHED, FINISHED),
    ],
)
def test_since_is_when_the_state_began(state: RunState, since: datetime) -> None:
    """Each state has its own time."""
    assert RECORD._replace(state=state).since == since


def test_a_released_run_is_not_started_since_its_release() -> None:
    """A release is the youngest thing that happened to it."""
    assert RECORD._replace(state=RunState.NOT_STARTED, released_at=RELEASED).since == RELEASED


def test_intended_and_submitted_are_unfinished() -> None:
    """Only these two may have a task in AMT."""
    unfinished = [state for state in RunState if RECORD._replace(state=state).is_unfinished]
    assert unfinished == [RunState.INTENDED, RunState.SUBMITTED]


def test_any_part_of_the_opcon_identity_makes_a_run_of_opcon() -> None:
    """By hand there is none of the three."""
    assert not RunKey(server="amt:4004", application="DEMO2", job="RUN").is_opcon
    assert RunKey(opcon_job="PAYROLL").is_opcon
