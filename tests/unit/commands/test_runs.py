"""The rules of `amt runs`: it shows what is open, says what to do about it, and releases nothing by accident."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from amtconnector.commands.click_command import run_command
from amtconnector.commands.runs import command
from amtconnector.records import RunDirectory, RunKey, RunRecord, RunState
from amtconnector.records.file_names import file_name
from amtconnector.records.table import run_table
from amtconnector.system.command_line import own_command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RUN_ID = "20261123-a1b2c3d4e5"
OTHER_ID = "20261123-ffffffffff"
KEY = RunKey("20261123", "End of day", "PAYROLL", "amt:4004", "DEMO2", "RUN_PAY")
THEN = datetime(2020, 11, 23, 1, 14, tzinfo=UTC)
SUBMITTED = RunRecord(KEY, RUN_ID, RunState.SUBMITTED, request_id="2112", created_at=THEN, submitted_at=THEN)
FINISHED = SUBMITTED._replace(state=RunState.FINISHED, exit_code=4, status="DONE", finished_at=THEN)


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    """Return the run directory of a configuration."""
    (tmp_path / "Connector.config").write_text("[CONNECTOR]\nRUN_DIRECTORY=runs\n")
    return RunDirectory(tmp_path / "runs", patience_s=0)


@pytest.fixture
def runs(directory: RunDirectory, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run `amt runs` with that configuration; return its exit code and what it printed."""

    def call(*args: str) -> tuple[int, str, str]:
        given = ["--config", str(directory.path.parent / "Connector.config"), *args]
        code = run_command(command, given, "amt runs", "HELP")
        return (code, *capsys.readouterr())

    return call


def keep(directory: RunDirectory, record: RunRecord) -> RunRecord:
    """Leave a record behind, and return it as it is found."""
    with directory.claim(record.key, record.run_id) as claim:
        claim.save(record)
    return record._replace(file_name=file_name(record.key, record.run_id))


def test_an_open_run_is_shown_with_everything_that_an_operator_needs(
    directory: RunDirectory, runs: Callable[..., tuple[int, str, str]]
) -> None:
    """Which job, which task, which request, in which state, and the commands that follow."""
    keep(directory, SUBMITTED)
    code, out, err = runs()
    _, _, titles, row, *rest = out.splitlines()
    assert (code, err) == (0, "")
    assert titles.split("  ")[0] == "OPCON JOB"
    for text in ("PAYROLL (End of day 20261123)", "DEMO2 RUN_PAY", "2112", "submitted", RUN_ID):
        assert text in row
    assert "-jt ATTACH -id" in "\n".join(rest)


def test_a_run_that_ended_long_ago_is_shown_only_with_all(
    directory: RunDirectory, runs: Callable[..., tuple[int, str, str]]
) -> None:
    """A long list hides what is open."""
    keep(directory, FINISHED)
    young = datetime.now(UTC) - timedelta(hours=23)
    shown = own_command("runs", "--all", "--config", str(directory.path.parent / "Connector.config"))
    assert runs()[1].splitlines() == [
        f"No run in {directory.path} is unfinished, and none changed within 24 hours.",
        "",
        f"1 earlier run is not shown:  {shown}",
    ]
    assert RUN_ID in runs("--all")[1]
    keep(directory, FINISHED._replace(key=KEY._replace(opcon_job="OTHER"), run_id=OTHER_ID, finished_at=young))
    assert OTHER_ID in runs()[1]
    assert RUN_ID not in runs()[1]


def test_no_runs_are_no_failure(directory: RunDirectory, runs: Callable[..., tuple[int, str, str]]) -> None:
    """The answer names the place that was looked at, and no directory is made by looking."""
    assert runs() == (0, f"No runs are recorded in {directory.path}\n", "")
    assert json.loads(runs("--json")[1]) == []
    assert not directory.path.exists()


def test_a_configuration_that_is_broken_elsewhere_hides_no_runs(
    directory: RunDirectory, runs: Callable[..., tuple[int, str, str]]
) -> None:
    """Just then an operator needs to know what is open."""
    keep(directory, SUBMITTED)
    (directory.path.parent / "Connector.config").write_text("[CONNECTOR]\nDEBUG=perhaps\nRUN_DIRECTORY=runs\n???\n")
    assert RUN_ID in runs()[1]


