"""What amt and Encrypt must do wherever they run: from source, built on Linux, and as amt.exe under wine."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest
import trustme

from tests.end_to_end.installation import Installation, ended
from tests.end_to_end.simulator_process import SimulatorProcess
from tests.end_to_end.workplace import SharedSimulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Programs

pytestmark = pytest.mark.windows

JOBS = r"""
[scheduler]
controller_delay = 0
run_as_users = ["BATCH"]

[users.ocadm]
password = "opconxps"

[applications.DEMO2.jobs.SHORT]
duration = 0.5
echo = true
messages = ["Started", { at = 0.4, text = "Done" }]

[applications.DEMO2.jobs.AWKWARD]
duration = 0.3
messages = ["caf\u00e9 \u2603 \U0001F600", "tab\there", "bell\u0007 escape\u001b[2J", "line\u2028separator",
    "two\nlines", "twice", "twice", "100 % of %TEMP%", "", " blanks "]

[applications.DEMO2.jobs.NEVER_ENDS]
ends = "never"
messages = ["Started"]

[applications.DEMO2.jobs.ENDS_KILLED]
duration = 0.3
ends = "KILLED"
[applications.DEMO2.jobs.ENDS_SKIPPED]
duration = 0.3
ends = "SKIPPED_BY_OPS"
[applications.DEMO2.jobs.ENDS_ERROR]
duration = 0.3
ends = "ERROR"
"""

OPCON = {
    "SMA_MSLSAM_SCHEDULE_DATE": "20261123",
    "SMA_MSLSAM_SCHEDULE_NAME": "Nightly",
    "SMA_MSLSAM_JOB_NAME": "End of day 0000012345",
}


def start_of(job: str) -> tuple[str, ...]:
    """Return the documented command line for a job."""
    return "-jt", "START", "-an", "DEMO2", "-jn", job


@pytest.fixture(scope="module")
def shared_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedSimulator]:
    """Serve http as long as this module's tests run."""
    with SharedSimulator(tmp_path_factory.mktemp("amt"), JOBS) as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, programs: Programs, simulator: SharedSimulator) -> Installation:
    """Install the connector beside it."""
    return Installation(tmp_path / "site", programs, simulator.address)


def test_a_job_over_http_ends_with_its_completion_code(site: Installation) -> None:
    """The job log keeps the incumbent's wording; its lines end as lines do on the system."""
    run = site.run(*start_of("SHORT"))
    assert run.exit_code == 4, run.text
    assert "Authentication successful" in run.lines
    assert (
        run.lines.index("Started") < run.lines.index("Done") < run.lines.index("Connector completed with return code 4")
    )
    line_end = b"\r\n" if site.programs.is_windows else b"\n"
    assert run.output.count(line_end) == run.output.count(b"\n") > 10


def test_a_job_over_https_trusts_what_it_was_told_to_trust(tmp_path: Path, programs: Programs) -> None:
    """CA_FILE makes a private CA trusted."""
    with SimulatorProcess(tmp_path / "amt", JOBS, tls=True) as simulator:
        address = simulator.address.replace("127.0.0.1", "localhost")
        site = Installation(tmp_path / "site", programs, address, ca_file=simulator.ca_file)
        run = site.run(*start_of("SHORT"))
        assert run.exit_code == 4, run.text


def test_a_certificate_that_proves_nothing_is_refused(tmp_path: Path, programs: Programs) -> None:
    """A wrong name and an unknown authority end with 23, and no credentials are sent."""
    with SimulatorProcess(tmp_path / "amt", JOBS, tls=True) as simulator:
        address = simulator.address.replace("127.0.0.1", "localhost")
        other = tmp_path / "other.pem"
        trustme.CA().cert_pem.write_to_path(other)
        # Without CA_FILE the system verifies, and wine accepts an authority that it does not know.
        for ca_file in (other, *([] if programs.is_wine else [None])):
            stranger = Installation(tmp_path / "stranger", programs, address, ca_file=ca_file)
            stranger.write_config({}, uses_tls=True)
            assert stranger.run(*start_of("SHORT")).exit_code == 23
        misnamed = Installation(tmp_path / "misnamed", programs, address, ca_file=simulator.ca_file)
        name = "[AMT_BATCH_SERVER]\nTLS_SERVER_NAME=other.example"
        text = misnamed.config.read_text(encoding="utf-8").replace("[AMT_BATCH_SERVER]", name)
        misnamed.config.write_text(text, encoding="utf-8")
        run = misnamed.run(*start_of("SHORT"))
        assert run.exit_code == 23, run.text
        assert simulator.requests("logon") == []


