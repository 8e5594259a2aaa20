"""The main job: from the documented command line to the completion code."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from amtconnector import config
from tests.end_to_end.installation import ended
from tests.end_to_end.workplace import (
    DEFINITIONS,
    FORMS,
    NOT_TERMINAL,
    TERMINAL,
    UNLISTED,
    SharedSimulator,
    Workplace,
    opcon_job,
    printed_messages,
    start_of,
)
from tests.support.configfile import INCUMBENT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Programs
    from tests.end_to_end.simulator_process import SimulatorProcess

RULE = "-" * 71
STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} : ")


@pytest.fixture
def documented(tmp_path: Path, programs: Programs) -> Iterator[tuple[Workplace, SharedSimulator]]:
    """Install the incumbent's sample file, only its address changed, beside a simulator that serves https."""
    with SharedSimulator(tmp_path / "amt", DEFINITIONS, tls=True) as simulator:
        site = Workplace(tmp_path / "site", programs, simulator.address, ca_file=simulator.ca_file)
        address = "amtopcon-tst-a1.westeurope.cloudapp.azure.com:4004"
        assert address in INCUMBENT
        site.config.write_text(INCUMBENT.replace(address, simulator.address), encoding="utf-8")
        yield site, simulator
        site.close()
        shutil.rmtree(config.run_directory_of(site.config), ignore_errors=True)


@pytest.mark.posix_only
def test_the_documented_command_line_and_configuration_run_unchanged(
    documented: tuple[Workplace, SharedSimulator],
) -> None:
    """The log has the documented wording, line by line, and the task gets what the command line says."""
    site, simulator = documented
    flags = ["-jt", "START", "-an", "DEMO2", "-jn", "RUN_PARAMETERTESTA", "-pa", "'PARAM'"]
    run = site.run(*flags, environment={"SSL_CERT_FILE": str(simulator.ca_file)})
    assert run.exit_code == 4, run.text
    assert all(STAMP.match(line) for line in run.text.splitlines())
    lines = run.lines
    head = [
        RULE,
        r"AMT Connector           : \d+\.\d+\.\d+\S*",
        r"-jt \(job type\)          : START",
        r"-an \(application Name\)  : DEMO2",
        r"-jn \(job name\)          : RUN_PARAMETERTESTA",
        r"-fn \(file name\)         : null",
        r"-pa \(Parameters\)        : 'PARAM'",
        r"-u  \(user\)              : default",
        r"-tv \(task value\)        : null",
    ]
    assert all(re.fullmatch(wanted, line) for wanted, line in zip(head, lines, strict=False)), run.text
    middle = [
        RULE,
        "Authentication successful",
        "Job 'RUN_PARAMETERTESTA' START request received",
        "Job 'RUN_PARAMETERTESTA' started in AMT Environment : BatchrequestId '2112'",
        f"Job log {'-' * 57}",
    ]
    first = lines.index(RULE, 1)
    assert lines[first : first + 5] == middle
    assert printed_messages(lines) == ["Started Rev: 1.1 AMT: 8.0.16351.50. Params: /R:2103 /USEWORKINGDIR", "Done"]
    assert lines[-5:-3] == [f"End Job log {'-' * 53}", RULE]
    assert re.fullmatch(r"Completion : DONE \(4\) after 00:00:0[1-9]", lines[-3])
    assert lines[-2:] == ["Connector completed with return code 4", RULE]
    assert [task["parameters"] for task in simulator.tasks()] == [["'PARAM'"]]


@pytest.mark.parametrize("code", TERMINAL)
def test_each_terminal_status_is_the_exit_code(site: Workplace, code: int) -> None:
    """What AMT says is what OpCon gets, and the line above the last one says it in words."""
    run = site.run(*start_of(f"ENDS_{code}"), environment=opcon_job())
    assert run.exit_code == code, run.text
    assert re.fullmatch(rf"Completion : {TERMINAL[code]} \({code}\) after 00:00:00", run.lines[-3])
    assert run.lines[-2] == f"Connector completed with return code {code}"
    assert (f"AMT reported {TERMINAL[code]} for request" in run.text) is (code != 4)
    assert (site.record()["state"], site.record()["exit_code"]) == ("finished", code)


def test_a_status_that_is_not_terminal_is_never_an_exit_code(site: Workplace, simulator: SharedSimulator) -> None:
    """Whatever else a task shows, listed or not, it is watched on; unknown ones are named once."""
    codes = [*NOT_TERMINAL, *UNLISTED]
    processes = {code: site.start(*start_of(f"STAYS_{code}")) for code in codes}
    simulator.wait_for(lambda amt: len(amt.tasks()) == len(codes))
    polls = Counter(entry["query"] for entry in simulator.requests("status"))
    tasks = {task["job"]: task["id"] for task in simulator.tasks()}
    simulator.wait_for(lambda amt: _polled(amt, 3, len(codes)))
    for code in codes:
        simulator.end_task(tasks[f"STAYS_{code}"], "DONE")
    assert len(polls) <= len(codes)
    for code, process in processes.items():
        run = ended(process)
        assert run.exit_code == 4, (code, run.text)
        named = [line for line in run.lines if f"({code})" in line and line.startswith("[connector] Status")]
        assert len(named) == 1, (code, run.text)
        assert ("waits for an operator" in named[0]) is (code in {5, 14})
        assert ("does not know this status" in named[0]) is (code in {19, *UNLISTED})


