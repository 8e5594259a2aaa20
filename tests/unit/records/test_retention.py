"""The rules of cleaning: what is over and old goes, what is open stays for ever, and it takes a moment once a day."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from amtconnector.records import RunDirectory, RunKey, RunRecord, RunState, record_files, retention, timestamps
from amtconnector.records.file_names import file_name
from amtconnector.records.logon_notes import LogonNotes
from amtconnector.records.retention import Countdown
from amtconnector.system import locks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = datetime(2026, 11, 23, 2, 14, tzinfo=UTC)
DAY = timedelta(days=1)
KEY = RunKey("20261123", "End of day", "PAYROLL", "amt:4004", "DEMO2", "RUN_PAY")


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    """Return a run directory that does not wait for locks."""
    return RunDirectory(tmp_path / "runs", patience_s=0)


def run_id(number: int) -> str:
    """Return the id of the run with a number."""
    return f"20261123-{number:010x}"


def keep(directory: RunDirectory, number: int, state: RunState, age: timedelta) -> str:
    """Leave a run of a job of its own with its log, all of a certain age; return its file name."""
    time = NOW - age
    key = KEY._replace(opcon_job=f"JOB{number}")
    record = RunRecord(key, run_id(number), state, request_id="2112", created_at=time, intended_at=time)
    ended = state is RunState.FINISHED
    record = record._replace(submitted_at=time, finished_at=time if ended else None, exit_code=4 if ended else None)
    with directory.claim(key, record.run_id) as claim:
        claim.save(record)
    log = directory.open_log(record.run_id)
    log.write("a line")
    log.close()
    name = file_name(key, record.run_id)
    for path in (*directory.path.glob(f"{name}.*"), log.path):
        set_age(path, age)
    return name


def set_age(path: Path, age: timedelta) -> None:
    """Let a file have been written some time ago."""
    written_at_s = (NOW - age).timestamp()
    os.utime(path, (written_at_s, written_at_s))


def files(directory: RunDirectory) -> set[str]:
    """Return the names of all files of runs."""
    everything = (path.name for path in directory.path.rglob("*") if path.is_file())
    return {name for name in everything if not name.startswith("cleaned")}


@pytest.mark.parametrize("state", [RunState.FINISHED, RunState.NOT_STARTED])
def test_a_run_that_is_over_and_old_goes_with_all_its_files(directory: RunDirectory, state: RunState) -> None:
    """Record, log and lock file; a younger one keeps all three."""
    keep(directory, 1, state, 31 * DAY)
    young = keep(directory, 2, state, 29 * DAY)
    assert directory.clean(30, now=NOW) == 3
    assert files(directory) == {f"{young}.json", f"{young}.lock", f"{run_id(2)}.log"}


@pytest.mark.parametrize("state", [RunState.INTENDED, RunState.SUBMITTED])
def test_an_unfinished_run_is_never_removed(directory: RunDirectory, state: RunState) -> None:
    """After a year it still protects its job, and its log still tells why."""
    keep(directory, 1, state, 365 * DAY)
    before = files(directory)
    assert directory.clean(30, now=NOW) == 0
    assert files(directory) == before
    assert len(before) == 3


def test_a_damaged_record_is_never_removed(directory: RunDirectory) -> None:
    """It may be that of a run that is not over."""
    name = keep(directory, 1, RunState.FINISHED, 365 * DAY)
    path = directory.path / f"{name}.json"
    path.write_bytes(b"")
    set_age(path, 365 * DAY)
    directory.clean(30, now=NOW)
    assert path.exists()


def test_a_run_that_somebody_is_at_work_on_stays_with_its_log(directory: RunDirectory) -> None:
    """A job that is just being started again uses the old record."""
    name = keep(directory, 1, RunState.FINISHED, 365 * DAY)
    before = files(directory)
    lock = locks.take(directory.path / f"{name}.lock")
    assert lock
    assert directory.clean(30, now=NOW) == 0
    lock.release()
    assert files(directory) == before


def test_a_file_that_looks_old_but_tells_of_a_young_end_stays(directory: RunDirectory) -> None:
    """A directory that was restored from a backup has the times of the backup."""
    name = keep(directory, 1, RunState.FINISHED, 2 * DAY)
    set_age(directory.path / f"{name}.json", 365 * DAY)
    assert directory.clean(30, now=NOW) == 0


def test_what_crashes_and_earlier_runs_left_behind_goes(directory: RunDirectory) -> None:
    """Half-written files after a day, logs and locks without a record after the days that runs are kept."""
    keep(directory, 1, RunState.FINISHED, DAY)
    notes = LogonNotes(directory.path, "digest")
    notes.note_refusal(NOW)
    slot = notes.slot()
    assert slot
    slot.note_silence(NOW)
    slot._lock.release()  # as a crash leaves its file behind
    (note,) = directory.path.glob("rejected-logon-*")
    (unused_slot,) = directory.path.glob("logon-*.lock")
    (silence,) = directory.path.glob("logon-*.note")
    orphan = file_name(KEY, run_id(7))
    ages = {
        note: 2 * DAY,
        silence: 2 * DAY,
        unused_slot: 2 * DAY,
        directory.path / "killed.attention": 2 * DAY,
        directory.path / "x.json.0123456789ab.tmp": 2 * DAY,
        directory.path / "y.json.0123456789ab.tmp": DAY / 2,
        directory.path / f"{orphan}.lock": 31 * DAY,
        directory.path / "logs" / f"{run_id(7)}.log": 31 * DAY,
        directory.path / "logs" / f"{run_id(8)}.log": 29 * DAY,
        directory.path / "somebody's.txt": 999 * DAY,
        directory.path / "somebody's.tmp": 999 * DAY,
        directory.path / "logs" / "somebody's.log": 999 * DAY,
        directory.path / "logs" / "somebody's.txt": 999 * DAY,
    }
    for path, age in ages.items():
        path.write_bytes(b"")
        set_age(path, age)
    assert directory.clean(30, now=NOW) == 7
    gone = [path.name for path in ages if not path.exists()]
    assert gone == [
        note.name,
        silence.name,
        unused_slot.name,
        "killed.attention",
        "x.json.0123456789ab.tmp",
        f"{orphan}.lock",
        f"{run_id(7)}.log",
    ]
    assert len(directory.records()) == 1


def test_cleaning_is_done_once_a_day(directory: RunDirectory) -> None:
    """The next one is a day later, and a clock that was wrong does not put it off for ever."""
    keep(directory, 1, RunState.FINISHED, 40 * DAY)
    assert directory.clean(30, now=NOW) == 3
    keep(directory, 2, RunState.FINISHED, 40 * DAY)
    assert directory.clean(30, now=NOW + 0.9 * DAY) == 0
    assert directory.clean(30, now=NOW + DAY) == 3
    keep(directory, 3, RunState.FINISHED, 40 * DAY)
    assert directory.clean(30, now=NOW) == 3


def test_cleaning_is_done_by_one_process(directory: RunDirectory) -> None:
    """Fifty jobs that start together do not all clean."""
    keep(directory, 1, RunState.FINISHED, 40 * DAY)
    lock = locks.take(directory.path / "cleaned.lock")
    assert lock
    assert directory.clean(30, now=NOW) == 0
    lock.release()
    assert directory.clean(30, now=NOW) == 3


@pytest.mark.parametrize("steps", range(25))
def test_cleaning_ends_when_its_time_is_up_and_never_takes_an_open_runs_log(
    directory: RunDirectory, steps: int
) -> None:
    """Wherever it is cut short, what is open is whole, and the runs of the same day finish it."""
    keep(directory, 1, RunState.FINISHED, 40 * DAY)
    keep(directory, 2, RunState.FINISHED, 50 * DAY)
    open_run = keep(directory, 3, RunState.SUBMITTED, 35 * DAY)
    removed = retention.clean(directory.path, 30, now=NOW, countdown=Countdown(steps, clock=ticking()))
    left = files(directory)
    assert {f"{open_run}.json", f"{open_run}.lock", f"{run_id(3)}.log"} <= left
    assert removed == 9 - len(left)
    directory.clean(30, now=NOW)
    assert files(directory) == {f"{open_run}.json", f"{open_run}.lock", f"{run_id(3)}.log"}


def test_every_moment_gets_something_done_however_many_files_stay(directory: RunDirectory) -> None:
    """A slow file system: each pass gets through five files and goes on where the one before ended, then stops."""
    stays = {keep(directory, number, RunState.FINISHED, DAY) for number in range(20)}
    stays |= {keep(directory, number, RunState.SUBMITTED, 40 * DAY) for number in range(20, 30)}
    for number in range(30, 50):
        keep(directory, number, RunState.FINISHED, 40 * DAY)
    passes = 0
    while retention.is_due(directory.path, NOW):
        retention.clean(directory.path, 30, now=NOW, countdown=Countdown(5, clock=ticking()))
        passes += 1
        assert passes < 60
    assert {path.stem for path in directory.path.glob("*.json")} == stays
    assert directory.clean(30, now=NOW) == 0


def test_a_damaged_record_keeps_every_log(directory: RunDirectory) -> None:
    """Which log is its own is not known for certain."""
    name = keep(directory, 1, RunState.SUBMITTED, 365 * DAY)
    path = directory.path / f"{name}.json"
    path.write_bytes(b"")
    set_age(path, 365 * DAY)
    directory.clean(30, now=NOW)
    assert directory.log_path(run_id(1)).exists()


def test_the_attention_file_of_a_run_that_is_alive_stays(directory: RunDirectory) -> None:
    """A task can wait for an operator for days."""
    record = RunRecord(KEY, run_id(1), RunState.SUBMITTED, request_id="2112", submitted_at=NOW - 3 * DAY)
    with directory.claim(KEY, record.run_id) as claim:
        claim.save(record)
        directory.attention_file(record).show(["a line"])
        (path,) = directory.path.glob("*.attention")
        set_age(path, 3 * DAY)
        directory.clean(30, now=NOW)
        assert path.exists()
    directory.clean(30, now=NOW + DAY)
    assert not path.exists()


def test_with_time_enough_everything_old_goes(directory: RunDirectory) -> None:
    """The counterpart of the cut: twice the steps are enough."""
    keep(directory, 1, RunState.FINISHED, 40 * DAY)
    keep(directory, 2, RunState.FINISHED, 50 * DAY)
    assert retention.clean(directory.path, 30, now=NOW, countdown=Countdown(50, clock=ticking())) == 6


def test_a_file_that_can_not_be_touched_does_not_stop_the_others(
    directory: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of another account stay; the log of a run that stays stays too."""
    foreign = keep(directory, 1, RunState.FINISHED, 50 * DAY)
    keep(directory, 2, RunState.FINISHED, 40 * DAY)
    real = locks.take

    def take(path: Path, *, is_patient: bool = True) -> locks.FileLock | None:
        if path.stem == foreign:
            raise PermissionError(13, "Permission denied")
        return real(path, is_patient=is_patient)

    monkeypatch.setattr(locks, "take", take)
    assert directory.clean(30, now=NOW) == 3
    assert files(directory) == {f"{foreign}.json", f"{foreign}.lock", f"{run_id(1)}.log"}


