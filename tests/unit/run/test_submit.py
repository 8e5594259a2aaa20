"""The rules of a start: sent once, and never again when it may have been received."""

from __future__ import annotations

from collections import deque
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amtconnector.amtopcon.wire.answers import Refused, Started
from amtconnector.errors import (
    AuthenticationRefused,
    Busy,
    CallFailed,
    CertificateRefused,
    ConfigurationError,
    Forbidden,
    Interrupted,
    LogonRefused,
    NoAnswer,
    NotFound,
    NotSent,
    NotUnderstood,
    Rejected,
    ReplyNotUnderstood,
    RunError,
    ServerUnreachable,
    StartRefused,
    SubmissionUnknown,
    Unauthorized,
)
from amtconnector.records.record import RunKey, RunRecord, RunState
from amtconnector.run.recorder import RunRecorder
from amtconnector.run.submit import Submission
from amtconnector.system.signals import StopRequested
from tests.support.fakes import (
    NEXT_STEPS,
    REQUEST,
    TASK,
    FakeClock,
    FakeNarrator,
    FakeService,
    FakeShelf,
    run_context,
    status,
    told,
)

RUN_ID = "20261123-a1b2c3d4e5"
KEY = RunKey("20261123", "End of day", "PAYROLL", "amt:4004", "DEMO2", "RUN_PARAMETERTESTA")
REPEATED = (NotSent("refused"), Busy("429"))
UNKNOWN_FATE = (NoAnswer("reset"), NotUnderstood("no id"))
REFUSALS = (Rejected("400"), NotFound("404"), Forbidden("403"))


class Counter:
    """A submission with what it works with."""

    def __init__(self, *starts: Exception | Started | Refused, is_protected: bool = True) -> None:
        self.clock = FakeClock()
        self.service = FakeService(self.clock)
        self.service.starts = deque(starts or [Started(REQUEST)])
        self.narrator = FakeNarrator()
        self.shelf = FakeShelf()
        record = RunRecord(KEY, RUN_ID, RunState.NOT_STARTED)
        self.books = RunRecorder(self.shelf, record, NEXT_STEPS, self.narrator.line, is_protected=is_protected)
        self.submission = Submission(run_context(self.service, self.narrator, recorder=self.books))

    @property
    def sent(self) -> int:
        """How often the start was sent."""
        return self.service.count("start")

    def refused(self) -> RunError:
        """Start, and return why that did not end well."""
        with pytest.raises(RunError) as caught:
            self.submission.start(TASK)
        return caught.value


def test_the_intention_is_on_disk_before_the_start_goes_out_and_the_id_right_after() -> None:
    """A crash at any moment leaves a record that tells the truth."""
    counter = Counter()
    states: list[list[str]] = []
    counter.service.during = lambda _call: states.append(counter.shelf.states)
    assert counter.submission.start(TASK) == REQUEST
    assert states == [["intended"]]
    assert counter.shelf.states == ["intended", "submitted"]
    assert counter.shelf.saved[-1].request_id == "2112"
    intended = counter.shelf.saved[0]
    assert intended.intended_at is not None
    assert intended.answer_due_at is not None
    assert (intended.answer_due_at - intended.intended_at).total_seconds() == 360


@pytest.mark.parametrize("failure", UNKNOWN_FATE)
@pytest.mark.parametrize("before", [(), (NotSent("x"),), (Busy("x"), NotSent("x")), (Unauthorized("401"),)])
def test_what_may_have_been_received_is_never_sent_again(failure: CallFailed, before: tuple[CallFailed, ...]) -> None:
    """104, the record stays "intended", and the text says what to look for and both ways on."""
    counter = Counter(*before, failure, Started(REQUEST))
    error = counter.refused()
    assert isinstance(error, SubmissionUnknown)
    assert counter.sent == len(before) + 1
    assert counter.books.record.state is RunState.INTENDED
    assert "The task may be running" in told(error)
    for words in ("DEMO2", "BATCH" if counter.books.record.submit_user else "", f"--release {RUN_ID}", "-jt ATTACH"):
        assert words in error.hint
    assert ("WIRE_PROFILE" in error.hint) is isinstance(failure, NotUnderstood)


