"""The rules of following a task: one failed answer is no verdict."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amtconnector.errors import (
    AuthenticationRefused,
    Busy,
    CallFailed,
    Forbidden,
    LogonRefused,
    LostContact,
    NoAnswer,
    NotFound,
    NotSent,
    NotUnderstood,
    Rejected,
    ReplyNotUnderstood,
    RunError,
    ServerFailed,
    StatusUnknown,
    Unauthorized,
)
from amtconnector.run.monitor import StatusMonitor
from amtconnector.run.next_steps import Subject
from amtconnector.statuses import AMT_STATUSES, Status, StatusClass
from amtconnector.system.signals import StopRequested
from tests.support.fakes import (
    DONE,
    QUEUED,
    REQUEST,
    RUNNING,
    SETTINGS,
    UNDEFINED,
    FakeClock,
    FakeNarrator,
    FakeObservers,
    FakeService,
    run_context,
    status,
    told,
)

SUBJECT = Subject("RUN_PAY", REQUEST, "amt:4004", "amt -jt ATTACH -id 2112", "amt -jt KILL -id 2112")
TERMINAL = [one for one in AMT_STATUSES if one.is_terminal]
OPEN = [one for one in AMT_STATUSES if not one.is_terminal]


class Tower:
    """A watch with what it works with."""

    def __init__(
        self,
        *answers: Exception | Status,
        chance: float = 0.5,
        max_outage_s: float = 900,
        interval_s: float = 5,
        age_s: float = 0,
    ) -> None:
        self.clock = FakeClock()
        self.service = FakeService(self.clock)
        self.service.statuses = deque(answers)
        self.narrator = FakeNarrator()
        self.clock.odds = chance
        self.observers = FakeObservers()
        self.seen = self.observers.seen
        self.began = self.clock.now
        settings = SETTINGS._replace(poll_interval_s=interval_s, max_outage_s=max_outage_s)
        context = run_context(self.service, self.narrator, settings, observers=self.observers)
        self.watch = StatusMonitor(context, SUBJECT, self.clock.now - age_s)

    def until_end(self) -> Status:
        """StatusMonitor to the end."""
        return self.watch.until_end(lambda: None)

    def given_up(self) -> RunError:
        """StatusMonitor until it is given up, and return why."""
        with pytest.raises(RunError) as caught:
            self.until_end()
        return caught.value

    @property
    def lasted_s(self) -> float:
        """How long it has been watched."""
        return self.clock.now - self.began


@pytest.mark.parametrize("end", TERMINAL, ids=str)
def test_every_terminal_status_ends_the_watch(end: Status) -> None:
    """And nothing is asked behind it."""
    tower = Tower(QUEUED, RUNNING, end)
    assert tower.until_end() == end
    assert tower.service.count("status") == 3


@pytest.mark.parametrize("state", [one for one in OPEN if one.is_known], ids=str)
def test_no_other_status_ends_it(state: Status) -> None:
    """A task may wait or run for as long as it likes."""
    tower = Tower(*[state] * 2000, DONE)
    assert tower.until_end() == DONE
    assert tower.lasted_s > 40_000


def test_the_interval_grows_with_the_age_of_the_task() -> None:
    """5 s at first, 2 % of the time since the start later, never more than the longest."""
    tower = Tower(*[RUNNING] * 400, DONE)
    tower.until_end()
    waits = tower.clock.waits
    assert waits[0] == 5
    assert waits == sorted(waits)
    assert waits[-1] == 30
    assert tower.watch.interval_s == 30


def test_an_attached_task_is_as_old_as_it_is() -> None:
    """The time since the start counts, not the time since the attach; it is never below zero."""
    assert Tower(DONE, age_s=1000).watch.interval_s == pytest.approx(20)
    assert Tower(DONE, age_s=-1000).watch.elapsed_s == 0


@pytest.mark.parametrize(("chance", "expected"), [(0.0, 4.5), (0.5, 5.0), (1.0, 5.5)])
def test_polls_are_jittered(chance: float, expected: float) -> None:
    """A fleet of jobs does not ask in step."""
    tower = Tower(RUNNING, DONE, chance=chance)
    tower.until_end()
    assert tower.clock.waits == [expected]


def test_each_change_is_printed_once_with_its_time() -> None:
    """No line per poll; onlookers learn of each change, the end included."""
    tower = Tower(QUEUED, QUEUED, RUNNING, RUNNING, QUEUED, DONE)
    tower.until_end()
    assert tower.narrator.lines == [
        "Status: QUEUED (1) after 00:00:00",
        "Status: RUNNING (2) after 00:00:10",
        "Status: QUEUED (1) after 00:00:20",
    ]
    assert [seen for _, seen, _ in tower.seen] == [QUEUED, RUNNING, QUEUED, DONE]


@pytest.mark.parametrize("code", [5, 14])
def test_a_status_that_waits_for_an_operator_says_so(code: int) -> None:
    """The one who reads the log learns that nothing goes on by itself."""
    tower = Tower(status(code), DONE)
    tower.until_end()
    assert tower.narrator.lines[0].endswith("it waits for an operator in AMT")


@given(st.floats(0, 1), st.sampled_from([1, 5, 60, 3600]))
def test_an_outage_of_a_quarter_of_an_hour_is_survived_and_a_longer_one_given_up(chance: float, interval: int) -> None:
    """It is given up when the time is over: not before, and not more than one pause after."""
    tower = Tower(RUNNING, NoAnswer("time-out"), chance=chance, interval_s=interval)
    error = tower.given_up()
    assert isinstance(error, LostContact)
    asked = tower.service.count("status") - 1
    since_good = tower.lasted_s
    assert since_good >= 900
    assert asked >= 3
    assert since_good <= 900 + 3 * 1.1 * max(30, interval)
    assert asked > 25 or interval > 30


def test_a_good_answer_ends_an_outage() -> None:
    """The time counts from the last good answer; contact lost and back are told once each."""
    failures = [NoAnswer("reset")] * 20
    tower = Tower(RUNNING, *failures, RUNNING, *failures, DONE, max_outage_s=600)
    assert tower.until_end() == DONE
    told = [line for line in tower.narrator.lines if not line.startswith("Status")]
    assert [line[:24] for line in told] == ["No usable answer from th", "The server answers again"] * 2
    assert told[0] == "No usable answer from the server (reset); the task is not affected, trying on"
    assert told[1] == "The server answers again, after 9 min 5 s"


def test_backoff_starts_anew_after_each_outage() -> None:
    """Pauses double from the poll interval up to 30 s; an unknown status between is an answer, not a failure."""
    tower = Tower(*[UNDEFINED] * 9, *[NotSent("refused")] * 5, DONE)
    tower.until_end()
    assert tower.clock.waits[:9] == [5] * 9
    assert tower.clock.waits[9:] == [5, 10, 20, 30, 30]


def test_a_suspended_machine_tries_three_times() -> None:
    """It wakes up with the time of the outage over: one failed answer is no verdict then either."""
    tower = Tower(RUNNING, NoAnswer("1"), NoAnswer("2"), DONE)
    tower.service.during = lambda _call: setattr(tower.clock, "now", tower.clock.now + 4000)
    assert tower.until_end() == DONE
    tower = Tower(RUNNING, NoAnswer("1"), NoAnswer("2"), NoAnswer("3"), DONE)
    tower.service.during = lambda _call: setattr(tower.clock, "now", tower.clock.now + 4000)
    assert isinstance(tower.given_up(), LostContact)
    assert tower.service.count("status") == 4


@pytest.mark.parametrize(("asked_s", "pause_s"), [(1, 5), (17, 17), (60, 60), (3600, 60)])
def test_retry_after_is_honoured_up_to_a_minute(asked_s: float, pause_s: float) -> None:
    """A server that is busy is left alone for as long as it says."""
    tower = Tower(RUNNING, Busy("429", retry_after_s=asked_s), DONE)
    tower.until_end()
    assert tower.clock.waits[-1] == pause_s


@pytest.mark.parametrize("failure", [NoAnswer("x"), NotFound("x"), NotUnderstood("x"), UNDEFINED])
def test_a_watch_without_a_limit_is_never_given_up(failure: Exception | Status) -> None:
    """STATUS_CHECK_MAX_OUTAGE=0."""
    tower = Tower(*[failure] * 3000, DONE, max_outage_s=0)
    assert tower.until_end() == DONE
    assert tower.lasted_s > 10_000


@pytest.mark.parametrize(
    ("failure", "kind", "words"),
    [
        (NotSent("refused"), LostContact, "has not answered for 15 min"),
        (NoAnswer("time-out"), LostContact, "has not answered for 15 min"),
        (ServerFailed("500"), LostContact, "has answered with failures alone for 15 min"),
        (Busy("429"), LostContact, "has not answered for 15 min"),
        (NotFound("404"), StatusUnknown, "does not know the request any more, for 15 min"),
        (NotUnderstood("html"), ReplyNotUnderstood, "no answer that could be understood for 15 min"),
        (Rejected("400"), ReplyNotUnderstood, "no answer that could be understood for 15 min"),
        (Forbidden("403"), ReplyNotUnderstood, "no answer that could be understood for 15 min"),
        (UNDEFINED, StatusUnknown, "The only status that AMT has given for 15 min 6 s is UNDEFINED (19)"),
        (status(17), StatusUnknown, "UNKNOWN STATUS (17)"),
    ],
)
def test_the_last_failure_decides_how_a_watch_is_given_up(
    failure: Exception | Status, kind: type[RunError], words: str
) -> None:
    """Whatever failed before; the text names the request, what is known of the task, and how to go on."""
    tower = Tower(RUNNING, *[NoAnswer("before")] * 3, failure)
    error = tower.given_up()
    assert type(error) is kind
    assert words in error.message
    assert "The task may be running" in told(error) or "What became of the task is unknown" in error.message
    assert "request 2112" in error.subject
    assert SUBJECT.ways_on in error.hint


def test_a_server_error_at_the_end_counts_as_no_answer() -> None:
    """404s, then a 5xx as the last: 105."""
    tower = Tower(RUNNING, *[NotFound("404")] * 20, NoAnswer("the server answered 503"))
    assert isinstance(tower.given_up(), LostContact)


def test_an_unknown_status_is_named_once() -> None:
    """However often it comes and whatever comes between."""
    tower = Tower(UNDEFINED, UNDEFINED, RUNNING, UNDEFINED, status(25), UNDEFINED, RUNNING, DONE)
    assert tower.until_end() == DONE
    named = [line for line in tower.narrator.lines if "UNDEFINED" in line]
    assert named == [
        "Status: UNDEFINED (19) after 00:00:00: the connector does not know this status and waits for another one"
    ]
    assert sum("(25)" in line for line in tower.narrator.lines) == 1
    assert sum("RUNNING" in line for line in tower.narrator.lines) == 2


def test_a_known_status_ends_the_time_of_unknown_ones() -> None:
    """109 only when nothing else has come for the whole time."""
    tower = Tower(*[*[UNDEFINED] * 25, RUNNING] * 9, DONE)
    assert tower.until_end() == DONE


@pytest.mark.parametrize("refusal", [LogonRefused("wrong password"), Unauthorized("the server answered 401")])
def test_refused_credentials_end_the_watch_at_once_and_name_the_request(refusal: CallFailed) -> None:
    """A rejected logon is never tried again, not even to watch a task: 24, and the task may be running."""
    tower = Tower(RUNNING, refusal, DONE)
    error = tower.given_up()
    assert isinstance(error, AuthenticationRefused)
    assert tower.service.count("status") == 2
    assert "The task may be running" in told(error)
    assert "request 2112" in error.subject


def test_messages_are_looked_at_after_each_status_that_is_not_the_end() -> None:
    """Not after a failed poll, when the server would most likely fail again; an unknown status is an answer."""
    tower = Tower(RUNNING, NoAnswer("x"), UNDEFINED, RUNNING, DONE)
    looks: list[int] = []
    tower.watch.until_end(lambda: looks.append(tower.service.count("status")))
    assert looks == [1, 3, 4]


def test_the_first_status_is_the_first_answer() -> None:
    """Trouble before it is survived as in any watch."""
    tower = Tower(NoAnswer("x"), NotSent("x"), UNDEFINED, DONE)
    assert tower.watch.first_status() == UNDEFINED


def test_being_told_to_stop_ends_a_watch_between_two_polls() -> None:
    """The wait ends, no poll follows."""
    tower = Tower(RUNNING)
    tower.clock.stops_at = tower.clock.now + 12
    with pytest.raises(StopRequested):
        tower.until_end()
    assert tower.service.count("status") == 3


def test_lines_that_come_before_a_good_end_have_no_bad_words() -> None:
    """A run that ends with 4 has no "error" or "failed" in the connector's own lines."""
    tower = Tower(NoAnswer("the connection failed (ReadError)"), DONE)
    tower.until_end()
    assert not any("fail" in line.lower() or "error" in line.lower() for line in tower.narrator.lines)


def test_statuses_are_of_every_class() -> None:
    """The tests above cover each class of status."""
    assert {one.kind for one in OPEN} | {StatusClass.TERMINAL} == set(StatusClass)
