"""The rules of statuses and exit codes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amtconnector import errors
from amtconnector.statuses import AMT_STATUSES, SUCCESS, Status, StatusClass, StatusTable, next_step_after

CODES = {status.code: status for status in AMT_STATUSES}
OUTCOMES = errors.RunError.__subclasses__()


def test_the_table_is_the_published_one() -> None:
    """Numbers and names as AMT documents them, each once; 17 is not in it."""
    assert [(status.code, status.name) for status in AMT_STATUSES] == [
        (0, "IDLE"),
        (1, "QUEUED"),
        (2, "RUNNING"),
        (3, "KILLED"),
        (4, "DONE"),
        (5, "SUSPENDED"),
        (6, "SKIPPED_BY_OPS"),
        (7, "RUN_MANUAL"),
        (8, "RUN_FORCED"),
        (9, "RUN_DEBUG"),
        (10, "DEL_QUEUE"),
        (11, "ERROR"),
        (12, "ABORTED"),
        (13, "WAIT FOR FILE"),
        (14, "WAIT FOR INPUT REQUEST"),
        (15, "WAIT FOR JOB"),
        (16, "WAIT FOR REPORT"),
        (18, "RECOVER_CP"),
        (19, "UNDEFINED"),
        (20, "WAIT_FOR QUEUE"),
        (21, "WAIT_FOR_DEBUGGER"),
        (22, "ABORTED_WITH_RECOVER"),
        (23, "WEB_SERVER_ERROR"),
        (24, "AUTHENTICATION_ERROR"),
        (99, "INVALID AMT USER"),
    ]


def test_exactly_these_statuses_are_terminal() -> None:
    """A waiting or running status is never an exit code, and these always are."""
    assert {status.code for status in AMT_STATUSES if status.is_terminal} == {3, 4, 6, 10, 11, 12, 22, 23, 24, 99}


def test_exactly_these_statuses_wait_for_an_operator() -> None:
    """Somebody has to be told about them."""
    assert {status.code for status in AMT_STATUSES if status.needs_operator} == {5, 14}


def test_exactly_these_statuses_run() -> None:
    """The rest waits, or is unknown."""
    running = {status.code for status in AMT_STATUSES if status.kind is StatusClass.RUNNING}
    waiting = {status.code for status in AMT_STATUSES if status.kind is StatusClass.WAITING}
    assert (running, waiting) == ({2, 7, 8, 9, 18}, {0, 1, 13, 15, 16, 20, 21})


@given(st.integers())
def test_done_is_the_only_success(code: int) -> None:
    """For all numbers: nothing but 4 is a success."""
    assert StatusTable().by_code(code).is_success == (code == 4)


@given(st.integers())
def test_an_unlisted_number_is_unknown_and_ends_nothing(code: int) -> None:
    """For all numbers that AMT's table does not have."""
    status = StatusTable().by_code(code)
    assert status.code == code
    if code not in CODES:
        assert (status.is_known, status.is_terminal, status.needs_operator) == (False, False, False)


def test_undefined_is_unknown() -> None:
    """19 tells nothing about the task."""
    assert not StatusTable().by_code(19).is_known


@pytest.mark.parametrize("status", AMT_STATUSES)
def test_a_name_is_found_in_any_case_with_blanks_and_underscores_alike(status: Status) -> None:
    """Servers write names as they like."""
    table = StatusTable()
    for name in (status.name, status.name.lower(), status.name.replace(" ", "_"), status.name.replace("_", " ")):
        assert table.by_name(f" {name} ") == status


def test_a_name_that_nobody_knows_is_none() -> None:
    """It is not guessed."""
    assert StatusTable().by_name("DONE?") is None


def test_an_added_status_is_found_by_number_and_name() -> None:
    """A wire profile can teach the connector a status."""
    added = Status(30, "WAIT FOR LICENCE", StatusClass.WAITING)
    table = StatusTable([added])
    assert table.by_code(30) == table.by_name("wait_for_licence") == added
    assert len(list(table)) == len(AMT_STATUSES) + 1


def test_own_codes_are_23_24_and_a_band_of_their_own() -> None:
    """The tree of errors has each code once."""
    assert sorted(outcome.exit_code for outcome in OUTCOMES) == [23, 24, *range(100, 110)]


def test_own_codes_collide_with_amts_in_23_and_24_only() -> None:
    """These two are used as published; the others lie in a band that nobody uses."""
    assert {outcome.exit_code for outcome in OUTCOMES} & set(CODES) == {23, 24}


def test_no_end_of_a_run_is_0_1_or_2() -> None:
    """0 is success to OpCon's default rule, 1 and 2 are QUEUED and RUNNING to an operator."""
    ends = {status.code for status in AMT_STATUSES if status.is_terminal}
    ends |= {outcome.exit_code for outcome in OUTCOMES}
    assert not ends & {0, 1, 2}


UNSUCCESSFUL = [status for status in AMT_STATUSES if status.is_terminal and status.code != SUCCESS]


def test_every_unsuccessful_end_comes_with_advice() -> None:
    """An operator at three in the morning reads what to do next, and another thing for each end."""
    assert len({next_step_after(status) for status in UNSUCCESSFUL}) == len(UNSUCCESSFUL)


@pytest.mark.parametrize("end", UNSUCCESSFUL, ids=str)
def test_nobody_is_sent_to_read_messages_that_are_not_there(end: Status) -> None:
    """Where the task has said nothing, the next step is in AMT Control Center."""
    assert "messages above" not in next_step_after(end, has_messages=False)


def test_an_end_that_was_asked_for_is_not_explained_as_the_jobs_own() -> None:
    """A STOP that AMT serves with ABORTED is no logic of the job's."""
    assert "STOP" in next_step_after(StatusTable().by_code(12), requested="STOP")
    assert "logic" not in next_step_after(StatusTable().by_code(12), requested="STOP")


def test_a_status_is_written_with_its_number() -> None:
    """The job log's wording."""
    assert str(CODES[4]) == "DONE (4)"
