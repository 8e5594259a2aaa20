"""What must not grow with the square: the message list that is moved again and again, and one long message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amtconnector.run.messages import MessageStream
from amtconnector.run.monitor import StatusMonitor
from amtconnector.run.next_steps import Subject
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

LARGE = 250_000_000

TEXT = """A task that writes {messages:,} messages of 80 characters evenly over its time, watched by the connector's own
code on a simulated clock, {call:.0f} ms and 20 MB a second a call; what its fetches move together, beside the list
at its end. One message of {large:,} bytes in a single answer, beside a run with ten."""


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
    monitor = StatusMonitor(context, Subject("JOB", REQUEST, "server:4004", "", ""), 0.0)
    stream = MessageStream(context, REQUEST)
    task.clock.wait(SETTINGS.initial_delay_s)
    monitor.until_end(lambda: stream.fetch_if_due(monitor.interval_s))
    stream.drain(is_good_end=True)
    return task


def without_the_square(bench: Bench) -> Section:
    """Return the table."""
    hour, day = watched(3600), watched(8 * 3600)
    text = TEXT.format(
        messages=MESSAGES,
        call=1000 * CALL_S,
        large=LARGE,
    )
    return Section(
        "Nothing with the square",
        text,
        (
            _moved_row("one hour", hour, 8),
            _moved_row("eight hours", day, 30),
            _large_row(bench),
        ),
    )


def _moved_row(what: str, task: Chatty, bar: float) -> Row:
    final_mb = task.moved / task.times_moved / 1e6
    return Row(
        f"messages moved in {what}", f"{task.moved / 1e6:,.0f} MB", f"list: {final_mb:.1f} MB", task.times_moved, bar
    )


def _large_row(bench: Bench) -> Row:
    few, large = (measure.run(bench.amt(bench.http, job)).peak_mb for job in ("R0M10", f"R0M1L{LARGE}"))
    more = large - few
    return Row("more memory for one large message, MB", f"{more:.1f} MB", f"with ten: {few:.1f} MB", more, 60)
