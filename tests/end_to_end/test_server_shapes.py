"""Servers of other shapes, each with a profile that was written from its documentation alone.

The servers are those of `tests/support/servers`, the profiles those of `tests/support/profiles`. The real program runs
against the simulator that plays the server: every power of a profile from end to end.
"""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.installation import Installation
from tests.end_to_end.workplace import SharedSimulator
from tests.support.configfile import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Programs

pytestmark = pytest.mark.source_only

SERVERS = ROOT / "tests" / "support" / "servers"
PROFILES = ROOT / "tests" / "support" / "profiles"
WITHOUT_STOP = ("joblist", "cursor")
WITH_ONE_SESSION = ("sessions",)
WITHOUT_HEARTBEAT = ("xml", "odata")
KILLED = 3  # what the simulator makes of a STOP as well
JOBS = """
[scheduler]
controller_delay = 0
[users.ocadm]
password = "opconxps"
[applications.A.jobs.GOOD]
duration = 0.6
echo = true
messages = ["Started", { text = "a < b & c", repeat = 3 }, { at = 0.4, text = "Done" }]
[applications.A.jobs.BAD]
duration = 0.3
ends = "ABORTED"
messages = ["Control totals differ"]
[applications.A.jobs.LONG]
duration = 60
stop_ends = "KILLED"
kill_delay = 0.2
stop_delay = 0.2
messages = ["Started"]
"""


@pytest.fixture(scope="module", params=sorted(path.stem for path in SERVERS.glob("*.toml")))
def shape(request: pytest.FixtureRequest) -> str:
    """Return the name of a server."""
    return str(request.param)


@pytest.fixture(scope="module")
def shared_simulator(tmp_path_factory: pytest.TempPathFactory, shape: str) -> Iterator[SharedSimulator]:
    """Play the server, for all tests of its shape."""
    options = ("--server", str(SERVERS / f"{shape}.toml"))
    with SharedSimulator(tmp_path_factory.mktemp("amt"), JOBS, options=options) as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, programs: Programs, simulator: SharedSimulator, shape: str) -> Installation:
    """Return an installation with the server's profile."""
    folder = tmp_path / "site"
    folder.mkdir()
    shutil.copy(PROFILES / f"{shape}.toml", folder / "wire.toml")
    return Installation(folder, programs, simulator.address, WIRE_PROFILE="wire.toml")


def request_id(simulator: SharedSimulator) -> str:
    """Return the id of the only task."""
    [task] = simulator.tasks()
    return str(task["id"])


def test_a_job_runs_to_its_end_with_all_values_and_messages(
    site: Installation, simulator: SharedSimulator, shape: str
) -> None:
    """The server got the values, the log has every message once and in order, the run ends with 4."""
    done = site.run("-jt", "START", "-an", "A", "-jn", "GOOD", "-tv", "25", "-tv", "START=NOW", "-pa", "'PARAM'")
    assert done.exit_code == 4, done.text
    [task] = simulator.tasks(messages=True)
    marks = [at for at, line in enumerate(done.lines) if re.match(r"(End )?Job log ", line)]
    printed = [line for line in done.lines[marks[0] + 1 : marks[1]] if not line.startswith("[connector]")]
    assert printed == task["messages"]
    assert {"25", "START=NOW", "'PARAM'"} <= set(re.findall(r"[^\s:]+", "\n".join(printed)))
    assert "incomplete" not in done.text
    assert [entry["call"] for entry in simulator.requests("logoff")] == ["logoff"] * (shape in {"rest", "sessions"})


def test_an_abort_is_told(site: Installation) -> None:
    """The exit code is AMT's."""
    done = site.run("-jt", "START", "-an", "A", "-jn", "BAD")
    assert done.exit_code == 12, done.text
    assert "Control totals differ" in done.text


@pytest.mark.parametrize("action", ["KILL", "STOP"])
def test_a_task_can_be_ended(site: Installation, simulator: SharedSimulator, shape: str, action: str) -> None:
    """By another job; a server that has no stop is said to have none."""
    site.write_config({"WIRE_PROFILE": "wire.toml", "KILL_TASK_ON_INTERRUPT": False})
    running = site.start("-jt", "START", "-an", "A", "-jn", "LONG")
    try:
        simulator.wait_for_call("messages")
        if shape in WITH_ONE_SESSION:
            running.terminate()
            running.wait(60)
        done = site.run("-jt", action, "-id", request_id(simulator))
        if action == "STOP" and shape in WITHOUT_STOP:
            assert (done.exit_code, "calls.stop = false" in done.text) == (102, True), done.text
            done = site.run("-jt", "KILL", "-id", request_id(simulator))
        assert done.exit_code == KILLED, done.text
        assert "The server answered 20" in done.text
        running.communicate(timeout=60)
        assert running.returncode == (107 if shape in WITH_ONE_SESSION else KILLED)
    finally:
        running.kill()
        running.communicate()


def test_a_refused_start_is_told_in_the_servers_words(site: Installation, simulator: SharedSimulator) -> None:
    """106, and nothing was started."""
    done = site.run("-jt", "START", "-an", "A", "-jn", "NOSUCHJOB")
    assert done.exit_code == 106, done.text
    assert "NOSUCHJOB" in next(line for line in done.lines if line.startswith("What happened"))
    assert "does not exist" in done.text
    assert simulator.tasks() == []


def test_a_wrong_password_is_asked_once(site: Installation, simulator: SharedSimulator) -> None:
    """24, remembered: the next job does not ask, for AMT locks accounts."""
    site.encrypt("--set", "PASSWORD", "-v", "-", entered=b"wrong\n")
    for _ in range(2):
        done = site.run("-jt", "START", "-an", "A", "-jn", "GOOD")
        assert done.exit_code == 24, done.text
    assert len(simulator.requests("logon")) == 1
    assert simulator.tasks() == []


def test_the_check_understands_the_server(site: Installation, shape: str) -> None:
    """`amt check` finds nothing wrong; a heartbeat that the server does not have is not asked for."""
    done = site.run("check")
    assert done.exit_code == 0, done.text
    assert shape not in WITHOUT_HEARTBEAT or "calls.heartbeat" in done.text
