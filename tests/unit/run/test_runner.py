"""Whole stories: a run from its logon to its exit code, with everything that can come between."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amtconnector.amtopcon.wire.answers import Refused
from amtconnector.errors import (
    AuthenticationRefused,
    Busy,
    CallFailed,
    Forbidden,
    Interrupted,
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
    ServerUnreachable,
    StartRefused,
    StatusUnknown,
    SubmissionUnknown,
    Unauthorized,
    Unsupported,
)
from amtconnector.records.record import RunRecord, RunState
from amtconnector.run.context import KnownTask
from amtconnector.run.recorder import RunRecorder
from amtconnector.run.runner import Runner
from amtconnector.statuses import AMT_STATUSES, Status
from amtconnector.system.signals import Cause
from tests.support.fakes import (
    DONE,
    ERROR,
    KEY,
    KILLED,
    NEXT_STEPS,
    QUEUED,
    RECORD,
    REQUEST,
    RUNNING,
    SETTINGS,
    TASK,
    UNDEFINED,
    FakeClock,
    FakeObservers,
    FakeService,
    FakeShelf,
    job_log,
    run_context,
    status,
    told,
)

if TYPE_CHECKING:
    from collections.abc import Callable


KNOWN = KnownTask(REQUEST, TASK.name, 60.0, "of 02:14")


class Stage:
    """A runner with what it works with."""

    def __init__(
        self,
        *statuses: Exception | Status,
        kills: bool = True,
        record: RunRecord = RECORD,
        kill_confirm_s: float = 60,
        max_outage_s: float = 900,
        streams: bool = True,
    ) -> None:
        self.clock = FakeClock()
        self.service = FakeService(self.clock)
        self.service.statuses = deque(statuses or [DONE])
        self.service.during = self._during
        self.stop_in = ""
        self.log, self.sink = job_log()
        self.shelf = FakeShelf()
        self.books = RunRecorder(self.shelf, record, NEXT_STEPS, self.log.line, is_protected=True)
        self.onlookers = FakeObservers()
        settings = SETTINGS._replace(
            max_outage_s=max_outage_s,
            kill_confirm_s=kill_confirm_s,
            streams_messages=streams,
            kills_on_interrupt=kills,
        )
        self.runner = Runner(run_context(self.service, self.log, settings, self.books, self.onlookers))

    def _during(self, call: str) -> None:
        # As the network's waits do: a stop ends every call but a start, which is waited for.
        if call == self.stop_in:
            self.stop_in = ""
            self.clock.stops_at = self.clock.now
        if call != "start":
            self.clock.check()

    def start(self) -> int:
        """Start."""
        return self._to_the_end(lambda: self.runner.start(TASK))

    def attach(self) -> int:
        """Attach."""
        return self._to_the_end(lambda: self.runner.attach(KNOWN))

    def kill(self) -> int:
        """Kill."""
        return self._to_the_end(lambda: self.runner.kill(KNOWN))

    def stop(self) -> int:
        """Stop."""
        return self._to_the_end(lambda: self.runner.stop(KNOWN))

    def _to_the_end(self, act: Callable[[], int]) -> int:
        exit_code = act()
        self.books.finish()
        return exit_code

    def failed(self, act: Callable[[], int]) -> RunError:
        """Do it, and return why it does not end with an exit code of AMT."""
        with pytest.raises(RunError) as caught:
            act()
        return caught.value

    @property
    def state(self) -> RunState:
        """What the record on disk says."""
        return self.shelf.saved[-1].state if self.shelf.saved else RunState.NOT_STARTED


def test_a_good_run_is_the_documented_log() -> None:
    """Logon, start, id, messages, completion: in this order and wording, and 4."""
    stage = Stage(QUEUED, RUNNING, DONE)
    stage.service.lists = deque([["Started"], ["Started", "Done"]])
    stage.clock.now += 0
    assert stage.start() == 4
    assert stage.sink.texts == [
        "Authentication successful",
        "Job 'RUN_PARAMETERTESTA' START request received",
        "Job 'RUN_PARAMETERTESTA' started in AMT Environment : BatchrequestId '2112'",
        "Job log ---------------------------------------------------------",
        "[connector] Status: QUEUED (1) after 00:00:10",
        "Started",
        "[connector] Status: RUNNING (2) after 00:00:15",
        "Done",
        "End Job log -----------------------------------------------------",
        "-----------------------------------------------------------------------",
        "Completion : DONE (4) after 00:00:20",
        "Connector completed with return code 4",
        "-----------------------------------------------------------------------",
    ]
    assert stage.shelf.states == ["intended", "submitted", "finished"]
    assert stage.onlookers.started == [REQUEST]
    assert [(request, seen.name) for request, seen, _ in stage.onlookers.seen] == [
        (REQUEST, name) for name in ("QUEUED", "RUNNING", "DONE")
    ]
    assert stage.service.calls[:3] == ["log_on", "start", "status"]


def test_the_record_is_finished_as_the_last_act() -> None:
    """A run that is killed before has not told its end, and its restart tells it."""
    stage = Stage()
    written: list[int] = []
    stage.shelf.before_saving = lambda: written.append(len(stage.sink.lines))
    stage.start()
    assert written[-1] == len(stage.sink.lines)


@pytest.mark.parametrize("end", [one for one in AMT_STATUSES if one.is_terminal], ids=str)
def test_every_terminal_status_is_the_exit_code(end: Status) -> None:
    """Unchanged, and the line above "Connector completed" names it; only 4 is called good."""
    stage = Stage(RUNNING, end)
    assert stage.start() == end.code
    at = stage.sink.texts.index(f"Connector completed with return code {end.code}")
    assert f"{end.name} ({end.code})" in stage.sink.texts[at - 1]
    assert stage.shelf.saved[-1].exit_code == end.code
    assert (f"AMT reported {end.name} for request 2112." in stage.sink.text) is (end.code != 4)
    assert any(text.startswith("What to do next") for text in stage.sink.texts) is (end.code != 4)


ANY_ANSWER = st.sampled_from(
    [
        *AMT_STATUSES,
        status(17),
        status(25),
        NoAnswer("500"),
        NotSent("refused"),
        NotFound("404"),
        NotUnderstood("html"),
        Rejected("400"),
        Forbidden("403"),
        Unauthorized("401"),
        LogonRefused("wrong"),
    ]
)


@given(st.lists(ANY_ANSWER, min_size=1, max_size=12), st.booleans(), st.one_of(st.none(), st.integers(0, 200)))
def test_no_status_but_a_terminal_one_is_ever_an_exit_code(
    answers: list[Exception | Status],
    kills: bool,  # noqa: FBT001 - hypothesis gives it
    stops_after: int | None,
) -> None:
    """For all answers and signals: an AMT status that has come and is terminal, or one of the connector's own codes."""
    answers = [*answers, DONE]  # every task ends
    stage = Stage(*answers, kills=kills)
    if stops_after is not None:
        stage.clock.stops_at = stage.clock.now + stops_after
    error: RunError | None = None
    code = 0
    try:
        code = stage.start()
    except RunError as raised:
        error = raised
    if error is None:
        assert code in {one.code for one in answers if isinstance(one, Status) and one.is_terminal}
        assert stage.state is RunState.FINISHED
    else:
        assert type(error) in RunError.__subclasses__()
        assert error.exit_code == type(error).exit_code
        assert error.exit_code not in {0, 1, 2, 4}
        assert stage.state is not RunState.FINISHED
    assert stage.service.count("start") <= 1


