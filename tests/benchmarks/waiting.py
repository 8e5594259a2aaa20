"""What a connector costs while its task runs: CPU per poll, memory over many polls and after many messages."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.benchmarks import measure
from tests.benchmarks.bench import ROOT
from tests.benchmarks.table import Row, Section

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.bench import Bench, Target

INTERVAL_S = 0.1
FEW, MANY = 5, 205
ROUNDS = 3
POLLS = 10_000
MESSAGES = 1_000_000
_BARS = {"http": 2.3, "https": 1.5}

TEXT = """CPU time of the process from a run with {few} polls to one with {many}, per poll, one poll every {interval} s
and no messages (STREAM_MESSAGES=False); beside it, at the same time, a loop with `http.client` and nothing else;
medians of {rounds}. {polls:,} polls are made by the whole connector in one process whose waits are over at once; its
private memory is read after 1,000 and at the end."""


def while_it_waits(bench: Bench) -> Section:
    """Measure a connector that waits."""
    text = TEXT.format(few=FEW, many=MANY, interval=INTERVAL_S, polls=POLLS, rounds=ROUNDS)
    rows = [_cpu_row(bench, bench.http), _cpu_row(bench, bench.https), *_growth_rows(bench), _given_back_row(bench)]
    return Section("While it waits", text, tuple(rows))


def _cpu_row(bench: Bench, target: Target) -> Row:
    amt, bare = _cpu_per_poll_ms(
        lambda job: bench.amt(target, job, interval_s=INTERVAL_S, streams=False),
        lambda job: bench.http_client(target, job, INTERVAL_S),
    )
    return Row(
        f"CPU per poll over {target.scheme}",
        f"{amt:.2f} ms",
        f"http.client: {bare:.2f} ms",
        amt / bare,
        _BARS[target.scheme],
    )


def _cpu_per_poll_ms(*commands: Callable[[str], list[str]]) -> list[float]:
    """Return the median of each program's CPU per poll; they run side by side, so that both meet the same machine."""
    with ThreadPoolExecutor(len(commands)) as side_by_side:

        def cpu_s(polls: int) -> list[float]:
            runs = [side_by_side.submit(measure.run, command(f"R{polls}M10")) for command in commands]
            return [run.result().cpu_s for run in runs]

        rounds = [zip(cpu_s(FEW), cpu_s(MANY), strict=True) for _ in range(ROUNDS)]
        samples = [[1000 * (many - few) / (MANY - FEW) for few, many in pairs] for pairs in rounds]
    return [statistics.median(sample) for sample in zip(*samples, strict=True)]


def _growth_rows(bench: Bench) -> list[Row]:
    rows = []
    for target in (bench.http, bench.https):
        command = [sys.executable, "-m", "tests.benchmarks.polls", str(bench.config(target)), str(POLLS)]
        answer = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
        if answer.returncode != 4:
            raise RuntimeError(answer.stdout[-2000:])
        early, late = (float(part) for part in answer.stderr.split())
        what = f"memory after {POLLS:,} polls over {target.scheme}"
        rows.append(Row(what, f"{late:.2f} MB", f"after 1,000: {early:.2f} MB", late / early, 1.01))
    return rows


def _given_back_row(bench: Bench) -> Row:
    """Compare the memory of a connector that waits after a large list of messages with one after a small one."""
    small, large = (_settled_mb(bench, f"R1000000M{count}") for count in (10, MESSAGES))
    what = f"memory kept after {MESSAGES:,} messages, while the task runs"
    return Row(what, f"{large:.1f} MB", f"after ten: {small:.1f} MB", large - small, 40)


def _settled_mb(bench: Bench, job: str) -> float:
    with measure.start(bench.amt(bench.http, job, interval_s=1)) as process:
        if process.stdout is None:
            raise RuntimeError("no pipe")
        lines, wanted = 0, int(job.partition("M")[2])
        while lines < wanted + 12:
            lines += process.stdout.read1(1 << 20).count(b"\n")  # type: ignore[attr-defined]
        time.sleep(4)
        private_mb = measure.private_mb(process.pid)
        process.kill()
    return private_mb
