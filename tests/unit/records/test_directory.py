"""The rules of the run directory: what a run finds, who may write it, and how it is asked."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from amtconnector.records import ClaimedElsewhere, RunDirectory, RunKey, RunRecord, RunState
from amtconnector.records.file_names import file_name
from amtconnector.system import files

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 23, 2, 14, tzinfo=UTC)
RUN_ID = "20261123-a1b2c3d4e5"
OTHER_ID = "20261123-ffffffffff"
KEY = RunKey("20261123", "End of day", "PAYROLL", "amt:4004", "DEMO2", "RUN_PAY")
BY_HAND = RunKey(server="amt:4004", application="DEMO2", job="RUN_PAY")
INTENDED = RunRecord(KEY, RUN_ID, RunState.INTENDED, created_at=NOW, intended_at=NOW, parameters=("'PARAM'",))
SUBMITTED = INTENDED._replace(state=RunState.SUBMITTED, request_id="2112", submitted_at=NOW)
FINISHED = SUBMITTED._replace(state=RunState.FINISHED, exit_code=4, status="DONE", finished_at=NOW)


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    """Return a run directory that does not exist yet, and that does not wait for locks."""
    return RunDirectory(tmp_path / "state" / "runs", patience_s=0)


def keep(directory: RunDirectory, record: RunRecord) -> RunRecord:
    """Leave a record behind, and return it as it is found."""
    with directory.claim(record.key, record.run_id) as claim:
        claim.save(record)
    return record._replace(file_name=file_name(record.key, record.run_id))


def damage(directory: RunDirectory, record: RunRecord, content: bytes = b"") -> Path:
    """Put other content into the file of a record."""
    path = directory.path / f"{file_name(record.key, record.run_id)}.json"
    path.write_bytes(content)
    return path


def without_file_name(content: bytes) -> bytes:
    """Return a record as version 1.0 wrote it."""
    return b"".join(line for line in content.splitlines(keepends=True) if not line.startswith(b'"file_name"'))


def test_a_first_run_finds_nothing_and_makes_the_directory(directory: RunDirectory) -> None:
    """The first claim makes what is missing, and leaves no record before one is saved."""
    with directory.claim(KEY, RUN_ID) as claim:
        assert claim.record is None
        assert directory.records() == []


def test_the_next_run_of_the_job_finds_the_record(directory: RunDirectory) -> None:
    """What a run left is what a restart sees, through another object and under another run id."""
    kept = keep(directory, SUBMITTED)
    with RunDirectory(directory.path).claim(KEY, OTHER_ID) as claim:
        assert claim.record == kept


def test_a_job_of_another_date_or_another_task_finds_nothing(directory: RunDirectory) -> None:
    """A record protects one job of one date and one task."""
    keep(directory, SUBMITTED)
    for key in (KEY._replace(schedule_date="20261124"), KEY._replace(job="RUN_OTHER")):
        with directory.claim(key, OTHER_ID) as claim:
            assert claim.record is None


def test_a_run_by_hand_has_a_record_of_its_own(directory: RunDirectory) -> None:
    """By hand, an earlier run of the same task is neither found nor in the way."""
    keep(directory, SUBMITTED._replace(key=BY_HAND))
    with directory.claim(BY_HAND, RUN_ID), directory.claim(BY_HAND, OTHER_ID) as claim:
        assert claim.record is None


def test_a_claimed_record_is_refused_and_shown(directory: RunDirectory) -> None:
    """Whoever comes second learns what the first is doing."""
    with directory.claim(KEY, RUN_ID) as claim:
        with pytest.raises(ClaimedElsewhere) as refused:
            directory.claim(KEY, OTHER_ID)
        assert refused.value.record is None
        claim.save(SUBMITTED)
        with pytest.raises(ClaimedElsewhere) as refused:
            directory.claim(KEY, OTHER_ID)
        assert refused.value.record
        assert (refused.value.record.request_id, refused.value.record.run_id) == ("2112", RUN_ID)
    with directory.claim(KEY, OTHER_ID):
        pass


def test_a_look_at_a_lock_does_not_turn_a_run_away(directory: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that is held only for a moment, by `amt runs` say, is tried again."""
    kept = keep(directory, SUBMITTED)
    looking = directory.claim_record(kept)
    monkeypatch.setattr("time.sleep", lambda _seconds: looking.release())
    with RunDirectory(directory.path, patience_s=60).claim(KEY, OTHER_ID) as claim:
        assert claim.record == kept