@pytest.mark.parametrize(
    ("answer", "kind", "state"),
    [
        (NotSent("refused"), ServerUnreachable, RunState.NOT_STARTED),
        (Rejected("400"), StartRefused, RunState.NOT_STARTED),
        (Refused("no", status(99)), StartRefused, RunState.NOT_STARTED),
        (Unauthorized("401"), AuthenticationRefused, RunState.NOT_STARTED),
        (NoAnswer("reset"), SubmissionUnknown, RunState.INTENDED),
        (NotUnderstood("no id"), SubmissionUnknown, RunState.INTENDED),
    ],
)
def test_a_start_that_did_not_succeed_leaves_the_truth_behind(
    answer: Exception | Refused, kind: type[RunError], state: RunState
) -> None:
    """What proves that there is no task is noted so; everything else stays "intended"."""
    stage = Stage()
    stage.service.starts = deque([answer])
    assert type(stage.failed(stage.start)) is kind
    assert stage.state is state
    assert stage.service.count("status") == 0


@pytest.mark.parametrize(
    ("failure", "kind"), [(LogonRefused("wrong"), AuthenticationRefused), (NotUnderstood("html"), ReplyNotUnderstood)]
)
def test_a_logon_that_is_refused_starts_nothing(failure: CallFailed, kind: type[RunError]) -> None:
    """One attempt, no start, "not started"."""
    stage = Stage()
    stage.service.logons = deque([failure])
    assert type(stage.failed(stage.start)) is kind
    assert stage.service.calls == ["log_on"]
    assert stage.state is RunState.NOT_STARTED


