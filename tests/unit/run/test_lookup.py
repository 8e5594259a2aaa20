"""Which batch request STOP, KILL and ATTACH are about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from amtconnector.errors import SubmissionUnknown, UsageError
from amtconnector.opcon import OpConJob
from amtconnector.records import RunDirectory
from amtconnector.records.file_names import file_name
from amtconnector.records.record import RunKey, RunRecord, RunState
from amtconnector.run import lookup
from amtconnector.run.arguments import Arguments, parse
from amtconnector.run.next_steps import NextSteps

if TYPE_CHECKING:
    from pathlib import Path

SERVER = "amt:4004"
OPCON = OpConJob("20261123", "End of day", "PAYROLL", "0000012345")
KEY = RunKey("20261123", "End of day", "PAYROLL", SERVER, "DEMO2", "RUN_PAY")
NOW = datetime(2026, 11, 23, 2, 14, tzinfo=UTC)
INTENDED = RunRecord(KEY, "20261123-a1b2c3d4e5", RunState.INTENDED, created_at=NOW, intended_at=NOW)
SUBMITTED = INTENDED._replace(state=RunState.SUBMITTED, request_id="2112", submitted_at=NOW)
BY_HAND = SUBMITTED._replace(
    key=RunKey("", "", "", SERVER, "DEMO2", "RUN_PAY"), run_id="20261123-bbbbbbbbbb", request_id="2113"
)
BY_NAME = "-jt KILL -an DEMO2 -jn RUN_PAY"


class Shelves:
    """A run directory with records in it."""

    def __init__(self, path: Path) -> None:
        self.directory = RunDirectory(path / "runs", patience_s=0)

    def keep(self, *records: RunRecord) -> None:
        """Leave records behind."""
        for record in records:
            with self.directory.claim(record.key, record.run_id) as claim:
                claim.save(record)

    def damage(self, record: RunRecord) -> None:
        """Leave an empty file where a record was."""
        self.keep(record)
        (self.directory.path / f"{file_name(record.key, record.run_id)}.json").write_bytes(b"")

    def find(self, line: str, opcon: OpConJob | None = None, server: str = SERVER) -> RunRecord | None:
        """Return what a command line finds."""
        arguments: Arguments = parse(line.split())
        return lookup.find(arguments, self.directory, server, opcon, NextSteps("/site/Connector.config"))


@pytest.fixture
def shelves(tmp_path: Path) -> Shelves:
    """Return an empty run directory."""
    return Shelves(tmp_path)


def test_the_one_open_run_of_the_name_is_found(shelves: Shelves) -> None:
    """By OpCon or by hand."""
    shelves.keep(SUBMITTED)
    found = shelves.find(BY_NAME)
    assert found is not None
    assert (found.request_id, found.run_id) == ("2112", SUBMITTED.run_id)


def test_several_are_listed_and_nothing_is_done(shelves: Shelves) -> None:
    """101: each with its request, and the command by -id."""
    shelves.keep(SUBMITTED, BY_HAND)
    with pytest.raises(UsageError) as caught:
        shelves.find(BY_NAME)
    assert "request 2112" in caught.value.subject
    assert "request 2113" in caught.value.subject
    assert "-jt KILL -id N" in caught.value.hint


@pytest.mark.parametrize("record", [None, SUBMITTED._replace(state=RunState.FINISHED, exit_code=4)])
def test_none_is_a_mistake(record: RunRecord | None, shelves: Shelves) -> None:
    """101: what is over is not there any more."""
    if record:
        shelves.keep(record)
    with pytest.raises(UsageError, match="name the request with -id"):
        shelves.find(BY_NAME)


@pytest.mark.parametrize("is_damaged", [False, True])
def test_a_start_of_unknown_fate_alone_is_104(is_damaged: bool, shelves: Shelves) -> None:  # noqa: FBT001 - pytest gives it
    """There is no request id to do anything about; a damaged record is such a one."""
    (shelves.damage if is_damaged else shelves.keep)(INTENDED)
    with pytest.raises(SubmissionUnknown, match="fate is not") as caught:
        shelves.find(BY_NAME)
    assert "AMT Control Center" in caught.value.hint


def test_another_server_application_or_job_is_another_task(shelves: Shelves) -> None:
    """Only what the command line names is found."""
    shelves.keep(SUBMITTED)
    for line, server in ((BY_NAME, "other:4004"), ("-jt KILL -an OTHER -jn RUN_PAY", SERVER)):
        with pytest.raises(UsageError):
            shelves.find(line, server=server)


def test_an_id_that_no_record_is_about_needs_none(shelves: Shelves) -> None:
    """Any request of the server can be named."""
    shelves.keep(SUBMITTED)
    assert shelves.find("-jt KILL -id 77") is None
    assert shelves.find("-jt KILL -id 2112", server="other:4004") is None


@pytest.mark.parametrize("action", ["STOP", "KILL", "ATTACH"])
def test_an_id_finds_its_record(action: str, shelves: Shelves) -> None:
    """So that the record is finished with the task."""
    shelves.keep(SUBMITTED, BY_HAND)
    found = shelves.find(f"-jt {action} -id 2113")
    assert found is not None
    assert found.run_id == BY_HAND.run_id


@pytest.mark.parametrize("line", ["-jt ATTACH -id 77", "-jt ATTACH -id 77 -an DEMO2 -jn RUN_PAY"])
@pytest.mark.parametrize("is_damaged", [False, True])
def test_attach_in_the_same_opcon_job_finds_the_start_of_unknown_fate(
    line: str,
    is_damaged: bool,  # noqa: FBT001 - pytest gives it
    shelves: Shelves,
) -> None:
    """The operator found the request: this settles the record, also one that tells nothing any more."""
    (shelves.damage if is_damaged else shelves.keep)(INTENDED)
    found = shelves.find(line, OPCON)
    assert found is not None
    assert found.state is RunState.INTENDED
    assert found.is_damaged is is_damaged


@pytest.mark.parametrize(
    ("line", "opcon"),
    [
        ("-jt KILL -id 77", OPCON),
        ("-jt ATTACH -id 77", None),
        ("-jt ATTACH -id 77", OPCON._replace(name="OTHER")),
        ("-jt ATTACH -id 77 -an DEMO2 -jn OTHER", OPCON),
    ],
)
def test_nothing_else_settles_it(line: str, opcon: OpConJob | None, shelves: Shelves) -> None:
    """Another job, another task, a kill, a shell: the record stays for the one who is meant."""
    shelves.keep(INTENDED)
    assert shelves.find(line, opcon) is None


def test_of_two_unknown_starts_none_is_guessed(shelves: Shelves) -> None:
    """The same OpCon job with two AMT tasks: -an and -jn tell which."""
    other = INTENDED._replace(key=KEY._replace(job="RUN_OTHER"), run_id="20261123-cccccccccc")
    shelves.keep(INTENDED, other)
    assert shelves.find("-jt ATTACH -id 77", OPCON) is None
    found = shelves.find("-jt ATTACH -id 77 -an DEMO2 -jn RUN_OTHER", OPCON)
    assert found is not None
    assert found.run_id == other.run_id


def test_a_record_that_has_the_id_comes_before_one_of_unknown_fate(shelves: Shelves) -> None:
    """What is known is not guessed."""
    other = INTENDED._replace(key=KEY._replace(job="RUN_OTHER"), run_id="20261123-cccccccccc")
    shelves.keep(SUBMITTED, other)
    found = shelves.find("-jt ATTACH -id 2112", OPCON)
    assert found is not None
    assert found.run_id == SUBMITTED.run_id