def test_a_configuration_that_is_not_there_is_named(
    directory: RunDirectory, runs: Callable[..., tuple[int, str, str]]
) -> None:
    """Not done, and the file that was looked for."""
    (directory.path.parent / "Connector.config").unlink()
    code, out, err = runs()
    assert (code, out) == (1, "")
    assert str(directory.path.parent / "Connector.config") in err


def test_json_is_the_record_with_times_in_utc(
    directory: RunDirectory, runs: Callable[..., tuple[int, str, str]]
) -> None:
    """For programs: the words of the record, unshortened."""
    keep(directory, SUBMITTED._replace(parameters=("'PARAM'",), key=KEY._replace(schedule_name="x" * 200)))
    with directory.claim(KEY._replace(schedule_name="x" * 200), OTHER_ID):
        (run,) = json.loads(runs("--json")[1])
    assert run["schedule_name"] == "x" * 200
    expected = {
        "run_id": RUN_ID,
        "state": "submitted",
        "request_id": "2112",
        "exit_code": None,
        "submitted_at": "2020-11-23T01:14:00Z",
        "since": "2020-11-23T01:14:00Z",
        "parameters": ["'PARAM'"],
        "is_running": True,
        "is_damaged": False,
        "log": str(directory.log_path(RUN_ID)),
    }
    assert {name: run[name] for name in expected} == expected


def test_forget_releases_the_run_and_says_what_it_did_not_do(
    directory: RunDirectory, runs: Callable[..., tuple[int, str, str]]
) -> None:
    """The job may be started again; the task in AMT is not touched; the log says who decided."""
    keep(directory, SUBMITTED)
    code, out, err = runs("--forget", f" {RUN_ID.upper()} ")
    assert (code, err) == (0, "")
    assert f"Run {RUN_ID} of PAYROLL (End of day 20261123), AMT job DEMO2 RUN_PAY, is released." in out
    assert "request 2112" in out
    assert not any(record.is_unfinished for record in directory.records())
    assert "released" in directory.log_path(RUN_ID).read_text()
    assert "released" in runs()[1]


def test_forget_changes_nothing_where_nothing_is_open(
    directory: RunDirectory, runs: Callable[..., tuple[int, str, str]]
) -> None:
    """What was wanted is so already."""
    kept = keep(directory, FINISHED)
    code, out, _ = runs("--forget", RUN_ID)
    assert (code, directory.records()) == (0, [kept])
    assert "nothing to release" in out


def test_forget_refuses_what_is_not_recorded_or_at_work(
    directory: RunDirectory, runs: Callable[..., tuple[int, str, str]]
) -> None:
    """Not done is exit 1, on stderr, with the reason."""
    keep(directory, SUBMITTED)
    code, out, err = runs("--forget", OTHER_ID)
    assert (code, out) == (1, "")
    assert " runs --all --config " in err
    with directory.claim(KEY, OTHER_ID):
        code, out, err = runs("--forget", RUN_ID)
    assert (code, out) == (1, "")
    assert "at work" in err
    assert sum(record.is_unfinished for record in directory.records()) == 1


def test_log_prints_the_log_of_a_run(directory: RunDirectory, runs: Callable[..., tuple[int, str, str]]) -> None:
    """As it is, but never what would drive a terminal."""
    log = directory.open_log(RUN_ID)
    log.write("status \u2603")
    with log.path.open("ab") as file:
        file.write(b"\x1b[2J\xff cut")
    code, out, _ = runs("--log", RUN_ID)
    assert code == 0
    assert out.splitlines()[0].endswith("Z status \u2603")
    assert out.splitlines()[1] == r"\x1b[2J\xff cut"
    log.close()
    assert runs("--log", OTHER_ID)[0] == 1


@pytest.mark.parametrize(
    "args",
    [
        ["--forget", "x"],
        ["--log", "../../etc/passwd"],
        ["--forget", ""],
        ["--forget", RUN_ID, "--log", RUN_ID],
        ["--forget", RUN_ID, "--all"],
        ["--log", RUN_ID, "--json"],
        ["--nonsense"],
        ["more"],
    ],
)
def test_a_wrong_command_line_does_nothing(
    directory: RunDirectory, runs: Callable[..., tuple[int, str, str]], args: list[str]
) -> None:
    """One line on stderr and the way to the help, 101, and every record as it was."""
    kept = keep(directory, SUBMITTED)
    code, out, err = runs(*args)
    assert (code, out, err.splitlines()[1:]) == (101, "", ["  See:  HELP"])
    assert directory.records() == [kept]