def test_a_defect_after_the_start_went_out_leaves_the_record_intended() -> None:
    """MemoryError, say: nobody knows what became of the start, and the record says so."""
    stage = Stage()
    stage.service.starts = deque([MemoryError()])
    with pytest.raises(MemoryError):
        stage.start()
    assert stage.state is RunState.INTENDED


def test_a_run_that_ends_well_has_no_bad_words_in_its_own_lines() -> None:
    """Whatever happened on the way: sites search job logs for "error" and "failed"."""
    stage = Stage(NoAnswer("500: Internal Server Error"), RUNNING, NoAnswer("the connection failed (ReadError)"), DONE)
    stage.service.logons = deque([NoAnswer("an Error"), None])
    stage.service.starts.appendleft(NotSent("it failed"))
    stage.service.lists = deque([NoAnswer("Failed"), NotUnderstood("ERROR")])
    stage.service.during = lambda call: (
        setattr(stage.shelf, "failure", OSError(5, "Input/output error")) if call == "status" else None
    )
    assert stage.start() == 4
    assert "may be incomplete" in stage.sink.text
    assert "record can't be written" in stage.sink.text
    assert "error" not in stage.sink.text.lower()
    assert "failed" not in stage.sink.text.lower()


def test_unreadable_messages_never_change_the_exit_code() -> None:
    """The log calls itself incomplete, and the code is the task's."""
    stage = Stage(RUNNING, DONE)
    stage.service.lists = deque([Forbidden("403")])
    assert stage.start() == 4
    assert "[connector] The job log may be incomplete: the messages could not be read (403)." in stage.sink.texts