def _polled(simulator: SimulatorProcess, times: int, tasks: int) -> bool:
    polls = Counter(entry["query"] for entry in simulator.requests("status"))
    return len(polls) == tasks and min(polls.values()) >= times


def test_a_run_without_faults_is_modest(site: Workplace, simulator: SharedSimulator) -> None:
    """One logon, one start, one request per connection, and the password goes nowhere but into the logon."""
    run = site.run(*start_of("LONGER"), environment=opcon_job())
    assert run.exit_code == 4, run.text
    counts, requests = simulator.summary(), simulator.requests()
    assert (counts["requests"]["logon"], counts["requests"]["start"]) == (1, 1)
    assert counts["connections"] == len(requests) == len({entry["connection"] for entry in requests})
    assert all(entry["headers"]["connection"] == "close" for entry in requests)
    assert {answer.split()[1] for answer in counts["answers"]} == {"200"}


def test_everything_that_the_command_line_can_say_arrives(site: Workplace, simulator: SharedSimulator) -> None:
    """All members of the start, from short and long flags, as typed."""
    site.add_to_server(SUBMIT_USER="FROM_FILE", STATION="HERE")
    flags = ["--user", " BATCH ", "-tv", "25", "--task-value", " START=NOW ", "-pa", "one\r\ntwo", "-pa", "-jn"]
    run = site.run(*start_of("SHORT"), *flags, "-st", "THERE")
    assert run.exit_code == 4, run.text
    assert simulator.requests("start")[0]["body"] == {
        "Action": "START",
        "ApplicationName": "DEMO2",
        "JobName": "SHORT",
        "ScriptName": "",
        "SubmitUser": "FROM_FILE",
        "User": "BATCH",
        "Station": "THERE",
        "QueueName": "",
        "TaskValues": ["25", " START=NOW "],
        "Parameters": ["one", "two", "-jn"],
    }


def test_the_editors_single_token_is_split(site: Workplace, simulator: SharedSimulator) -> None:
    """The plug-in stores the command line with U+000B between the arguments."""
    token = "\v".join([*start_of("SHORT"), "-pa", "a", "b c", "-tv", "1"])
    run = ended(site.start(token, names_config=False))
    assert run.exit_code == 4, run.text
    body = simulator.requests("start")[0]["body"]
    assert (body["Parameters"], body["TaskValues"]) == (["a", "b c"], ["1"])


def test_messages_are_printed_once_each_while_the_task_runs(site: Workplace, simulator: SharedSimulator) -> None:
    """Lines of children come in between and identical lines are legitimate; none is lost, none repeated."""
    run = site.run(*start_of("FAMILY"))
    printed = printed_messages(run.lines)
    truth = simulator.messages(simulator.task_of("FAMILY")["id"])
    assert Counter(printed) == Counter(truth)
    assert printed.index("parent goes on") < printed.index("child") < printed.index("Done")


def test_messages_that_come_after_the_end_are_printed(site: Workplace) -> None:
    """Two reads have to agree before the log is closed; the second message comes 0.3 s after the end."""
    site.write_config({"STATUS_CHECK_INITIAL_POLL_DELAY": 0.65})
    assert printed_messages(site.run(*start_of("LATE")).lines) == ["Started", "after the end"]


def test_without_streaming_the_messages_are_fetched_at_the_end(site: Workplace, simulator: SharedSimulator) -> None:
    """STREAM_MESSAGES=False: as the incumbent did."""
    site.write_config({"STREAM_MESSAGES": False})
    run = site.run(*start_of("LONGER"))
    assert printed_messages(run.lines) == ["Started", "Half", "Done"]
    assert 1 <= len(simulator.requests("messages")) <= 3
    assert simulator.requests("messages")[0]["number"] > simulator.requests("status")[-1]["number"]


