"""amt.exe under a parent of its own kind: creation flags, streams, console events, its end, and what a restart does.

The parent is a small Windows program (parent_windows.c): nothing on the Linux side can give a program a console,
take its streams away, or see its exit code as Windows has it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.installation import ended
from tests.end_to_end.workplace import opcon_job, start_of
from tests.support.processes import clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Programs
    from tests.end_to_end.workplace import SharedSimulator, Workplace

    Start = Callable[..., "Child"]

pytestmark = pytest.mark.windows

SOURCE = Path(__file__).with_name("parent_windows.c")
SHORT, NEVER_ENDS = " ".join(start_of("SHORT")), " ".join(start_of("NEVER_ENDS"))
JOB = opcon_job()
TERMINATED = 0xDEAD
"""What the parent gives TerminateProcess."""


class Child:
    """A program that the parent has started: `tell` lets an event happen, `end` waits for its exit code and output."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def tell(self, event: str) -> None:
        """Let an event of `parent_windows.c` happen."""
        assert self.process.stdin
        self.process.stdin.write(f"{event}\n".encode())
        self.process.stdin.flush()

    def end(self) -> tuple[int, str]:
        """Return the exit code as GetExitCodeProcess has it, and what came through the pipe."""
        try:
            text = self.process.communicate(timeout=60)[0].decode().replace("\r\n", "\n")
        except subprocess.TimeoutExpired:
            self.close()
            raise
        output, _, code = text.rpartition("exit code ")
        assert code.strip().isdecimal(), text
        return int(code), output

    def close(self) -> None:
        """End the program where it is still running, and with it the parent."""
        if self.process.poll() is not None:
            return
        with suppress(OSError):  # it has just ended
            self.tell("terminate")
        ended(self.process, 20)