@pytest.mark.parametrize("failure", REPEATED)
def test_what_provably_was_not_executed_is_sent_again(failure: CallFailed) -> None:
    """Until it is, for at most a minute; one line tells that it is tried."""
    counter = Counter(failure, failure, Started(REQUEST))
    assert counter.submission.start(TASK) == REQUEST
    assert counter.sent == 3
    assert len(counter.narrator.lines) == 1


@pytest.mark.parametrize("failure", REPEATED)
def test_after_a_minute_nothing_was_started(failure: CallFailed) -> None:
    """23, which says "busy" where the server was."""
    counter = Counter(failure)
    error = counter.refused()
    assert isinstance(error, ServerUnreachable)
    assert counter.clock.now - 1000 <= 60
    assert "Nothing was started" in told(error)
    assert ("busy" in error.message) is isinstance(failure, Busy)


def test_a_server_that_is_busy_for_longer_than_the_minute_is_not_waited_for() -> None:
    """Retry-After beyond what is left: 23 at once, and the text says busy."""
    counter = Counter(Busy("503", retry_after_s=61))
    assert "busy" in counter.refused().message
    assert counter.clock.waits == [0]


def test_a_certificate_that_is_refused_is_final() -> None:
    """Trying again changes nothing: 23 at once, with the certificate as the cause."""
    counter = Counter(CertificateRefused("it has expired", hint="Renew it."))
    error = counter.refused()
    assert isinstance(error, ServerUnreachable)
    assert counter.sent == 1
    assert "it has expired" in error.message
    assert error.hint.startswith("Renew it.")


@pytest.mark.parametrize("failure", REFUSALS)
def test_a_refusal_is_final(failure: CallFailed) -> None:
    """106 with the server's words."""
    counter = Counter(failure, Started(REQUEST))
    error = counter.refused()
    assert isinstance(error, StartRefused)
    assert (error.exit_code, counter.sent) == (106, 1)
    assert failure.message in error.message


def test_a_start_that_leads_elsewhere_says_where() -> None:
    """What the answer itself says to do stands in place of a comparison with AMT."""
    hint = Counter(Rejected("the server answered 302", hint="SERVER_ADDRESS=other:443")).refused().hint
    assert hint == "SERVER_ADDRESS=other:443\nThe job can be restarted when that is settled."


@pytest.mark.parametrize(("code", "exit_code"), [(None, 106), (99, 99), (24, 24), (23, 23), (11, 11)])
def test_a_reason_that_amt_gives_is_the_exit_code(code: int | None, exit_code: int) -> None:
    """Refused with a terminal status: that status, in AMT's name; else 106."""
    reason = status(code) if code is not None else None
    error = Counter(Refused("no such user", reason)).refused()
    assert isinstance(error, StartRefused)
    assert error.exit_code == exit_code
    assert "AMT did not start the task" in error.message
    assert reason is None or str(reason) in error.message


def test_an_old_token_is_renewed_once_and_the_start_sent_once_more() -> None:
    """401 means not executed; the interval that an operator is told is that of the start that counts."""
    counter = Counter(Unauthorized("401"), Started(REQUEST))
    assert counter.submission.start(TASK) == REQUEST
    assert counter.service.calls == ["start", "log_on", "start"]
    assert counter.shelf.states == ["intended", "intended", "submitted"]


def test_a_token_that_is_refused_right_after_its_logon_is_the_end() -> None:
    """24, and nothing was started."""
    counter = Counter(Unauthorized("401"))
    error = counter.refused()
    assert isinstance(error, AuthenticationRefused)
    assert counter.sent == 2
    assert "Nothing was started" in told(error)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (LogonRefused("wrong"), AuthenticationRefused),
        (NotFound("404"), ReplyNotUnderstood),
        (NotSent("x"), ServerUnreachable),
    ],
)
def test_a_second_logon_that_does_not_succeed_is_the_end(failure: CallFailed, kind: type[RunError]) -> None:
    """The start was refused for its token alone, and is not sent again without a new one."""
    counter = Counter(Unauthorized("401"), Started(REQUEST))
    counter.service.logons = deque([failure])
    assert type(counter.refused()) is kind
    assert counter.sent == 1


