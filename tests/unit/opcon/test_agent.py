from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amtconnector.opcon import OpConJob, StatusPublisher, missing_variables, status_text
from amtconnector.opcon.agent import STATUS_LIMIT
from amtconnector.statuses import AMT_STATUSES

if TYPE_CHECKING:
    from collections.abc import Callable

AGENT = {
    "SMA_MSLSAM_SCHEDULE_DATE": "20261123",
    "SMA_MSLSAM_SCHEDULE_NAME": "End of day",
    "SMA_MSLSAM_JOB_NAME": "POST INTEREST 0000012345",
    "SMA_MSLSAM_SAM_JOB_ID": "POST INTERES     0000012345",
    "SMA_MSLSAM_LSAM_NAME": "AMTBATCH01",
    "SMA_MSLSAM_ROOT_DIRECTORY": r"C:\Program Files\OpConxps\MSLSAM",
    "SMA_MSLSAM_RESTART_STEP": "",
}
on_posix = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for SMAStatus is a shell script")


def test_a_job_is_read_from_the_agents_variables() -> None:
    """Every fact that the agent states arrives, the job's name without its number."""
    assert OpConJob.from_environment(AGENT) == OpConJob(
        schedule_date="20261123",
        schedule_name="End of day",
        name="POST INTEREST",
        number="0000012345",
        machine="AMTBATCH01",
        root_directory=Path(r"C:\Program Files\OpConxps\MSLSAM"),
    )


@pytest.mark.parametrize("variable", ["SCHEDULE_DATE", "SCHEDULE_NAME", "JOB_NAME"])
@pytest.mark.parametrize("value", [None, "", "  "])
def test_without_its_whole_identity_there_is_no_job(variable: str, value: str | None) -> None:
    """A job that could be mistaken for another is none, and what is missing has a name."""
    name = f"SMA_MSLSAM_{variable}"
    environ = {key: text for key, text in AGENT.items() if key != name} | ({} if value is None else {name: value})
    assert OpConJob.from_environment(environ) is None
    assert missing_variables(environ) == (name,)


def test_nothing_is_missing_where_no_agent_is() -> None:
    """A run by hand is no broken OpCon job."""
    assert missing_variables({"PATH": "/bin"}) == ()
    assert missing_variables(AGENT) == ()
    assert OpConJob.from_environment({"PATH": "/bin"}) is None


@pytest.mark.parametrize(
    ("given_name", "name", "number"),
    [
        ("NIGHTLY 0000012345", "NIGHTLY", "0000012345"),
        ("NIGHTLY    0000012345 ", "NIGHTLY", "0000012345"),
        ("SETTLE 2026112301 0000012345", "SETTLE 2026112301", "0000012345"),
        ("NIGHTLY", "NIGHTLY", "0000099999"),
        ("NIGHTLY 12345", "NIGHTLY 12345", "0000099999"),
        ("NIGHTLY0000012345", "NIGHTLY0000012345", "0000099999"),
        ("0000012345", "0000012345", "0000099999"),
        ("ÜBERTRAG 0000012345", "ÜBERTRAG", "0000012345"),
        ('"NIGHTLY 0000012345"', "NIGHTLY", "0000012345"),
    ],
)
def test_only_the_appended_number_leaves_the_name(given_name: str, name: str, number: str) -> None:
    """The name is the same at each restart; a number that the name lacks comes from the job id."""
    environ = AGENT | {"SMA_MSLSAM_JOB_NAME": given_name, "SMA_MSLSAM_SAM_JOB_ID": "NIGHTLY          0000099999"}
    job = OpConJob.from_environment(environ)
    assert job is not None
    assert (job.name, job.number) == (name, number)


@given(st.text(min_size=1).filter(lambda text: text.strip() == text and '"' not in text), st.integers(0, 10**10 - 1))
def test_every_name_survives_its_number(name: str, number: int) -> None:
    """Whatever a job is called, cutting off the number gives its name back."""
    job = OpConJob.from_environment(AGENT | {"SMA_MSLSAM_JOB_NAME": f"{name} {number:010}"})
    assert job is not None
    assert (job.name, job.number) == (name, f"{number:010}")


def test_a_quoted_root_directory_is_a_path() -> None:
    """Quotes around a value are no part of it."""
    job = OpConJob.from_environment(AGENT | {"SMA_MSLSAM_ROOT_DIRECTORY": r' "C:\Program Files\OpConxps" '})
    assert job is not None
    assert job.root_directory == Path(r"C:\Program Files\OpConxps")


@pytest.mark.parametrize(
    ("name", "request_id", "text"),
    [
        ("QUEUED", "2112", "QUEUED 2112"),
        ("RUNNING", "", "RUNNING"),
        ("WAIT FOR FILE", "2112", "WAIT FOR FILE 2112"),
        ("WAIT FOR REPORT", "21124", "WAIT REPORT 21124"),
        ("WAIT FOR INPUT REQUEST", "2112", "WAIT INPUT 2112"),
        ("WAIT_FOR_DEBUGGER", "2112", "WAIT DEBUGGER 2112"),
        ("ABORTED_WITH_RECOVER", "2112", "ABORTED RECOVER 2112"),
        ("RUNNING", "0f8fad5b-d9cb-469f-a165-70867728950e", "RUNNING"),
        ("WAIT FOR INPUT REQUEST", "0f8fad5b-d9cb-469f-a165-70867728950e", "WAIT INPUT REQUEST"),
    ],
)
def test_a_status_is_shortened_so_that_it_still_says_something(name: str, request_id: str, text: str) -> None:
    """The id stays as long as the status can be told from others beside it."""
    assert status_text(name, request_id) == text