@pytest.fixture(scope="module")
def parent(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Build the parent, and return how it is started."""
    if not programs.is_windows or programs.folder is None:
        pytest.skip("about a built Windows program")
    compiler = shutil.which("x86_64-w64-mingw32-gcc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no compiler for the parent program")
    built = tmp_path_factory.mktemp("parent") / "parent_windows.exe"
    subprocess.run([compiler, "-O1", "-o", str(built), str(SOURCE)], check=True)
    return [*programs.amt[:-1], str(built)]


@pytest.fixture
def start(site: Workplace, programs: Programs, parent: list[str]) -> Iterator[Start]:
    """Return what starts amt.exe with a command line as it is typed, in the site's folder."""
    running: list[Child] = []

    def started(typed: str, *, flags: str = "shared", stream: str = "pipe") -> Child:
        line = site.folder / "command line.txt"
        line.write_text(f'"{programs.path(Path(programs.amt[-1]))}" {typed}', encoding="utf-8")
        process = subprocess.Popen(
            [*parent, flags, stream, programs.path(line)],
            cwd=site.folder,
            env={**clean_environment(site.folder), **JOB},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        running.append(Child(process))
        return running[-1]

    yield started
    for child in running:
        child.close()


@pytest.mark.parametrize("flags", ["shared", "no-window", "detached", "no-window+group", "detached+group"])
def test_a_job_runs_under_every_kind_of_console(flags: str, start: Start) -> None:
    """A scheduler's service gives its jobs one without a window, or none."""
    code, output = start(SHORT, flags=flags).end()
    assert code == 4, output
    assert "Connector completed with return code 4" in output


@pytest.mark.parametrize("stream", ["nul", "none", "file"])
def test_a_job_runs_whatever_its_streams_are(stream: str, start: Start, site: Workplace, programs: Programs) -> None:
    """The exit code is the task's; what is a file has the whole log."""
    file = site.folder / "job.log"
    code, output = start(SHORT, stream=programs.path(file) if stream == "file" else stream).end()
    assert code == 4, output
    if stream == "file":
        assert "Connector completed with return code 4" in file.read_text("utf-8")


@pytest.mark.parametrize(
    ("flags", "event"),
    [
        ("shared", "ctrl-c"),
        ("no-window", "ctrl-c"),
        ("shared", "ctrl-break"),
        ("shared+group", "ctrl-break"),
        ("no-window", "told-break"),
    ],
)
def test_a_console_event_kills_the_task_and_its_end_is_the_exit_code(
    flags: str, event: str, start: Start, site: Workplace, simulator: SharedSimulator
) -> None:
    """KILLED (3), confirmed by the status, as a signal does on POSIX."""
    if event == "ctrl-break" and site.programs.is_wine:
        pytest.skip("wine's GenerateConsoleCtrlEvent refuses it")
    running = start(NEVER_ENDS, flags=flags)
    simulator.wait_for_call("status", count=2)
    running.tell(event)
    code, output = running.end()
    assert code == 3, output
    assert simulator.task_of("NEVER_ENDS")["cut_by"] == "KILL"
    assert (site.record()["state"], site.record()["exit_code"]) == ("finished", 3)


@pytest.mark.parametrize("event", ["told-close", "told-shutdown"])
def test_a_console_that_is_closed_ends_the_run_and_not_its_task(
    event: str, start: Start, site: Workplace, simulator: SharedSimulator
) -> None:
    """107 within the moment that Windows leaves; the log says so, and a restart finds the task."""
    running = start(NEVER_ENDS)
    simulator.wait_for_call("status", count=2)
    running.tell(event)
    code, output = running.end()
    assert code == 107, output
    task = simulator.task_of("NEVER_ENDS")
    assert f"The task may be running: request {task['id']}." in output
    assert (site.record()["state"], task["cut_by"]) == ("submitted", "")


def test_a_log_off_is_none_of_a_jobs_business(start: Start, simulator: SharedSimulator) -> None:
    """Where its handler is called at all: the session of a person who leaves is not the job's."""
    running = start(NEVER_ENDS)
    simulator.wait_for_call("status", count=2)
    running.tell("told-logoff")
    simulator.wait_for_call("status", count=len(simulator.requests("status")) + 3)
    simulator.end_task(simulator.task_of("NEVER_ENDS")["id"], "DONE")
    code, output = running.end()
    assert code == 4, output


def test_a_second_event_ends_at_once(start: Start, site: Workplace, simulator: SharedSimulator) -> None:
    """107 without waiting for the confirmation; the record stays open."""
    running = start(" ".join(start_of("STUBBORN")))
    simulator.wait_for_call("status", count=2)
    running.tell("ctrl-c")
    simulator.wait_for_call("kill")
    running.tell("ctrl-c")
    code, output = running.end()
    assert code == 107, output
    assert f"The task may be running: request {simulator.task_of('STUBBORN')['id']}." in output
    assert site.record()["state"] == "submitted"


def test_a_job_that_windows_ends_is_attached_to_by_its_restart(
    start: Start, site: Workplace, simulator: SharedSimulator
) -> None:
    """TerminateProcess is what a shutdown comes to: no handler runs, and the task is not started again."""
    running = start(NEVER_ENDS)
    simulator.wait_for_call("status", count=2)
    running.tell("terminate")
    code, _ = running.end()
    assert (code, site.record()["state"]) == (TERMINATED, "submitted")
    again = start(NEVER_ENDS)
    simulator.wait_for_call("status", count=len(simulator.requests("status")) + 2)
    task = simulator.task_of("NEVER_ENDS")
    simulator.end_task(task["id"], "DONE")
    code, output = again.end()
    assert code == 4, output
    assert f"taken up in AMT Environment : BatchrequestId '{task['id']}'" in output
    assert len(simulator.requests("start")) == 1


def test_an_exit_code_beyond_a_byte_of_posix_arrives_whole(start: Start) -> None:
    """101 for a wrong command line, on a pipe, with nothing else around it."""
    code, output = start("-zz").end()
    assert code == 101
    assert re.fullmatch(r"amt: usage \(101\): [^\n]+\n", output)


def test_a_flag_that_a_backslash_swallowed_is_explained(start: Start, simulator: SharedSimulator) -> None:
    """The value arrives as Windows reads it, and one warning says why the flag did not count."""
    code, output = start(rf'{SHORT} -pa "C:\dir\" -tv 25').end()
    assert code == 4, output
    [warning] = [line for line in output.splitlines() if "Warning: " in line and "backslash" in line]
    assert r"\" before -tv:" in warning
    assert simulator.task_of("SHORT")["parameters"] == [r'C:\dir" -tv 25']
    code, output = start(rf'{SHORT} -pa "C:\dir\\" -tv 25').end()
    assert (code, "before -tv" in output) == (4, False)