class TestBeingToldToStop:
    """At each moment of a run."""

    def test_before_the_logon(self) -> None:
        """107, nothing was started, nothing is open."""
        stage = Stage()
        stage.clock.stops_at = stage.clock.now
        error = stage.failed(stage.start)
        assert isinstance(error, Interrupted)
        assert "before anything was started" in error.message
        assert stage.service.count("start") == 0
        assert stage.state is RunState.NOT_STARTED

    def test_while_the_start_is_on_the_wire_its_answer_is_waited_for(self) -> None:
        """The task is killed when its id is known."""
        stage = Stage(KILLED)
        stage.stop_in = "start"
        assert stage.start() == 3
        assert stage.service.calls == ["log_on", "start", "kill", "status", "messages", "messages"]

    def test_while_the_start_is_on_the_wire_and_no_answer_comes(self) -> None:
        """107, and the record stays "intended"."""
        stage = Stage()
        stage.service.takes_s["start"] = 20
        stage.clock.stops_at = stage.clock.now + 5
        stage.service.during = lambda _call: stage.clock.check()
        error = stage.failed(stage.start)
        assert isinstance(error, Interrupted)
        assert "may be running" in told(error)
        assert stage.state is RunState.INTENDED

    @pytest.mark.parametrize("after_s", [0.1, 5, 9.9, 10, 12, 17, 100])
    def test_in_the_initial_delay_and_between_polls(self, after_s: float) -> None:
        """The task is killed, its end confirmed, and its terminal status is the exit code."""
        stage = Stage(RUNNING)
        stage.clock.stops_at = stage.clock.now + after_s
        stage.service.during = lambda call: stage.service.statuses.append(KILLED) if call == "kill" else None
        assert stage.start() == 3
        assert stage.service.count("kill") == 1
        assert stage.state is RunState.FINISHED
        assert "[connector] The connector was told to stop: it kills the task" in stage.sink.texts
        assert stage.clock.now <= 1000 + after_s + 2 + 1  # a second between the last two reads of the messages

    @pytest.mark.parametrize("call", ["status", "messages"])
    def test_in_a_call(self, call: str) -> None:
        """A call that waits is ended, and the task killed."""
        stage = Stage(RUNNING, KILLED)
        stage.stop_in = call
        assert stage.start() == 3
        assert stage.service.count("kill") == 1

    def test_whichever_terminal_status_comes_is_the_exit_code(self) -> None:
        """A task that ended well in that moment ended well."""
        stage = Stage(RUNNING, DONE)
        stage.clock.stops_at = stage.clock.now + 12
        assert stage.start() == 4

    def test_in_the_drain_the_end_of_the_task_stands(self) -> None:
        """Only the messages may be incomplete, which is said."""
        stage = Stage(DONE)
        stage.stop_in = "messages"
        assert stage.start() == 4
        assert "[connector] The job log may be incomplete: the connector was told to stop." in stage.sink.texts
        assert stage.state is RunState.FINISHED
        assert stage.service.count("kill") == 0

    def test_a_kill_that_is_not_confirmed_is_107(self) -> None:
        """After KILL_CONFIRM_TIMEOUT; the record stays, so a restart attaches."""
        stage = Stage(RUNNING)
        stage.clock.stops_at = stage.clock.now + 12
        error = stage.failed(stage.start)
        assert isinstance(error, Interrupted)
        assert "AMT accepted it" in error.message
        assert "may be running" in told(error)
        assert "-jt KILL -id 2112" in error.hint
        assert 55 <= stage.clock.now - 1012 <= 62
        assert stage.state is RunState.SUBMITTED

    def test_a_kill_is_repeated_until_it_is_accepted(self) -> None:
        """After 2, 4, 8 seconds; the status is looked at every 2 s all the while."""
        stage = Stage(*[RUNNING] * 5, KILLED)
        stage.clock.stops_at = stage.clock.now + 12
        stage.service.kills = deque([NoAnswer("reset"), NoAnswer("the server failed"), None])
        assert stage.start() == 3
        assert stage.service.count("kill") == 3
        assert stage.clock.waits[-5:-1] == [2] * 4
        assert "failed" not in stage.sink.text

    def test_a_kill_that_nobody_accepts_is_107_and_says_so(self) -> None:
        """The text states what is known."""
        stage = Stage(RUNNING)
        stage.clock.stops_at = stage.clock.now + 12
        stage.service.kills = deque([NoAnswer("reset")])
        assert "AMT did not accept it" in stage.failed(stage.start).message

    def test_a_refused_logon_is_not_repeated_while_a_kill_is_confirmed(self) -> None:
        """AMT locks accounts."""
        stage = Stage(RUNNING)
        stage.clock.stops_at = stage.clock.now + 12
        stage.service.kills = deque([LogonRefused("wrong password")])
        error = stage.failed(stage.start)
        assert isinstance(error, Interrupted)
        assert "refuses the logon: wrong password" in error.message
        assert stage.service.count("kill") == 1

    def test_without_a_time_to_confirm_the_kill_is_sent_all_the_same(self) -> None:
        """KILL_CONFIRM_TIMEOUT=0 waits for nothing, but the task is killed."""
        stage = Stage(RUNNING, kill_confirm_s=0)
        stage.clock.stops_at = stage.clock.now + 12
        assert isinstance(stage.failed(stage.start), Interrupted)
        assert stage.service.count("kill") == 1

    @pytest.mark.parametrize("cause", list(Cause))
    @pytest.mark.parametrize("kills", [True, False])
    def test_only_a_signal_kills_and_only_where_it_may(self, cause: Cause, kills: bool) -> None:  # noqa: FBT001 - pytest gives it
        """KILL_TASK_ON_INTERRUPT=False, and a session that closes, leave the task: 107 at once, the record stays."""
        stage = Stage(RUNNING, KILLED, kills=kills)
        stage.clock.stops_at = stage.clock.now + 12
        stage.clock.cause = cause
        if kills and cause is Cause.TOLD:
            assert stage.start() == 3
            return
        error = stage.failed(stage.start)
        assert isinstance(error, Interrupted)
        assert "left alone. The task may be running" in told(error)
        assert "request 2112" in error.subject
        assert stage.service.count("kill") == 0
        assert stage.clock.now == 1012
        assert stage.state is RunState.SUBMITTED


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (NoAnswer("x"), LostContact),
        (NotFound("x"), StatusUnknown),
        (NotUnderstood("x"), ReplyNotUnderstood),
        (LogonRefused("x"), AuthenticationRefused),
    ],
)
def test_a_watch_that_is_given_up_leaves_the_task_and_its_record(failure: CallFailed, kind: type[RunError]) -> None:
    """Only an explicit signal kills a task, never a lost connection; a restart of the job attaches."""
    stage = Stage(RUNNING, failure)
    error = stage.failed(stage.start)
    assert type(error) is kind
    assert stage.service.count("kill") == 0
    assert stage.state is RunState.SUBMITTED
    assert "Restart this OpCon job" in error.hint
    assert "-jt ATTACH -id 2112" in error.hint


