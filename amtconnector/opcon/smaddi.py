"""OpCon job definitions as SMADDI XML: Windows jobs that run this program.

SMADDI (SMA Dynamic Data Input) reads XML files into the OpCon database. The elements, their order, their limits and
the rule that a file is ASCII come from its published documentation; `docs/job-definitions.md` says what is left open.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from amtconnector.errors import UsageError
from amtconnector.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

KILL_FREQUENCY = "AMTKILL"
"""The frequency of a kill job in a master schedule: never scheduled, added by an operator or an event."""

_LIMITS = {"skdname": 255, "jname": 128, "wuid": 32, "cmd_line": 4000, "wprerun": 4000, "working_dir": 255}
_EXPANDED = {
    "[[": "OpCon replaces [[...]] by a property",
    "{{": "OpCon replaces {{...}} by a property",
    "%": "the agent's machine replaces %NAME% by an environment variable",
}
_BARE = re.compile(r"--?[a-z]+(-[a-z]+)*")
_NOT_IN_XML = re.compile("[^\t\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BACKSLASHES_BEFORE_A_QUOTE = re.compile(r'(\\*)("|\Z)')


class JobDefinition(NamedTuple):
    """A Windows job of OpCon that runs one program; it fails unless it exits with `success_code`.

    `batch_user` is the Windows user whom the agent starts it as. `is_on_request`: it never starts with its schedule,
    only when an operator or an event asks for it. `frequency` is the name of one that OpCon has; "" for none.
    `prerun` is a command line that must end well before this one is started; "" for none.
    """

    name: str
    command_line: str
    working_directory: str
    success_code: int
    documentation: str
    batch_user: str
    is_on_request: bool = False
    frequency: str = ""
    prerun: str = ""


class Target(NamedTuple):
    """Where jobs go: a schedule, the machine that runs them, and a date; None means the master schedule."""

    schedule: str
    machine: str
    date: date | None = None


def command_line(program: str, arguments: Iterable[str]) -> str:
    """Write a command line that Windows splits into exactly these texts; raises UsageError for what none can carry."""
    if '"' in program or not program:
        raise UsageError(f"The path of a program can't be empty or hold a quotation mark: {program}")
    words = [f'"{program}"', *(word if _BARE.fullmatch(word) else _quoted(word) for word in arguments)]
    line = " ".join(words)
    if re.search(r"[\r\n]", line):
        raise UsageError("A command line can't hold a line break. Give each line of -pa a -pa of its own.")
    return line


def _quoted(text: str) -> str:
    # Backslashes count only before a quotation mark; there each is doubled, and so are those before the closing one.
    escaped = _BACKSLASHES_BEFORE_A_QUOTE.sub(lambda m: m[1] * 2 + ('\\"' if m[2] else ""), text)
    return f'"{escaped}"'


def document(target: Target, jobs: Sequence[JobDefinition]) -> bytes:
    """Write one SMADDI message that adds these jobs, as ASCII; raises UsageError for a character XML can't hold."""
    message = ET.Element("msg")
    _add(message, "msgtype", "new_daily" if target.date else "new_master")
    schedule = ET.SubElement(message, "schedule")
    if target.date:
        _add(schedule, "skddate", target.date.isoformat())
    _add(schedule, "skdname", target.schedule)
    for job in jobs:
        _add_job(schedule, target, job)
    ET.indent(message)
    # No XML declaration: the documentation shows none, and the text is valid in whatever encoding the reader assumes.
    text = ET.tostring(message, encoding="unicode", xml_declaration=False)
    return text.encode("ascii", "xmlcharrefreplace") + b"\n"


def _add_job(schedule: ET.Element, target: Target, job: JobDefinition) -> None:
    element = ET.SubElement(schedule, "job")
    _add(element, "jname", job.name)
    _add(element, "platform", "Windows")
    _add(element, "pmname", target.machine)
    _add_job_data(ET.SubElement(element, "jobdata"), job)
    if target.date:
        _add_build_status(element, job, "On Hold")
    elif job.frequency or job.is_on_request:
        frequency = ET.SubElement(element, "frq")
        _add(frequency, "frqname", job.frequency or KILL_FREQUENCY)
        _add_build_status(frequency, job, "Do Not Schedule")
    _add(ET.SubElement(element, "documentation"), "doc", job.documentation)


def _add_build_status(parent: ET.Element, job: JobDefinition, status: str) -> None:
    if job.is_on_request:
        _add(parent, "bldst", status)


def _add_job_data(data: ET.Element, job: JobDefinition) -> None:
    _add(data, "wuid", job.batch_user)
    _add(data, "job_priority", "Normal")
    _add(data, "win_job_action", "Run Program")
    _add(data, "cmd_line", job.command_line)
    if job.working_directory:
        _add(data, "working_dir", job.working_directory)
    if job.prerun:
        _add(data, "wprerun", job.prerun)
    _add(data, "fail_1_cond", "NE")
    _add(data, "fail_1_val", str(job.success_code))


def _add(parent: ET.Element, name: str, text: str) -> None:
    if found := _NOT_IN_XML.search(text):
        raise UsageError(f"XML can't hold the character U+{ord(found[0]):04X}, which <{name}> would need.")
    ET.SubElement(parent, name).text = text


def warnings(target: Target, jobs: Iterable[JobDefinition]) -> Iterator[str]:
    """Say, one sentence each, what OpCon would refuse, cut or expand in these jobs."""
    yield from _over_limit("skdname", target.schedule, "the schedule's name")
    for job in jobs:
        whose = f"of job {job.name}"
        yield from _over_limit("jname", job.name, f"the name {whose}")
        yield from _over_limit("wuid", job.batch_user, f"the batch user {whose}")
        yield from _over_limit("working_dir", job.working_directory, f"the working directory {whose}")
        yield from _over_limit("cmd_line", job.command_line, f"the command line {whose}")
        yield from _over_limit("wprerun", job.prerun, f"the prerun {whose}")
        for sign, effect in _EXPANDED.items():
            if sign in job.command_line:
                yield f"the command line {whose} holds {sign}: {effect} before the job starts"


def _over_limit(element: str, text: str, what: str) -> Iterator[str]:
    if len(text) > _LIMITS[element]:
        yield f"{what} has {len(text)} characters; OpCon takes at most {_LIMITS[element]}"
