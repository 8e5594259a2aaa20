"""Every command of ours in the pages is typed here, in an installation, against a simulator.

A new command in a page runs by itself; one that can't be run as it stands is named in one of the lists below, with its
reason, or fails.
"""

from __future__ import annotations

import json
import os
import re
import select
import shlex
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.installation import PASSWORD, USER, Ended, Installation
from tests.end_to_end.simulator_process import SimulatorProcess
from tests.support.doc_pages import Command, commands
from tests.support.processes import clean_environment, start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Programs

pytestmark = [pytest.mark.source_only, pytest.mark.posix_only]  # prompts are answered at a POSIX terminal

_REPAIRS = "needs a group of the system's: tests/unit/check/test_repair.py"
_LEARNS = "serves, or needs a trace: tests/end_to_end/test_profile_learning.py"
_TRACES = (
    "record --listen 127.0.0.1:4010 --output trace.har",
    "learn trace.har --output wire.toml -- -jt START -an DEMO2 -jn REPORTTEST01 -tv 25",
    "learn trace.har kill.har --output wire.toml -- -jt START -an DEMO2 -jn REPORTTEST01 -tv 25",
)
TESTED_ELSEWHERE = {
    ("amt", "demo"): "tests/end_to_end/test_demo.py runs it, and it takes ten seconds",
    ("amt", "check --repair --group NAME"): _REPAIRS,
    ("amt", "check --repair --group amtjobs"): _REPAIRS,
    ("amt", 'check --repair --group "BANK\\AMT Jobs"'): _REPAIRS,
    **{("amt", f"profile {rest}"): _LEARNS for rest in _TRACES},
}
MENTIONS = {
    ("Encrypt", "--set"): "names the option; the value follows in other places",
    ("Encrypt", "-v"): "names the option",
    ("amt", "opcon job"): "names the subcommand",
    ("amt", "opcon job --kill"): "names the option",
    ("amt", "opcon job --prerun"): "names the option",
    ("amt", "runs --forget"): "names the option",
    ("amt", "check --save-chain"): "names the option",
    ("amt", "status"): "names the subcommand",
    ("amt", "profile record"): "names the subcommand",
    ("amt", "profile learn"): "names the subcommand",
    ("Encrypt", "rotate"): "names the subcommand",
}
EXIT_CODES = {"ENDS_ABORTED": 12, "KILL": 3, "STOP": 12}
"""The end of a run that a word of its command line stands for; every other START ends with 4."""

LEGACY = "USER=62324e685a47303d\nPASSWORD=6233426a6232353463484d3d\n"
JOBS = """
[applications.DEMO2.jobs.REPORTTEST01]
duration = 0.2
[applications.DEMO2.jobs.RUN_PARAMETERTESTA]
duration = 0.2
[applications.DEMO2.jobs.ENDS_ABORTED]
duration = 0.2
ends = "ABORTED"
[applications.DEMO2.jobs.WAIT_FOR_OPERATOR]
duration = 1
statuses = [{ at = 0, status = "WAIT FOR INPUT REQUEST" }]
[applications.DEMO2.jobs.POSTINTEREST]
duration = 5
stop_delay = 0.1
kill_delay = 0.1
[scheduler]
controller_delay = 0.1
"""

UNIQUE = {(command.program, command.rest): command for command in commands()}
RUN = {key: value for key, value in UNIQUE.items() if key not in TESTED_ELSEWHERE and key not in MENTIONS}
SIMULATOR = [command for command in RUN.values() if command.program == "amt-simulator"]
RUNS = [command for command in RUN.values() if command.program != "amt-simulator"]


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """Return a simulator with the jobs that the pages start."""
    with SimulatorProcess(tmp_path_factory.mktemp("simulator"), JOBS, tls=True) as process:
        yield process


@pytest.fixture
def site(tmp_path: Path, programs: Programs, simulator: SimulatorProcess) -> Installation:
    """Return an installation whose Connector.config is found without being named, as the pages have it."""
    return Installation(tmp_path, programs, simulator.address, ca_file=simulator.ca_file)


@pytest.mark.parametrize("command", RUNS, ids=str)
def test_the_command_works(command: Command, site: Installation) -> None:
    """What a page shows can be typed."""
    arguments = prepared(split(command.rest), site)
    program = site.programs.amt if command.program == "amt" else site.programs.encrypt
    done = typed(site, list(program), arguments)
    assert done.exit_code == expected(arguments), f"{done.text}{done.errors.decode()}"


