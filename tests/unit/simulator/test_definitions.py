"""The simulator's definitions file: what it may say, and what is said about one that is wrong."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from amtconnector.simulator import definitions
from amtconnector.simulator.forms import Forms
from amtconnector.simulator.statuses import NAMES, name_of, number_of
from amtconnector.simulator.table import DefinitionError

TERMINAL = {3, 4, 6, 10, 11, 12, 22, 23, 24, 99}
PAGE = Path(__file__).parents[3] / "docs" / "simulator.md"


def test_the_example_has_a_job_for_each_terminal_status() -> None:
    """Whoever tries a schedule finds every end that AMT knows."""
    jobs = definitions.load(None).applications["DEMO2"].values()
    assert {job.ends for job in jobs if job.ends is not None} == TERMINAL


def test_the_example_accepts_the_documented_sample_credentials() -> None:
    """The vendor's sample of Connector.config logs on unchanged."""
    assert definitions.load(None).users["ocadm"].password == "opconxps"
    assert definitions.parse("").users["ocadm"].password == "opconxps"


def test_the_example_has_the_job_of_the_documented_command_line() -> None:
    """The documented command line runs unchanged, and its messages are the documented ones."""
    job = definitions.load(None).applications["DEMO2"]["RUN_PARAMETERTESTA"]
    assert [message.text for message in job.messages] == [
        "Started Rev: 1.1 AMT: 8.0.16351.50. Params: /R:2103 /USEWORKINGDIR",
        "Done",
    ]


def test_every_job_of_the_example_has_a_description() -> None:
    """The list that is printed at the start says what each job is for."""
    example = definitions.load(None)
    jobs = [job for jobs in example.applications.values() for job in jobs.values()]
    assert all(job.description for job in [*jobs, *example.scripts.values()])


def test_all_problems_are_reported_together_with_their_place() -> None:
    """One reading names every problem of the file."""
    with pytest.raises(DefinitionError) as caught:
        definitions.parse("""
            [scheduler]
            controller_delay = -1
            [applications.DEMO2.jobs.X]
            duraton = 5
            ends = "FINISHED"
            messages = [{ at = "soon" }]
            [[faults]]
            call = "poll"
        """)
    problems = sorted(line.partition(" known are ")[0] for line in str(caught.value).splitlines())
    assert problems == [
        "applications.DEMO2.jobs.X.duraton: unknown key;",
        "applications.DEMO2.jobs.X.ends: expected an AMT status, its number or its name",
        "applications.DEMO2.jobs.X.messages[1].at: expected a number, 0 or more",
        (
            "faults[1].call: expected one of any, heartbeat, logon, start, stop, kill, status, messages, logoff, "
            "connection"
        ),
        "scheduler.controller_delay: expected a number, 0 or more",
    ]


def test_what_is_no_toml_is_said_to_be_none() -> None:
    """A syntax error is reported like any other problem."""
    with pytest.raises(DefinitionError, match="this is not TOML"):
        definitions.parse("[jobs")


def test_a_message_without_a_time_comes_with_the_one_before_it() -> None:
    """Plain texts need no time of their own."""
    job = definitions.parse("""
        [applications.A.jobs.J]
        messages = ["a", { at = 2, text = "b" }, "c", { text = "d", until = 5 }]
    """).applications["A"]["J"]
    assert [(message.at, message.until) for message in job.messages] == [
        (0, math.inf),
        (2, math.inf),
        (2, math.inf),
        (2, 5),
    ]


def test_a_job_never_ends_when_it_says_so() -> None:
    """`never` is the only end that is no status."""
    assert definitions.parse('[applications.A.jobs.J]\nends = "never"').applications["A"]["J"].ends is None


def test_a_job_answers_in_the_forms_of_the_file_unless_it_has_its_own() -> None:
    """`answers` of a job stand over those of the file, key by key."""
    parsed = definitions.parse("""
        [answers]
        status = "name"
        letter_case = "lower"
        [applications.A.jobs.PLAIN]
        [applications.A.jobs.OWN.answers]
        status = "quoted"
    """).applications["A"]
    assert (parsed["PLAIN"].forms.status, parsed["PLAIN"].forms.letter_case) == ("name", "lower")
    assert (parsed["OWN"].forms.status, parsed["OWN"].forms.letter_case) == ("quoted", "lower")


@pytest.mark.parametrize("number", NAMES)
def test_a_status_is_read_by_number_and_by_name(number: int) -> None:
    """Letter case and `_` do not count in a name."""
    name = name_of(number)
    assert number_of(number) == number_of(name) == number_of(name.lower().replace(" ", "_")) == number


def test_every_key_is_explained_on_the_page() -> None:
    """docs/simulator.md names every key that a definitions file may hold."""
    source = "".join(
        (Path(definitions.__file__).parent / f"{module}.py").read_text(encoding="utf-8")
        for module in ("definitions", "messages", "faults", "contract/file")
    )
    keys = re.findall(r"table\.(?!tables?\()\w+\(\"(\w+)\"", source) + re.findall(
        r"(?:scheduler|logon)\.\w+\(\"(\w+)\"", source
    )
    keys += list(Forms.__dataclass_fields__)
    page = PAGE.read_text(encoding="utf-8")
    assert len(keys) > 50
    assert [key for key in keys if f"`{key}`" not in page] == []