class TestAttach:
    """Taking up a task that was started before."""

    RECORD = RunRecord(KEY, RECORD.run_id, RunState.INTENDED, request_id="2112")

    def test_its_messages_are_printed_from_the_start_and_its_end_is_the_exit_code(self) -> None:
        """Nothing is started."""
        stage = Stage(RUNNING, RUNNING, ERROR, record=self.RECORD)
        stage.service.lists = deque([["Started"], ["Started", "Done"]])
        assert stage.attach() == 11
        assert stage.service.count("start") == 0
        assert [text for text in stage.sink.texts if text in {"Started", "Done"}] == ["Started", "Done"]
        assert stage.shelf.states == ["submitted", "finished"]
        assert "Completion : ERROR (11) after 00:01:05" in stage.sink.texts

    def test_one_that_has_ended_meanwhile_says_so_first_and_last(self) -> None:
        """The first and the last lines tell that nothing was started."""
        stage = Stage(DONE, record=self.RECORD)
        assert stage.attach() == 4
        words = (
            "Nothing was started. This is the end of request 2112 of 02:14. To run it again restart this job once more."
        )
        assert stage.sink.texts.count(words) == 2
        assert stage.state is RunState.FINISHED

    def test_a_record_is_settled_only_when_amt_knows_the_request(self) -> None:
        """An operator can mistype the id: then the record stays open for the right one."""
        stage = Stage(NotFound("404"), record=self.RECORD)
        assert isinstance(stage.failed(stage.attach), StatusUnknown)
        assert stage.shelf.saved == []

    def test_it_is_a_watch_from_its_first_second(self) -> None:
        """Trouble at its logon has the whole outage and ends with 105, which names the request."""
        stage = Stage(NotSent("refused"), record=self.RECORD)
        error = stage.failed(stage.attach)
        assert isinstance(error, LostContact)
        assert stage.clock.now - 1000 >= 900
        assert "request 2112" in error.subject

    def test_being_told_to_stop_before_the_first_answer_kills_the_task(self) -> None:
        """As at any other moment of a watch."""
        stage = Stage(KILLED, record=self.RECORD)
        stage.stop_in = "status"
        stage.service.statuses = deque([NoAnswer("cut"), KILLED])
        assert stage.attach() == 3
        assert stage.service.count("kill") == 1
        assert stage.state is RunState.FINISHED

    def test_a_task_of_unknown_status_is_attached_to(self) -> None:
        """Its messages are shown while its status is waited for."""
        stage = Stage(UNDEFINED, UNDEFINED, DONE, record=self.RECORD)
        stage.service.lists = deque([["Started"]])
        assert stage.attach() == 4
        assert stage.sink.texts.index("Started") < len(stage.sink.texts) - 5


