"""A kill and an error at every call to the system around one run, a restart, and the truth about the starts.

python -m tests.end_to_end.chaos.injection --all                       every point; hours on a small machine
python -m tests.end_to_end.chaos.injection --most 70                   the sample that is part of every test run
python -m tests.end_to_end.chaos.injection --point write:file:3:ENOSPC  one point again
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

from tests.conftest import built_programs, source_programs
from tests.end_to_end.chaos.checks import violations
from tests.end_to_end.chaos.jobs import DEFINITIONS
from tests.end_to_end.chaos.plan import Plan, Step
from tests.end_to_end.chaos.points import Point, all_points, calls_of, point_of, sample
from tests.end_to_end.chaos.report import PersistentSimulator, described
from tests.end_to_end.chaos.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.conftest import Programs
    from tests.end_to_end.chaos.facts import Act
    from tests.end_to_end.chaos.points import Call

_SOURCE = Path(__file__).with_name("injected_calls.c")
_NOTHING_HAPPENS = Step((), (), has_twin=False, mistake=0)
_ABOUT_THE_LOG = (
    "the log ",
    "messages are",
    "a message is",
    "there is a task, and the text",
    "the text ",
    "contact is",
    "it is AMT's status, and the text",
)
_RECORD_LOST = "Warning: the run record can't be written"
_FILES_LOST = (_RECORD_LOST, "Warning: the run's log can't be written")
"""A disk that stays full takes neither; then the log says so, wherever it stands just then."""
_UNSETTLED = {104, 105, 107, 108}


@dataclass(slots=True)
class Findings:
    """What the points have shown. `failures` is a text for each that broke a rule."""

    points: int = 0
    hit: int = 0
    starts: int = 0
    processes: int = 0
    seconds: float = 0.0
    codes: Counter[int] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """The figures on one line."""
        codes = ", ".join(f"{code}: {number}" for code, number in sorted(self.codes.items()))
        kinds = ", ".join(f"{kind}: {number}" for kind, number in sorted(self.kinds.items()))
        return (
            f"{self.points} points, {self.hit} of them reached, {self.processes} processes, {self.starts} starts, "
            f"{self.seconds:.0f} s, {len(self.failures)} broke a rule\nends of the process that was hit: {codes}\n"
            f"calls: {kinds}"
        )


class Campaign:
    """Injects at many points, `at_once` at a time; each place has a simulator of its own."""

    def __init__(self, folder: Path, programs: Programs, *, at_once: int, uses_tls: bool = False) -> None:
        self._folder = folder
        self._programs = programs
        self._at_once = at_once
        self._uses_tls = uses_tls
        self._library = built_library(folder)
        self._simulators: SimpleQueue[PersistentSimulator] = SimpleQueue()

    def run(self, choose: Callable[[list[Call]], Sequence[Point]], within_s: float = float("inf")) -> Findings:
        """Look at the calls of a run that nothing hits, choose points, and try them; those that are late are left."""
        findings, begun = Findings(), time.monotonic()
        folders = [self._folder / f"amt-{number}" for number in range(self._at_once)]
        opened = [PersistentSimulator(folder, DEFINITIONS, tls=self._uses_tls) for folder in folders]
        try:
            for simulator in opened:
                simulator.start()
                self._simulators.put(simulator)
            points = choose(self.calls())
            with ThreadPoolExecutor(self._at_once) as pool:
                until = begun + within_s
                tried = [pool.submit(self._tried, *at, findings, until) for at in enumerate(points, 1)]
                for future in tried:
                    future.result()
        finally:
            for simulator in opened:
                simulator.kill()
        findings.seconds = time.monotonic() - begun
        return findings

    def calls(self) -> list[Call]:
        """Return the calls of a run that nothing hits; it has to end well."""
        acts, trace = self._played(0, None)
        found = [problem for act in acts for problem in act.problems] + list(violations(self._plan(0), acts))
        if found or acts[0].exit_code != 4:
            raise RuntimeError(f"the run that nothing hits: {acts[0].exit_code}, {found}\n{acts[0].text}")
        return calls_of(trace)

    def _tried(self, number: int, point: Point, findings: Findings, until: float) -> None:
        if time.monotonic() > until:
            return
        acts, trace = self._played(number, point)
        key = f"{point.name} {point.on} {point.number}"
        is_reached = any(line.rstrip() == key or line.startswith(f"{key} ") for line in trace.splitlines())
        findings.points += 1
        findings.hit += is_reached
        findings.processes += len(acts)
        findings.starts += sum(entry["call"] == "start" for entry in acts[-1].truth.requests)
        findings.codes[acts[0].exit_code] += 1
        findings.kinds[f"{point.name} {point.on}"] += 1
        if found := list(broken_rules(point, self._plan(number), acts)):
            findings.failures.append(f"--point {point.text}\n{described(self._plan(number), acts, found)}")
            sys.stdout.write(f"\n=== {findings.failures[-1]}\n")
            sys.stdout.flush()  # what hours have found is not lost with the process

    def _played(self, number: int, point: Point | None) -> tuple[list[Act], str]:
        simulator = self._simulators.get()
        folder = self._folder / f"point-{number}"
        trace = self._folder / f"trace-{number}"
        stage = Stage(self._plan(number), simulator, None, folder, self._programs)
        stage.environment = {
            "LD_PRELOAD": str(self._library),
            "AMT_INJECT_FOLDER": str(folder),
            "AMT_INJECT_LOG": str(trace),
            "AMT_INJECT": point.setting if point else "",
        }
        try:
            acts = stage.play()
            return acts, trace.read_text("ascii") if trace.exists() else ""
        finally:
            self._simulators.put(simulator)
            shutil.rmtree(folder, ignore_errors=True)
            trace.unlink(missing_ok=True)

    def _plan(self, number: int) -> Plan:
        return Plan(
            seed=9,
            number=number,
            job="QUICK",
            uses_tls=self._uses_tls,
            settings={"STATUS_CHECK_POLL_INTERVAL": 0.15, "STATUS_CHECK_MAX_OUTAGE": 3, "DEBUG": "OFF"},
            server_settings={"CONNECT_TIMEOUT": 5, "READ_TIMEOUT": 10},
            steps=(_NOTHING_HAPPENS,) * 3,
        )


def broken_rules(point: Point, plan: Plan, acts: list[Act]) -> Iterator[str]:
    """Yield what is wrong with a run into which something was injected."""
    first = acts[0]
    if point.is_kill:
        first.events.append(f"SIGKILL at {point.text}")
    judged = [replace(first, text=_without_file_warnings(first.text)), *acts[1:]]
    for problem in violations(plan, judged):
        said = problem.partition("): ")[2] if problem.startswith("process 1 ") else ""
        if point.on == "stdout" and said.startswith(_ABOUT_THE_LOG):
            continue  # what can't be written is not there
        if _RECORD_LOST in first.text and said.startswith("the record says"):
            continue
        yield problem
    starts = [entry for entry in acts[-1].truth.requests if entry["call"] == "start"]
    if sum(entry["executed"] for entry in starts) > 1:
        yield f"{len(starts)} starts"
    if first.exit_code == 100:
        yield "a bare internal-error"
    if first.exit_code in _UNSETTLED and point.on != "stdout" and not _says_how_to_go_on(first):
        yield "the text names neither run nor request with a command that goes on"


def _without_file_warnings(text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not any(lost in line for lost in _FILES_LOST))


def _says_how_to_go_on(act: Act) -> bool:
    record = act.truth.record
    ids = [str(record.get(name)) for name in ("run_id", "request_id") if record.get(name)]
    return any(name in act.text for name in ids) and any(
        word in act.text for word in ("--release", "ATTACH", "Restart")
    )


def built_library(folder: Path) -> Path:
    """Compile what is preloaded; raise FileNotFoundError where there is no compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise FileNotFoundError("gcc")
    library = folder / "injected_calls.so"
    folder.mkdir(parents=True, exist_ok=True)
    options = ["-std=gnu11", "-O1", "-Wall", "-Werror", "-shared", "-fPIC"]
    subprocess.run([compiler, *options, "-o", str(library), str(_SOURCE), "-ldl", "-pthread"], check=True)
    return library


