"""The rules of the run directory among real processes: one winner, and nothing that a crash can spoil."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from amtconnector.records import ClaimedElsewhere, RunDirectory, RunKey, RunRecord, RunState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2026, 11, 23, 2, 14, tzinfo=UTC)
RUN_ID = "20261123-a1b2c3d4e5"
KEY = RunKey("20261123", "End of day", "PAYROLL", "amt:4004", "DEMO2", "RUN_PAY")
SUBMITTED = RunRecord(KEY, RUN_ID, RunState.SUBMITTED, request_id="2112", created_at=NOW, submitted_at=NOW)
KILL = 9

CLAIMER = """
import sys
from pathlib import Path
from amtconnector.records import ClaimedElsewhere, RunDirectory, RunKey
directory = RunDirectory(Path(sys.argv[1]), patience_s=0)
claim = None
for line in sys.stdin:
    job, moment = line.split()
    if claim:
        claim.release()
        claim = None
    import time
    while time.time() < float(moment):
        pass
    try:
        claim = directory.claim(RunKey("20261123", "End of day", job), "20261123-a1b2c3d4e5")
        print("won", flush=True)
    except ClaimedElsewhere:
        print("lost", flush=True)
"""

CRASHER = """
import os, sys
from pathlib import Path
from amtconnector.system import files
from amtconnector.records import RunDirectory, RunKey
directory = RunDirectory(Path(sys.argv[1]))
(record,) = directory.records()
claim = directory.claim(record.key, "20261123-ffffffffff")
files._take_place = lambda new, target, backup: os.kill(os.getpid(), int(sys.argv[2]))
claim.save(claim.record._replace(request_id="9999"))
"""


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    """Return an empty run directory that does not wait for locks."""
    return RunDirectory(tmp_path / "runs", patience_s=0)


@pytest.fixture
def claimers(directory: RunDirectory) -> Iterator[list[subprocess.Popen[str]]]:
    """Return two processes that claim when they are told to, and hold what they have won until told the next time."""
    command = [sys.executable, "-c", CLAIMER, str(directory.path)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) for _ in range(2)
    ]
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def answers(claimers: list[subprocess.Popen[str]], job: str, moment: float) -> list[str]:
    """Let both claim a job at the same moment, and return who won and who lost."""
    for process in claimers:
        assert process.stdin
        process.stdin.write(f"{job} {moment}\n")
    return [process.stdout.readline().strip() for process in claimers if process.stdout]


def test_of_two_processes_that_claim_at_the_same_moment_exactly_one_wins(
    claimers: list[subprocess.Popen[str]],
) -> None:
    """Fifty times, each time at a moment that both have waited for."""
    answers(claimers, "warm-up", 0)
    for number in range(50):
        moment = datetime.now(UTC).timestamp() + 0.005
        assert sorted(answers(claimers, f"JOB{number}", moment)) == ["lost", "won"]


def test_the_same_job_again_and_again_has_one_winner_each_time(claimers: list[subprocess.Popen[str]]) -> None:
    """The first claims a job that the second then can't have; it passes on when the first lets go."""
    first, second = claimers
    assert answers([first], "JOB", 0) == ["won"]
    assert answers([second], "JOB", 0) == ["lost"]
    assert answers([first], "OTHER", 0) == ["won"]
    assert answers([second], "JOB", 0) == ["won"]


def test_a_killed_process_leaves_its_record_to_the_next(
    directory: RunDirectory, claimers: list[subprocess.Popen[str]]
) -> None:
    """After kill -9 the lock is free and the record is what it last said."""
    key = RunKey("20261123", "End of day", "JOB")
    with directory.claim(key, RUN_ID) as claim:
        claim.save(SUBMITTED._replace(key=key))
    first, _ = claimers
    assert answers([first], "JOB", 0) == ["won"]
    with pytest.raises(ClaimedElsewhere):
        directory.claim(key, RUN_ID)
    first.kill()
    first.wait()
    with directory.claim(key, RUN_ID) as claim:
        assert claim.record
        assert claim.record.request_id == "2112"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_a_crash_before_the_replacement_leaves_the_old_record_and_is_cleaned_up(directory: RunDirectory) -> None:
    """Killed with the new record written beside the old one: nothing is lost, and the remains go after a day."""
    with directory.claim(KEY, RUN_ID) as claim:
        claim.save(SUBMITTED)
    crash = subprocess.run([sys.executable, "-c", CRASHER, str(directory.path), str(KILL)], check=False)
    assert crash.returncode == -KILL
    (remains,) = directory.path.glob("*.tmp")
    with directory.claim(KEY, RUN_ID) as claim:
        assert claim.record
        assert (claim.record.request_id, claim.record.is_damaged) == ("2112", False)
        claim.save(SUBMITTED._replace(request_id="2113"))
    assert [record.request_id for record in directory.records()] == ["2113"]
    written_at = datetime.fromtimestamp(remains.stat().st_mtime, UTC)
    directory.clean(30, now=written_at + timedelta(hours=1))
    assert remains.exists()
    directory.clean(30, now=written_at + timedelta(days=2))
    assert not remains.exists()


def test_a_record_can_be_read_at_any_moment_while_it_is_replaced(directory: RunDirectory) -> None:
    """A reader sees the record before or the record after, never anything else."""
    writer = f"""
from pathlib import Path
from amtconnector.records import RunDirectory
directory = RunDirectory(Path({os.fspath(directory.path)!r}))
(record,) = directory.records()
with directory.claim(record.key, record.run_id) as claim:
    for number in range(1, 301):
        claim.save(record._replace(request_id=str(number), user="x" * number * 50))
"""
    with directory.claim(KEY, RUN_ID) as claim:
        claim.save(SUBMITTED._replace(request_id="1"))
    process = subprocess.Popen([sys.executable, "-c", writer])
    seen = set()
    while process.poll() is None:
        (record,) = directory.records()
        assert not record.is_damaged
        seen.add(record.request_id)
    assert process.returncode == 0
    assert len(seen) > 1
