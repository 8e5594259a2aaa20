from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amtconnector.commands.click_command import run_command
from amtconnector.commands.opcon import command, separated
from amtconnector.errors import UsageError
from amtconnector.opcon.smaddi import command_line
from amtconnector.run import arguments

if TYPE_CHECKING:
    from pathlib import Path

EXE = r"C:\AMT Connector\amt.exe"
WHERE = ["job", "--schedule", "Nightly", "--machine", "AMTBATCH01", "--exe", EXE]
START = ["-jt", "START", "-an", "DEMO2", "-jn", "POST"]


def _jobs(capsys: pytest.CaptureFixture[str], *args: str) -> list[ET.Element]:
    assert run_command(command, args, "amt opcon", "HELP") == 0
    return ET.fromstring(capsys.readouterr().out).findall("schedule/job")  # noqa: S314 - our own output


def _text(job: ET.Element, path: str) -> str:
    text = job.findtext(path)
    assert text is not None
    return text


def _failure(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    assert run_command(command, args, "amt opcon", "HELP") == 101
    out, error = capsys.readouterr()
    assert out == ""
    assert error.count("\n") == 1 or error.splitlines()[1:] == ["  See:  HELP"]
    return error


def test_a_run_becomes_a_job(capsys: pytest.CaptureFixture[str]) -> None:
    """The flags stand in the command line as given, and every exit code but 4 fails the job."""
    (job,) = _jobs(capsys, *WHERE, "--", *START, "-pa", "'PARAM'")
    assert _text(job, "jname") == "POST"
    assert _text(job, "pmname") == "AMTBATCH01"
    assert _text(job, "jobdata/cmd_line") == command_line(EXE, [*START, "-pa", "'PARAM'"])
    assert _text(job, "jobdata/working_dir") == r"C:\AMT Connector"
    assert (_text(job, "jobdata/fail_1_cond"), _text(job, "jobdata/fail_1_val")) == ("NE", "4")


def test_its_kill_job_kills_what_the_job_started(capsys: pytest.CaptureFixture[str]) -> None:
    """The companion finds the task by application and job, uses the same configuration, and succeeds with 3."""
    _, kill = _jobs(capsys, *WHERE, "--kill", "--", *START, "--config", r"D:\amt\Connector.config")
    words = ["-jt", "KILL", "-an", "DEMO2", "-jn", "POST", "--config", r"D:\amt\Connector.config"]
    assert _text(kill, "jname") == "POST KILL"
    assert _text(kill, "jobdata/cmd_line") == command_line(EXE, words)
    assert (_text(kill, "jobdata/fail_1_cond"), _text(kill, "jobdata/fail_1_val")) == ("NE", "3")
    assert _text(kill, "frq/bldst") == "Do Not Schedule"


def test_the_kill_job_of_a_script_names_the_script(capsys: pytest.CaptureFixture[str]) -> None:
    """A script wins over the stored job, in the kill job's command line as in AMT."""
    script = r"\\server\scripts\post.ps1"
    first, kill = _jobs(capsys, *WHERE, "--kill", "--", *START, "-fn", script)
    assert _text(first, "jname") == "post"
    assert _text(kill, "jobdata/cmd_line") == command_line(EXE, ["-jt", "KILL", "-an", "DEMO2", "-fn", script])


@pytest.mark.parametrize(("action", "code"), [("ATTACH", "4"), ("KILL", "3"), ("STOP", "3")])
def test_the_failure_criterion_is_that_of_the_action(
    capsys: pytest.CaptureFixture[str], action: str, code: str
) -> None:
    """A job that kills has done its work when the task is KILLED (3)."""
    (job,) = _jobs(capsys, *WHERE, "--", "-jt", action, "-id", "2112")
    assert _text(job, "jobdata/fail_1_val") == code
    assert _text(job, "jname") == f"{action} 2112"


def test_the_options_find_their_elements(capsys: pytest.CaptureFixture[str]) -> None:
    """Name, day, directory and user of the job can be chosen."""
    options = ["--job", "EOD 1", "--date", "2026-11-23", "--working-directory", r"D:\amt", "--batch-user", r"BANK\op"]
    (job,) = _jobs(capsys, *WHERE, *options, "--", *START)
    assert _text(job, "jname") == "EOD 1"
    assert _text(job, "jobdata/working_dir") == r"D:\amt"
    assert _text(job, "jobdata/wuid") == r"BANK\op"


def test_each_line_of_a_parameter_gets_a_flag_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """A value with line breaks is several parameters to a run, and a command line holds no line break."""
    (job,) = _jobs(capsys, *WHERE, "--", *START, "-pa", "one\r\n\ntwo")
    expected = command_line(EXE, [*START, "-pa", "one", "-pa", "", "-pa", "two"])
    assert _text(job, "jobdata/cmd_line") == expected


@given(
    st.lists(st.sampled_from(["-pa", "--parameters", "-tv"]), max_size=5).flatmap(
        lambda flags: st.tuples(*(st.tuples(st.just(flag), st.text()) for flag in flags))
    )
)
def test_a_job_means_what_its_flags_mean(pairs: tuple[tuple[str, str], ...]) -> None:
    """Whatever the parameters hold, the flags of the job are read as the flags that were given."""
    flags = [*START, *(word for pair in pairs for word in pair)]
    try:
        meant = arguments.parse(flags)
    except UsageError:
        return
    assert arguments.parse(list(separated(flags))) == meant


def test_a_file_is_ascii_whatever_the_flags_hold(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """SMADDI reads ASCII; the letters are there all the same."""
    path = tmp_path / "job.xml"
    assert (
        run_command(command, [*WHERE, "--output", str(path), "--", *START, "-pa", "Zürich ☃"], "amt opcon", "HELP") == 0
    )
    assert capsys.readouterr().out == ""
    xml = path.read_bytes()
    assert xml.isascii()
    line = ET.fromstring(xml).findtext("schedule/job/jobdata/cmd_line")  # noqa: S314 - our own output
    assert line == command_line(EXE, [*START, "-pa", "Zürich ☃"])


@pytest.mark.parametrize(
    ("flags", "warning"),
    [
        (["-pa", "x" * 4000], "OpCon takes at most 4000"),
        (["-pa", "[[P]]"], "holds [["),
        (["-pa", "{{P}}"], "holds {{"),
        (["-pa", "%TEMP%"], "holds %"),
        (["--release", "7f3a"], "--release 7f3a"),
    ],
)
def test_what_would_arrive_changed_is_warned_about(
    capsys: pytest.CaptureFixture[str], flags: list[str], warning: str
) -> None:
    """The XML is written, and the warning stands on stderr."""
    assert run_command(command, [*WHERE, "--", *START, *flags], "amt opcon", "HELP") == 0
    out, error = capsys.readouterr()
    assert out.startswith("<msg>")
    assert warning in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([*WHERE, *START], "they follow after --"),
        ([*WHERE, "--"], "-jt (--job-type) is missing"),
        ([*WHERE, "--", "-jt", "START", "-an", "DEMO2"], "-jn (--job-name)"),
        ([*WHERE, "--kill", "--", "-jt", "KILL", "-id", "2112"], "not of -jt KILL"),
        ([*WHERE, "--date", "2026-11-23", "--frequency", "Weekdays", "--", *START], "not with --date"),
        ([*WHERE, "--date", "tomorrow", "--", *START], "--date"),
        (["job", "--schedule", "Nightly", "--machine", "M", "--", *START], "--exe is needed"),
        (["job", "--machine", "M", "--exe", EXE, "--", *START], "--schedule"),
        ([*WHERE, "--", *START, "-tv", "a\nb"], "line break"),
        ([*WHERE, "--", *START, "-tv", "a\x01b"], "U+0001"),
        ([*WHERE, "--", "\v".join(START)], "an argument of its own"),
        ([], "Missing command"),
    ],
)
def test_a_wrong_command_line_is_refused(capsys: pytest.CaptureFixture[str], args: list[str], words: str) -> None:
    """One line says what is wrong, and no XML is written."""
    assert words in _failure(capsys, *args)


