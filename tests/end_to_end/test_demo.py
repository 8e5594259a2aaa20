"""`amt demo`: the whole program, shown in ten seconds, leaving nothing behind.

Against a built program it is `amt-lab demo` of the folder beside it.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Programs


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """Return the folder that the demonstration takes for temporary files."""
    return tmp_path


@pytest.fixture
def process(
    request: pytest.FixtureRequest, temporary: Path, lab: list[str], programs: Programs
) -> Iterator[subprocess.Popen[str]]:
    """Return a demonstration that has just begun, in a session of its own, as on a terminal."""
    options = getattr(request, "param", ())
    environment = {**os.environ, "TMPDIR": str(temporary), "TEMP": str(temporary), "TMP": str(temporary)}
    environment["BROWSER"] = "true"  # a program that opens nothing
    environment |= {"SMA_MSLSAM_JOB_NAME": "NIGHTLY 0000000001", "SMA_MSLSAM_SCHEDULE_NAME": "DAILY"}
    command = [*(programs.amt if programs.folder is None else lab), "demo", *options]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        env=environment,
        start_new_session=True,
    ) as process:
        yield process
        process.kill()


def read_until(process: subprocess.Popen[str], part: str) -> str:
    """Return the output up to the line that holds `part`."""
    assert process.stdout
    lines = ""
    for line in process.stdout:
        lines += line
        if part in line:
            return lines
    raise AssertionError(f"{part!r} never came:\n{lines}")


def is_empty(folder: Path, *, within_s: float = 5) -> bool:
    """Say whether a folder is empty, now or soon."""
    deadline = time.monotonic() + within_s
    while any(folder.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(folder.iterdir())


def test_a_job_runs_to_its_end_before_the_readers_eyes(process: subprocess.Popen[str], temporary: Path) -> None:
    """It shows the configuration, the command, the job log and the exit code, ends with 0 and leaves nothing behind."""
    output, _ = process.communicate(timeout=30)
    for part in (
        "  https://127.0.0.1:",
        "  USER=amt1:",
        '  amt -jt "START" -an "DEMO2" -jn "RUN_PARAMETERTESTA" -pa "\'PARAM\'"',
        "started in AMT Environment : BatchrequestId '2112'",
        ": Parameter 1: 'PARAM'",
        ": Connector completed with return code 4",
        "Exit code 4\n",
        "Restart protection      : on: nothing is started, request 2113 of an earlier run is taken up",
        "Exit code 4; in AMT: 1 task, 1 start\n",
    ):
        assert part in output
    assert process.returncode == 0
    assert "warning" not in output.casefold()
    assert is_empty(temporary)


@pytest.mark.parametrize("process", [("--page",)], indirect=True)
def test_the_page_is_named_and_a_browser_takes_it(process: subprocess.Popen[str]) -> None:
    """Over plain HTTP: a browser would warn of the simulator's certificate."""
    shown = read_until(process, "Its page: ")
    assert re.search(r"Its page: http://127\.0\.0\.1:\d+/\n", shown)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output


def test_it_takes_less_than_fifteen_seconds(process: subprocess.Popen[str]) -> None:
    """Who shows it to somebody has their attention for so long; the jobs' own time is nine of them."""
    begun = time.monotonic()
    process.communicate(timeout=40)
    assert time.monotonic() - begun < 15


@pytest.mark.skipif(sys.platform == "win32", reason="a console signal can't be sent to another session on Windows")
def test_ctrl_c_ends_the_task_in_good_order(process: subprocess.Popen[str], temporary: Path) -> None:
    """The run gets to kill its task; the demonstration then ends with 1 and leaves nothing behind."""
    read_until(process, "BatchrequestId '2112'")
    if sys.platform != "win32":
        os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert "KILLED (3)" in output
    assert "Exit code 3" in output
    assert process.returncode == 1
    assert is_empty(temporary)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without telling it")
def test_being_ended_leaves_nothing_behind(process: subprocess.Popen[str], temporary: Path) -> None:
    """A SIGTERM ends the run, the server and the folder too."""
    read_until(process, "BatchrequestId '2112'")
    process.terminate()
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "Connector completed with return code 3" in output
    assert is_empty(temporary)
