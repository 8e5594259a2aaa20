"""A clock and a server that do what a test says, and places to print to."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from amtconnector.amtopcon.wire.answers import Refused, Started
from amtconnector.output.job_log import JobLog
from amtconnector.records.record import RunKey, RunRecord, RunState
from amtconnector.run.context import RunContext, RunSettings
from amtconnector.run.next_steps import NextSteps
from amtconnector.run.observers import Observer
from amtconnector.run.recorder import RunRecorder
from amtconnector.statuses import Status, StatusTable
from amtconnector.system.signals import Cause, StopRequested
from amtconnector.task import RequestId, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from amtconnector.errors import RunError


REQUEST = RequestId("2112")
TASK = Task("DEMO2", "RUN_PARAMETERTESTA", parameters=("'PARAM'",))
STATUSES = StatusTable()


def status(code: int) -> Status:
    """Return AMT's status with this number."""
    return STATUSES.by_code(code)


QUEUED, RUNNING, KILLED, DONE, ERROR = status(1), status(2), status(3), status(4), status(11)
UNDEFINED = status(19)


class FakeClock:
    """Time that passes only in waits, and the flag of being told to stop.

    `stops_at` is when a stop is asked for; `serve_stop` puts it off as the real flag does.
    """

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.waits: list[float] = []
        self.stops_at = float("inf")
        self.cause = Cause.TOLD
        self.odds = 0.5
        self.served_within_s: float | None = None

    def monotonic(self) -> float:
        """Return the time."""
        return self.now

    def wait(self, seconds: float) -> None:
        """Let time pass, up to the moment at which a stop is asked for."""
        self.check()
        self.waits.append(seconds)
        if self.now + seconds >= self.stops_at:
            self.now = max(self.now, self.stops_at)
            raise StopRequested(self.cause)
        self.now += seconds

    def chance(self) -> float:
        """Return the middle: no jitter."""
        return self.odds

    def serve_stop(self, within_s: float) -> None:
        """Begin to serve the stop; its time is over after so many seconds."""
        self.served_within_s = within_s
        self.stops_at = self.now + within_s

    def check(self) -> None:
        """Raise StopRequested when a stop was asked for."""
        if self.now >= self.stops_at:
            raise StopRequested(self.cause)


@dataclass
class FakeSink:
    """Takes lines."""

    lines: list[str] = field(default_factory=list)
    flushes: int = 0
    is_held_up: bool = False

    def write(self, line: str) -> None:
        """Take one line."""
        self.lines.append(line)

    def flush(self) -> None:
        """Count."""
        self.flushes += 1

    @property
    def texts(self) -> list[str]:
        """The lines without their timestamps."""
        return [line.partition(" : ")[2] for line in self.lines]

    @property
    def text(self) -> str:
        """The texts, a line each."""
        return "\n".join(self.texts)


class FakeNarrator:
    """Keeps the connector's own lines and the messages apart."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.printed: list[str] = []
        self.is_held_up = False

    def line(self, text: str) -> None:
        """Take a line of the connector's own."""
        self.lines.append(text)

    def messages(self, texts: Sequence[str]) -> None:
        """Take messages."""
        self.printed.extend(texts)


class FakeShelf:
    """Keeps every record that is saved; raises `failure` instead where that is set."""

    def __init__(self) -> None:
        self.place = "/runs"
        self.saved: list[RunRecord] = []
        self.failure: OSError | None = None
        self.before_saving: Callable[[], None] = _nothing_first
        self.is_gone = False

    def save(self, record: RunRecord) -> None:
        """Keep a record."""
        self.before_saving()
        if self.failure is not None:
            raise self.failure
        self.saved.append(record)

    @property
    def states(self) -> list[str]:
        """The states in their order."""
        return [record.state.value for record in self.saved]