@pytest.mark.parametrize("args", [["--help"], ["job", "--help"]])
def test_the_help_fits_a_screen_and_shows_an_example(capsys: pytest.CaptureFixture[str], args: list[str]) -> None:
    """80 columns, 30 lines, and a command that works."""
    assert run_command(command, args, "amt opcon", "HELP") == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 30
    assert any("-jt START" in line for line in lines)


def test_a_prerun_looks_whether_amt_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    """OpCon starts the job once it ends with 0; it uses the job's own configuration."""
    config = r"D:\amt\Connector.config"
    job, kill = _jobs(capsys, *WHERE, "--prerun", "--kill", "--", *START, "--config", config)
    assert _text(job, "jobdata/wprerun") == command_line(EXE, ["check", "--no-logon", "--config", config])
    assert kill.find("jobdata/wprerun") is None
    (plain,) = _jobs(capsys, *WHERE, "--", *START)
    assert plain.find("jobdata/wprerun") is None


def test_a_windows_job_needs_a_windows_program(capsys: pytest.CaptureFixture[str]) -> None:
    """The program that writes the definition on another system is not the one that runs the job."""
    assert "--exe is needed" in _failure(capsys, "job", "--schedule", "S", "--machine", "M", "--", *START)


def _table(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "jobs.csv"
    path.write_text(text, "utf-8-sig")
    return [*WHERE, "--csv", str(path)]


def test_a_table_makes_a_job_of_each_row(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Columns are flags and options; empty cells are not given, but keep their place among parameters."""
    table = "--job;-an;-jn;-pa;-pa;--frequency\nPOST;DEMO2;POSTINTEREST;;'2';Weekdays\n\n;DEMO2;FEES;;;\n"
    post, fees = _jobs(capsys, *_table(tmp_path, table), "--", "-su", "BATCH")
    run = ["-jt", "START", "-su", "BATCH", "-an", "DEMO2", "-jn"]
    assert (_text(post, "jname"), _text(fees, "jname")) == ("POST", "FEES")
    assert _text(post, "jobdata/cmd_line") == command_line(EXE, [*run, "POSTINTEREST", "-pa", "", "-pa", "'2'"])
    assert _text(fees, "jobdata/cmd_line") == command_line(EXE, [*run, "FEES"])
    assert (_text(post, "frq/frqname"), fees.find("frq")) == ("Weekdays", None)


def test_a_table_needs_no_further_flags(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """And its kill jobs come with it."""
    jobs = _jobs(capsys, *_table(tmp_path, '-an,-jn,-pa\nDEMO2,A,"x, y"\nDEMO2,B,\n'), "--kill")
    assert [_text(job, "jname") for job in jobs] == ["A", "A KILL", "B", "B KILL"]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("", "line 1: nothing is no column"),
        ("-an,name\n", "line 1: 'name' is no column"),
        ("-an,-jn\n", "holds no job"),
        ("-an,-jn\nDEMO2,A\nDEMO2,B,C\n", "line 3: 3 cells"),
        ("-an,-zz\nDEMO2,A\n", "line 2"),
        ("-an,-jn\nDEMO2,\n", "line 2"),
        ('-an,-jn\nDEMO2,"A\n', "line 2"),
        ("-an,-jn\nDEMO2,A\nDEMO2,A\n", "the same name: A"),
    ],
)
def test_what_is_wrong_in_a_table_is_named_with_its_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, table: str, words: str
) -> None:
    """Nothing is written then."""
    assert words in _failure(capsys, *_table(tmp_path, table))
