"""A crowd: two hundred connectors at once against one simulator, tasks of mixed outcome and length."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.benchmarks import measure
from tests.benchmarks.bench import Target, write_config
from tests.benchmarks.table import Row, Section
from tests.end_to_end.simulator_process import PASSWORD, USER, SimulatorProcess

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.benchmarks.bench import Bench

COUNT = 200
OUTCOMES = {"DONE": 4, "ABORTED": 12, "ERROR": 11, "KILLED": 3, "SKIPPED_BY_OPS": 6, "DEL_QUEUE": 10}
LENGTHS_S = (10, 20, 40)
INTERVAL_S = 5
SEED = 20261123

TEXT = """{count} connectors started at once against one simulator on this machine; tasks of {lengths} s that end as
{outcomes}, each an OpCon job of its own. Memory is the private memory of all connectors together while all are waiting,
CPU that of all connectors from start to end."""


@dataclass(slots=True)
class Crowd:
    """What became of the connectors."""

    wrong_codes: int
    double_starts: int
    private_mb: float
    cpu_s: float
    took_s: float


def in_front_of_one_server(bench: Bench) -> Section:
    """Return the table; raise RuntimeError where a task was started twice or an exit code is wrong."""
    folder = bench.folder / "crowd"
    with SimulatorProcess(folder, definitions()) as simulator:
        write_config(folder / "site" / "Connector.config", Target(simulator.url, ""), INTERVAL_S, (USER, PASSWORD))
        crowd = _run(bench, folder / "site" / "Connector.config", simulator)
    each = f"{crowd.private_mb / COUNT:.1f} MB each"
    return Section(
        "A crowd",
        TEXT.format(count=COUNT, lengths=", ".join(map(str, LENGTHS_S)), outcomes=", ".join(OUTCOMES)),
        (
            Row("wrong exit codes", f"{crowd.wrong_codes}", f"of {COUNT}", crowd.wrong_codes, 0),
            Row("tasks started twice", f"{crowd.double_starts}", f"of {COUNT}", crowd.double_starts, 0),
            Row("private memory of all", f"{crowd.private_mb:,.0f} MB", each),
            Row("CPU of all", f"{crowd.cpu_s:.1f} s", f"{1000 * crowd.cpu_s / COUNT:.0f} ms each"),
            Row("first start to last end", f"{crowd.took_s:.1f} s"),
        ),
    )


def definitions() -> str:
    """Return the simulator's jobs: one for each outcome and length."""
    jobs = [
        f'[applications.CROWD.jobs.{outcome}_{length_s}]\nduration = {length_s}\nends = "{outcome}"\n'
        f'messages = ["Started", {{ at = {length_s - 1}, text = "Almost there" }}]\n'
        for outcome in OUTCOMES
        for length_s in LENGTHS_S
    ]
    return f'[users.{USER}]\npassword = "{PASSWORD}"\n' + "\n".join(jobs)


def _run(bench: Bench, config: Path, simulator: SimulatorProcess) -> Crowd:
    chance = random.Random(SEED)  # noqa: S311 - a benchmark, repeatable
    began, cpu_before = time.perf_counter(), os.times()
    crowd = [
        (outcome := chance.choice(list(OUTCOMES)), _start(bench, config, number, outcome, chance))
        for number in range(COUNT)
    ]
    simulator.wait_for(lambda running: len(running.tasks()) == COUNT, within_s=120)
    private_mb = sum(measure.private_mb(process.pid) for _, process in crowd if process.poll() is None)
    codes = [(OUTCOMES[outcome], _code(process)) for outcome, process in crowd]
    cpu_after = os.times()
    starts = Counter(task["parameters"][0] for task in simulator.tasks())
    return Crowd(
        sum(expected != code for expected, code in codes),
        sum(count - 1 for count in starts.values()) + COUNT - len(starts),
        private_mb,
        cpu_after.children_user + cpu_after.children_system - cpu_before.children_user - cpu_before.children_system,
        time.perf_counter() - began,
    )


def _start(bench: Bench, config: Path, number: int, outcome: str, chance: random.Random) -> subprocess.Popen[bytes]:
    """Start the job `number` of a schedule; its parameter tells its task from the others."""
    job = f"{outcome}_{chance.choice(LENGTHS_S)}"
    words = ["-jt", "START", "-an", "CROWD", "-jn", job, "-pa", str(number), "--config", str(config)]
    return measure.start([str(bench.built), *words], measure.opcon_environment(number))


def _code(process: subprocess.Popen[bytes]) -> int:
    process.communicate(timeout=measure.TIMEOUT_S)
    return process.returncode
