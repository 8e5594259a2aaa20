"""The rules of a record on disk: what was written is read, and anything else counts as a start that may be running."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amtconnector.records.glance import end_at_a_glance
from amtconnector.records.record import RunKey, RunRecord, RunState
from amtconnector.records.record_format import dumped, loaded

WRITTEN_AT = datetime(2026, 11, 23, 3, tzinfo=UTC)
MADE_UP = "damaged-0123456789"
RUN_ID = "20261123-a1b2c3d4e5"
RECORD = RunRecord(
    key=RunKey("20261123", "End of day", "PAYROLL", "amt:4004", "DEMO2", "RUN_PAY"),
    run_id="20261123-a1b2c3d4e5",
    state=RunState.SUBMITTED,
    job_number="0000004711",
    submit_user="BATCH",
    station="OPCON",
    queue="NIGHT",
    user="CLERK",
    parameters=("'PARAM'", "", "snow\u2603"),
    task_values=("25", "START=NOW"),
    request_id="2112",
    created_at=datetime(2026, 11, 23, 1, 14, 0, 123, tzinfo=UTC),
    intended_at=datetime(2026, 11, 23, 1, 14, 1, tzinfo=UTC),
    answer_due_at=datetime(2026, 11, 23, 1, 19, 1, tzinfo=UTC),
    submitted_at=datetime(2026, 11, 23, 1, 14, 2, tzinfo=UTC),
    host="BANK01",
    pid=4242,
    config=r"D:\AMT\Connector.config",
)


def read(content: bytes) -> RunRecord:
    """Read a record as the run directory does."""
    return loaded(content, run_id=MADE_UP, written_at=WRITTEN_AT)


def changed(**members: object) -> bytes:
    """Return the sample as JSON with some members changed; None takes one away."""
    all_members = {**json.loads(dumped(RECORD)), **members}
    return json.dumps({name: value for name, value in all_members.items() if value != "absent"}).encode()


texts = st.text(st.characters())  # lone surrogates included: POSIX arguments can hold them


@given(texts, texts, st.lists(texts), st.sampled_from(RunState))
def test_what_is_written_is_read(name: str, user: str, parameters: list[str], state: RunState) -> None:
    """Every text comes back as it was, and the file is plain ASCII."""
    key = RECORD.key._replace(schedule_name=name)
    record = RECORD._replace(key=key, user=user, parameters=tuple(parameters), state=state, exit_code=4, status="DONE")
    assert read(dumped(record)) == record
    assert dumped(record).isascii()


@given(st.integers(0, len(dumped(RECORD)) - 2))
def test_a_record_cut_anywhere_counts_as_intended_and_tells_nothing_wrong(length: int) -> None:
    """What is left of a record is either as it was or not there: never half a request id."""
    record = read(dumped(RECORD)[:length])
    assert (record.state, record.is_damaged, record.is_unfinished) == (RunState.INTENDED, True, True)
    assert record.request_id in ("", RECORD.request_id)
    assert record.run_id in (MADE_UP, RECORD.run_id)
    assert record.pid in (0, RECORD.pid)
    assert record.created_at in (WRITTEN_AT, RECORD.created_at)


@given(st.binary())
def test_no_content_is_taken_for_a_record_or_for_none(content: bytes) -> None:
    """Garbage of any kind is a damaged record, never an exception."""
    record = read(content)
    assert (record.state, record.is_damaged, record.run_id) == (RunState.INTENDED, True, MADE_UP)


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 700, b"\xff\xfe", b"[" * 100_000, b"null", b"[]", b'"x"', b"{}", b"4", b'{"a":' * 50_000]
)
def test_what_a_crash_leaves_counts_as_intended(content: bytes) -> None:
    """Empty files, blocks of zeros and other remains of a crash are the most careful case."""
    record = read(content)
    assert (record.state, record.is_damaged, record.created_at) == (RunState.INTENDED, True, WRITTEN_AT)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("state", "ended"),
        ("state", 4),
        ("state", "absent"),
        ("version", 2),
        ("version", True),
        ("version", "absent"),
        ("request_id", ""),
        ("request_id", 2112),
        ("request_id", "-1"),
        ("request_id", "0002112"),
        ("run_id", "../../x"),
        ("run_id", "absent"),
        ("job", "absent"),
        ("job", None),
        ("pid", "4242"),
        ("pid", True),
        ("exit_code", "4"),
        ("exit_code", 4.0),
        ("parameters", "x"),
        ("parameters", [1]),
        ("parameters", None),
        ("created_at", "yesterday"),
        ("created_at", "2026-11-23T01:14:00"),
        ("created_at", 5),
        ("created_at", "0001-01-01T00:00:00+23:00"),
        ("user", None),
    ],
)
def test_one_wrong_member_makes_the_whole_record_careful(member: str, value: object) -> None:
    """A record that is not exactly as we write it is not trusted to say that a run is over."""
    record = read(changed(**{member: value}))
    assert (record.state, record.is_damaged) == (RunState.INTENDED, True)


def test_finished_without_a_code_counts_as_intended() -> None:
    """An end is an end only with its code."""
    assert read(changed(state="finished")).is_damaged
    assert not read(changed(state="finished", exit_code=4)).is_damaged


def test_a_damaged_record_claims_no_end_and_keeps_what_it_tells() -> None:
    """The request id helps whoever looks for the task; an end that may be wrong does not."""
    record = read(changed(state="finished", exit_code=4, status="DONE", finished_at="2026-11-23T02:00:00Z", pid="?"))
    assert (record.exit_code, record.status, record.finished_at) == (None, "", None)
    assert (record.request_id, record.run_id, record.key) == ("2112", RECORD.run_id, RECORD.key)


def test_members_of_a_later_version_are_ignored() -> None:
    """A file that a newer program of the same form has written is understood."""
    assert read(changed(colour="blue")) == RECORD


def test_members_that_an_earlier_program_did_not_know_may_be_missing() -> None:
    """What is not needed to decide anything may be absent."""
    record = read(changed(host="absent", pid="absent", released_at="absent", parameters="absent"))
    assert (record.is_damaged, record.host, record.pid, record.parameters) == (False, "", 0, ())


def test_a_record_that_somebody_saved_with_a_byte_order_mark_is_read() -> None:
    """Notepad adds one."""
    assert read(b"\xef\xbb\xbf" + dumped(RECORD)) == RECORD


def test_times_are_kept_in_utc() -> None:
    """A time of any zone comes back as the same moment in UTC, and one without a zone is refused."""
    east = timezone(timedelta(hours=5))
    record = read(dumped(RECORD._replace(created_at=datetime(2026, 11, 23, 6, tzinfo=east))))
    assert record.created_at == datetime(2026, 11, 23, 1, tzinfo=UTC)
    assert record.created_at.tzinfo is UTC
    with pytest.raises(ValueError, match="zone"):
        dumped(RECORD._replace(created_at=datetime(2026, 11, 23)))  # noqa: DTZ001 - the mistake under test


@pytest.mark.parametrize("state", RunState)
def test_a_glance_tells_how_a_run_that_is_over_ended_and_nothing_else(state: RunState) -> None:
    """What is open, and what is not just as it is written, must be read in full."""
    at = datetime(2026, 11, 23, 2, 14, 5, 120000, tzinfo=UTC)
    record = RunRecord(RunKey(job="\u00e4\n"), RUN_ID, state, request_id="2112", created_at=at)
    if state is RunState.FINISHED:
        record = record._replace(finished_at=at, exit_code=12)
    glance = end_at_a_glance(dumped(record._replace(file_name="a-1")))
    if record.is_unfinished:
        assert glance is None
    else:
        assert glance == (RUN_ID, at, record.exit_code)


def test_a_glance_takes_nothing_for_an_end_that_a_full_look_takes_for_damage() -> None:
    """Wherever the record was cut, or a byte of its frame was changed."""
    at = datetime(2026, 11, 23, 2, 14, tzinfo=UTC)
    record = RunRecord(RunKey(), RUN_ID, RunState.FINISHED, request_id="2112", finished_at=at, exit_code=4)
    content = dumped(record)
    assert end_at_a_glance(content)
    for length in range(len(content)):
        assert end_at_a_glance(content[:length]) is None
    for wrong in (b'"version": 2', b'"finished_at": null', b'"finished_at": "9999-12-31T00:00:00Z"'):
        name = wrong.split(b":")[0]
        assert end_at_a_glance(re.sub(name + rb": [^,]*", wrong, content)) is None
    assert end_at_a_glance(content + b"\n") is None
    assert end_at_a_glance(content.replace(b'"exit_code": 4', b'"exit_code": null')) is None


def test_a_glance_sees_damage_in_the_middle_too() -> None:
    """A name, a quote, a comma or a time that was changed anywhere makes a record that must be read in full."""
    at = datetime(2026, 11, 23, 2, 14, tzinfo=UTC)
    key = RunKey("20261123", "Nightly", 'End "of" day\\\n\u00e4', "amt:443", "DEMO2", "RUN")
    record = RunRecord(key, RUN_ID, RunState.FINISHED, request_id="2112", finished_at=at, exit_code=4, created_at=at)
    content = dumped(record._replace(parameters=("a", 'b "c"'), task_values=("",)))
    assert end_at_a_glance(content)
    for position in range(len(content)):
        for byte in (b'"', b"x", b"\\", b"\n", b",", b"9"):
            changed = content[:position] + byte + content[position + 1 :]
            if end_at_a_glance(changed):
                assert not read(changed).is_damaged, changed
