"""What a run costs on this machine: time from its start, private memory while it waits, and fifty at once."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from amtconnector.lab.acceptance import restarts
from amtconnector.lab.acceptance.check import Failed, NotTried, require
from amtconnector.lab.acceptance.console import is_wine

if TYPE_CHECKING:
    from amtconnector.lab.acceptance.stage import Stage

_STARTS = 7
_CROWD = 50
_LONGEST_START_S = 3.0  # what the Java connector needs from process start to its first line
_MOST_MEMORY_MB = 64.0
_CROWD_PATIENCE_S = 300.0


def start_up(stage: Stage) -> str:
    """See that the first line of the job log comes soon after the process is started."""
    site = stage.site()
    seconds = []
    for _ in range(_STARTS):
        begun = time.monotonic()
        started = site.start(stage.job("ENDS_DONE"))
        line = started.process.stdout.readline() if started.process.stdout else b""
        seconds.append(time.monotonic() - begun)
        started.end()
        require(bool(line), "nothing was printed")
    median = statistics.median(seconds)
    is_soon = median < _LONGEST_START_S or is_wine()  # wine's times say nothing about Windows
    require(is_soon, f"the first line comes after {median:.1f} s: is the folder exempt from antivirus?")
    return f"first line after {median * 1000:.0f} ms, the first time {seconds[0] * 1000:.0f} ms"


def memory(stage: Stage) -> str:
    """See that a run that waits for its task has little memory of its own."""
    site = stage.site()
    # Two: what a single one has of the program's files would count as its own.
    waiting = [restarts.started(stage, site, stage.job("NEVER_ENDS")) for _ in range(2)]
    time.sleep(1)  # a few polls
    megabytes = private_memory_mb(waiting[0][0].process.pid)
    for running, task in waiting:
        stage.amt.end_task(task["id"], "DONE")
        running.ended().must_exit(4)
    if not megabytes:
        raise NotTried("this system does not tell a process's private memory")
    require(megabytes < _MOST_MEMORY_MB, f"{megabytes:.0f} MB while it waits, expected below {_MOST_MEMORY_MB:.0f}")
    return f"{megabytes:.1f} MB of its own while it waits"


def crowd(stage: Stage) -> str:
    """See that fifty jobs started in the same moment all end with 4, each started once."""
    site, jobs = stage.site(), [stage.job("ENDS_DONE") for _ in range(_CROWD)]
    begun = time.monotonic()
    running = [site.start(job) for job in jobs]
    exit_codes = [started.ended(_CROWD_PATIENCE_S).exit_code for started in running]
    seconds = time.monotonic() - begun
    others = sorted({code for code in exit_codes if code != 4})
    require(not others, f"{exit_codes.count(4)} of {_CROWD} ended with 4; others with {', '.join(map(str, others))}")
    starts = [start["body"] for start in stage.amt.ask("GET", "requests?call=start")]
    counts = {job.marker: sum(job.marker in str(body) for body in starts) for job in jobs}
    if set(counts.values()) != {1}:
        raise Failed(f"{sum(count != 1 for count in counts.values())} jobs were not started exactly once")
    return f"{_CROWD} jobs in {seconds:.1f} s, each started once, all 4"


def private_memory_mb(process_id: int) -> float:
    """Return what a process shares with no other, in MB; raises NotTried where the system does not tell."""
    if sys.platform == "win32":
        from amtconnector.lab.acceptance import memory_windows

        return memory_windows.private_bytes(process_id) / 1e6
    else:  # noqa: RET505 - mypy takes the branches as those of the systems
        return _private_memory_mb_posix(process_id)


def _private_memory_mb_posix(process_id: int) -> float:
    try:
        lines = Path(f"/proc/{process_id}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError as error:
        raise NotTried("this system does not tell a process's private memory") from error
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1000
