"""Start-up and memory: a whole job without waiting, against Java and curl; many at once."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from tests.benchmarks import measure
from tests.benchmarks.bench import TUNED_JAVA
from tests.benchmarks.measure import Sample, median_ms
from tests.benchmarks.table import Row, Section

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.bench import Bench, Target

JOB = "R0M1000"
WAITING_JOB = "R1000000M10"

TEXT = """One job from process start to process end: log on, start, a status that says DONE, and 1,000 messages of 80
characters until two reads agree; nothing waits. `amt` is the built folder. Medians of {rounds} alternated runs.
Java is `java {java}`; the HttpClient version runs with Java's defaults."""

MEMORY_TEXT = """Private memory (what a process shares with no other) while a task runs, 20 connectors at once, and the
time that forty need that are started in the same moment."""


def whole_jobs(bench: Bench, rounds: int) -> Section:
    """Compare one whole job over http and https with the other programs, and the first line with a frozen print."""
    rows = [*_scheme_rows(bench, bench.http, rounds), *_scheme_rows(bench, bench.https, rounds)]
    rows += [*_first_line_rows(bench, rounds), *_other_rows(bench, rounds)]
    return Section("Start-up", TEXT.format(rounds=rounds, java=" ".join(TUNED_JAVA)), tuple(rows))


def many(bench: Bench, rounds: int) -> Section:
    """Compare the memory of twenty that wait and the time of forty that start at once."""
    return Section("Many at once", MEMORY_TEXT, (*_memory_rows(bench), _forty(bench, max(1, rounds // 5))))


def _scheme_rows(bench: Bench, target: Target, rounds: int) -> list[Row]:
    samples = measure.alternated(
        {
            "amt": _runs(bench.amt(target, JOB)),
            "amt from source": _runs(bench.amt(target, JOB, source=True)),
            "tuned Java": _runs(bench.tuned_java(target, JOB)),
            "Java HttpClient": _runs(bench.java_client(target, JOB)),
            "six curl calls": _runs(bench.curl(target, JOB)),
            "http.client": _runs(bench.http_client(target, JOB)),
        },
        rounds,
    )
    ms = {name: median_ms(taken) for name, taken in samples.items()}
    amt, scheme = f"{ms['amt']:.0f} ms", target.scheme

    def against(other: str, bar: float | None = None, aim: float | None = None) -> Row:
        return Row(f"a job over {scheme}", amt, f"{other}: {ms[other]:.0f} ms", ms["amt"] / ms[other], bar, aim)

    bars = (1.2, 1.0) if scheme == "http" else (0.8, None)
    rows = [against("tuned Java", *bars), against("six curl calls", *((3.6, 3.0) if scheme == "http" else ()))]
    rows += [against(other) for other in ("Java HttpClient", "http.client", "amt from source")]
    peaks = {name: statistics.median(sample.peak_mb for sample in taken) for name, taken in samples.items()}
    java = f"tuned Java: {peaks['tuned Java']:.0f} MB"
    return [
        *rows,
        Row(f"its peak memory over {scheme}", f"{peaks['amt']:.0f} MB", java, peaks["amt"] / peaks["tuned Java"]),
    ]


def _first_line_rows(bench: Bench, rounds: int) -> list[Row]:
    samples = measure.alternated(
        {
            "amt": _runs(bench.amt(bench.http, JOB)),
            "print": lambda: measure.run([str(bench.one_line)], has_ended_with=0),
        },
        rounds,
    )
    first, one = (median_ms(samples[name], first_line=True) for name in ("amt", "print"))
    return [Row("first line", f"{first:.0f} ms", f"a frozen one-line print: {one:.0f} ms", first / one, 2)]


def _other_rows(bench: Bench, rounds: int) -> list[Row]:
    amt = str(bench.built)
    wrong = [amt, "-jt", "START"]
    samples = measure.alternated(
        {
            "`amt --version`": lambda: measure.run([amt, "--version"], has_ended_with=0),
            "`amt --help`": lambda: measure.run([amt, "--help"], has_ended_with=0),
            "a wrong command line": lambda: measure.run(wrong, has_ended_with=101),
        },
        rounds,
    )
    return [Row(name, f"{median_ms(taken):.0f} ms") for name, taken in samples.items()]


def _memory_rows(bench: Bench) -> list[Row]:
    def mean_mb(command: list[str]) -> float:
        return statistics.mean(measure.waiting_private_mb(command, 20, settled_s=12))

    amt, tls = mean_mb(bench.amt(bench.http, WAITING_JOB)), mean_mb(bench.amt(bench.https, WAITING_JOB))
    java = mean_mb(bench.java_client(bench.http, WAITING_JOB))
    return [
        Row("a waiting connector over http, MB", f"{amt:.1f} MB", f"Java HttpClient: {java:.1f} MB", amt, 20, 16),
        Row("a waiting connector over https, MB", f"{tls:.1f} MB", "", tls, 20, 16),
    ]


def _forty(bench: Bench, rounds: int) -> Row:
    amt, java = (
        statistics.median(measure.at_once_s(command, 40) for _ in range(rounds))
        for command in (bench.amt(bench.http, JOB), bench.java_client(bench.http, JOB))
    )
    return Row("forty jobs started at once", f"{amt:.1f} s", f"Java HttpClient: {java:.1f} s", amt / java, 0.25)


def _runs(command: list[str]) -> Callable[[], Sample]:
    return lambda: measure.run(command)
