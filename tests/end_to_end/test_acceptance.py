"""`amt-lab acceptance` from outside: what it says of a program that works, and of programs that do not."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from amtconnector.lab.acceptance.plan import CHECKS
from tests.support import processes
from tests.support.processes import clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Programs

pytestmark = pytest.mark.posix_only  # the broken programs are shell scripts

TIMEOUT_S = 300.0
LINE = re.compile(r"(ok|FAILED|not tried) +([a-z0-9-]+) +(.*) \(\d+\.\d s\)")


class Accepted:
    """An acceptance that has ended: its lines, its report, its exit code."""

    def __init__(self, done: subprocess.CompletedProcess[str], folder: Path) -> None:
        self.exit_code = done.returncode
        self.text = done.stdout + done.stderr
        self.lines = {line[2]: (line[1], line[3]) for line in map(LINE.fullmatch, done.stdout.splitlines()) if line}
        self.reports = sorted(folder.iterdir())
        self.report = json.loads(self.reports[1].read_text("utf-8")) if self.reports else {}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder for reports."""
    made = tmp_path / "reports"
    made.mkdir()
    return made


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """Return the folder that is taken for temporary files."""
    made = tmp_path / "temporary"
    made.mkdir()
    return made


@pytest.fixture
def environment(temporary: Path) -> dict[str, str]:
    """Return an environment with that folder, inside of an OpCon job of its own."""
    return {**clean_environment(temporary), "TMPDIR": str(temporary), "SMA_MSLSAM_JOB_NAME": "NIGHTLY 0000000001"}


@pytest.fixture
def accept(lab: list[str], folder: Path, environment: dict[str, str], temporary: Path) -> Callable[..., Accepted]:
    """Return a function that runs the acceptance, and sees that it leaves nothing behind."""

    def run(*arguments: str) -> Accepted:
        command = [*lab, "acceptance", "--report", str(folder), *arguments]
        done = processes.run(command, env=environment, timeout_s=TIMEOUT_S)
        assert list(temporary.iterdir()) == []
        assert processes_of(temporary) == []
        return Accepted(done, folder)

    return run


@pytest.fixture
def wrapper(programs: Programs, tmp_path: Path) -> Callable[[str], str]:
    """Return a function that makes a program of a shell script; `$AMT` in it is the real one."""

    def make(script: str) -> str:
        path = tmp_path / "amt"
        real = " ".join(f"'{word}'" for word in programs.amt)
        path.write_text("#!/bin/sh\n" + script.replace("$AMT", real) + "\n", encoding="utf-8")
        path.chmod(0o755)
        return str(path)

    return make


def processes_of(temporary: Path) -> list[str]:
    """Return the command lines of processes that work in a folder."""
    found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout  # noqa: S607
    return [line for line in found.splitlines() if str(temporary) in line]


def only(*names: str) -> list[str]:
    """Return the options that perform these checks alone."""
    return [word for name in names for word in ("--only", name)]


@pytest.mark.begins_as(2)
def test_a_program_that_works_is_accepted(accept: Callable[..., Accepted], programs: Programs) -> None:
    """Every check of a built program, the quick ones from source: a line each, in the report too, and exit code 0."""
    patient = {check.name for check in CHECKS if check.is_patient} | {"fifty-at-once"}
    names = [check.name for check in CHECKS if programs.folder or check.name not in patient]
    of_program = ["--program", programs.amt[0]] if programs.folder else []
    done = accept(*of_program, *([] if programs.folder else only(*names)))
    assert done.exit_code == 0, done.text
    assert set(done.lines) == set(names)
    assert {outcome for outcome, _ in done.lines.values()} <= {"ok", "not tried"}
    not_tried = {name for name, (outcome, _) in done.lines.items() if outcome == "not tried"}
    assert {"ctrl-break", "log-off"} <= not_tried <= {"ctrl-break", "log-off", "ordinary-account"}
    assert [check["name"] for check in done.report["checks"]] == list(done.lines)
    assert done.report["is_well"] is True
    assert "All is well" in done.text


def test_the_report_names_place_and_holds_no_secret(accept: Callable[..., Accepted]) -> None:
    """Machine, system, account, program; the account of the simulated AMT is in neither file."""
    done = accept(*only("version", "encrypt", "exit-code-12"))
    assert [path.suffix for path in done.reports] == [".html", ".json"]
    assert {"program", "version", "machine", "system", "account", "begun"} <= set(done.report)
    written = "".join(path.read_text("utf-8") for path in done.reports) + done.text
    assert not re.search(r"amt1:|gAAAA|PASSWORD=", written)