@given(st.lists(st.sampled_from([*REPEATED, *UNKNOWN_FATE, *REFUSALS, Unauthorized("401")]), max_size=12))
def test_whatever_happens_the_start_is_never_sent_after_it_may_have_been_received(answers: list[CallFailed]) -> None:
    """For all sequences of answers: at most one of them can have been executed, and it is the last."""
    counter = Counter(*answers, Started(REQUEST))
    with suppress(RunError):
        counter.submission.start(TASK)
    received = [number for number, answer in enumerate(answers) if isinstance(answer, NoAnswer | NotUnderstood)]
    refused = [number for number, answer in enumerate(answers) if type(answer) in {Rejected, NotFound, Forbidden}]
    last = min([*received, *refused, len(answers)])
    assert counter.sent <= last + 1


class TestBeingToldToStop:
    """At each moment of a submission."""

    def test_before_the_start_goes_out_nothing_is_sent(self) -> None:
        """A signal while the record is written, say."""
        counter = Counter()
        counter.clock.stops_at = counter.clock.now
        with pytest.raises(StopRequested):
            counter.submission.start(TASK)
        assert counter.sent == 0

    def test_between_two_attempts_nothing_more_is_sent(self) -> None:
        """None of them was executed."""
        counter = Counter(NotSent("x"))
        counter.clock.stops_at = counter.clock.now + 2
        with pytest.raises(StopRequested):
            counter.submission.start(TASK)
        assert counter.sent == 2

    def test_while_the_start_is_on_the_wire_it_may_have_been_received(self) -> None:
        """107, the record stays "intended", and the text says so."""
        counter = Counter()
        counter.clock.stops_at = counter.clock.now + 20
        counter.service.takes_s["start"] = 20
        counter.service.during = lambda _call: counter.clock.check()
        error = counter.refused()
        assert isinstance(error, Interrupted)
        assert counter.books.record.state is RunState.INTENDED
        assert "The task may be running" in told(error)
        assert f"--release {RUN_ID}" in error.hint

    def test_in_the_second_logon_nothing_was_executed(self) -> None:
        """The first start was refused for its token."""
        counter = Counter(Unauthorized("401"))
        counter.service.during = lambda call: setattr(counter.clock, "stops_at", 0) if call == "log_on" else None
        with pytest.raises(StopRequested):
            counter.submission.start(TASK)
        assert counter.sent == 1

    def test_an_answer_that_comes_in_spite_of_it_counts(self) -> None:
        """A start that is on the wire is not cut: the id is noted, and the run serves the stop afterwards."""
        counter = Counter()
        counter.service.during = lambda _call: setattr(counter.clock, "stops_at", counter.clock.now)
        assert counter.submission.start(TASK) == REQUEST
        assert counter.shelf.states == ["intended", "submitted"]


