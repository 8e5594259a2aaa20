"""Broken command lines and configurations: one clear message, the right code, nothing sent, no secret shown."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.installation import PASSWORD, USER, ended
from tests.end_to_end.workplace import opcon_job, start_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.end_to_end.workplace import SharedSimulator, Workplace

START = start_of("SHORT")

USAGE = {
    "no job type": (("-an", "DEMO2", "-jn", "SHORT"), "-jt (--job-type) is missing"),
    "an unknown job type": (("-jt", "RESTART", "-an", "DEMO2", "-jn", "SHORT"), "'RESTART'"),
    "no application": (("-jt", "START", "-jn", "SHORT"), "-an (--application-name)"),
    "no job": (("-jt", "START", "-an", "DEMO2"), "-jn (--job-name), or -fn (--file-name)"),
    "an empty job": (("-jt", "START", "-an", "DEMO2", "-jn", " "), "-jn (--job-name), or -fn (--file-name)"),
    "an unknown flag": ((*START, "-zz", "x"), "-zz"),
    "an unknown long flag": ((*START, "--jobname", "x"), "--jobname"),
    "a value glued to its flag": ((*START, "-uBOB"), "-uBOB"),
    "a value after an equals sign": ((*START, "-u=BOB"), "-u=BOB"),
    "a value after a long flag's equals sign": ((*START, "--user=BOB"), "--user=BOB"),
    "a flag without a value": ((*START, "-pa"), "-pa (--parameters) needs a value"),
    "a flag given twice": ((*START, "-jn", "OTHER"), "-jn (--job-name) is given twice"),
    "a flag given in both forms": ((*START, "--job-name", "OTHER"), "-jn (--job-name) is given twice"),
    "a word without a flag": ((*START, "PARAM"), "'PARAM' is no flag"),
    "21 parameters": ((*START, *["-pa", "x"] * 21), "at most 20"),
    "21 lines in a parameter": ((*START, "-pa", "\n".join("x" * 21)), "at most 20"),
    "21 task values": ((*START, *["-tv", "x"] * 21), "at most 20"),
    "a request id with START": ((*START, "-id", "2112"), "-id (--request-id) does not go with -jt START"),
    "a request id that is none": (("-jt", "KILL", "-id", "21/12"), "'21/12'"),
    "KILL of nothing": (("-jt", "KILL"), "-jt KILL needs -id"),
    "a release with KILL": (("-jt", "KILL", "-id", "2112", "--release", "x"), "--release goes with -jt START"),
    "help beside job flags": ((*START, "--help"), "--help stands alone"),
    "the version beside job flags": (("--version", *START), "--version stands alone"),
    "a subcommand after job flags": ((*START, "runs"), "'runs' is no flag"),
}


@pytest.mark.parametrize("case", USAGE)
def test_a_wrong_command_line_is_one_line_and_101(site: Workplace, simulator: SharedSimulator, case: str) -> None:
    """No header, no traceback, nothing sent, nothing recorded."""
    arguments, wanted = USAGE[case]
    run = ended(site.start(*arguments, names_config=False))
    assert run.exit_code == 101, run.text
    assert run.text.count("\n") == 1, run.text
    assert run.text.startswith("amt: usage (101): ")
    assert wanted in run.text
    assert simulator.summary()["connections"] == 0
    assert not site.runs.exists()


def test_nothing_but_a_finished_task_leaves_zero_to_opcon(site: Workplace) -> None:
    """`amt` alone prints the help and is 101."""
    run = ended(site.start(names_config=False))
    assert run.exit_code == 101
    assert "-jt" in run.text


def _replaced(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new)


def _line(text: str, section: str = "[CONNECTOR]") -> Callable[[str], str]:
    return lambda content: content.replace(section, f"{section}\n{text}", 1)


def _without(key: str) -> Callable[[str], str]:
    return lambda text: "\n".join(line for line in text.split("\n") if not line.startswith(f"{key}="))


CONFIGURATION: dict[str, tuple[Callable[[str], str], str]] = {
    "no section for the server": (_replaced("[AMT_BATCH_SERVER]", ""), "AMT_BATCH_SERVER"),
    "no address": (_without("SERVER_ADDRESS"), "SERVER_ADDRESS"),
    "an address without a port": (
        _replaced("SERVER_ADDRESS=127.0.0.1:", "SERVER_ADDRESS=127.0.0.1 "),
        "SERVER_ADDRESS",
    ),
    "an address with a path": (_replaced("SERVER_ADDRESS=", "SERVER_ADDRESS=http://u/x/"), "SERVER_ADDRESS"),
    "a scheme that contradicts": (_replaced("SERVER_ADDRESS=", "SERVER_ADDRESS=https://"), "SERVER_USES_TLS"),
    "no user": (_without("USER"), "USER"),
    "no password": (_without("PASSWORD"), "PASSWORD"),
    "a typo for a boolean": (_replaced("SERVER_USES_TLS=False", "SERVER_USES_TLS=Flase"), "SERVER_USES_TLS"),
    "two spellings that contradict": (_line("SERVER_USE_TLS=True", "[AMT_BATCH_SERVER]"), "SERVER_USE_TLS"),
    "a word for a number": (_replaced("STATUS_CHECK_POLL_INTERVAL=0.1", "STATUS_CHECK_POLL_INTERVAL=five"), "number"),
    "a poll interval below 0.1": (
        _replaced("STATUS_CHECK_POLL_INTERVAL=0.1", "STATUS_CHECK_POLL_INTERVAL=0.01"),
        "0.1",
    ),
    "a negative number": (_line("STATUS_CHECK_MAX_OUTAGE=-1"), "STATUS_CHECK_MAX_OUTAGE"),
    "nan": (_line("STATUS_CHECK_MAX_OUTAGE=nan"), "STATUS_CHECK_MAX_OUTAGE"),
    "a wrong DEBUG": (_line("DEBUG=perhaps"), "DEBUG"),
    "an unknown encoding": (_replaced("OUTPUT_ENCODING=utf-8", "OUTPUT_ENCODING=utf-99"), "OUTPUT_ENCODING"),
    "an encoding that is no text": (_replaced("OUTPUT_ENCODING=utf-8", "OUTPUT_ENCODING=base64"), "OUTPUT_ENCODING"),
    "a line that is nothing": (_line("this is nothing"), "line 2"),
    "a missing CA file": (_line("CA_FILE=nowhere.pem", "[AMT_BATCH_SERVER]"), "CA_FILE"),
    "a missing wire profile": (_line("WIRE_PROFILE=nowhere.toml"), "WIRE_PROFILE"),
    "a read timeout of nothing": (_line("READ_TIMEOUT=0", "[AMT_BATCH_SERVER]"), "READ_TIMEOUT"),
    "a null byte": (_line("NAME=a\0b"), "UTF-8"),
    "an empty file": (lambda _text: "", "SERVER_ADDRESS"),
}


@pytest.mark.parametrize("case", CONFIGURATION)
def test_a_broken_configuration_is_102_and_nothing_is_sent(
    site: Workplace, simulator: SharedSimulator, case: str
) -> None:
    """The block says what is wrong and where; no traceback, no value of a credential."""
    change, wanted = CONFIGURATION[case]
    text = site.config.read_text("utf-8")
    secrets = [line.partition("=")[2] for line in text.split("\n") if line.startswith(("USER=", "PASSWORD="))]
    changed = change(text)
    assert changed != text
    site.config.write_text(changed, encoding="utf-8")
    run = site.run(*START, environment=opcon_job())
    assert run.exit_code == 102, run.text
    assert wanted in run.text
    assert "Outcome : configuration (102)" in run.lines
    assert run.lines[-2] == "Connector completed with return code 102"
    assert "Traceback" not in run.text
    assert all(secret not in run.text for secret in secrets)
    assert simulator.summary()["connections"] == 0


def test_all_problems_are_reported_together(site: Workplace) -> None:
    """Each with its key; a warning for what is unknown, with the nearest known key."""
    text = site.config.read_text("utf-8").replace("[CONNECTOR]", "[CONNECTOR]\nDEBUG=1x\nRETAIN_RUNS=x\nDEBUGG=ON")
    site.config.write_text(text.replace("SERVER_USES_TLS=False", "SERVER_USES_TLS=no idea"), encoding="utf-8")
    run = site.run(*START)
    assert run.exit_code == 102
    assert all(word in run.text for word in ("DEBUG", "RETAIN_RUNS", "SERVER_USES_TLS"))


def test_a_missing_configuration_is_102_and_names_the_places(site: Workplace, simulator: SharedSimulator) -> None:
    """Named or not: where it was looked for stands in the log."""
    site.config.rename(site.folder / "elsewhere")
    named = site.run(*START)
    assert named.exit_code == 102
    assert str(site.config) in named.text
    usual = ended(site.start(*START, names_config=False))
    assert usual.exit_code == 102
    assert str(site.config) in usual.text
    assert simulator.summary()["connections"] == 0


CREDENTIALS: dict[str, Callable[[str], str]] = {
    "plain text": lambda _stored: "opconxps!",
    "a damaged value": lambda stored: stored[:-6] + "AAAAA=",
    "another key's value": lambda stored: "amt1:0123456789" + stored[stored.index(":", 5) :],
    "a value cut short": lambda stored: stored[: len(stored) // 2],
}


@pytest.mark.parametrize("case", CREDENTIALS)
def test_credentials_that_can_not_be_used_are_103(site: Workplace, simulator: SharedSimulator, case: str) -> None:
    """Each has its message; the value itself is never shown."""
    text = site.config.read_text("utf-8")
    stored = next(line for line in text.split("\n") if line.startswith("PASSWORD=")).partition("=")[2]
    bad = CREDENTIALS[case](stored)
    site.config.write_text(text.replace(stored, bad), encoding="utf-8")
    run = site.run(*START, environment=opcon_job())
    assert run.exit_code == 103, run.text
    assert "PASSWORD" in run.text
    assert bad not in run.text
    assert "Nothing was started" in run.text or "nothing was started" in run.text
    assert simulator.summary()["connections"] == 0


def test_a_missing_key_is_103(site: Workplace, simulator: SharedSimulator) -> None:
    """It names the key file that was looked for."""
    (site.folder / "connector.key").unlink()
    run = site.run(*START)
    assert run.exit_code == 103, run.text
    assert "connector.key" in run.text
    assert simulator.summary()["connections"] == 0


@pytest.mark.posix_only
def test_a_run_record_that_can_not_be_written_is_102_for_a_job_of_opcon(
    site: Workplace, simulator: SharedSimulator
) -> None:
    """Without the record a restart could start the task twice; by hand it is a warning."""
    site.runs.write_text("a file stands where the directory should be", encoding="utf-8")
    run = site.run(*START, environment=opcon_job())
    assert run.exit_code == 102, run.text
    assert simulator.tasks() == []
    by_hand = site.run(*START)
    assert by_hand.exit_code == 4, by_hand.text
    assert "Warning: no run record can be kept" in by_hand.text


def test_no_secret_is_shown_anywhere(site: Workplace, simulator: SharedSimulator) -> None:
    """With DEBUG=ON, a refusal, an expired token and an answer that gives the token away, nothing of it is shown."""
    site.write_config({"DEBUG": "ON", "STATUS_CHECK_POLL_INTERVAL": 0.1, "STATUS_CHECK_MAX_OUTAGE": 1})
    stored = [line.partition("=")[2] for line in site.config.read_text("utf-8").split("\n") if "=amt1:" in line]
    outputs = []
    simulator.add_fault("status", "unauthorized", count=1)
    simulator.add_fault("messages", "content", content="html", count=1)
    outputs.append(site.run(*start_of("LONGER"), environment=opcon_job("A")))
    gossip = f'{{"title": "no", "detail": "user {USER} with {PASSWORD} is not known"}}'
    simulator.add_fault("start", "status", status=400, body=gossip)
    outputs.append(site.run(*START, environment=opcon_job("B")))
    simulator.add_fault("logon", "status", status=503, body=gossip, headers={"X": PASSWORD})
    outputs.append(site.run(*START, environment=opcon_job("C")))
    simulator.add_fault("logon", "status", status=400, body=gossip)
    outputs.append(site.run(*START, environment=opcon_job("D")))
    assert site.run("check").exit_code == 0  # it may have been a refusal, so nobody else would try the credentials
    simulator.add_fault("logon", "status", status=401, body=gossip)
    outputs.append(site.run(*START, environment=opcon_job("E")))
    assert [run.exit_code for run in outputs] == [4, 106, 4, 108, 24]
    tokens = {value for entry in simulator.requests() for name, value in entry["headers"].items() if "token" in name}
    assert len(tokens) >= 3
    encoded = [base64.b64encode(PASSWORD.encode()).decode(), base64.b64encode(PASSWORD.encode()).hex()]
    shown = "\n".join([*(run.text for run in outputs), site.logs()])
    assert "MonitorJob" in site.logs()
    for secret in (PASSWORD, *stored, *tokens, *encoded, *(value.partition(":")[2] for value in stored)):
        assert secret not in shown