def test_a_directory_that_can_not_be_written_is_no_failure(
    directory: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cleaning is never the reason why a run ends."""
    keep(directory, 1, RunState.FINISHED, 40 * DAY)

    def deny(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(timestamps, "write", deny)
    assert directory.clean(30, now=NOW) == 0
    monkeypatch.undo()
    assert directory.clean(30, now=NOW) == 3


@pytest.mark.parametrize("days", [0, 0.5, 1e12])
def test_any_number_of_days_is_understood(directory: RunDirectory, days: float) -> None:
    """No days at all still leaves the run that does the cleaning alone."""
    own = KEY._replace(opcon_job="OWN")
    keep(directory, 1, RunState.FINISHED, DAY)
    record = RunRecord(own, run_id(9), RunState.SUBMITTED, request_id="1", created_at=NOW, submitted_at=NOW)
    with directory.claim(own, run_id(9)) as claim:
        claim.save(record)
        log = directory.open_log(run_id(9))
        log.write("a line")
        log.close()
        for path in (log.path, record_files.record_path(directory.path, file_name(own, run_id(9)))):
            set_age(path, timedelta(seconds=1))
        assert directory.clean(days, now=NOW) == (0 if days > 1 else 3)
        assert log.path.exists()


def ticking() -> Callable[[], float]:
    """Return a clock on which a second passes whenever it is read."""
    times = iter(range(1_000_000))
    return lambda: float(next(times))


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
@pytest.mark.parametrize("name", ["cleaned.note", "cleaned.position"])
def test_a_planted_note_of_a_cleaning_stops_none(directory: RunDirectory, name: str) -> None:
    """A file that is not believed is none, and is replaced."""
    keep(directory, 1, RunState.FINISHED, 40 * DAY)
    note = directory.path / name
    note.write_text(f"{NOW.isoformat()}\n")
    note.chmod(0o666)
    assert directory.needs_cleaning(NOW)
    assert directory.clean(30, now=NOW) == 3
