from __future__ import annotations

from datetime import date
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from amtconnector.errors import UsageError
from amtconnector.opcon.smaddi import JobDefinition, Target, command_line, document, warnings

EXE = r"C:\AMT Connector\amt.exe"
MASTER = Target("Nightly", "AMTBATCH01")
DAILY = Target("Nightly", "AMTBATCH01", date(2026, 11, 23))
PERCENT = "the agent's machine replaces %NAME% by an environment variable"
in_a_command_line = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"))
in_xml = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))


def _job(
    line: str = "amt.exe", *, name: str = "RUN", directory: str = "", is_on_request: bool = False, frequency: str = ""
) -> JobDefinition:
    return JobDefinition(
        name=name,
        command_line=line,
        working_directory=directory,
        success_code=4,
        documentation="Runs a task.",
        batch_user=r"BANK\opcon",
        is_on_request=is_on_request,
        frequency=frequency,
    )


def _parsed(xml: bytes) -> ET.Element:
    return ET.fromstring(xml)  # noqa: S314 - our own output


def split_by_microsofts_rules(line: str, *, is_doubled_quote_literal: bool) -> list[str]:
    """Split as Windows programs do, written from Microsoft's description of the rules.

    Two doubled quotation marks inside quotes are a literal one to the C run-time since 2008, and end the quotes before.
    """
    words, i = _program(line)
    while i < len(line):
        if line[i] in " \t":
            i += 1
            continue
        word, i = _word(line, i, is_doubled_quote_literal=is_doubled_quote_literal)
        words.append(word)
    return words


def _program(line: str) -> tuple[list[str], int]:
    if line.startswith('"'):
        end = line.index('"', 1)
        return [line[1:end]], end + 1
    end = min((i for i, c in enumerate(line) if c in " \t"), default=len(line))
    return [line[:end]], end


def _word(line: str, i: int, *, is_doubled_quote_literal: bool) -> tuple[str, int]:
    word, is_quoted = "", False
    while i < len(line) and (is_quoted or line[i] not in " \t"):
        backslashes = len(line[i:]) - len(line[i:].lstrip("\\"))
        i += backslashes
        if line[i : i + 1] != '"':
            word += "\\" * backslashes
            if not backslashes:
                word += line[i]
                i += 1
            continue
        word += "\\" * (backslashes // 2)
        i += 1
        if backslashes % 2:
            word += '"'
        elif is_quoted and is_doubled_quote_literal and line[i : i + 1] == '"':
            word += '"'
            i += 1
        else:
            is_quoted = not is_quoted
    return word, i


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (r'amt.exe "a b c" d e', ["amt.exe", "a b c", "d", "e"]),
        (r'amt.exe "ab\"c" "\\" d', ["amt.exe", 'ab"c', "\\", "d"]),
        (r'amt.exe a\\\b d"e f"g h', ["amt.exe", r"a\\\b", "de fg", "h"]),
        (r"amt.exe a\\\"b c d", ["amt.exe", r"a\"b", "c", "d"]),
        (r'amt.exe a\\\\"b c" d e', ["amt.exe", r"a\\b c", "d", "e"]),
        (r'amt.exe a"b"" c d', ["amt.exe", 'ab" c d']),
        (r'"C:\my dir\amt.exe" ""', [r"C:\my dir\amt.exe", ""]),
    ],
)
def test_the_splitting_rules_are_microsofts(line: str, words: list[str]) -> None:
    """The judge of the other tests gives the results of Microsoft's own table."""
    assert split_by_microsofts_rules(line, is_doubled_quote_literal=True) == words


@given(st.lists(in_a_command_line), st.booleans())
@example(["-pa", "'PARAM'", "-pa", "", "-pa", "C:\\dir\\", "-pa", '"', "-pa", '\\"\\\\'], True)
@example(["-pa", 'a""b', "-pa", '""', "-pa", " ", "-pa", "-jt"], False)
def test_windows_splits_a_command_line_into_its_arguments(arguments: list[str], is_doubled_quote_literal: bool) -> None:  # noqa: FBT001 - hypothesis passes it
    """Every argument arrives as given, whichever of the two rules for doubled quotation marks the reader follows."""
    line = command_line(EXE, arguments)
    assert split_by_microsofts_rules(line, is_doubled_quote_literal=is_doubled_quote_literal) == [EXE, *arguments]


def test_a_command_line_looks_as_people_write_it() -> None:
    """Flags stand bare and values in quotation marks, as the OpCon editor writes them."""
    arguments = ["-jt", "START", "-an", "DEMO2", "--release", "7f3a", "-pa", "'PARAM'"]
    assert command_line("amt.exe", arguments) == (
        """"amt.exe" -jt "START" -an "DEMO2" --release "7f3a" -pa "'PARAM'\""""
    )


@pytest.mark.parametrize("program", ["", 'C:\\"amt".exe'])
def test_a_program_that_windows_could_not_find_is_refused(program: str) -> None:
    """The first word of a command line knows no escapes."""
    with pytest.raises(UsageError, match="program"):
        command_line(program, [])