def test_help_fits_one_screen_and_has_examples(runs: Callable[..., tuple[int, str, str]]) -> None:
    """24 lines of 80 columns."""
    code, out, _ = runs("--help")
    assert code == 0
    assert len(out.splitlines()) <= 24
    assert max(map(len, out.splitlines())) <= 80
    assert "amt runs --forget 2" in out


def test_a_table_fits_120_columns_whatever_is_in_it() -> None:
    """Long names are cut, never the request or the run id; control characters are shown."""
    key = KEY._replace(schedule_name="\x1b" * 100, job="J" * 300)
    records = [
        FINISHED._replace(key=key, file_name="a"),
        SUBMITTED._replace(state=RunState.INTENDED, is_damaged=True, run_id="damaged-0123456789", file_name="b"),
        SUBMITTED._replace(key=RunKey(application="DEMO2", job="RUN"), file_name="c"),
        SUBMITTED._replace(file_name="d", request_id="9" * 64),
    ]
    lines = list(run_table(records[:3], frozenset("c"), width=120))
    assert max(map(len, lines)) <= 120
    assert all(line.isprintable() for line in lines)
    assert all(record.run_id in line for record, line in zip(records[:3], lines[1:4], strict=True))
    assert "9" * 64 in list(run_table(records, frozenset(), width=120))[4]
    assert "J" * 300 in list(run_table(records, frozenset()))[1]


def test_nothing_is_cut_where_the_output_is_no_terminal(
    directory: RunDirectory, runs: Callable[..., tuple[int, str, str]]
) -> None:
    """A script looks for the whole name."""
    keep(directory, SUBMITTED._replace(key=KEY._replace(job="J" * 300)))
    assert "J" * 300 in runs()[1]


def test_open_runs_come_first_and_can_be_asked_for_alone(
    directory: RunDirectory, runs: Callable[..., tuple[int, str, str]]
) -> None:
    """However old they are, and whatever ended since."""
    keep(directory, SUBMITTED)
    now = datetime.now(UTC)
    ended = FINISHED._replace(key=KEY._replace(opcon_job="OTHER"), run_id=OTHER_ID, finished_at=now)
    keep(directory, ended)
    out = runs()[1]
    assert out.index(RUN_ID) < out.index(OTHER_ID)
    assert [run["run_id"] for run in json.loads(runs("--open", "--json")[1])] == [RUN_ID]


def test_what_failed_is_shown_however_long_ago(
    directory: RunDirectory, runs: Callable[..., tuple[int, str, str]]
) -> None:
    """Whatever ended with another code than 4, and what was not started; neither what is open nor what went well."""
    states = {
        "OPEN": SUBMITTED,
        "GOOD": FINISHED,
        "BAD": FINISHED._replace(exit_code=12, status="TERMINATED"),
        "NONE": SUBMITTED._replace(state=RunState.NOT_STARTED, request_id="", submitted_at=None),
    }
    for job, record in states.items():
        keep(directory, record._replace(key=KEY._replace(opcon_job=job)))
    assert {run["opcon_job"] for run in json.loads(runs("--failed", "--json")[1])} == {"BAD", "NONE"}


@pytest.mark.parametrize("name", ["PAYROLL", "payroll", "run_pay"])
def test_the_runs_of_one_job_are_found_by_either_name(
    directory: RunDirectory, runs: Callable[..., tuple[int, str, str]], name: str
) -> None:
    """That of the OpCon job or of the AMT job, in any letter case, whole; a record that does not tell is shown too."""
    keep(directory, FINISHED)
    keep(directory, SUBMITTED._replace(key=KEY._replace(opcon_job="PAYROLL2", job="RUN_PAY2"), run_id=OTHER_ID))
    assert [run["run_id"] for run in json.loads(runs("--job", name, "--json")[1])] == [RUN_ID]
    for path in directory.path.glob("*.json"):
        path.write_bytes(b"")
    assert len(json.loads(runs("--job", name, "--json")[1])) == 2


def test_the_list_of_what_ended_is_limited(directory: RunDirectory, runs: Callable[..., tuple[int, str, str]]) -> None:
    """The newest are shown, and the rest is counted; --all shows every one."""
    now = datetime.now(UTC)
    for number in range(5):
        key = KEY._replace(opcon_job=f"JOB{number}")
        keep(directory, FINISHED._replace(key=key, finished_at=now - timedelta(minutes=number)))
    out = runs("--limit", "2")[1]
    assert [name for name in ("JOB0", "JOB1", "JOB2") if name in out] == ["JOB0", "JOB1"]
    assert "3 earlier runs are not shown:  " in out
    assert "3 earlier runs are not shown" in runs("--job", "run_pay", "--limit", "2")[1]
    assert len(json.loads(runs("--all", "--json")[1])) == 5