@pytest.mark.parametrize(
    ("script", "failing"),
    [
        ('$AMT "$@"; exit 0', {"exit-code-12", "exit-code-104", "two-at-once"}),
        ('$AMT "$@" >/dev/null 2>&1', {"version", "encrypt", "exit-code-4", "exit-code-12", "stdout-pipe"}),
        ('$AMT "$@" 2>&1 | iconv -f utf-8 -t utf-16 -; exit 4', {"exit-code-12", "stdout-pipe"}),
        ("exit 4", {"version", "encrypt", "exit-code-4", "exit-code-12"}),
    ],
    ids=["always exit code 0", "swallows the output", "another encoding", "does nothing"],
)
def test_a_broken_program_is_noticed(
    accept: Callable[..., Accepted], wrapper: Callable[[str], str], script: str, failing: set[str]
) -> None:
    """Exit code 1, and the lines of what is broken say so; what still works is told from it."""
    names = failing | {"version", "exit-code-4"}
    done = accept("--program", wrapper(script), *only(*names))
    assert done.exit_code == 1
    assert set(done.lines) == names, done.text
    assert failing <= {name for name, (outcome, _) in done.lines.items() if outcome == "FAILED"}, done.text
    assert done.report["is_well"] is False
    assert "NOT accepted" in done.text


def test_a_start_that_is_sent_twice_is_noticed(accept: Callable[..., Accepted], wrapper: Callable[[str], str]) -> None:
    """The worst that a connector could do: the line names how often."""
    twice = 'case "$*" in *START*) env -u SMA_MSLSAM_JOB_NAME $AMT "$@" >/dev/null;; esac; exec $AMT "$@"'
    done = accept("--program", wrapper(twice), *only("exit-code-104"))
    assert (done.exit_code, done.lines["exit-code-104"][0]) == (1, "FAILED"), done.text


def test_ctrl_c_leaves_nothing_behind(
    lab: list[str], folder: Path, environment: dict[str, str], temporary: Path
) -> None:
    """In the middle of a check: no process, no folder, no report, exit code 1."""
    command = [*lab, "acceptance", "--report", str(folder)]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    assert process.stdout
    for line in process.stdout:
        if " exit-code-12 " in line:
            break
    time.sleep(0.5)  # into the next check
    if sys.platform != "win32":
        os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1, output
    assert "stopped" in output
    assert (list(temporary.iterdir()), list(folder.iterdir()), processes_of(temporary)) == ([], [], [])


def test_as_service_refuses_a_folder_that_others_may_write(
    accept: Callable[..., Accepted], wrapper: Callable[[str], str]
) -> None:
    """Who may write there would be Local System: refused with the file, and the command that closes it."""
    program = wrapper("exit 0")
    os.chmod(program, stat.S_IMODE(os.stat(program).st_mode) | stat.S_IWOTH)  # noqa: PTH101, PTH116, S103 - a path as text
    done = accept("--program", program, "--as-service")
    assert done.exit_code == 1
    assert "refused: ordinary users may write" in done.text
    assert program in done.text
    assert "chmod -R go-w" in done.text
    assert done.reports == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--program", "/nonexistent/amt"), "does not exist"),
        (("--program", __file__), "no program"),
        (("--only", "nonsense"), "no such check: nonsense"),
        (("--run-directory", "/nonexistent"), "does not exist"),
    ],
)
def test_a_wrong_command_line_is_101(accept: Callable[..., Accepted], arguments: tuple[str, ...], said: str) -> None:
    """Before anything is started."""
    done = accept(*arguments)
    assert (done.exit_code, done.reports) == (101, [])
    assert said in done.text


def test_a_given_work_folder_is_used(
    accept: Callable[..., Accepted], wrapper: Callable[[str], str], tmp_path: Path
) -> None:
    """Local System works in a folder that nobody else may write, not in the one for everybody's temporary files."""
    work = tmp_path / "work"
    work.mkdir()
    done = accept("--program", wrapper('echo "amt in $PWD"'), "--work-folder", str(work), *only("version"))
    assert done.exit_code == 0, done.text
    assert done.lines["version"][1].startswith(f"amt in {work}{os.sep}amt-acceptance-")
    assert list(work.iterdir()) == []


def test_a_given_run_directory_is_used_and_left_as_it_was(accept: Callable[..., Accepted], tmp_path: Path) -> None:
    """A share of the site: two machines work in a folder of their own below it."""
    share = tmp_path / "share"
    share.mkdir()
    done = accept("--run-directory", str(share), *only("two-machines"))
    assert done.exit_code == 0, done.text
    assert "the given directory" in done.lines["two-machines"][1]
    assert list(share.iterdir()) == []