@given(st.text(), st.text())
def test_a_status_fits(name: str, request_id: str) -> None:
    """No status is longer than OpCon shows."""
    assert len(status_text(name, request_id)) <= STATUS_LIMIT


def test_amts_statuses_stay_apart() -> None:
    """Beside an ordinary request id no two statuses of AMT read the same."""
    texts = [status_text(status.name, "2112") for status in AMT_STATUSES]
    assert len(set(texts)) == len(texts)
    going_on = [status_text(status.name, "2112") for status in AMT_STATUSES if not status.is_terminal]
    assert all(text.endswith(" 2112") for text in going_on)


def _agent(folder: Path, script: str) -> Path:
    program = folder / "SMAStatus"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return folder


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        threading.Event().wait(0.01)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _is_idle(publisher: StatusPublisher) -> Callable[[], bool]:
    return lambda: not publisher._is_working


@on_posix
def test_a_text_is_shown_by_the_agents_program(tmp_path: Path) -> None:
    """The program gets one argument: the first 20 characters, without what would break out of its quotes."""
    shown = tmp_path / "shown"
    publisher = StatusPublisher(_agent(tmp_path, f'echo "$#:$1" >> {shown}'))
    publisher.show('QUEUED "2112"\n and a lot more')
    _until(_is_idle(publisher))
    publisher.close()
    assert _lines(shown) == ["1:QUEUED 2112 and a lo"]


@on_posix
def test_the_newest_text_wins_and_one_program_runs_at_a_time(tmp_path: Path) -> None:
    """What changes while the program runs is shown afterwards, only the newest of it."""
    shown, go_on = tmp_path / "shown", tmp_path / "go on"
    script = f'echo "$1" >> {shown}; while [ ! -e "{go_on}" ]; do sleep 0.01; done; echo end >> {shown}'
    publisher = StatusPublisher(_agent(tmp_path, script))
    publisher.show("IDLE 2112")
    _until(lambda: bool(_lines(shown)))
    publisher.show("QUEUED 2112")
    publisher.show("RUNNING 2112")
    go_on.touch()
    _until(_is_idle(publisher))
    publisher.close()
    assert _lines(shown) == ["IDLE 2112", "end", "RUNNING 2112", "end"]


@on_posix
def test_a_text_that_is_shown_already_starts_nothing(tmp_path: Path) -> None:
    """OpCon is told of changes only."""
    shown = tmp_path / "shown"
    publisher = StatusPublisher(_agent(tmp_path, f'echo "$1" >> {shown}'))
    for text in ("QUEUED 2112", "QUEUED 2112", "RUNNING 2112"):
        publisher.show(text)
        _until(_is_idle(publisher))
    publisher.close()
    assert _lines(shown) == ["QUEUED 2112", "RUNNING 2112"]


@on_posix
def test_a_program_that_hangs_is_killed_and_reaped(tmp_path: Path) -> None:
    """The time limit ends it, and later texts are shown all the same."""
    shown = tmp_path / "shown"
    script = f'echo "$1" >> {shown}; [ "$1" = HANG ] && exec sleep 60; exit 0'
    publisher = StatusPublisher(_agent(tmp_path, script), time_limit_s=0.3)
    publisher.show("HANG")
    _until(lambda: publisher._child is not None)
    child = publisher._child
    publisher.show("RUNNING 2112")
    _until(_is_idle(publisher))
    publisher.close()
    assert child is not None
    assert child.returncode == -9
    assert _lines(shown) == ["HANG", "RUNNING 2112"]


@on_posix
def test_closing_leaves_no_program_behind_and_does_not_wait(tmp_path: Path) -> None:
    """At the end of the run a program that hangs is killed at once, and nothing new is started."""
    shown = tmp_path / "shown"
    publisher = StatusPublisher(_agent(tmp_path, f'echo "$1" >> {shown}; exec sleep 60'))
    publisher.show("RUNNING 2112")
    _until(lambda: bool(_lines(shown)) and publisher._child is not None)
    child = publisher._child
    assert child is not None
    publisher.show("QUEUED 2112")
    before = time.monotonic()
    publisher.close()
    assert time.monotonic() - before < 1
    _until(_is_idle(publisher))
    publisher.show("DONE 2112")
    assert child.returncode == -9
    assert publisher._child is None
    assert _lines(shown) == ["RUNNING 2112"]


@on_posix
def test_the_program_gets_no_handle_of_ours(tmp_path: Path) -> None:
    """An open file of the run, even one marked inheritable, does not reach the agent's program."""
    shown = tmp_path / "shown"
    publisher = StatusPublisher(_agent(tmp_path, f'for f in /proc/$$/fd/*; do readlink "$f"; done > {shown}'))
    with (tmp_path / "record").open("w", encoding="utf-8") as record:
        os.set_inheritable(record.fileno(), True)
        publisher.show("RUNNING 2112")
        _until(_is_idle(publisher))
    publisher.close()
    assert str(tmp_path / "record") not in _lines(shown)
    assert _lines(shown).count("/dev/null") >= 2


@pytest.mark.parametrize("is_there", [True, False])
def test_an_agent_without_the_program_is_no_failure(tmp_path: Path, *, is_there: bool) -> None:
    """The status is a courtesy: a missing folder, a missing program or none that can run changes nothing."""
    root = tmp_path if is_there else None
    if is_there:
        (tmp_path / "SMAStatus").write_text("no program", encoding="utf-8")
    publisher = StatusPublisher(root)
    publisher.show("RUNNING 2112")
    _until(_is_idle(publisher))
    publisher.close()


def test_publishing_that_is_off_costs_no_import() -> None:
    """Every run imports this module; the subprocess module waits until it is needed."""
    code = "import sys, amtconnector.opcon as o; o.StatusPublisher(None).show('x'); print('subprocess' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