@pytest.mark.parametrize(
    "args",
    [("--open", "--failed"), ("--log", RUN_ID, "--open"), ("--forget", RUN_ID, "--limit", "5"), ("--limit", "0")],
)
def test_contradictions_are_a_wrong_command_line(
    runs: Callable[..., tuple[int, str, str]], args: tuple[str, ...]
) -> None:
    """Nothing is done then."""
    assert runs(*args)[0] == 101


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
def test_a_record_that_may_not_be_read_is_one_line_and_says_why(
    directory: RunDirectory, runs: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be sound: what is to be done is to look as another account."""
    keep(directory, SUBMITTED)

    def deny(path: Path, _flags: int) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("amtconnector.system.files.open_existing", deny)
    monkeypatch.setattr("amtconnector.records.record_files.start_of", lambda *_: b"")
    code, out, _ = runs()
    assert code == 0
    assert 'unreadable: the system says "Permission denied". The record itself may be sound' in out


@pytest.mark.parametrize("seconds", [253_402_300_800 + 86_400, -86_400.0, 1e15])
def test_a_file_with_an_impossible_time_is_one_line_among_the_others(
    directory: RunDirectory, runs: Callable[..., tuple[int, str, str]], seconds: float
) -> None:
    """A damaged record may have any time."""
    keep(directory, SUBMITTED)
    other = keep(directory, SUBMITTED._replace(key=KEY._replace(opcon_job="OTHER"), run_id=OTHER_ID))
    path = directory.path / f"{other.file_name}.json"
    path.write_bytes(b"{")
    try:
        os.utime(path, (seconds, seconds))
    except (OverflowError, OSError):
        pytest.skip("this file system knows no such time")
    code, out, _ = runs("--all")
    assert (code, out.count("\n20"), "unreadable" in out) == (0, 0, True)
    assert RUN_ID in out


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z"])
def test_a_record_with_an_impossible_time_is_one_line_among_the_others(
    directory: RunDirectory, runs: Callable[..., tuple[int, str, str]], time: str
) -> None:
    """No zone of any system has it; what was written by another program counts as damaged."""
    keep(directory, SUBMITTED)
    other = keep(directory, FINISHED._replace(key=KEY._replace(opcon_job="OTHER"), run_id=OTHER_ID))
    path = directory.path / f"{other.file_name}.json"
    path.write_text(path.read_text().replace("2020-11-23T01:14:00Z", time))
    code, out, _ = runs("--all")
    assert (code, "unreadable" in out, RUN_ID in out) == (0, True, True)


def test_a_table_shows_local_time_state_and_who_is_at_work() -> None:
    """A star where a process holds the lock, and below the table only what applies."""
    east = timezone(timedelta(hours=5))
    lines = list(run_table([SUBMITTED._replace(file_name="a")], frozenset("a"), zone=east))
    assert "submitted *  2020-11-23 06:14" in lines[1]
    assert lines[2:] == ["", "*  A connector process is at work on it."]
    assert len(list(run_table([FINISHED._replace(file_name="a")], frozenset()))) == 2


def test_the_commands_below_a_table_can_be_pasted() -> None:
    """Each names the program by its path and the installation by its file, alone on its line."""
    records = [SUBMITTED._replace(file_name="a"), SUBMITTED._replace(state=RunState.INTENDED, file_name="b")]
    lines = list(run_table(records, frozenset(), config=("--config", "/opt/amt/Connector.config")))
    for words in (("-jt", "ATTACH", "-id", "REQUEST"), ("runs", "--forget", "RUN")):
        assert f"   {own_command(*words, '--config', '/opt/amt/Connector.config')}" in lines


def test_what_a_damaged_record_does_not_tell_is_a_question_mark() -> None:
    """Only a record by hand is said to be one."""
    damaged = RunRecord(RunKey(), "damaged-0123456789", RunState.INTENDED, is_damaged=True, file_name="x-y")
    cells = list(run_table([damaged], frozenset()))[1].split()
    assert cells == ["?", "?", "unreadable", "?", "damaged-0123456789"]
    assert "by hand" in list(run_table([damaged._replace(file_name="hand-x")], frozenset()))[1]