def main() -> int:
    """Try the points, print the figures and every failure; 0 when there is none."""
    parser = argparse.ArgumentParser(prog="python -m tests.end_to_end.chaos.injection")
    parser.add_argument("--all", action="store_true", help="try every point")
    parser.add_argument("--most", type=int, default=70, help="how many points of the sample to try")
    parser.add_argument("--every", type=int, default=1, help="with --all: every so manieth point alone")
    parser.add_argument("--from", type=int, default=0, dest="first", help="with --all: begin with this one")
    parser.add_argument("--only", default="", help="with --all: the names of calls, separated by commas")
    parser.add_argument("--point", action="append", type=point_of, help="this point alone; repeatable")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin none after so many seconds")
    parser.add_argument("--at-once", type=int, default=4, help="how many points to try at a time")
    parser.add_argument("--tls", action="store_true", help="let the simulator serve TLS")
    parser.add_argument("--program", type=Path, help="a built amt to try")
    given = parser.parse_args()
    programs = built_programs(given.program.absolute()) if given.program else source_programs()

    def choose(calls: list[Call]) -> Sequence[Point]:
        if given.point:
            return list(given.point)
        if not given.all:
            return sample(calls, given.most)
        names = set(filter(None, given.only.split(",")))
        points = [point for point in all_points(calls) if not names or point.name in names]
        return points[given.first :: given.every]

    with tempfile.TemporaryDirectory(prefix="amt-injection-") as temporary:
        campaign = Campaign(Path(temporary), programs, at_once=given.at_once, uses_tls=given.tls)
        findings = campaign.run(choose, given.seconds)
    sys.stdout.write(f"\n{findings.summary}\n")
    return 1 if findings.failures else 0


if __name__ == "__main__":
    sys.exit(main())