class TestTheRecord:
    """What it can't keep."""

    def test_without_it_a_protected_start_is_not_sent(self) -> None:
        """102: without the record a restart could start the task a second time."""
        counter = Counter()
        counter.shelf.failure = OSError(28, "No space left on device", "/runs/x.json")
        error = counter.refused()
        assert isinstance(error, ConfigurationError)
        assert (counter.sent, error.subject) == (0, "/runs/x.json")

    def test_by_hand_it_is_a_warning(self) -> None:
        """A run by hand is never blocked."""
        counter = Counter(is_protected=False)
        counter.shelf.failure = OSError(5, "Input/output error")
        assert counter.submission.start(TASK) == REQUEST
        assert counter.narrator.lines == ["Warning: the run record can't be written (Input/output [...])"] * 2

    def test_a_write_that_fails_after_the_start_is_a_warning(self) -> None:
        """The task is there: it is watched, whatever the disk says."""
        counter = Counter()
        counter.service.during = lambda _call: setattr(counter.shelf, "failure", OSError(28, "No space left"))
        assert counter.submission.start(TASK) == REQUEST
        [line] = counter.narrator.lines
        assert line.startswith("Warning: the run record can't be written (No space left); ")
        assert "-jt ATTACH -id 2112" in line
        assert counter.books.record.request_id == "2112"

    def test_a_record_that_somebody_removes_is_written_anew_while_the_task_runs(self) -> None:
        """Without it a restart would start the task again; before there is a task there may be none."""
        counter = Counter()
        counter.shelf.is_gone = True
        counter.books.save_again()
        assert not counter.shelf.saved
        counter.submission.start(TASK)
        counter.books.save_again()
        assert counter.shelf.states == ["intended", "submitted", "submitted"]
        assert counter.narrator.lines == ["Warning: the run record was gone, removed by somebody; it is written anew"]

    def test_a_start_that_is_repeated_after_a_new_logon_needs_it_too(self) -> None:
        """The second intention is as necessary as the first."""
        counter = Counter(Unauthorized("401"), Started(REQUEST))
        counter.service.during = lambda _call: setattr(counter.shelf, "failure", OSError(28, "No space left"))
        assert isinstance(counter.refused(), ConfigurationError)
        assert counter.sent == 1


class TestTheLogon:
    """Rejections are final, trouble is not."""

    @pytest.mark.parametrize("failure", [NotSent("x"), Busy("429"), NoAnswer("time-out")])
    def test_trouble_is_survived_for_a_minute(self, failure: CallFailed) -> None:
        """Name resolution, connection errors, resets, time-outs, 429 and 5xx; then 23."""
        counter = Counter()
        counter.service.logons = deque([failure, failure, None])
        counter.submission.log_on()
        counter.service.logons = deque([failure])
        begun = counter.clock.now
        with pytest.raises(ServerUnreachable):
            counter.submission.log_on()
        assert 30 < counter.clock.now - begun <= 60

    @pytest.mark.parametrize(
        ("failure", "kind"),
        [
            (LogonRefused("wrong"), AuthenticationRefused),
            (CertificateRefused("expired"), ServerUnreachable),
            (NotFound("404"), ReplyNotUnderstood),
            (Rejected("400"), ReplyNotUnderstood),
            (NotUnderstood("no token"), ReplyNotUnderstood),
        ],
    )
    def test_anything_else_ends_at_the_first_answer(self, failure: CallFailed, kind: type[RunError]) -> None:
        """AMT locks accounts; a wrong route is no wrong password."""
        counter = Counter()
        counter.service.logons = deque([failure, None])
        with pytest.raises(kind) as caught:
            counter.submission.log_on()
        assert counter.service.count("log_on") == 1
        assert "Nothing was started" in told(caught.value)
        assert ("WIRE_PROFILE" in caught.value.hint) is (kind is ReplyNotUnderstood)

    @pytest.mark.parametrize("may_refuse", [False, True])
    def test_what_an_odd_answer_says_of_the_password_is_true(self, *, may_refuse: bool) -> None:
        """Nothing, or that it may be a refusal: then when it is tried again, and the command that ends the wait."""
        failure = Rejected("422")
        failure.may_refuse = may_refuse
        counter = Counter()
        counter.service.logons = deque([failure])
        with pytest.raises(ReplyNotUnderstood) as caught:
            counter.submission.log_on()
        hint = caught.value.hint
        assert ("It tells nothing about the password." in hint) is not may_refuse
        assert ("It may be a refusal of the password." in hint) is may_refuse
        assert (" check --config " in hint) is may_refuse

    def test_lines_before_a_good_end_have_no_bad_words(self) -> None:
        """Sites search for them."""
        counter = Counter()
        counter.service.logons = deque([NoAnswer("the server answered 500: Internal Server Error"), None])
        counter.submission.log_on()
        assert counter.narrator.lines == [
            "No usable answer from amt:4004 (the server answered 500: Internal Server [...]); trying for up to 60 s"
        ]
