"""The rules of fetching messages: without loading the server, and in full at the end."""

from __future__ import annotations

from collections import deque

import pytest

from amtconnector.errors import CallFailed, Forbidden, LogonRefused, NoAnswer, NotFound, NotUnderstood, Unauthorized
from amtconnector.run.messages import MessageStream
from amtconnector.system.signals import StopRequested
from tests.support.fakes import REQUEST, SETTINGS, FakeClock, FakeNarrator, FakeService, run_context


class Desk:
    """A transcript with what it works with."""

    def __init__(self, *lists: Exception | list[str], streams: bool = True, takes_s: float = 0.0) -> None:
        self.clock = FakeClock()
        self.service = FakeService(self.clock)
        self.service.lists = deque(lists)
        self.service.takes_s["messages"] = takes_s
        self.printer = FakeNarrator()
        settings = SETTINGS._replace(streams_messages=streams)
        self.transcript = MessageStream(run_context(self.service, self.printer, settings), REQUEST)

    @property
    def reads(self) -> int:
        """How often the list was asked for."""
        return self.service.count("messages")


def test_each_message_is_printed_once_and_as_soon_as_it_is_known() -> None:
    """A second read prints what is new."""
    desk = Desk(["a"], ["a", "b"])
    desk.transcript.fetch_if_due(5)
    assert desk.printer.printed == ["a"]
    desk.clock.now += 10
    desk.transcript.fetch_if_due(5)
    assert desk.printer.printed == ["a", "b"]


@pytest.mark.parametrize(("interval_s", "takes_s", "pause_s"), [(5, 0, 10), (5, 0.4, 10), (5, 0.6, 12), (0.1, 3, 60)])
def test_fetching_does_not_load_the_server(interval_s: float, takes_s: float, pause_s: float) -> None:
    """The pause is twice the poll interval or 20 times what the last fetch took, whichever is longer."""
    desk = Desk([], takes_s=takes_s)
    desk.transcript.fetch_if_due(interval_s)
    desk.clock.now += pause_s - 0.01
    desk.transcript.fetch_if_due(interval_s)
    assert desk.reads == 1
    desk.clock.now += 0.02
    desk.transcript.fetch_if_due(interval_s)
    assert desk.reads == 2


def test_without_streaming_everything_is_left_to_the_end() -> None:
    """STREAM_MESSAGES=False: one look when the task has ended, as the incumbent had it."""
    desk = Desk(["a"], streams=False)
    desk.transcript.fetch_if_due(5)
    assert desk.reads == 0
    desk.transcript.drain(is_good_end=True)
    assert desk.printer.printed == ["a"]


@pytest.mark.parametrize("failure", [NoAnswer("reset"), NotFound("404"), NotUnderstood("html"), Forbidden("403")])
def test_a_failure_while_the_task_runs_is_silent(failure: CallFailed) -> None:
    """It says nothing and raises nothing."""
    desk = Desk(failure)
    desk.transcript.fetch_if_due(5)
    assert (desk.printer.lines, desk.printer.printed) == ([], [])


@pytest.mark.parametrize("failure", [Forbidden("403"), Unauthorized("401"), LogonRefused("wrong")])
def test_refused_messages_are_not_asked_for_again_before_the_end(failure: CallFailed) -> None:
    """Who may not read the messages asks once while the task runs, and once more when it has ended."""
    desk = Desk(failure)
    for _ in range(100):
        desk.transcript.fetch_if_due(5)
        desk.clock.now += 1000
    assert desk.reads == 1
    desk.transcript.drain(is_good_end=True)
    assert desk.reads == 2
    assert desk.printer.lines == [f"The job log may be incomplete: the messages could not be read ({failure.message})."]


def test_the_end_is_read_until_two_reads_agree() -> None:
    """Messages that come late are printed; the second of two equal reads ends it, without a line about it."""
    desk = Desk(["a"], ["a", "b"], ["a", "b", "c"], ["a", "b", "c"])
    desk.transcript.drain(is_good_end=True)
    assert desk.printer.printed == ["a", "b", "c"]
    assert desk.reads == 4
    assert desk.printer.lines == []


def test_a_quiet_end_costs_two_reads_and_no_pause() -> None:
    """Every run pays for the second read, so it comes at once."""
    desk = Desk(["a"])
    desk.transcript.drain(is_good_end=True)
    assert desk.reads == 2
    assert sum(desk.clock.waits) == 0


def test_what_was_printed_while_the_task_ran_counts_for_nothing_at_the_end() -> None:
    """Two reads agree when both are of the end: one that was made before may be too early."""
    desk = Desk(["a"], ["a"], ["a", "b"], ["a", "b"])
    desk.transcript.fetch_if_due(5)
    desk.transcript.drain(is_good_end=True)
    assert desk.printer.printed == ["a", "b"]


def test_repeating_ends_after_ten_seconds() -> None:
    """A list that never comes to rest is told to be incomplete, once."""
    desk = Desk(*([str(number) for number in range(length)] for length in range(1000)))
    begun = desk.clock.now
    desk.transcript.drain(is_good_end=True)
    assert 8 <= desk.clock.now - begun <= 10
    assert desk.reads < 20
    assert desk.printer.lines == ["The job log may be incomplete: no two reads of the messages agreed within 10 s."]


def test_a_read_in_progress_is_finished() -> None:
    """A long list takes what it takes; only its repetition is limited, and nothing untrue is said of it."""
    desk = Desk(["a"] * 3, takes_s=60)
    desk.transcript.drain(is_good_end=True)
    assert desk.reads == 1
    assert desk.printer.printed == ["a"] * 3
    assert desk.printer.lines == ["The job log may be incomplete: no two reads of the messages agreed within 10 s."]


