"""What must not grow with the square: the message list that is moved again and again, and a run directory at scale."""

from __future__ import annotations

import os
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from amtconnector.records import RunDirectory, RunKey, RunRecord, RunState, file_names, retention
from amtconnector.run.messages import MessageStream
from amtconnector.run.monitor import StatusMonitor, Subject
from tests.benchmarks import measure
from tests.benchmarks.table import Row, Section
from tests.support.fakes import DONE, REQUEST, RUNNING, SETTINGS, FakeClock, FakeNarrator, FakeService, run_context

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amtconnector.statuses import Status
    from amtconnector.task import RequestId
    from tests.benchmarks.bench import Bench

MESSAGES = 200_000
LENGTH = 80
_BESIDE_TEXT = 3
CALL_S = 0.01
BYTES_PER_S = 20e6
PORTION = 2_000

OLD_RUNS = 100_000
DAY_PASS_S = 61.0
"""A second before the first status check, and a minute beside the watch: one job of some minutes a day."""
SLOW_FILE_S = 0.004
NOW = datetime(2026, 11, 23, 2, 14, tzinfo=UTC)
AGE = timedelta(days=100)

LARGE = 250_000_000

TEXT = """A task that writes {messages:,} messages of 80 characters evenly over its time, watched by the connector's own
code on a simulated clock, {call:.0f} ms and 20 MB a second a call; what its fetches move together, beside the list
at its end. {runs:,} old runs in a directory of this machine, cleaned by one job a day, which gives it {day:.0f} s; then
with {slow:.0f} ms more for each file. One message of {large:,} bytes in a single answer, beside a run with ten."""


class Chatty(FakeService):
    """A task whose messages come evenly over its time; counts the bytes that are moved."""

    def __init__(self, duration_s: float, messages: int, length: int) -> None:
        super().__init__(FakeClock(0.0))
        self.duration_s = duration_s
        self.count_at_end = messages
        self.moved = 0
        self._message = "x" * length

    def status(self, request_id: RequestId) -> Status:
        """Answer a status request."""
        del request_id
        self.clock.now += CALL_S
        return DONE if self.clock.now >= self.duration_s else RUNNING

    def messages(self, request_id: RequestId, limit_s: float) -> Iterator[list[str]]:
        """Answer with all messages up to now, a portion at a time."""
        del request_id, limit_s
        self.calls.append("messages")
        count = int(self.count_at_end * min(self.clock.now / self.duration_s, 1.0))
        size = count * (len(self._message) + _BESIDE_TEXT)
        self.moved += size
        self.clock.now += CALL_S + size / BYTES_PER_S
        for begin in range(0, count, PORTION):
            yield [self._message] * min(PORTION, count - begin)

    @property
    def times_moved(self) -> float:
        """What was moved, in lists as the last one is."""
        return self.moved / (self.count_at_end * (len(self._message) + _BESIDE_TEXT))


def watched(duration_s: float, messages: int = MESSAGES, length: int = LENGTH) -> Chatty:
    """Follow such a task to its end."""
    task = Chatty(duration_s, messages, length)
    context = run_context(task, FakeNarrator())
    monitor = StatusMonitor(context, Subject("JOB", REQUEST, "server:4004", ""), 0.0)
    stream = MessageStream(context, REQUEST)
    task.clock.wait(SETTINGS.initial_delay_s)
    monitor.until_end(lambda: stream.fetch_if_due(monitor.interval_s))
    stream.drain(is_good_end=True)
    return task


class Cleaned(NamedTuple):
    """How a directory became clean: in how many daily passes (0: it did not), and in how many seconds of them."""

    passes: int
    took_s: float


