"""The load on AMT: eight hours with 500 jobs, simulated with the connector's own watch and a clock of ours."""

from __future__ import annotations

import random
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from amtconnector.run.messages import MessageStream
from amtconnector.run.monitor import StatusMonitor
from amtconnector.run.next_steps import Subject
from tests.benchmarks.table import Row, Section
from tests.support.fakes import DONE, REQUEST, RUNNING, SETTINGS, FakeClock, FakeNarrator, FakeService, run_context

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amtconnector.statuses import Status
    from amtconnector.task import RequestId

JOBS = 500
MIX = ((0.60, 60.0), (0.25, 600.0), (0.10, 3600.0), (0.05, 21600.0))
"""Shares of the jobs and how long they run, in seconds, give or take 30 %."""
SPREAD = 0.3
FIXED_INTERVAL_S = 5.0
CALL_S = 0.01
MESSAGE_EVERY_S = 30.0
SEED = 20261123

TEXT = """{jobs} jobs in eight hours: 60 % of 1 minute, 25 % of 10 minutes, 10 % of 1 hour, 5 % of 6 hours, each plus or
minus 30 %, a message every {every:.0f} s, {call:.0f} ms a call. Watched by the connector's own code with the default
settings, on a simulated clock, seed {seed}; compared with a status request every 5 s and one fetch of the messages."""


class Job(FakeService):
    """One AMT task on a clock of its own, which counts the requests that are made about it."""

    def __init__(self, duration_s: float, chance: random.Random) -> None:
        super().__init__(RandomClock(chance))
        self.duration_s = duration_s

    def status(self, request_id: RequestId) -> Status:
        """Answer a status request."""
        self._called("status", request_id)
        return DONE if self.clock.now >= self.duration_s else RUNNING

    def messages(self, request_id: RequestId, limit_s: float) -> Iterator[list[str]]:
        """Answer with all messages up to now."""
        del limit_s
        self._called("messages", request_id)
        yield [f"message {number}" for number in range(int(min(self.clock.now, self.duration_s) / MESSAGE_EVERY_S))]

    @property
    def delay(self) -> float:
        """How long after the task's end the connector ended, as a share of the task's run time."""
        return (self.clock.now - self.duration_s) / self.duration_s

    def _called(self, call: str, _request_id: RequestId) -> None:
        self.calls.append(call)
        self.clock.now += CALL_S


class RandomClock(FakeClock):
    """A clock with a die."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__(0.0)
        self.chance = chance.random  # type: ignore[method-assign]


@dataclass(frozen=True, slots=True)
class Load:
    """What 500 jobs came to: ratios to the fixed poll, and delays as shares of the run times."""

    status_ratio: float
    request_ratio: float
    median_delay: float
    late_delay: float
    status_requests: int
    requests: int
    fixed_requests: int


def simulated(seed: int = SEED) -> Load:
    """StatusMonitor all jobs to their ends."""
    chance = random.Random(seed)  # noqa: S311 - a simulation, repeatable
    jobs = [watched(Job(duration_s, chance)) for duration_s in durations(chance)]
    fixed_status = sum(int(job.duration_s / FIXED_INTERVAL_S) + 1 for job in jobs)
    status = sum(job.count("status") for job in jobs)
    # Each job also logs on and starts, and the fixed poll fetches its messages once.
    requests = status + sum(job.count("messages") for job in jobs) + 2 * len(jobs)
    fixed = fixed_status + 3 * len(jobs)
    delays = sorted(job.delay for job in jobs)
    late = delays[int(0.95 * len(delays))]
    return Load(status / fixed_status, requests / fixed, statistics.median(delays), late, status, requests, fixed)


def durations(chance: random.Random) -> list[float]:
    """Return how long each job runs, in seconds."""
    return [
        length_s * chance.uniform(1 - SPREAD, 1 + SPREAD) for share, length_s in MIX for _ in range(round(share * JOBS))
    ]


def watched(job: Job) -> Job:
    """Follow one job as a run does after its start: initial delay, status and messages until the end, the rest."""
    printer = FakeNarrator()
    context = run_context(job, printer)
    monitor = StatusMonitor(context, Subject("JOB", REQUEST, "server:4004", "", ""), 0.0)
    stream = MessageStream(context, REQUEST)
    job.clock.wait(SETTINGS.initial_delay_s)
    monitor.until_end(lambda: stream.fetch_if_due(monitor.interval_s))
    stream.drain(is_good_end=True)
    if len(printer.printed) != int(job.duration_s / MESSAGE_EVERY_S):
        raise AssertionError(f"{len(printer.printed)} messages printed of a job of {job.duration_s} s")
    return job


def on_the_server() -> Section:
    """Return the table."""
    load = simulated()
    text = TEXT.format(jobs=JOBS, every=MESSAGE_EVERY_S, call=1000 * CALL_S, seed=SEED)
    fixed = f"{load.fixed_requests:,} requests of the fixed poll"
    return Section(
        "Load on the AMT server",
        text,
        (
            Row("status requests", f"{load.status_requests:,}", "the fixed poll's", load.status_ratio, 0.30),
            Row("all requests", f"{load.requests:,}", fixed, load.request_ratio, 0.50),
            Row("delay after a task's end, median", f"{load.median_delay:.2%}", "run time", load.median_delay, 0.02),
            Row("delay, 95th percentile", f"{load.late_delay:.2%}", "run time", load.late_delay, 0.10),
        ),
    )