def test_reads_that_fail_at_the_end_are_repeated() -> None:
    """A failure is no agreement: good reads on both sides of it are."""
    desk = Desk(NoAnswer("reset"), ["a"], NoAnswer("reset"), ["a"])
    desk.transcript.drain(is_good_end=True)
    assert desk.printer.printed == ["a"]
    assert desk.printer.lines == []


def test_what_came_before_a_read_was_cut_short_is_printed_once() -> None:
    """An answer that breaks off leaves its messages, and the next one does not repeat them."""
    desk = Desk(["a", "b", "!cut"], ["a", "b", "c"])
    desk.transcript.drain(is_good_end=True)
    assert desk.printer.printed == ["a", "b", "c"]


def test_messages_that_stay_unreadable_are_told_after_ten_seconds() -> None:
    """One line at the end, without a word that sites search for."""
    desk = Desk(NoAnswer("it answered 500: Internal Server Error"))
    desk.transcript.drain(is_good_end=True)
    assert desk.printer.lines == [
        "The job log may be incomplete: the messages could not be read (it answered 500: Internal Server [...])."
    ]


def test_being_told_to_stop_ends_a_drain_and_leaves_the_ledger_in_order() -> None:
    """The stop comes through, from a wait as from a read."""
    desk = Desk(["a"], ["a", "b"])

    def stop(_call: str) -> None:
        desk.clock.check()

    desk.service.during = stop
    desk.transcript.fetch_if_due(5)
    desk.clock.stops_at = desk.clock.now
    with pytest.raises(StopRequested):
        desk.transcript.drain(is_good_end=True)
    desk.clock.stops_at = float("inf")
    desk.transcript.drain(is_good_end=True)
    assert desk.printer.printed == ["a", "b"]


def test_a_reader_that_stands_still_is_waited_for_and_told_of() -> None:
    """What is printed piles up no further; when the task has ended its code does not wait for a reader for ever."""
    desk = Desk(["a"])
    desk.printer.is_held_up = True
    desk.transcript.drain(is_good_end=True)
    assert desk.clock.now > 1000
    assert desk.printer.lines == [
        "The job log may be incomplete: the messages could not be read (nobody reads what is printed)."
    ]


@pytest.mark.parametrize(("is_good_end", "lists"), [(False, (["a"], ["a"])), (True, ([], []))])
def test_the_last_two_reads_are_spaced_where_a_message_may_still_come(
    is_good_end: bool,  # noqa: FBT001 - pytest gives it
    lists: tuple[list[str], ...],
) -> None:
    """What a task writes when it has ended badly comes after its status: reads of the same moment agree on nothing."""
    desk = Desk(*lists)
    desk.transcript.drain(is_good_end=is_good_end)
    assert desk.clock.waits == [1]


def test_the_message_that_says_why_is_not_lost() -> None:
    """It is written 0.2 s after the status of a failed task."""
    desk = Desk(["begun"], ["begun", "the reason"], ["begun", "the reason"])
    desk.transcript.drain(is_good_end=False)
    assert desk.printer.printed == ["begun", "the reason"]
    assert desk.printer.lines == []


def test_a_good_end_with_messages_waits_for_nothing() -> None:
    """Every run pays for the second read."""
    desk = Desk(["a"])
    desk.transcript.drain(is_good_end=True)
    assert (desk.reads, desk.clock.waits) == (2, [0])


@pytest.mark.parametrize("later", [["b", "c", "d"], ["a"], [], ["c", "d", "e", "f"]])
def test_a_list_that_loses_messages_is_said_once(later: list[str]) -> None:
    """A server that keeps only the last ones, or begins anew: there may be messages that nobody has read."""
    desk = Desk(["a", "b", "c"], later, later[1:] or ["x"], later[2:])
    for _ in range(4):
        desk.transcript.fetch_if_due(5)
        desk.clock.now += 1000
    assert [line for line in desk.printer.lines if "The job log may be incomplete" in line] == desk.printer.lines
    assert len(desk.printer.lines) == 1


def test_a_list_that_is_cut_short_has_lost_nothing() -> None:
    """An answer that breaks off tells nothing of what comes behind."""
    desk = Desk(["a", "b", "c"], ["a", "!cut"], ["a", "b", "c", "d"])
    for _ in range(3):
        desk.transcript.fetch_if_due(5)
        desk.clock.now += 1000
    assert desk.printer.lines == []


def test_a_list_that_moves_is_asked_for_at_each_poll() -> None:
    """What is gone before it was read can't be printed: the pause of two poll intervals is left out."""
    desk = Desk(["a", "b"], ["b", "c"], ["c", "d"])
    desk.transcript.fetch_if_due(5)
    desk.clock.now += 10
    desk.transcript.fetch_if_due(5)
    desk.clock.now += 0.1
    desk.transcript.fetch_if_due(5)
    assert desk.reads == 3


@pytest.mark.parametrize(("megabytes", "pause_s"), [(0.9, 10), (2, 240), (4, 480), (30, 600)])
def test_a_long_list_moves_half_a_megabyte_a_minute_and_never_rests_for_more_than_ten(
    megabytes: float, pause_s: float
) -> None:
    """The whole list comes with each fetch."""
    desk = Desk(["x" * (int(megabytes * 1_000_000) - 3)])
    desk.transcript.fetch_if_due(5)
    desk.clock.now += pause_s - 0.1
    desk.transcript.fetch_if_due(5)
    assert desk.reads == 1
    desk.clock.now += 0.2
    desk.transcript.fetch_if_due(5)
    assert desk.reads == 2
