"""The wording of the job log, which sites search."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amtconnector.errors import LostContact
from amtconnector.output.job_log import LONGEST_MESSAGE
from amtconnector.text import calm, clock_time, spoken
from tests.support.fakes import DONE, REQUEST, job_log

PREFIX = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} : ")


def test_the_documented_lines_are_worded_as_documented() -> None:
    """The incumbent's lines, blank for blank."""
    log, sink = job_log()
    log.rule()
    log.field("AMT Connector", "1.0.0")
    log.field("-jt (job type)", "START")
    log.field("-an (application Name)", "DEMO2")
    log.field("-u  (user)", "default")
    log.started("RUN_PARAMETERTESTA", REQUEST)
    log.begin_messages()
    log.messages(["Done"])
    log.end_messages()
    log.completed(DONE, 81)
    log.ended(4)
    assert sink.texts == [
        "-----------------------------------------------------------------------",
        "AMT Connector           : 1.0.0",
        "-jt (job type)          : START",
        "-an (application Name)  : DEMO2",
        "-u  (user)              : default",
        "Job 'RUN_PARAMETERTESTA' started in AMT Environment : BatchrequestId '2112'",
        "Job log ---------------------------------------------------------",
        "Done",
        "End Job log -----------------------------------------------------",
        "Completion : DONE (4) after 00:01:21",
        "Connector completed with return code 4",
        "-----------------------------------------------------------------------",
    ]
    assert sink.flushes == 1


def test_every_line_begins_with_the_local_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """One timestamp with milliseconds, then a colon between blanks."""
    moment = time.mktime((2026, 5, 18, 14, 0, 14, 0, 0, -1)) + 0.239
    monkeypatch.setattr(time, "time", lambda: moment + 1e-6)
    log, sink = job_log()
    log.line("first")
    moment += 1
    log.line("second")
    assert sink.lines == ["2026-05-18 14:00:14.239 : first", "2026-05-18 14:00:15.239 : second"]


def test_own_lines_inside_the_job_log_are_marked() -> None:
    """Between the task's messages a line of the connector's own says whose it is, and only there."""
    log, sink = job_log()
    log.line("before")
    log.begin_messages()
    log.line("inside")
    log.end_messages()
    log.end_messages()
    log.line("behind")
    assert [text for text in sink.texts if "-" not in text] == ["before", "[connector] inside", "behind"]
    assert sum(text.startswith("End Job log") for text in sink.texts) == 1


def test_control_characters_can_neither_end_a_line_nor_drive_a_terminal() -> None:
    """Category Cc but tab is shown escaped, U+2028 and U+2029 likewise, in messages and in own lines."""
    log, sink = job_log()
    text = "a\x1b[2J\r\nb\x00\x7f\x85\u2028\u2029\tc"
    shown = "a\\x1b[2J\\x0d\\x0ab\\x00\\x7f\\x85\\u2028\\u2029\tc"
    log.messages([text])
    log.line(text)
    assert sink.texts == [shown, shown]


@given(st.text(st.characters(exclude_categories=[]), max_size=60))
def test_a_message_is_one_line_and_otherwise_as_it_came(message: str) -> None:
    """Whatever it holds, it is one line; without control characters it is unchanged."""
    log, sink = job_log()
    log.messages([message])
    [line] = sink.lines
    assert PREFIX.match(line)
    assert not re.search("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]", line)
    if not re.search("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]", message):
        assert sink.texts == [message]


@pytest.mark.parametrize("character", ["x", "ä", "☃", "😀", "\ud800"])
def test_a_message_of_exactly_1_mib_is_whole(character: str) -> None:
    """The limit is counted in UTF-8."""
    log, sink = job_log()
    size = len(character.encode("utf-8", "surrogatepass"))
    message = character * (LONGEST_MESSAGE // size)
    log.messages([message])
    assert sink.texts == [message]


@pytest.mark.parametrize("character", ["x", "ä", "☃", "😀", "\ud800"])
@pytest.mark.parametrize("before", ["", "x", "xx", "\udfff"])
def test_a_longer_message_is_cut_at_a_character_and_says_so(character: str, before: str) -> None:
    """Nothing before the cut is lost, lone surrogates included, and the note tells the bytes that are."""
    log, sink = job_log()
    size = len(character.encode("utf-8", "surrogatepass"))
    message = before + character * (LONGEST_MESSAGE // size + 10)
    log.messages([message])
    kept, _, note = sink.texts[0].partition(" [connector] ")
    assert message.startswith(kept)
    kept_size = len(kept.encode("utf-8", "surrogatepass"))
    assert LONGEST_MESSAGE - size < kept_size <= LONGEST_MESSAGE
    left_out = len(message.encode("utf-8", "surrogatepass")) - kept_size
    assert note == f"{left_out} bytes of this message are left out"


def test_a_failure_is_one_block_whose_last_line_names_the_outcome() -> None:
    """What happened, to what, what to do next, one line each; above "Connector completed" the outcome in words."""
    log, sink = job_log()
    log.begin_messages()
    log.failed(LostContact("Gone.\nFor long.", subject="request 2112", hint="first\nsecond"))
    log.ended(105)
    assert sink.texts[1:] == [
        "End Job log -----------------------------------------------------",
        "-----------------------------------------------------------------------",
        "What happened           : Gone.",
        "                        : For long.",
        "                        : The task may be running.",
        "To what                 : request 2112",
        "What to do next         : first",
        "                        : second",
        "Outcome : lost-contact (105)",
        "Connector completed with return code 105",
        "-----------------------------------------------------------------------",
    ]


def test_own_lines_are_copied_to_the_runs_log_and_messages_are_not() -> None:
    """The run's log holds what an investigation needs; the messages are AMT's."""
    log, _ = job_log()
    copied: list[str] = []
    log.copy = copied.append
    log.line("own")
    log.messages(["AMT's"])
    assert copied == ["own"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "00:00:00"), (81.9, "00:01:21"), (3600, "01:00:00"), (360_000, "100:00:00")]
)
def test_a_duration_is_hours_minutes_and_seconds(seconds: float, text: str) -> None:
    """Hours go on beyond 99."""
    assert clock_time(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.3, "0.3 s"),
        (45, "45 s"),
        (59.7, "1 min"),
        (75, "1 min 15 s"),
        (900, "15 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_a_duration_in_words(seconds: float, text: str) -> None:
    """An operator reads how long an outage was."""
    assert spoken(seconds) == text


@given(st.text())
def test_a_calm_text_is_not_found_by_those_who_search_for_bad_words(text: str) -> None:
    """A run that ends with 4 has no "error" and no "failed" in the connector's own lines."""
    assert not re.search("error|failed", calm(f"{text}Error{text}FAILED{text}"), re.IGNORECASE)
    assert calm("the server answered 500: Internal Server Error") == "the server answered 500: Internal Server [...]"