class TestOnRequest:
    """STOP and KILL."""

    @pytest.mark.parametrize("action", ["stop", "kill"])
    def test_a_task_that_has_ended_is_left_as_it_is(self, action: str) -> None:
        """The status is looked at first, and is the exit code."""
        stage = Stage(DONE)
        assert getattr(stage, action)() == 4
        assert stage.service.calls == ["status"]
        assert f"no {action.upper()} was sent" in stage.sink.text

    @pytest.mark.parametrize("action", ["stop", "kill"])
    def test_a_running_task_is_ended_and_its_end_seen(self, action: str) -> None:
        """A terminal status is the exit code."""
        stage = Stage(RUNNING, RUNNING, RUNNING, KILLED)
        assert getattr(stage, action)() == 3
        assert stage.service.calls == ["status", action, "status", "status", "status"]
        assert stage.state is RunState.FINISHED

    def test_a_task_of_unknown_status_is_killed_too(self) -> None:
        """Unknown is not ended."""
        stage = Stage(UNDEFINED, KILLED)
        assert stage.kill() == 3
        assert stage.service.count("kill") == 1

    @pytest.mark.parametrize(("action", "within_s"), [("stop", 900), ("kill", 60)])
    def test_an_end_that_does_not_come_is_107(self, action: str, within_s: float) -> None:
        """KILL confirms for KILL_CONFIRM_TIMEOUT, STOP waits up to STATUS_CHECK_MAX_OUTAGE."""
        stage = Stage(RUNNING)
        error = stage.failed(getattr(stage, action))
        assert isinstance(error, Interrupted)
        assert f"{action.upper()} was requested" in error.message
        assert stage.clock.now - 1000 == pytest.approx(within_s, abs=2)
        assert "request 2112" in error.subject

    def test_a_stop_without_an_outage_limit_waits_for_the_end(self) -> None:
        """STATUS_CHECK_MAX_OUTAGE=0 means never."""
        stage = Stage(*[RUNNING] * 5000, DONE, max_outage_s=0)
        assert stage.stop() == 4

    def test_trouble_is_survived(self) -> None:
        """One failed answer is no verdict here either."""
        stage = Stage(NoAnswer("x"), RUNNING, NoAnswer("x"), NotFound("404"), KILLED)
        assert stage.kill() == 3

    def test_being_told_to_stop_before_anything_was_asked_for(self) -> None:
        """The text does not claim that a KILL was sent."""
        stage = Stage(NoAnswer("x"))
        stage.clock.stops_at = stage.clock.now + 7
        error = stage.failed(stage.kill)
        assert isinstance(error, Interrupted)
        assert "before it sent the KILL" in error.message
        assert "may be running" in told(error)
        assert stage.service.count("kill") == 0

    def test_being_told_to_stop_while_the_end_is_waited_for(self) -> None:
        """107 at once; the KILL stands, and the text does not claim that its time was over."""
        stage = Stage(RUNNING)
        stage.clock.stops_at = stage.clock.now + 7
        error = stage.failed(stage.kill)
        assert isinstance(error, Interrupted)
        assert "KILL was requested" in error.message
        assert "told to stop" in error.message
        assert stage.clock.now == 1007

    def test_a_refused_logon_ends_it_with_24_and_the_request(self) -> None:
        """Nothing was asked of AMT."""
        stage = Stage(LogonRefused("wrong"))
        error = stage.failed(stage.kill)
        assert isinstance(error, AuthenticationRefused)
        assert "request 2112" in error.subject


