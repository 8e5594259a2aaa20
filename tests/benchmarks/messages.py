"""A million messages in one answer: memory and speed, against curl and Python's json."""

from __future__ import annotations

import shlex
import statistics
import sys
from typing import TYPE_CHECKING

from tests.benchmarks import measure
from tests.benchmarks.table import Row, Section

if TYPE_CHECKING:
    from tests.benchmarks.bench import Bench

COUNT = 1_000_000
PRINTER = "import json,sys; [print(m, flush=True) for m in json.load(sys.stdin)]"

TEXT = """{count:,} messages of 80 characters in a single GetMessages answer, printed in order, each once. The list is
read until two reads agree, so the connector fetches it twice where the pipe of curl and Python fetches it once. Speed
is messages a second of the whole process."""


def a_million(bench: Bench, rounds: int) -> Section:
    """Measure memory beside a run with ten messages and speed beside curl piped into Python."""
    few = bench.amt(bench.http, "R0M10")
    many = bench.amt(bench.http, f"R0M{COUNT}")
    pipe = ["sh", "-c", _pipe(bench)]
    samples = measure.alternated(
        {
            "few": lambda: measure.run(few),
            "many": lambda: measure.run(many),
            "pipe": lambda: measure.run(pipe, has_ended_with=0),
        },
        max(1, rounds // 5),
    )
    peak = {name: statistics.median(sample.peak_mb for sample in taken) for name, taken in samples.items()}
    took_s = {name: statistics.median(sample.wall_s for sample in taken) for name, taken in samples.items()}
    speed, other = COUNT / took_s["many"], COUNT / took_s["pipe"]
    more = peak["many"] - peak["few"]
    return Section(
        "A million messages",
        TEXT.format(count=COUNT),
        (
            Row(
                "more memory than with ten messages, MB", f"{more:.1f} MB", f"with ten: {peak['few']:.1f} MB", more, 40
            ),
            Row(
                "time, times that of the pipe",
                f"{took_s['many']:.1f} s, {speed:,.0f} messages/s",
                f"`curl -s URL \\| python -c ...`: {took_s['pipe']:.1f} s, {other:,.0f} messages/s",
                took_s["many"] / took_s["pipe"],
                2,
            ),
        ),
    )


def _pipe(bench: Bench) -> str:
    url = f"{bench.http.base}/api/GetMessages?Count={COUNT}"
    return f"curl -s {shlex.quote(url)} | {shlex.quote(sys.executable)} -c {shlex.quote(PRINTER)}"