def test_a_lock_that_comes_free_after_work_was_done_under_it_is_not_taken(
    directory: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two at the same moment: who has waited for the other's end does not start after it, but learns of it."""
    working = directory.claim_record(keep(directory, SUBMITTED))

    def end(_seconds: float) -> None:
        working.save(FINISHED)
        working.release()

    monkeypatch.setattr("time.sleep", end)
    with pytest.raises(ClaimedElsewhere) as caught:
        RunDirectory(directory.path, patience_s=60).claim(KEY, OTHER_ID)
    assert caught.value.record is not None
    assert caught.value.record.state is RunState.FINISHED
    directory.claim(KEY, OTHER_ID).release()


def test_a_record_is_running_while_it_is_claimed(directory: RunDirectory) -> None:
    """Not the process id in the record tells that, but the lock."""
    kept = keep(directory, SUBMITTED._replace(pid=os.getpid()))
    assert not directory.is_running(kept)
    with directory.claim(KEY, OTHER_ID):
        assert directory.is_running(kept)
    assert not directory.is_running(kept)
    assert not directory.is_running(kept._replace(key=KEY._replace(job="NEVER_RUN"), file_name=""))


def test_nothing_is_written_without_the_lock(directory: RunDirectory) -> None:
    """A claim that was released can't write any more."""
    claim = directory.claim(KEY, RUN_ID)
    claim.release()
    with pytest.raises(RuntimeError, match="lock"):
        claim.save(INTENDED)
    assert directory.records() == []


@pytest.mark.parametrize("content", [b"", b"\0" * 512, b'{\n"version": 1,\n"run_id": "2026'])
def test_a_damaged_record_is_found_as_intended_and_never_as_none(directory: RunDirectory, content: bytes) -> None:
    """The most careful case, with the key that the run asked for."""
    keep(directory, FINISHED)
    damage(directory, FINISHED, content)
    with directory.claim(KEY, OTHER_ID) as claim:
        assert claim.record
        assert (claim.record.state, claim.record.is_damaged, claim.record.key) == (RunState.INTENDED, True, KEY)


def test_a_record_longer_than_any_is_damaged(directory: RunDirectory) -> None:
    """A huge file costs neither memory nor protection."""
    keep(directory, FINISHED)
    path = damage(directory, FINISHED)
    with path.open("r+b") as file:
        file.truncate(64 * 1024 * 1024)
    with directory.claim(KEY, OTHER_ID) as claim:
        assert claim.record
        assert claim.record.is_damaged


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
def test_a_record_that_may_not_be_read_is_an_error_and_not_none(
    directory: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Denied access says nothing about an earlier run; the lock is given back, and a list shows the file."""
    kept = keep(directory, FINISHED)

    def deny(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files, "read_file", deny)
    with pytest.raises(PermissionError):
        directory.claim(KEY, OTHER_ID)
    assert not directory.is_running(kept)
    (listed,) = directory.records()
    assert (listed.is_damaged, listed.state, listed.file_name) == (True, RunState.INTENDED, kept.file_name)


def test_a_record_that_was_removed_is_none(directory: RunDirectory) -> None:
    """An administrator who removes the file has decided."""
    keep(directory, SUBMITTED)
    damage(directory, SUBMITTED).unlink()
    with directory.claim(KEY, OTHER_ID) as claim:
        assert claim.record is None


def test_a_directory_that_can_not_be_made_is_an_error(tmp_path: Path) -> None:
    """Without a record there is no protection, so the caller must know."""
    (tmp_path / "runs").write_bytes(b"")
    with pytest.raises(FileExistsError):
        RunDirectory(tmp_path / "runs").claim(KEY, RUN_ID)


def test_every_record_is_listed_newest_first(directory: RunDirectory) -> None:
    """Damaged ones included; other files are not records."""
    old = keep(directory, FINISHED._replace(created_at=NOW.replace(hour=1)))
    new = keep(directory, SUBMITTED._replace(key=KEY._replace(opcon_job="OTHER"), run_id=OTHER_ID))
    damage(directory, SUBMITTED._replace(key=KEY._replace(opcon_job="THIRD")))
    (directory.path / "notes.json").write_text("{}")
    records = directory.records()
    assert [record for record in records if not record.is_damaged] == [new, old]
    assert len(records) == 3


def test_where_nothing_ever_ran_nothing_is_listed(directory: RunDirectory) -> None:
    """A missing directory is an empty one."""
    assert directory.records() == []
    assert directory.unfinished_of_opcon_job("20261123", "End of day", "PAYROLL") == []


def test_unfinished_runs_are_found_by_job_by_task_and_by_request(directory: RunDirectory) -> None:
    """Three questions, each answered whatever the other parts of the key are."""
    by_opcon = keep(directory, SUBMITTED)
    other_task = keep(directory, INTENDED._replace(key=KEY._replace(job="RUN_OTHER"), run_id=OTHER_ID))
    by_hand = keep(directory, SUBMITTED._replace(key=BY_HAND, run_id="20261123-0000000000", request_id="2113"))
    keep(directory, FINISHED._replace(key=KEY._replace(schedule_date="20261124")))

    def ids(records: list[RunRecord]) -> set[str]:
        return {record.run_id for record in records}

    of_job = directory.unfinished_of_opcon_job("20261123", "End of day", "PAYROLL")
    assert ids(of_job) == ids([by_opcon, other_task])
    assert ids(directory.unfinished_of_task("AMT:4004", "DEMO2", "RUN_PAY")) == ids([by_opcon, by_hand])
    assert directory.records_of_request("AMT:4004", "2113") == [by_hand]
    assert directory.records_of_request("other:4004", "2113") == []


@pytest.mark.parametrize("finished", [3, 40])
def test_unfinished_runs_are_found_among_those_that_ended(directory: RunDirectory, finished: int) -> None:
    """Few are read whole, of many only what their beginning does not rule out."""
    for day in range(finished):
        keep(
            directory,
            FINISHED._replace(key=KEY._replace(schedule_date=f"{20260101 + day}"), run_id=f"20261123-{day:010x}"),
        )
    open_run = keep(directory, SUBMITTED._replace(key=BY_HAND, run_id=OTHER_ID))
    assert [run.run_id for run in directory.unfinished_of_task("amt:4004", "DEMO2", "RUN_PAY")] == [open_run.run_id]


def test_a_damaged_record_is_found_by_job_and_by_task(directory: RunDirectory) -> None:
    """Its file's name still tells what it is about; what is asked for is filled in."""
    keep(directory, SUBMITTED)
    damage(directory, SUBMITTED)
    (of_job,) = directory.unfinished_of_opcon_job("20261123", "End of day", "PAYROLL")
    (of_task,) = directory.unfinished_of_task("amt:4004", "DEMO2", "RUN_PAY")
    assert of_job.key == RunKey("20261123", "End of day", "PAYROLL")
    assert of_task.key == BY_HAND
    assert directory.unfinished_of_task("amt:4004", "DEMO2", "RUN_OTHER") == []
    with directory.claim_record(of_job) as claim:
        claim.save(of_job._replace(state=RunState.SUBMITTED, request_id="2112", submitted_at=NOW))
    with directory.claim(KEY, OTHER_ID) as settled:
        assert settled.record
        assert (settled.record.state, settled.record.is_damaged, settled.record.key) == (RunState.SUBMITTED, False, KEY)


def test_the_run_id_of_a_damaged_record_stays_until_it_is_damaged_again(directory: RunDirectory) -> None:
    """It can be released by that id, and a `--release` that is left behind releases nothing else."""
    keep(directory, SUBMITTED)
    path = damage(directory, SUBMITTED, b"garbage")
    (first,) = directory.records()
    (again,) = directory.records()
    path.write_bytes(b"other garbage")
    (other,) = directory.records()
    path.write_bytes(b"garbage")
    os.utime(path, (1_000_000_000, 1_000_000_000))
    (later,) = directory.records()
    assert first.run_id == again.run_id
    assert len({first.run_id, other.run_id, later.run_id}) == 3


def test_a_damaged_record_by_hand_keeps_its_run_id(directory: RunDirectory) -> None:
    """The name of its file tells it."""
    keep(directory, SUBMITTED._replace(key=BY_HAND))
    damage(directory, SUBMITTED._replace(key=BY_HAND))
    assert directory.records()[0].run_id == RUN_ID


@pytest.mark.parametrize("record", [INTENDED, SUBMITTED])
def test_a_forgotten_run_does_not_stand_in_the_way(directory: RunDirectory, record: RunRecord) -> None:
    """Released, the record says so and keeps what it knows."""
    kept = keep(directory, record)
    assert directory.forget(RUN_ID, NOW) == kept
    with directory.claim(KEY, OTHER_ID) as claim:
        assert claim.record == kept._replace(state=RunState.NOT_STARTED, released_at=NOW)


def test_a_damaged_run_can_be_forgotten(directory: RunDirectory) -> None:
    """By the id that the list shows; afterwards the record is a sound one."""
    keep(directory, SUBMITTED)
    damage(directory, SUBMITTED)
    run_id = directory.records()[0].run_id
    forgotten = directory.forget(run_id, NOW)
    assert forgotten
    assert forgotten.is_damaged
    (record,) = directory.records()
    assert (record.state, record.is_damaged, record.run_id) == (RunState.NOT_STARTED, False, run_id)
    assert not any(record.is_unfinished for record in directory.records())


@pytest.mark.parametrize("is_of_version_1_0", [False, True])
def test_a_record_under_the_name_of_another_job_is_damaged(directory: RunDirectory, *, is_of_version_1_0: bool) -> None:
    """Linked, copied or renamed while the folder was open to others: a good end of one job is none of the other."""
    kept = keep(directory, FINISHED)
    source = directory.path / f"{kept.file_name}.json"
    if is_of_version_1_0:
        source.write_bytes(without_file_name(source.read_bytes()))
    key = KEY._replace(opcon_job="EOD")
    name = file_name(key, RUN_ID)
    shutil.copy(source, directory.path / f"{name}.json")
    with directory.claim(KEY, OTHER_ID) as claim:
        assert claim.record == kept
    with directory.claim(key, OTHER_ID) as claim:
        found = claim.record
        assert found is not None
        assert (found.state, found.request_id, found.is_damaged) == (RunState.INTENDED, "", True)
        assert "another job" in found.distrust
    assert directory.forget(found.run_id, NOW) is not None
    with directory.claim(key, OTHER_ID) as claim:
        assert claim.record is not None
        assert claim.record.state is RunState.NOT_STARTED


def test_a_record_by_hand_under_the_name_of_another_run_is_damaged(directory: RunDirectory) -> None:
    """Its name holds its run's id."""
    kept = keep(directory, FINISHED._replace(key=BY_HAND))
    other = file_name(BY_HAND, OTHER_ID)
    shutil.copy(directory.path / f"{kept.file_name}.json", directory.path / f"{other}.json")
    assert {(found.run_id, found.is_damaged) for found in directory.records()} == {(RUN_ID, False), (OTHER_ID, True)}


def test_a_damaged_record_that_a_run_settles_is_believed_from_then_on(directory: RunDirectory) -> None:
    """Its job may not be known any more; whoever held the lock wrote it for this file."""
    damage(directory, keep(directory, SUBMITTED))
    found = directory.unfinished_of_opcon_job(*KEY[:3])[0]
    with directory.claim_record(found) as claim:
        claim.save(FINISHED._replace(key=found.key))
    with directory.claim(KEY, OTHER_ID) as claim:
        assert claim.record == FINISHED._replace(file_name=found.file_name)


def test_a_finished_run_is_not_changed_by_forgetting(directory: RunDirectory) -> None:
    """The end of a task stays on record."""
    kept = keep(directory, FINISHED)
    assert directory.forget(RUN_ID, NOW) == kept
    assert directory.records() == [kept]


def test_a_run_that_somebody_is_at_work_on_is_not_forgotten(directory: RunDirectory) -> None:
    """Neither is one that is not recorded."""
    keep(directory, SUBMITTED)
    with directory.claim(KEY, OTHER_ID), pytest.raises(ClaimedElsewhere):
        directory.forget(RUN_ID, NOW)
    assert directory.forget(OTHER_ID, NOW) is None
    assert directory.records()[0].state is RunState.SUBMITTED


def test_a_run_that_was_overtaken_is_not_forgotten_in_the_place_of_another(
    directory: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between reading and locking another run may have taken the record over: that one was not meant."""
    kept = keep(directory, SUBMITTED)
    keep(directory, SUBMITTED._replace(run_id=OTHER_ID, request_id="2113"))
    monkeypatch.setattr(directory, "records", lambda: [kept], raising=False)
    directory.forget(RUN_ID, NOW)
    monkeypatch.undo()
    assert directory.records()[0].state is RunState.SUBMITTED


def test_only_a_run_id_leads_to_a_log(directory: RunDirectory) -> None:
    """What is typed after `--log` never becomes another path."""
    assert directory.log_path(RUN_ID) == directory.path / "logs" / f"{RUN_ID}.log"
    for text in ("../records", "", "20261123-a1b2c3d4e5/x"):
        with pytest.raises(ValueError, match="run id"):
            directory.log_path(text)


def test_no_file_is_written_before_the_first_claim(directory: RunDirectory) -> None:
    """A command that only asks leaves no traces."""
    directory.open_log(RUN_ID)
    directory.forget(RUN_ID, NOW)
    assert directory.clean(30, now=NOW) == 0
    assert not directory.path.exists()


@pytest.mark.posix_only  # a file that is open, as a lock is, keeps its folder on Windows
def test_a_directory_that_somebody_removes_is_made_again(directory: RunDirectory) -> None:
    """The record of a task that runs must stand, whoever cleans up."""
    with directory.claim(KEY, RUN_ID) as claim:
        claim.save(RunRecord(KEY, RUN_ID, RunState.SUBMITTED, request_id="2112"))
        found = [claim.is_gone]
        shutil.rmtree(directory.path)
        found.append(claim.is_gone)
        claim.save(RunRecord(KEY, RUN_ID, RunState.SUBMITTED, request_id="2112"))
        assert [*found, claim.is_gone] == [False, True, False]
    assert [record.request_id for record in directory.records()] == ["2112"]