def test_awkward_messages_come_out_once_each_and_safe(site: Installation) -> None:
    """Control characters and line separators are escaped, everything else arrives as it is, in UTF-8."""
    run = site.run(*start_of("AWKWARD"))
    begin = next(number for number, line in enumerate(run.lines) if line.startswith("Job log"))
    end = next(number for number, line in enumerate(run.lines) if line.startswith("End Job log"))
    texts = [line for line in run.lines[begin + 1 : end] if not line.startswith("[connector]")]
    assert texts == [
        "café ☃ \N{GRINNING FACE}",
        "tab\there",
        r"bell\x07 escape\x1b[2J",
        r"line\u2028separator",
        r"two\x0alines",
        "twice",
        "twice",
        "100 % of %TEMP%",
        "",
        " blanks ",
    ]


def test_a_code_page_shows_what_it_can_not_hold_as_escapes(site: Installation) -> None:
    """In code page 1252 an e acute is one byte, and a snowman is shown by its number."""
    site.write_config({"OUTPUT_ENCODING": "cp1252"})
    run = site.run(*start_of("AWKWARD"))
    assert run.exit_code == 4
    assert b"caf\xe9 \\u2603 \\U0001f600" in run.output


def test_arguments_arrive_as_they_were_typed(site: Installation, simulator: SharedSimulator) -> None:
    """No globbing, no expansion, no response files, no quoting: what an operator types is what AMT gets."""
    typed = [
        "'PARAM'",
        "a b",
        "*",
        "%TEMP%",
        "~",
        "@x",
        r"\\server\share\x y\\",
        "",
        '"quoted"',
        "-jn",
        "ä=ö,ü",
        "$HOME",
        "^|&",
    ]
    flags = [word for value in typed for word in ("-pa", value)]
    run = site.run(*start_of("SHORT"), "-tv", "START=NOW", "-tv", "two words", *flags)
    assert run.exit_code == 4, run.text
    body = simulator.requests("start")[0]["body"]
    assert body["Parameters"] == typed
    assert body["TaskValues"] == ["START=NOW", "two words"]


@pytest.mark.parametrize(("job", "code"), [("ENDS_KILLED", 3), ("ENDS_SKIPPED", 6), ("ENDS_ERROR", 11)])
def test_a_terminal_status_is_the_exit_code(site: Installation, job: str, code: int) -> None:
    """What AMT says is what OpCon gets, unchanged."""
    assert site.run(*start_of(job)).exit_code == code


def test_each_failure_of_its_own_has_its_exit_code(site: Installation, simulator: SharedSimulator) -> None:
    """Usage 101, configuration 102, credentials 103, refused logon 24, unreachable 23; nothing is started."""
    assert site.run("-jt", "START").exit_code == 101
    site.write_config({"DEBUG": "perhaps"})
    assert site.run(*start_of("SHORT")).exit_code == 102
    site.write_config({})
    site.config.write_text(site.config.read_text(encoding="utf-8").replace("amt1:", "xyz1:"), encoding="utf-8")
    assert site.run(*start_of("SHORT")).exit_code == 103
    site.write_config({})
    assert site.encrypt("--set", "PASSWORD", "--config", site.programs.path(site.config), "-v", "wrong").exit_code == 0
    assert site.run(*start_of("SHORT")).exit_code == 24
    assert simulator.tasks() == []


