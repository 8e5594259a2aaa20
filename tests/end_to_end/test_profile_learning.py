"""A client of another shape is recorded, a profile is learned from its trace, and the program runs with it."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import time
import tomllib
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.installation import PASSWORD, USER, Installation
from tests.end_to_end.simulator_process import SimulatorProcess
from tests.end_to_end.test_simulator_servers import SERVED, SERVERS, end_of
from tests.support.configfile import ROOT
from tests.support.processes import clean_environment, start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Programs

pytestmark = pytest.mark.source_only

JOBS = """
[scheduler]
controller_delay = 0
[users.ocadm]
password = "opconxps"
[applications.A.jobs.GOOD]
duration = 0.6
echo = true
messages = ["Started", { text = "a < b & c", repeat = 3 }, { at = 0.4, text = "Done" }]
[applications.A.jobs.LONG]
duration = 60
kill_delay = 0.2
messages = ["Started"]
"""
VALUES, PARAMETERS = ["25", "START=NOW"], ["'PARAM'"]
SECRET_HEADERS = ("authorization", "x-amt-logontoken", "x-xsrf-token")
FLAGS = ("-an", "A", "-tv", "25", "-tv", "START=NOW", "-pa", "'PARAM'")


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def recording(site: Installation, trace: Path) -> Iterator[str]:
    """Record into a file; yield the recorder's address. Ctrl-C ends it with exit code 0."""
    address = f"127.0.0.1:{free_port()}"
    command = [*site.programs.amt, "profile", "record", "--listen", address, "--output", str(trace)]
    process = start(
        command,
        cwd=site.folder,
        env=clean_environment(site.folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout
        line = process.stdout.readline()
        assert line.startswith("Recording"), line + process.stdout.read()
        yield address
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
        assert process.returncode == 0, output
    finally:
        process.kill()
        process.communicate()


def play(shape: str, address: str, job: str) -> set[str]:
    """Let the server's own client run a job, or kill the one that does not end; return the secrets of its session."""
    with closing(SERVED[shape].client(f"http://{address}")) as client:
        client.log_on()
        number = client.start(job, VALUES, PARAMETERS)
        if job == "LONG":
            client.status(number)
            client.kill(number)
            deadline = time.monotonic() + 20
            while client.status(number) != SERVED[shape].killed:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        else:
            end_of(client, number)
        client.messages(number)
        sent = [value.rpartition(" ")[2] for name, value in client.http.headers.items() if name in SECRET_HEADERS]
        given = {client.token, *client.http.cookies.values(), *sent} - {""}
        client.log_off()
    assert given
    return given


@pytest.mark.parametrize("shape", sorted(SERVED))
def test_one_recorded_run_makes_a_profile_that_works(shape: str, tmp_path: Path, programs: Programs) -> None:
    """No secret in the trace; the profile is proven; a run has all values and messages and ends with 4."""
    options = ("--server", str(SERVERS / f"{shape}.toml"))
    with SimulatorProcess(tmp_path / "amt", JOBS, options=options) as simulator:
        site = Installation(tmp_path / "site", programs, simulator.address)
        trace = site.folder / "trace.har"
        with recording(site, trace) as address:
            secrets = {USER, PASSWORD, *play(shape, address, "GOOD")}
        written = trace.read_text("utf-8")
        assert [secret for secret in secrets if secret in written] == []
        flags = ("--", "-jt", "START", "-jn", "GOOD", *FLAGS)
        learned = site.run_bare(*programs.amt, "profile", "learn", "trace.har", "--output", "wire.toml", *flags)
        assert learned.exit_code == 0, learned.text + learned.errors.decode()
        assert "0 differences" in learned.text
        site.write_config({"WIRE_PROFILE": "wire.toml"})
        done = site.run("-jt", "START", "-jn", "GOOD", *FLAGS)
        assert done.exit_code == 4, done.text
        task = simulator.tasks(messages=True)[-1]
        marks = [at for at, line in enumerate(done.lines) if re.match(r"(End )?Job log ", line)]
        printed = [line for line in done.lines[marks[0] + 1 : marks[1]] if not line.startswith("[connector]")]
        assert printed == task["messages"]
        assert {"25", "START=NOW", "'PARAM'"} <= set(re.findall(r"[^\s:]+", "\n".join(printed)))


@pytest.mark.parametrize("shape", ["rest", "function", "wrapped"])
def test_a_recorded_kill_is_learned(shape: str, tmp_path: Path, programs: Programs) -> None:
    """The status afterwards proves it; a KILL of this program then ends the task."""
    options = ("--server", str(SERVERS / f"{shape}.toml"))
    with SimulatorProcess(tmp_path / "amt", JOBS, options=options) as simulator:
        site = Installation(tmp_path / "site", programs, simulator.address)
        with recording(site, site.folder / "kill.har") as address:
            play(shape, address, "LONG")
        flags = ("--", "-jt", "START", "-jn", "LONG", *FLAGS)
        learned = site.run_bare(*programs.amt, "profile", "learn", "kill.har", "--output", "wire.toml", *flags)
        assert learned.exit_code == 0, learned.text
        assert re.search(r"^kill +proven: ", learned.text, re.MULTILINE)
        site.write_config({"WIRE_PROFILE": "wire.toml", "KILL_TASK_ON_INTERRUPT": False})
        running = site.start("-jt", "START", "-jn", "LONG", *FLAGS)
        try:
            simulator.wait_for_call("messages", count=2)
            killed = site.run("-jt", "KILL", "-id", str(simulator.tasks()[-1]["id"]))
            assert killed.exit_code == 3, killed.text
            running.communicate(timeout=60)
        finally:
            running.kill()
            running.communicate()


def test_this_program_can_be_recorded_over_tls(tmp_path: Path, programs: Programs) -> None:
    """The recorder has the TLS settings of Connector.config; this program teaches the built-in contract."""
    with SimulatorProcess(tmp_path / "amt", JOBS, tls=True) as simulator:
        site = Installation(tmp_path / "site", programs, simulator.address, ca_file=simulator.ca_file)
        with recording(site, site.folder / "trace.har") as address:
            client = Installation(tmp_path / "client", programs, address)
            assert client.run("-jt", "START", "-jn", "GOOD", *FLAGS).exit_code == 4
        flags = ("--", "-jt", "START", "-jn", "GOOD", *FLAGS)
        learned = site.run_bare(*programs.amt, "profile", "learn", "trace.har", *flags)
        assert learned.exit_code == 0, learned.text
        assert 'header = "X-AMT-LogonToken"' in learned.text


def test_a_trace_replaces_no_file(tmp_path: Path, programs: Programs) -> None:
    """What is there stays, and the recorder says so; it listens on this machine alone."""
    site = Installation(tmp_path, programs, "127.0.0.1:1")
    (tmp_path / "trace.har").write_text("mine", encoding="utf-8")
    record = (*programs.amt, "profile", "record", "--output", "trace.har", "--listen")
    refused = site.run_bare(*record, f"127.0.0.1:{free_port()}")
    assert (refused.exit_code, (tmp_path / "trace.har").read_text("utf-8")) == (1, "mine")
    assert b"exists and is not overwritten" in refused.errors
    foreign = site.run_bare(*record, "0.0.0.0:4010")
    assert (foreign.exit_code, b"address of this machine" in foreign.errors) == (101, True)


@pytest.mark.parametrize(
    ("content", "words"), [("{", "no JSON"), (json.dumps({"log": {"entries": []}}), "no exchange")]
)
def test_a_foreign_file_gets_a_clear_error(tmp_path: Path, programs: Programs, content: str, words: str) -> None:
    """The text names the file and what is wrong."""
    site = Installation(tmp_path, programs, "127.0.0.1:1")
    (tmp_path / "trace.har").write_text(content, encoding="utf-8")
    done = site.run_bare(*programs.amt, "profile", "learn", "trace.har", "--", "-jt", "START", "-an", "A", "-jn", "J")
    assert done.exit_code == 1
    assert words in done.errors.decode()
    assert "trace.har" in done.errors.decode()


def test_the_profile_in_effect_is_shown(tmp_path: Path, programs: Programs) -> None:
    """Each entry says where it comes from, and the whole is TOML."""
    site = Installation(
        tmp_path, programs, "127.0.0.1:1", WIRE_PROFILE=ROOT / "tests" / "support" / "profiles" / "rest.toml"
    )
    shown = site.run_bare(*programs.amt, "profile", "show")
    assert shown.exit_code == 0, shown.errors
    assert re.search(r'^token\.header = "Authorization" +# rest\.toml$', shown.text, re.MULTILINE)
    assert re.search(r'^members\.token = \["AmtLogonToken"\] +# built-in, known$', shown.text, re.MULTILINE)
    assert tomllib.loads(shown.text)["prefix"] == "/amtopcon/v2"
