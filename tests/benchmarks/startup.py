"""Start-up and memory: a whole job without waiting, against Java and curl; many at once."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from tests.benchmarks import measure
from tests.benchmarks.bench import TUNED_JAVA
from tests.benchmarks.measure import Sample, median_ms
from tests.benchmarks.table import Row, Section

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.benchmarks.bench import Bench, Target

JOB = "R0M1000"
WAITING_JOB = "R1000000M10"

_BARS = {
    "http": {"tuned Java": 1.25, "tuned Java, same work": 0.80, "six curl calls": 3.6},
    "https": {"tuned Java": 0.45, "tuned Java, same work": 0.80},
}
"""The most that a job's wall time may be of the others'."""

TEXT = """One job from process start to process end: log on, start, a status that says DONE, and 1,000 messages of 80
characters until two reads agree; nothing waits. `amt` is the built folder. Medians of {rounds} alternated runs.
Java is `java {java}`; the HttpClient version runs with Java's defaults. "Same work" is the tuned one that decrypts both
credentials, takes a lock and writes eight records, each flushed to the disk, where the connector flushes three and
their folder. The script with httpx is lean: one bare TLS context, without httpx's command line. curl and jq, requests,
Node's fetch and Go stand where their tools are installed; Go does the same work as the second Java."""

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
            "tuned Java, same work": _runs(bench.same_work_java(target, JOB)),
            "Java HttpClient": _runs(bench.java_client(target, JOB)),
            "six curl calls": _runs(bench.curl(target, JOB)),
            "http.client": _runs(bench.http_client(target, JOB)),
            "lean httpx": _runs(bench.lean_httpx(target, JOB)),
            **{name: _runs(command) for name, command in bench.others(target, JOB).items()},
        },
        rounds,
    )
    ms = {name: median_ms(taken) for name, taken in samples.items()}
    cpu = {name: 1000 * statistics.median(sample.cpu_s for sample in taken) for name, taken in samples.items()}
    peaks = {name: statistics.median(sample.peak_mb for sample in taken) for name, taken in samples.items()}
    scheme = target.scheme

    def against(other: str, bar: float | None = None) -> Row:
        return _compared(f"a job over {scheme}", ms, "ms", ("amt", other), bar)

    bars = _BARS[scheme]
    cpu_bar = 1.10 if scheme == "http" else None
    return [
        *(against(other, bars.get(other)) for other in samples if other != "amt"),
        _compared(f"its CPU over {scheme}", cpu, "ms", ("amt", "tuned Java"), cpu_bar),
        _compared(f"CPU from source over {scheme}", cpu, "ms", ("amt from source", "lean httpx"), 1.25),
        _compared(f"its peak memory over {scheme}", peaks, "MB", ("amt", "tuned Java")),
    ]


def _compared(
    what: str, figures: Mapping[str, float], unit: str, pair: tuple[str, str], bar: float | None = None
) -> Row:
    own, other = (figures[name] for name in pair)
    return Row(what, f"{own:.0f} {unit}", f"{pair[1]}: {other:.0f} {unit}", own / other, bar)


def _first_line_rows(bench: Bench, rounds: int) -> list[Row]:
    samples = measure.alternated(
        {
            "amt": _runs(bench.amt(bench.http, JOB)),
            "print": lambda: measure.run([str(bench.one_line)], has_ended_with=0),
        },
        rounds,
    )
    first, one = (median_ms(samples[name], first_line=True) for name in ("amt", "print"))
    return [Row("first line", f"{first:.0f} ms", f"a frozen one-line print: {one:.0f} ms", first / one, 1.1)]


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
        Row("a waiting connector over http, MB", f"{amt:.1f} MB", f"Java HttpClient: {java:.1f} MB", amt, 16.0),
        Row("a waiting connector over https, MB", f"{tls:.1f} MB", "", tls, 16.5),
    ]


def _forty(bench: Bench, rounds: int) -> Row:
    amt, java = (
        statistics.median(measure.at_once_s(command, 40) for _ in range(rounds))
        for command in (bench.amt(bench.http, JOB), bench.java_client(bench.http, JOB))
    )
    return Row("forty jobs started at once", f"{amt:.1f} s", f"Java HttpClient: {java:.1f} s", amt / java, 0.13)


def _runs(command: list[str]) -> Callable[[], Sample]:
    return lambda: measure.run(command)