class FakeService:
    """AMT as a script: each call takes its next answer, the last one for ever; an exception is raised.

    `calls` are the names of the calls in their order. `takes_s` is how long a call lasts, by name. `during` is called
    within each call, after its time has passed: a place to look around, or to raise.
    """

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.calls: list[str] = []
        self.takes_s: dict[str, float] = {}
        self.during: Callable[[str], None] = _nothing
        self.last_answer = ""
        self.has_more_messages = False
        self.logons: deque[Exception | None] = deque([None])
        self.starts: deque[Exception | Started | Refused] = deque([Started(REQUEST)])
        self.statuses: deque[Exception | Status] = deque([DONE])
        self.lists: deque[Exception | list[str]] = deque([[]])
        self.stops: deque[Exception | None] = deque([None])
        self.kills: deque[Exception | None] = deque([None])

    def log_on(self) -> None:
        """Get a token."""
        self._answered("log_on", self.logons)

    def start(self, task: Task) -> Started | Refused:
        """Start the one task that there is."""
        assert task == TASK
        answer: Started | Refused = self._answered("start", self.starts)
        return answer

    def status(self, request_id: RequestId) -> Status:
        """Tell the status."""
        assert request_id == REQUEST
        answer: Status = self._answered("status", self.statuses)
        return answer

    def messages(self, request_id: RequestId, limit_s: float) -> Iterator[list[str]]:
        """Yield the messages one by one; a list that ends with "!cut" is cut short there."""
        from amtconnector.errors import NoAnswer

        assert request_id == REQUEST
        assert limit_s > 0
        for text in self._answered("messages", self.lists):
            if text == "!cut":
                raise NoAnswer("cut short")
            yield [text]

    def stop(self, request_id: RequestId) -> None:
        """Take a STOP."""
        assert request_id == REQUEST
        self._answered("stop", self.stops)

    def kill(self, request_id: RequestId) -> None:
        """Take a KILL."""
        assert request_id == REQUEST
        self._answered("kill", self.kills)

    def speak_for(self, run_id: str, task: Task | None = None, started_by: str = "") -> None:
        """Take note of nothing."""

    def check_start(self, task: Task) -> None:
        """Carry every task."""

    def close(self) -> None:
        """End the conversation."""
        self.calls.append("close")

    def count(self, call: str) -> int:
        """Return how often a call was made."""
        return self.calls.count(call)

    def _answered(self, call: str, answers: deque[Any]) -> Any:
        self.calls.append(call)
        self.clock.now += self.takes_s.get(call, 0.0)
        self.during(call)
        answer = answers.popleft() if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


SETTINGS = RunSettings("amt:4004", 10, 5, 30, 900, 60, 300, streams_messages=True, kills_on_interrupt=True)
KEY = RunKey("20261123", "End of day", "PAYROLL", "amt:4004", "DEMO2", "RUN_PARAMETERTESTA")
RECORD = RunRecord(KEY, "20261123-a1b2c3d4e5", RunState.NOT_STARTED)
NEXT_STEPS = NextSteps("/site/Connector.config")


class FakeObservers(Observer):
    """Keeps what it sees."""

    def __init__(self) -> None:
        self.seen: list[tuple[RequestId, Status, float]] = []
        self.started: list[RequestId] = []

    def task_started(self, request_id: RequestId) -> None:
        """Keep it."""
        self.started.append(request_id)

    def status_changed(self, request_id: RequestId, status: Status, elapsed_s: float) -> None:
        """Keep it."""
        assert elapsed_s >= 0
        self.seen.append((request_id, status, elapsed_s))


def run_context(
    service: FakeService,
    log: JobLog | FakeNarrator,
    settings: RunSettings = SETTINGS,
    recorder: RunRecorder | None = None,
    observers: Observer | None = None,
) -> RunContext:
    """Return the context of a run with this server, whose clock it shares."""
    recorder = recorder or RunRecorder(FakeShelf(), RECORD, NEXT_STEPS, log.line, is_protected=True)
    return RunContext(
        settings, service, cast("JobLog", log), service.clock, recorder, NEXT_STEPS, observers or FakeObservers()
    )


def told(error: RunError) -> str:
    """Return a failure as the job log tells it."""
    log, sink = job_log()
    log.failed(error)
    return sink.text


def job_log() -> tuple[JobLog, FakeSink]:
    """Return a job log and what it prints to."""
    sink = FakeSink()
    return JobLog(sink), sink


def _nothing_first() -> None:
    """Do nothing before a record is saved."""


def _nothing(_call: str) -> None:
    """Take no part in a call."""