@pytest.mark.parametrize("text", ["a\nb", "a\rb"])
def test_a_line_break_is_refused(text: str) -> None:
    """SMADDI ignores line breaks, so one would join two parameters."""
    with pytest.raises(UsageError, match="line break"):
        command_line(EXE, ["-pa", text])


@given(in_xml, in_xml)
def test_every_text_that_xml_can_hold_arrives(name: str, line: str) -> None:
    """Names and command lines come out of the XML as they went in, and the file is ASCII as SMADDI wants it."""
    xml = document(MASTER, [_job(line, name=name)])
    job = _parsed(xml).find("schedule/job")
    assert job is not None
    assert (job.findtext("jname"), job.findtext("jobdata/cmd_line")) == (name, line)
    assert xml.isascii()


@pytest.mark.parametrize("character", ["\0", "\x0b", "\x1b", "\n", "\r", "\ud800", "\ufffe"])
def test_a_character_that_xml_cannot_hold_is_an_error(character: str) -> None:
    """Nothing is lost silently: the error names the character and the element."""
    with pytest.raises(UsageError, match=rf"U\+{ord(character):04X}, which <cmd_line>"):
        document(MASTER, [_job(f"a{character}b")])


def test_a_job_of_the_master_schedule() -> None:
    """The elements stand in the order of SMADDI's documentation, and an exit code other than 4 fails the job."""
    assert document(MASTER, [_job('amt.exe -an "A & B"', directory=r"C:\AMT Connector")]).decode() == (
        """\
<msg>
  <msgtype>new_master</msgtype>
  <schedule>
    <skdname>Nightly</skdname>
    <job>
      <jname>RUN</jname>
      <platform>Windows</platform>
      <pmname>AMTBATCH01</pmname>
      <jobdata>
        <wuid>BANK\\opcon</wuid>
        <job_priority>Normal</job_priority>
        <win_job_action>Run Program</win_job_action>
        <cmd_line>amt.exe -an "A &amp; B"</cmd_line>
        <working_dir>C:\\AMT Connector</working_dir>
        <fail_1_cond>NE</fail_1_cond>
        <fail_1_val>4</fail_1_val>
      </jobdata>
      <documentation>
        <doc>Runs a task.</doc>
      </documentation>
    </job>
  </schedule>
</msg>
"""
    )


def test_a_job_of_one_day_carries_its_date() -> None:
    """A date makes it a job of the daily schedule of that date."""
    message = _parsed(document(DAILY, [_job()]))
    assert message.findtext("msgtype") == "new_daily"
    assert message.findtext("schedule/skddate") == "2026-11-23"
    assert message.find("schedule/job/bldst") is None


@pytest.mark.parametrize(
    ("target", "element", "status"), [(MASTER, "frq/bldst", "Do Not Schedule"), (DAILY, "bldst", "On Hold")]
)
def test_a_job_on_request_never_starts_with_its_schedule(target: Target, element: str, status: str) -> None:
    """A kill job that ran by itself would kill production."""
    job = _parsed(document(target, [_job(is_on_request=True)])).find("schedule/job")
    assert job is not None
    assert job.findtext(element) == status
    assert (job.findtext("frq/frqname") == "AMTKILL") is (target is MASTER)


def test_a_frequency_is_named_in_the_master_schedule() -> None:
    """A frequency that OpCon has is used by its name alone."""
    frequency = _parsed(document(MASTER, [_job(frequency="Weekdays")])).find("schedule/job/frq")
    assert frequency is not None
    assert [(child.tag, child.text) for child in frequency] == [("frqname", "Weekdays")]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x" * 4000, []),
        ("x" * 4001, ["the command line of job RUN has 4001 characters; OpCon takes at most 4000"]),
        (
            "-pa [[P]]",
            ["the command line of job RUN holds [[: OpCon replaces [[...]] by a property before the job starts"],
        ),
        (
            "-pa {{P}}",
            ["the command line of job RUN holds {{: OpCon replaces {{...}} by a property before the job starts"],
        ),
        (
            "-pa %A%",
            ["the command line of job RUN holds %: " + PERCENT + " before the job starts"],
        ),
        ("-pa [1] {2} 'x'", []),
    ],
)
def test_what_opcon_would_cut_or_expand_is_warned_about(line: str, expected: list[str]) -> None:
    """A value that arrives changed is worse than one that is refused."""
    assert list(warnings(MASTER, [_job(line)])) == expected


def test_every_limit_of_opcon_is_checked() -> None:
    """Names that OpCon would cut are named with their limit."""
    found = list(warnings(Target("S" * 256, "M"), [_job(name="J" * 129, directory="D" * 256)]))
    assert [text.rsplit(";", 1)[1] for text in found] == [f" OpCon takes at most {n}" for n in (255, 128, 255)]