@pytest.mark.parametrize("command", SIMULATOR, ids=str)
def test_the_simulator_starts(command: Command, tmp_path: Path) -> None:
    """A command of the simulator serves, on a free port here."""
    rest = re.sub(r"--port \d+", "--port 0", command.rest)
    with start(
        [sys.executable, "-m", "amtconnector.simulator", *split(rest)],
        cwd=tmp_path,
        env=clean_environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdout
        first = process.stdout.readline()
        process.terminate()
    assert first.startswith(b"AMT simulator listening on ")


def test_the_pages_have_commands_of_every_kind() -> None:
    """The search finds what is there: a search that finds nothing would let every test pass."""
    assert len(RUNS) > 25
    assert SIMULATOR
    pages = {command.page for command in UNIQUE.values()}
    assert {"README.md", "docs/installation.md", "docs/moving.md", "docs/operations.md"} <= pages


def test_every_exception_is_needed() -> None:
    """What is named as an exception is in a page; a mention names what the help knows."""
    assert set(UNIQUE) >= set(TESTED_ELSEWHERE) | set(MENTIONS)


@pytest.mark.parametrize(("program", "rest"), MENTIONS, ids=" ".join)
def test_what_is_only_mentioned_exists(program: str, rest: str, site: Installation) -> None:
    """An option or a subcommand that a page names is in the help."""
    begin = site.programs.amt if program == "amt" else site.programs.encrypt
    words = [word for word in split(rest) if not word.startswith("-")]
    done = site.run_bare(*begin, *words, "--help")
    assert done.exit_code == 0
    assert set(split(rest)) - set(words) <= set(re.split(r"[\s,]+", done.text))


def split(line: str) -> list[str]:
    """Split a command line as Windows and POSIX do alike where there are only plain double quotes."""
    reader = shlex.shlex(line, posix=True)
    reader.whitespace_split, reader.escape, reader.quotes, reader.commenters = True, "", '"', ""
    return list(reader)


def expected(arguments: list[str]) -> int:
    """Return the exit code that a command line ends with."""
    known = next((code for word, code in EXIT_CODES.items() if word in arguments), None)
    if "-jt" in arguments and "opcon" not in arguments:
        return 4 if known is None else known
    return 0


def prepared(arguments: list[str], site: Installation) -> list[str]:
    """Bring the installation into the state that a command is for, and fill in what a page can't know."""
    arguments = [re.sub(r"C:\\.*\\Connector\.config", str(site.config), word) for word in arguments]
    if "--csv" in arguments:
        (site.folder / "jobs.csv").write_text("-jn,-an,-tv\nPOSTINTEREST,DEMO2,25\n")
    if {"KILL", "STOP"} & set(arguments) or arguments[0] == "status":
        request_id = open_run(site)["request_id"]
        return [request_id if word == "2112" else word for word in arguments]
    if "runs" in arguments:
        run_id = open_run(site)["run_id"]
        return [run_id if re.fullmatch(r"RUN|\d{8}-[0-9a-f]{10}", word) else word for word in arguments]
    if "migrate" in arguments:
        text = site.config.read_text("utf-8")
        site.config.write_text(re.sub(r"^(USER|PASSWORD)=.*\n", "", text, flags=re.MULTILINE) + LEGACY)
    return arguments


def open_run(site: Installation) -> dict[str, str]:
    """Leave a run open whose task goes on, as a hard kill of the connector does; return its record."""
    process = site.start("-jt", "START", "-an", "DEMO2", "-jn", "POSTINTEREST")
    deadline = time.monotonic() + 20
    try:
        while time.monotonic() < deadline:
            shown = json.loads(site.run_bare(*site.programs.amt, "runs", "--json").output)
            if shown and shown[0]["state"] == "submitted":
                return dict(shown[0])
    finally:
        process.kill()
        process.communicate()
    raise AssertionError("the run did not start")


def typed(site: Installation, program: list[str], arguments: list[str]) -> Ended:
    """Run a command, at a terminal when it asks for a value; what it reads from a pipe is the password."""
    if arguments == ["encrypt"] or ("--set" in arguments and "-v" not in arguments):
        return at_a_terminal(site, [*program, *arguments], USER if "USER" in arguments else PASSWORD)
    return site.run_bare(*program, *arguments, entered=f"{PASSWORD}\n".encode() if "-" in arguments else b"")


def at_a_terminal(site: Installation, command: list[str], secret: str) -> Ended:
    """Answer the two prompts of Encrypt."""
    if sys.platform == "win32":
        pytest.skip("this system has no such terminals")
    else:
        ours, theirs = os.openpty()
        with subprocess.Popen(
            command,
            cwd=site.folder,
            env=clean_environment(site.folder),
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
            start_new_session=True,
        ) as process:
            for _ in range(2):
                shown = b""
                while not shown.endswith(b": "):
                    assert select.select([ours], [], [], 20)[0], f"no prompt: {shown!r}"
                    shown += os.read(ours, 1000)
                os.write(ours, f"{secret}\n".encode())
            output, _ = process.communicate(timeout=30)
        os.close(ours)
        os.close(theirs)
        return Ended(process.returncode, output)
