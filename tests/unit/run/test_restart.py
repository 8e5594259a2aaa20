"""The table of restart protection: what an earlier run of the same OpCon job means."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amtconnector.errors import SubmissionUnknown
from amtconnector.records.record import RunKey, RunRecord, RunState
from amtconnector.run.next_steps import NextSteps, moment
from amtconnector.run.restart import Attach, NewRun, decide, locked, overlapped, ran_at_the_same_time
from amtconnector.task import Task

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
THEN = NOW - timedelta(hours=7)
ADVICE = NextSteps("/site/Connector.config")
RUN_ID = "20261123-a1b2c3d4e5"
OTHER_ID = "20261123-ffffffffff"
KEY = RunKey("20261123", "End of day", "PAYROLL", "amt:4004", "DEMO2", "RUN_PAY")
TASK = Task("DEMO2", "RUN_PAY", parameters=("'PARAM'",), task_values=("25",))
INTENDED = RunRecord(
    KEY,
    RUN_ID,
    RunState.INTENDED,
    job_number="0000012345",
    submit_user="BATCH",
    station="OPCON",
    parameters=TASK.parameters,
    task_values=TASK.task_values,
    created_at=THEN,
    intended_at=THEN,
    answer_due_at=THEN + timedelta(seconds=360),
)
SUBMITTED = INTENDED._replace(state=RunState.SUBMITTED, request_id="2112", submitted_at=THEN)
FINISHED = SUBMITTED._replace(state=RunState.FINISHED, exit_code=4, status="DONE", finished_at=THEN)
RECORDS = st.sampled_from([INTENDED, SUBMITTED, FINISHED, INTENDED._replace(state=RunState.NOT_STARTED)])


def decided(earlier: RunRecord | None, task: Task = TASK, release: str = "", now: datetime = NOW) -> NewRun | Attach:
    """Return what is decided."""
    return decide(earlier, task, release, now, ADVICE)


def refused(earlier: RunRecord, task: Task = TASK, release: str = "", now: datetime = NOW) -> SubmissionUnknown:
    """Return why nothing is decided; 104."""
    with pytest.raises(SubmissionUnknown) as caught:
        decided(earlier, task, release, now)
    assert caught.value.exit_code == 104
    assert "nothing was started now" in caught.value.message
    return caught.value


@pytest.mark.parametrize(
    "earlier", [None, INTENDED._replace(state=RunState.NOT_STARTED), FINISHED._replace(exit_code=11, status="ERROR")]
)
def test_nothing_open_is_a_new_run(earlier: RunRecord | None) -> None:
    """None, "not started" and "finished" start anew without a word."""
    assert decided(earlier) == NewRun("")


def test_a_new_run_after_a_good_one_names_that_end() -> None:
    """The header tells that the job has run already."""
    way = decided(FINISHED)
    assert isinstance(way, NewRun)
    assert "ended with DONE" in way.note
    assert "request 2112" in way.note
    assert moment(THEN) in way.note


def test_a_task_that_was_given_the_same_values_is_taken_up() -> None:
    """Nothing is started: the run attaches."""
    assert decided(SUBMITTED) == Attach(SUBMITTED)


@pytest.mark.parametrize(
    "task",
    [TASK._replace(parameters=()), TASK._replace(parameters=("'OTHER'",)), TASK._replace(task_values=("25", "26"))],
)
def test_other_values_are_for_an_operator_to_judge(task: Task) -> None:
    """104 shows both, and names the commands by -id and --release."""
    error = refused(SUBMITTED, task)
    assert "was given other values" in error.message
    assert "then" in error.subject
    assert "now" in error.subject
    for command in ("-jt ATTACH -id 2112", "-jt KILL -id 2112", f"--release {RUN_ID}"):
        assert command in error.hint


@pytest.mark.parametrize(("age", "attaches"), [(timedelta(days=3), True), (timedelta(days=3, seconds=1), False)])
def test_three_days_are_the_oldest_to_take_up(age: timedelta, attaches: bool) -> None:  # noqa: FBT001 - pytest gives it
    """An older task is for an operator to judge."""
    record = SUBMITTED._replace(submitted_at=NOW - age)
    if attaches:
        assert decided(record) == Attach(record)
    else:
        assert "more than 3 days old" in refused(record).message


def test_a_record_from_the_future_is_taken_up() -> None:
    """A clock that was set back makes nothing old."""
    record = SUBMITTED._replace(submitted_at=NOW + timedelta(days=30))
    assert decided(record) == Attach(record)


def test_a_record_that_does_not_tell_its_age_is_old() -> None:
    """In doubt nothing is started and nothing taken up."""
    assert "more than 3 days old" in refused(SUBMITTED._replace(submitted_at=None)).message


def test_a_start_of_unknown_fate_is_for_an_operator_to_find() -> None:
    """104 tells what to look for, when the start was sent in local time and UTC, and the two ways on."""
    error = refused(INTENDED)
    for words in ("application DEMO2", "job RUN_PAY", "submit user BATCH", "station OPCON", "queue (AMT's own)"):
        assert words in error.hint
    assert f"between {moment(THEN)} and {moment(THEN + timedelta(seconds=360))}" in error.hint
    assert "2026-11-23 02:00:00 UTC" in error.hint
    assert "-jt ATTACH -id N" in error.hint
    assert f"--release {RUN_ID}" in error.hint
    assert RUN_ID in error.subject


def test_a_damaged_record_is_the_most_careful_case() -> None:
    """Little is known, and nothing is started."""
    damaged = RunRecord(KEY, "damaged-0123456789", RunState.INTENDED, created_at=THEN, is_damaged=True)
    error = refused(damaged)
    assert "damaged" in error.message
    assert "--release damaged-0123456789" in error.hint


@given(RECORDS, st.sampled_from([OTHER_ID, "", "20261123", "*", RUN_ID.upper() + " "]))
def test_another_runs_release_releases_nothing(record: RunRecord, release: str) -> None:
    """A flag that is left behind in a job changes nothing, whatever the record says."""
    try:
        without: object = decided(record)
    except SubmissionUnknown as error:
        without = error.message
    try:
        given_one: object = decided(record, release=release)
    except SubmissionUnknown as error:
        given_one = error.message
    assert given_one == without


@pytest.mark.parametrize(
    "record", [INTENDED, SUBMITTED, SUBMITTED._replace(parameters=()), INTENDED._replace(is_damaged=True)]
)
def test_the_release_of_this_one_run_starts_anew(record: RunRecord) -> None:
    """Its own id, and the header says what was left to itself."""
    way = decided(record, release=RUN_ID)
    assert isinstance(way, NewRun)
    assert f"released: run {RUN_ID}" in way.note
    assert ("request 2112" in way.note) is bool(record.request_id)


@given(RECORDS, st.booleans(), st.integers(-10, 10), st.sampled_from(["", OTHER_ID]))
def test_an_open_run_is_never_started_a_second_time(record: RunRecord, same: bool, days: int, release: str) -> None:  # noqa: FBT001 - hypothesis gives it
    """For all ages and values: whatever is unfinished and not released leads to no start."""
    task = TASK if same else TASK._replace(parameters=("x",))
    try:
        way = decided(record, task, release, NOW + timedelta(days=days))
    except SubmissionUnknown:
        way = None
    assert not (record.is_unfinished and isinstance(way, NewRun))
    assert way is not None or record.is_unfinished


def test_a_job_that_another_process_runs_is_named() -> None:
    """104 names the request, the other OpCon job number and the command to follow it."""
    error = locked(SUBMITTED, ADVICE)
    assert error.exit_code == 104
    assert "nothing was started here" in error.message
    assert "0000012345" in error.subject
    assert "request 2112" in error.subject
    assert "-jt ATTACH -id 2112" in error.hint


@pytest.mark.parametrize("record", [None, FINISHED, INTENDED])
def test_of_a_process_that_has_not_started_its_task_yet_no_request_is_told(record: RunRecord | None) -> None:
    """What an earlier run left under the key is not what the other process does."""
    error = locked(record, ADVICE)
    assert "2112" not in f"{error.subject}{error.hint}"
    assert re.search(r" runs --config ", error.hint)


@pytest.mark.parametrize(
    ("began_s", "ended_s", "expected"),
    [(0, 3, True), (0, -3, False), (0, 0, False), (0, 14, True), (0, 16, False), (-60, 15, True)],
)
def test_runs_of_the_same_moment_are_one(began_s: float, ended_s: float, expected: bool) -> None:  # noqa: FBT001
    """Whoever began before the other one ended starts nothing; an end beyond now is another clock's."""
    begun_at = NOW - timedelta(seconds=10) + timedelta(seconds=began_s)
    ended_at = NOW - timedelta(seconds=10) + timedelta(seconds=ended_s)
    record = SUBMITTED._replace(state=RunState.FINISHED, exit_code=4, status="DONE", finished_at=ended_at)
    assert ran_at_the_same_time(record, begun_at, NOW) is expected


def test_only_an_end_tells_of_the_same_moment() -> None:
    """Nothing, or a run that started nothing, keeps nobody from starting."""
    assert not ran_at_the_same_time(None, THEN, NOW)
    assert not ran_at_the_same_time(SUBMITTED._replace(state=RunState.NOT_STARTED, finished_at=NOW), THEN, NOW)


def test_a_run_of_the_same_moment_says_how_the_other_one_ended() -> None:
    """The operator of the second one learns what the first one did."""
    record = SUBMITTED._replace(
        state=RunState.FINISHED, request_id="2112", exit_code=11, status="ERROR", finished_at=NOW
    )
    error = overlapped(record)
    assert error.exit_code == 104
    assert "request 2112" in error.subject
    assert "ERROR (11)" in error.subject