@pytest.mark.posix_only
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", ""])
def test_awkward_messages_come_out_safe_in_every_locale(site: Workplace, encoding: str) -> None:
    """Nothing breaks out of its line or is lost under LC_ALL=C; what the encoding can't hold is shown by its number."""
    site.write_config({"OUTPUT_ENCODING": encoding} if encoding else {"NAME": "default"})
    if not encoding:
        text = site.config.read_text("utf-8").replace("OUTPUT_ENCODING=utf-8\n", "")
        site.config.write_text(text, encoding="utf-8")
    run = site.run(*start_of("AWKWARD"), environment={"LC_ALL": "C", "PYTHONIOENCODING": "latin-1:strict"})
    assert run.exit_code == 4, run.text
    first = r"caf\xe9 \u2603 \U0001f600" if encoding == "ascii" else "café ☃ \N{GRINNING FACE}"
    assert printed_messages(run.lines) == [
        first,
        "tab\there",
        r"bell\x07 escape\x1b[2J",
        r"line\u2028separator",
        r"carriage\x0dreturn",
        r"two\x0alines",
        "twice",
        "twice",
        r"c1 \x85 \x9b2J",
        "100 % of %TEMP%",
        "",
        " blanks ",
        r"lone \ud800",
        "[connector] not ours",
        '{"a": [1]}',
    ]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_messages_is_read(site: Workplace, form: str) -> None:
    """Arrays of strings or objects, wrapped or not, null and nothing at all."""
    run = site.run(*start_of(f"FORM_{form}"))
    assert run.exit_code == 4, run.text
    assert printed_messages(run.lines) == ([] if form in {"null", "nothing"} else ["one", "two"])
    assert "incomplete" not in run.text


@pytest.mark.parametrize(
    "answers",
    [
        'status = "name"\nletter_case = "lower"\nunknown_members = true\nbyte_order_mark = true',
        'status = "bare-quoted"\nrequest_id = "bare"\nhas_bare_token = true\nchunked = true',
        'status = "quoted"\nrequest_id = "word"\nstatus_member = "JobStatus"\nletter_case = "camel"\ncookie = true',
    ],
)
def test_answers_are_read_leniently(tmp_path: Path, programs: Programs, answers: str) -> None:
    """Bare values, other letter case, numbers in quotes, ids that are words, cookies: all of it is one contract."""
    with SharedSimulator(tmp_path / "amt", f"{DEFINITIONS}\n[answers]\n{answers}\n") as simulator:
        site = Workplace(tmp_path / "site", programs, simulator.address, STATUS_CHECK_POLL_INTERVAL=0.1)
        run = site.run(*start_of("SHORT"))
    assert run.exit_code == 4, run.text
    assert printed_messages(run.lines) == ["Started", "Done"]


@pytest.mark.posix_only
def test_stdin_is_never_read(site: Workplace, tmp_path: Path) -> None:
    """The agent gives a handle that must not be touched."""
    (tmp_path / "in").write_bytes(b"not for us\n")
    with (tmp_path / "in").open("rb") as file:
        process = site.start(*start_of("SHORT"), stdin=file.fileno())
        assert ended(process).exit_code == 4
        assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == 0


@pytest.mark.posix_only
@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- 2>&-"])
def test_closed_standard_streams_harm_nobody(site: Workplace, closed: str) -> None:
    """A socket must never be taken for one of them."""
    command = [*site.programs.amt, *start_of("SHORT"), "--config", str(site.config)]
    shell = ["sh", "-c", f'exec "$@" {closed}', "sh"]
    run = subprocess.run([*shell, *command], cwd=site.folder, stdout=subprocess.PIPE, check=False, timeout=60)
    assert run.returncode == 4, run.stdout


def test_the_environment_of_the_system_does_not_divert_a_run(site: Workplace) -> None:
    """Proxies, click's completion and Python's own switches change nothing."""
    odd = {
        "HTTP_PROXY": "http://127.0.0.1:9",
        "ALL_PROXY": "socks5://127.0.0.1:9",
        "_AMT_COMPLETE": "bash_source",
        "PYTHONUTF8": "0",
    }
    run = site.run(*start_of("SHORT"), environment=odd)
    assert run.exit_code == 4, run.text


def test_lines_come_out_while_the_task_runs(site: Workplace, simulator: SharedSimulator) -> None:
    """An operator sees the request id and the first messages long before the end."""
    process = site.start(*start_of("NEVER_ENDS"))
    seen: list[bytes] = []
    assert process.stdout is not None
    while not seen or b"Started" not in seen[-1]:
        seen.append(process.stdout.readline())
        assert seen[-1]
    assert any(b"BatchrequestId" in line for line in seen)
    simulator.end_task(simulator.task_of("NEVER_ENDS")["id"], "DONE")
    assert ended(process).exit_code == 4


@pytest.mark.source_only
def test_version_and_help_stand_alone(amt: list[str], site: Workplace) -> None:
    """Without anything else: 0 for the two, 101 for nothing; importing no HTTP client."""
    looked = site.run_bare(sys.executable, "-X", "importtime", "-m", "amtconnector", "--version")
    assert looked.exit_code == 0
    assert b"httpx" not in looked.errors
    assert site.run_bare(*amt).exit_code == 101
    assert site.run_bare(*amt, "--help").exit_code == 0
