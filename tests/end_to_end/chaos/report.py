"""Many runs at once, and what they have shown."""

from __future__ import annotations

import shutil
import time
import traceback
import urllib.error
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from tests.end_to_end.chaos.checks import violations
from tests.end_to_end.chaos.faults import FAILURES
from tests.end_to_end.chaos.jobs import DEFINITIONS
from tests.end_to_end.chaos.plan import plan_of
from tests.end_to_end.chaos.stage import Stage
from tests.end_to_end.workplace import SharedSimulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.conftest import Programs
    from tests.end_to_end.chaos.facts import Act
    from tests.end_to_end.chaos.plan import Plan

EXCEPTIONS = ("ConnectError", "ConnectTimeout", "ReadError", "ReadTimeout", "RemoteProtocolError", "DecodingError")
CODES = (3, 4, 6, 10, 11, 12, 22, 23, 24, 99, 101, 102, 103, 104, 105, 106, 107, 108, 109)
GOALS = frozenset(
    {
        *(fault.label for fault in FAILURES),
        *(f"exception {name}" for name in EXCEPTIONS),
        *(f"exit code {code}" for code in CODES),
    }
)
"""What a long test has to reach; other exceptions of httpx can't be brought about from outside."""


@dataclass(slots=True)
class Report:
    """What has been seen. `failures` is a text for each run that broke a rule."""

    runs: int = 0
    processes: int = 0
    tasks: int = 0
    seconds: float = 0.0
    codes: Counter[int] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    coverage: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def missed(self) -> list[str]:
        """The goals that no run has reached."""
        return sorted(GOALS - set(self.coverage))

    def add(self, plan: Plan, acts: list[Act], coverage: Iterable[str]) -> None:
        """Judge a run and count it."""
        self.runs += 1
        self.processes += len(acts)
        self.tasks += len(acts[-1].truth.tasks) if acts else 0
        self.codes.update(act.exit_code for act in acts)
        self.events.update(event.partition(" at '")[0] for act in acts for event in act.events)
        self.coverage.update(coverage)
        if found := list(violations(plan, acts)):
            self.failures.append(described(plan, acts, found))


class PersistentSimulator(SharedSimulator):
    """A simulator whose administrators try again when a fault has hit their own connection."""

    def _admin(self, method: str, path: str, value: object = None) -> Any:
        for _ in range(20):
            try:
                return super()._admin(method, path, value)
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
        return super()._admin(method, path, value)


def described(plan: Plan, acts: list[Act], found: list[str]) -> str:
    """Tell a run that broke a rule, so that it can be understood and played again."""
    head = f"run {plan.number} of seed {plan.seed} ({plan.job}, {'TLS' if plan.uses_tls else 'plain'}): "
    again = f"again: python -m tests.end_to_end.chaos --seed {plan.seed} --only {plan.number}"
    told = [f"{head}{'; '.join(found)}", again, f"{plan.settings} {plan.server_settings}"]
    for number, act in enumerate(acts):
        step = plan.steps[number] if number < len(plan.steps) else None
        faults = [(fault.label, fault.details) for fault in step.faults] if step else []
        told += [f"--- process {act.number} {act.arguments}, faults {faults}, events {act.events}", act.text[-6000:]]
        told += [f"record {act.truth.record}"]
    if acts:
        tasks = [{name: task[name] for name in ("id", "status", "final_status")} for task in acts[-1].truth.tasks]
        requests = [(e["number"], e["call"], e["fault"], e["executed"], e["status"]) for e in acts[-1].truth.requests]
        told.append(f"tasks {tasks}\nrequests {requests[-60:]}")
    return "\n".join(told)


class Theatre:
    """Plays many runs, `at_once` at a time; every place has simulators of its own, every fourth one serves TLS."""

    def __init__(self, folder: Path, programs: Programs, *, at_once: int, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._programs = programs
        self._at_once = at_once
        self._say = say
        self._places: dict[bool, SimpleQueue[tuple[SharedSimulator, SharedSimulator | None]]] = {}

    def play(self, seed: int, numbers: Iterable[int]) -> Report:
        """Play these runs of a seed."""
        report, begun = Report(), time.monotonic()
        plans = [plan_of(seed, number) for number in numbers]
        started = [*self._open(uses_tls=False), *self._open(uses_tls=True)]
        try:
            with ThreadPoolExecutor(self._at_once + 1) as pool, ThreadPoolExecutor(self._tls_places) as tls_pool:
                played = [(tls_pool if plan.uses_tls else pool).submit(self._played, plan, report) for plan in plans]
                for future in played:
                    future.result()
        finally:
            for simulator in started:
                simulator.kill()
        report.seconds = time.monotonic() - begun
        return report

    @property
    def _tls_places(self) -> int:
        return max(1, self._at_once // 4)

    def _open(self, *, uses_tls: bool) -> list[SharedSimulator]:
        places: SimpleQueue[tuple[SharedSimulator, SharedSimulator | None]] = SimpleQueue()
        self._places[uses_tls] = places
        opened = []
        for number in range(self._tls_places if uses_tls else self._at_once + 1):
            folder = self._folder / f"amt-{'tls' if uses_tls else 'plain'}-{number}"
            simulator = PersistentSimulator(folder, DEFINITIONS, tls=uses_tls)
            simulator.start()
            foreign = SharedSimulator(folder / "foreign", DEFINITIONS, tls=True) if uses_tls else None
            opened += [simulator, *([foreign] if foreign else [])]
            places.put((simulator, foreign))
        return opened

    def _played(self, plan: Plan, report: Report) -> None:
        folder = self._folder / f"run-{plan.seed}-{plan.number}"
        simulator, foreign = place = self._places[plan.uses_tls].get()
        stage = Stage(plan, simulator, foreign, folder, self._programs)
        try:
            stage.play()
        except Exception:  # noqa: BLE001 - a defect of the test is a failure of this run, the others go on
            report.failures.append(f"run {plan.number} of seed {plan.seed} broke the test:\n{traceback.format_exc()}")
            simulator.kill()
            simulator.start()
        finally:
            self._places[plan.uses_tls].put(place)
        known = len(report.failures)
        if stage.acts:
            report.add(plan, stage.acts, stage.coverage)
        self._say(f"run {plan.number}: {[act.exit_code for act in stage.acts]}")
        if len(report.failures) == known:
            shutil.rmtree(folder, ignore_errors=True)


def summary(report: Report) -> str:
    """Return the figures of a report as text."""
    ends = ", ".join(f"{code}: {count}" for code, count in sorted(report.codes.items()))
    events = ", ".join(f"{name}: {count}" for name, count in sorted(report.events.items()))
    reached = len(GOALS) - len(report.missed)
    lines = [
        f"{report.runs} runs, {report.processes} processes, {report.tasks} tasks in {report.seconds:.0f} s",
        f"ends      {ends}",
        f"events    {events}",
        f"goals     {reached} of {len(GOALS)} reached",
        *(f"  missed  {goal}" for goal in report.missed),
        f"failures  {len(report.failures)}",
    ]
    return "\n".join(lines)