def cleaned(count: int, slow_file_s: float, *, most_passes: int = 30) -> Cleaned:
    """Fill a directory with old runs and clean it once a day until they are gone."""
    with tempfile.TemporaryDirectory(prefix="amt-bench-runs-") as folder:
        directory = RunDirectory(Path(folder) / "runs")
        fill(directory, count)
        clock = _SlowedClock(slow_file_s)
        for day in range(most_passes):
            countdown = retention.Countdown(DAY_PASS_S, clock=clock)
            retention.clean(directory.path, 30, now=NOW + timedelta(days=day), countdown=countdown)
            if not any(directory.path.glob(f"*{file_names.RECORD}")):
                return Cleaned(day + 1, clock())
        return Cleaned(0, clock())


def fill(directory: RunDirectory, count: int) -> None:
    """Leave so many old runs with their logs: one is recorded as runs do it, the others are copies of its files."""
    then = NOW - AGE
    key = RunKey("20260815", "End of day", "JOB", "amt:4004", "DEMO2", "RUN")
    record = RunRecord(key, _run_id(0), RunState.FINISHED, request_id="2112", created_at=then, intended_at=then)
    record = record._replace(submitted_at=then, finished_at=then, exit_code=4)
    with directory.claim(key, record.run_id) as claim:
        claim.save(record)
    log = directory.open_log(record.run_id)
    log.write("a line")
    log.close()
    path = directory.path / f"{file_names.file_name(key, record.run_id)}{file_names.RECORD}"
    content, line = path.read_bytes(), log.path.read_bytes()
    _age(path, then)
    _age(log.path, then)
    for number in range(1, count):
        name = file_names.file_name(key._replace(opcon_job=f"JOB{number}"), _run_id(number))
        own = content.replace(record.run_id.encode("ascii"), _run_id(number).encode("ascii"))
        for copy, written in (
            (path.with_name(f"{name}{file_names.RECORD}"), own),
            (log.path.with_name(f"{_run_id(number)}{file_names.LOG}"), line),
        ):
            copy.write_bytes(written)
            _age(copy, then)


def without_the_square(bench: Bench) -> Section:
    """Return the table."""
    hour, day = watched(3600), watched(8 * 3600)
    here, slow = cleaned(OLD_RUNS, 0.0), cleaned(OLD_RUNS, SLOW_FILE_S)
    text = TEXT.format(
        messages=MESSAGES,
        call=1000 * CALL_S,
        runs=OLD_RUNS,
        day=DAY_PASS_S,
        slow=1000 * SLOW_FILE_S,
        large=LARGE,
    )
    return Section(
        "Nothing with the square",
        text,
        (
            _moved_row("one hour", hour, 8),
            _moved_row("eight hours", day, 30),
            _cleaned_row("this file system", here),
            _cleaned_row("a slowed one", slow),
            _large_row(bench),
        ),
    )


def _moved_row(what: str, task: Chatty, bar: float) -> Row:
    final_mb = task.moved / task.times_moved / 1e6
    return Row(
        f"messages moved in {what}", f"{task.moved / 1e6:,.0f} MB", f"list: {final_mb:.1f} MB", task.times_moved, bar
    )


def _cleaned_row(what: str, result: Cleaned) -> Row:
    passes = result.passes or float("inf")
    return Row(f"daily passes on {what}", f"{passes}", f"{result.took_s:.0f} s of cleaning", passes, 7)


def _large_row(bench: Bench) -> Row:
    few, large = (measure.run(bench.amt(bench.http, job)).peak_mb for job in ("R0M10", f"R0M1L{LARGE}"))
    more = large - few
    return Row("more memory for one large message, MB", f"{more:.1f} MB", f"with ten: {few:.1f} MB", more, 60)


class _SlowedClock:
    """The real time, and a little more each time that it is asked: once for each file that is considered."""

    def __init__(self, slow_file_s: float) -> None:
        self._begun = time.monotonic()
        self._slow_file_s = slow_file_s
        self._slowed_s = 0.0

    def __call__(self) -> float:
        self._slowed_s += self._slow_file_s
        return time.monotonic() - self._begun + self._slowed_s


def _run_id(number: int) -> str:
    return f"20260815-{number:010x}"


def _age(path: Path, then: datetime) -> None:
    os.utime(path, (then.timestamp(), then.timestamp()))
