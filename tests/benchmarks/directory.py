"""A run directory with many runs: how old ones go, how soon `amt runs` answers, what a run notices of the others."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from amtconnector.records import RunDirectory, RunKey, RunRecord, RunState, file_names, retention
from tests.benchmarks import measure
from tests.benchmarks.table import Row, Section

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.benchmarks.bench import Bench

OLD_RUNS = 100_000
DAY_PASS_S = 61.0
"""A second before the first status check, and a minute beside the watch: one job of some minutes a day."""
SLOW_FILE_S = 0.004
NOW = datetime(2026, 11, 23, 2, 14, tzinfo=UTC)
AGE = timedelta(days=100)

RUNS = 20_000
LONGEST_LIST_S = 0.5

TEXT = """{old:,} old runs in a directory of this machine, cleaned by one job a day, which gives it {day:.0f} s;
then with {slow:.0f} ms more for each file. And {runs:,} runs that are kept: what `amt runs` takes to list those of the
last day, and what commands take that are not about them, beside the same in a directory with none.
Medians of {rounds}."""


def with_many_runs(bench: Bench, rounds: int) -> Section:
    """Return the table."""
    text = TEXT.format(old=OLD_RUNS, day=DAY_PASS_S, slow=1000 * SLOW_FILE_S, runs=RUNS, rounds=rounds)
    rows = [
        _cleaned_row("this file system", cleaned(OLD_RUNS, 0.0)),
        _cleaned_row("a slowed one", cleaned(OLD_RUNS, SLOW_FILE_S)),
        *_among_many_rows(bench, rounds),
    ]
    return Section("A directory with many runs", text, tuple(rows))


def _among_many_rows(bench: Bench, rounds: int) -> list[Row]:
    full, empty = (bench.config(bench.http, interval_s) for interval_s in (0.11, 0.12))
    fill(RunDirectory(full.with_name("runs")), RUNS, datetime.now(UTC) - timedelta(hours=30))
    by_hand = {name: value for name, value in os.environ.items() if not name.startswith("SMA_")}
    rows = []
    for what, tokens, code in (
        ("`amt runs`", ["runs"], 0),
        ("a run by hand", ["-jt", "START", "-an", "BENCH", "-jn", "R0M10"], 4),
        ("ATTACH by name", ["-jt", "ATTACH", "-an", "BENCH", "-jn", "R0M10"], 101),
        ("a wrong command line", ["-jt", "START"], 101),
    ):
        commands = [[str(bench.built), *tokens, "--config", str(config)] for config in (full, empty)]
        among, alone = (_median_s(command, rounds, by_hand, code) for command in commands)
        bar = LONGEST_LIST_S if what == "`amt runs`" else None
        figure = among if bar else among / alone
        rows.append(Row(f"{what} among many", f"{among:.2f} s", f"among none: {alone:.2f} s", figure, bar))
    return rows


def _median_s(command: list[str], rounds: int, environment: Mapping[str, str], code: int) -> float:
    samples = [measure.run(command, environment=environment, has_ended_with=code) for _ in range(rounds)]
    return statistics.median(sample.wall_s for sample in samples)


class Cleaned(NamedTuple):
    """How a directory became clean: in how many daily passes (0: it did not), and in how many seconds of them."""

    passes: int
    took_s: float


def cleaned(count: int, slow_file_s: float, *, most_passes: int = 30) -> Cleaned:
    """Fill a directory with old runs and clean it once a day until they are gone."""
    with tempfile.TemporaryDirectory(prefix="amt-bench-runs-") as folder:
        directory = RunDirectory(Path(folder) / "runs")
        fill(directory, count, NOW - AGE)
        clock = _SlowedClock(slow_file_s)
        for day in range(most_passes):
            countdown = retention.Countdown(DAY_PASS_S, clock=clock)
            retention.clean(directory.path, 30, now=NOW + timedelta(days=day), countdown=countdown)
            if not any(directory.path.glob(f"*{file_names.RECORD}")):
                return Cleaned(day + 1, clock())
        return Cleaned(0, clock())


def fill(directory: RunDirectory, count: int, then: datetime) -> None:
    """Leave so many runs that ended then: one is recorded as runs do it, the others are copies of its files."""
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


def _cleaned_row(what: str, result: Cleaned) -> Row:
    passes = result.passes or float("inf")
    return Row(f"daily passes on {what}", f"{passes}", f"{result.took_s:.0f} s of cleaning", passes, 7)


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
