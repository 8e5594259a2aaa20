"""Run a program to its end, or keep it waiting, and say what it took."""

from __future__ import annotations

import io
import itertools
import os
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

TIMEOUT_S = 600.0

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of a program: times in seconds, memory in MB, what it printed in bytes."""

    wall_s: float
    first_line_s: float
    cpu_s: float
    peak_mb: float
    exit_code: int
    printed: int


def run(
    command: Sequence[str], *, environment: Mapping[str, str] | None = None, has_ended_with: int | None = 4
) -> Sample:
    """Run a program and read everything it prints; raise RuntimeError for another exit code than is expected."""
    began = time.perf_counter()
    process = start(command, environment)
    if not isinstance(process.stdout, io.BufferedReader):
        raise TypeError(process.stdout)
    first = process.stdout.readline()
    first_line_s = time.perf_counter() - began
    printed, peak_mb = len(first), _peak_mb(process.pid)
    tail = first
    while part := process.stdout.read1(1 << 20):
        peak_mb = max(peak_mb, _peak_mb(process.pid))
        printed += len(part)
        tail = part
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if has_ended_with is not None and process.returncode != has_ended_with:
        raise RuntimeError(f"{command} ended with {process.returncode}: {tail[-2000:]!r}")
    cpu_s = usage.ru_utime + usage.ru_stime
    return Sample(wall_s, first_line_s, cpu_s, peak_mb, process.returncode, printed)


def _peak_mb(pid: int) -> float:
    """Return the most memory that a process has had up to now, 0 when it has just ended.

    What `wait4` says is of no use: it counts the memory of this process, which the child had before it was the program.
    """
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) / 1024


def start(command: Sequence[str], environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a program with a pipe for all that it prints, as an OpCon job of its own unless an environment is given."""
    if environment is None:
        environment = opcon_environment(next(_numbers))
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        bufsize=65536,
    )


def opcon_environment(number: int) -> dict[str, str]:
    """Return our environment with the variables that the OpCon agent gives to the job of this number."""
    job = {
        "SMA_MSLSAM_SCHEDULE_DATE": "20261123",
        "SMA_MSLSAM_SCHEDULE_NAME": "Benchmark",
        "SMA_MSLSAM_JOB_NAME": f"Job {number} {number:010}",
    }
    return {**os.environ, **job}


def alternated(runs: Mapping[str, Callable[[], Sample]], rounds: int) -> dict[str, list[Sample]]:
    """Run each in turn, as often as there are rounds, after one round that does not count."""
    samples: dict[str, list[Sample]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, run_one in runs.items():
            sample = run_one()
            if number:
                samples[name].append(sample)
    return samples


def median_ms(samples: Iterable[Sample], *, first_line: bool = False) -> float:
    """Return the median duration in milliseconds, to the end or to the first line."""
    return 1000 * statistics.median(sample.first_line_s if first_line else sample.wall_s for sample in samples)


def private_mb(pid: int) -> float:
    """Return the memory that a process shares with no other, in MB."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_")) / 1024


def waiting_private_mb(command: Sequence[str], count: int, settled_s: float) -> list[float]:
    """Start a program that waits `count` times at once and return the private memory of each, in MB."""
    processes = [start(command) for _ in range(count)]
    try:
        time.sleep(settled_s)
        return [private_mb(process.pid) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def at_once_s(command: Sequence[str], count: int) -> float:
    """Start a program `count` times at once and return the seconds until the last one has ended with 4."""
    began = time.perf_counter()
    processes = [start(command) for _ in range(count)]
    for process in processes:
        process.communicate(timeout=TIMEOUT_S)
    took_s = time.perf_counter() - began
    if codes := {process.returncode for process in processes} - {4}:
        raise RuntimeError(f"{command} ended with {codes}")
    return took_s