def test_encrypt_makes_a_key_for_its_owner_alone(site: Installation) -> None:
    """A key that others can read is refused with 103 and the command that closes it."""
    key = site.folder / "connector.key"
    key.unlink()
    site.config.write_text(site.config.read_text(encoding="utf-8").replace("amt1:", "old:"), encoding="utf-8")
    for name, value in (("USER", "ocadm"), ("PASSWORD", "opconxps")):
        run = site.encrypt("--set", name, "--config", site.programs.path(site.config), "-", entered=value.encode())
        assert run.exit_code == 0, run
    # Wine shows the access of Administrators, which Windows has to have, as that of the group.
    assert key.stat().st_mode & (0o007 if site.programs.is_wine else 0o077) == 0
    assert site.run(*start_of("SHORT")).exit_code == 4
    key.chmod(0o644)
    refused = site.run(*start_of("SHORT"))
    assert refused.exit_code == 103
    assert ("icacls" if site.programs.is_windows else "chmod") in refused.text


def test_encrypt_prints_the_value_and_nothing_else(site: Installation) -> None:
    """`Encrypt.exe -v abcdefg` is what administrators know."""
    run = site.encrypt("-v", "abcdefg", "--key-file", site.programs.path(site.folder / "connector.key"))
    assert run.exit_code == 0, run
    assert run.text.startswith("amt1:")
    assert run.text.count("\n") == 1
    assert run.errors == b""


def test_a_run_is_recorded(site: Installation) -> None:
    """`amt runs` lists a run of an OpCon job with its end."""
    assert site.run(*start_of("SHORT"), environment=OPCON).exit_code == 4
    listed = site.run("runs", "--all", "--json")
    assert listed.exit_code == 0, listed.text
    [record] = json.loads(listed.text)
    assert (record["state"], record["exit_code"]) == ("finished", 4)


def test_a_killed_connector_is_taken_up_again_and_the_task_is_started_once(
    site: Installation, simulator: SharedSimulator
) -> None:
    """The agent's kill can't be caught: the restarted job attaches to the task and reports its end."""
    first = site.start(*start_of("NEVER_ENDS"), environment=OPCON)
    simulator.wait_for_call("status", count=2, within_s=60)
    second = site.run(*start_of("NEVER_ENDS"), environment=OPCON)
    assert second.exit_code == 104, second.text
    first.kill()
    first.communicate()
    again = site.start(*start_of("NEVER_ENDS"), environment=OPCON)
    seen = len(simulator.requests("status"))
    simulator.wait_for_call("status", count=seen + 2, within_s=60)
    [task] = simulator.tasks()
    simulator.end_task(task["id"], "DONE")
    run = ended(again)
    assert run.exit_code == 4, run.text
    assert "Started" in run.lines
    assert len(simulator.tasks()) == 1


def test_a_closed_reader_does_not_change_the_exit_code(site: Installation, simulator: SharedSimulator) -> None:
    """Nobody may read stdout any more: the exit code still tells the truth."""
    process = site.start(*start_of("SHORT"))
    if process.stdout:
        process.stdout.readline()
        process.stdout.close()
    simulator.wait_for_call("status", within_s=60)
    assert process.wait(60) == 4
    if process.stdin:
        process.stdin.close()


@pytest.mark.posix_only
def test_a_signal_kills_the_task_and_its_end_is_the_exit_code(site: Installation, simulator: SharedSimulator) -> None:
    """SIGTERM: kill the AMT task, confirm, exit with KILLED."""
    process = site.start(*start_of("NEVER_ENDS"))
    simulator.wait_for_call("status", count=2)
    process.send_signal(signal.SIGTERM)
    assert ended(process).exit_code == 3


@pytest.mark.parametrize("command", [(), ("encrypt",), ("check",), ("runs",), ("opcon",), ("demo",)])
def test_help_survives_the_build(amt: list[str], site: Installation, command: tuple[str, ...]) -> None:
    """Help texts are no docstrings: a built program has none."""
    run = site.run_bare(*amt, *command, "--help")
    assert run.exit_code == 0, run.text
    assert len(run.text.splitlines()) > 3


def test_the_windows_programs_carry_a_version_resource(programs: Programs) -> None:
    """OpCon prints product, version and description of the exe into every job log."""
    if programs.folder is None or not programs.is_windows:
        pytest.skip("only a Windows program has one")
    for name, description in (("amt.exe", "runs a task"), ("Encrypt.exe", "encrypts the credentials")):
        content = (programs.folder / name).read_bytes()
        for text in ("ProductVersion", "AMT Connector", description):
            assert text.encode("utf-16-le") in content