class TestEndingThatAmtRefuses:
    """STOP and KILL are rights of their own."""

    @pytest.mark.parametrize("refusal", [Forbidden("the server answered 403"), Unauthorized("401 after a new logon")])
    @pytest.mark.parametrize("action", ["stop", "kill"])
    def test_it_is_asked_once_and_the_missing_right_is_named(self, action: str, refusal: CallFailed) -> None:
        """Asking again changes nothing, and neither does running the same command again."""
        stage = Stage(RUNNING)
        getattr(stage.service, f"{action}s").append(refusal)
        getattr(stage.service, f"{action}s").popleft()
        error = stage.failed(getattr(stage, action))
        assert (type(error), error.fate.request_id) == (Interrupted, "2112")
        assert stage.service.count(action) == 1
        assert f"the right '{action.capitalize()} Running Job'" in error.hint
        assert stage.clock.now == 1000
        assert ("Once it has that right:\n" in error.hint) is (action == "kill")
        assert error.hint.count("-jt KILL -id 2112") == 1
        assert "-jt ATTACH -id 2112" in error.hint

    @pytest.mark.parametrize(
        "refusal", [Rejected("400"), Rejected("302", hint="ADDRESS=x:443"), NotFound("404"), Unsupported("501")]
    )
    @pytest.mark.parametrize("action", ["kill", "stop"])
    def test_a_request_that_was_not_executed_is_not_sent_again_either(self, action: str, refusal: CallFailed) -> None:
        """What the server refuses in another way than 403 is said once as well, and no right is blamed for it."""
        stage = Stage(RUNNING)
        getattr(stage.service, f"{action}s").append(refusal)
        getattr(stage.service, f"{action}s").popleft()
        error = stage.failed(getattr(stage, action))
        assert (type(error), error.fate.request_id) == (Interrupted, "2112")
        assert stage.service.count(action) == 1
        assert refusal.hint in error.hint
        assert "right" not in error.hint
        assert ("-jt KILL" in error.hint) is (action == "stop")
        assert "-jt ATTACH -id 2112" in error.hint
        assert ("WIRE_PROFILE" in error.hint) is isinstance(refusal, Unsupported)

    @pytest.mark.parametrize("failure", [ServerFailed("the server answered 409: in use"), NoAnswer("reset")])
    @pytest.mark.parametrize("action", ["kill", "stop"])
    def test_what_amt_does_not_accept_for_a_minute_is_given_up_while_it_tells_the_status(
        self, action: str, failure: CallFailed
    ) -> None:
        """Asked for less and less often, said once, and a STOP does not go on for as long as an outage may last."""
        stage = Stage(RUNNING, max_outage_s=0)
        getattr(stage.service, f"{action}s").append(failure)
        getattr(stage.service, f"{action}s").popleft()
        error = stage.failed(getattr(stage, action))
        assert (type(error), error.fate.request_id) == (Interrupted, "2112")
        assert stage.clock.now == 1060
        assert stage.service.count(action) == 6
        assert f"in 6 attempts; the last time: {failure.message}" in error.message
        assert stage.sink.text.count("has not accepted") == 1
        assert ("-jt KILL" in error.hint) is (action == "stop")
        assert "-jt ATTACH -id 2112" in error.hint

    def test_a_stop_is_asked_for_all_through_an_outage(self) -> None:
        """Then the KILL is still named, for it can help."""
        stage = Stage(RUNNING, NoAnswer("reset"), max_outage_s=300)
        stage.service.stops = deque([NoAnswer("reset")])
        error = stage.failed(stage.stop)
        assert stage.clock.now == 1300
        assert "-jt KILL -id 2112" in error.hint

    def test_a_server_that_asks_for_time_gets_it(self) -> None:
        """Retry-After counts for an ending too."""
        stage = Stage(*[RUNNING] * 25, KILLED)
        stage.service.kills = deque([Busy("429", retry_after_s=20), None])
        assert stage.kill() == 3
        assert stage.service.calls.index("kill", 2) - stage.service.calls.index("kill") == 11

    def test_a_logon_that_is_refused_meanwhile_says_what_to_do_about_it(self) -> None:
        """The KILL alone would be refused as well."""
        stage = Stage(RUNNING)
        stage.service.kills = deque([LogonRefused("wrong password")])
        hint = stage.failed(stage.kill).hint
        assert hint.index("unlock it in AMT Control Center") < hint.index("-jt KILL -id 2112")

    def test_a_task_that_ends_by_itself_meanwhile_has_ended(self) -> None:
        """The status is looked at once more after the refusal."""
        stage = Stage(RUNNING, DONE)
        stage.service.kills = deque([Forbidden("403")])
        assert stage.kill() == 4

    @pytest.mark.parametrize("unread", [NotUnderstood("HTML"), Rejected("405"), Forbidden("403")])
    def test_a_status_that_can_not_be_read_keeps_no_kill_from_being_sent(self, unread: CallFailed) -> None:
        """The task is to end, whatever the status looks like."""
        stage = Stage(unread, KILLED)
        assert stage.kill() == 3
        assert stage.service.calls == ["status", "kill", "status"]


def test_the_record_says_finished_only_as_the_very_last_act() -> None:
    """A process that is killed before its job log is out leaves a record that a restart takes up."""
    stage = Stage(DONE)
    assert stage.runner.start(TASK) == 4
    before = stage.shelf.states
    stage.books.finish()
    assert (before[-1], stage.shelf.states[-1]) == ("submitted", "finished")


def test_a_record_that_could_not_be_written_is_written_at_the_next_poll() -> None:
    """A scanner that holds the file for a moment must not cost the request id that a restart needs."""
    stage = Stage(QUEUED, RUNNING, DONE)

    def fail_while_started(call: str) -> None:
        stage.shelf.failure = OSError(13, "held by a scanner") if call == "start" else None

    stage.service.during = fail_while_started
    stage.runner.start(TASK)
    assert stage.shelf.states == ["intended", "submitted"]
    assert stage.shelf.saved[-1].request_id == "2112"
    assert "can't be written (held by a scanner)" in stage.sink.text


def test_a_watch_that_had_contact_speaks_of_what_changed() -> None:
    """After hours of success nobody is sent to look at the port or at TLS."""
    stage = Stage(RUNNING, NoAnswer("connection refused", hint="Check the port in SERVER_ADDRESS."))
    error = stage.failed(stage.start)
    assert "SERVER_ADDRESS" not in error.hint
    assert "It answered well until" in error.hint
