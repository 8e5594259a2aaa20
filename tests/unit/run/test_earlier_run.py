"""What a run that fails early still says of an earlier one."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from amtconnector.errors import ConfigurationError, LostContact, RunError, SubmissionUnknown, TaskFate, TaskState
from amtconnector.opcon import OpConJob
from amtconnector.output.job_log import JobLog, open_run_sentence
from amtconnector.records import RunDirectory
from amtconnector.records.record import RunKey, RunRecord, RunState
from amtconnector.run.earlier_run import open_run_of
from amtconnector.task import OpenRun
from tests.support.configfile import SERVER, loaded, written
from tests.support.fakes import FakeSink

if TYPE_CHECKING:
    from pathlib import Path

    from amtconnector.config import Config

OPCON = OpConJob("20261123", "End of day", "PAYROLL", "0000012345")
KEY = RunKey("20261123", "End of day", "PAYROLL", "host:4004", "DEMO2", "RUN_PAY")
NOW = datetime(2026, 11, 23, 2, 14, tzinfo=UTC)
INTENDED = RunRecord(KEY, "20261123-a1b2c3d4e5", RunState.INTENDED, created_at=NOW, intended_at=NOW)
SUBMITTED = INTENDED._replace(state=RunState.SUBMITTED, request_id="2112", submitted_at=NOW)
SETTINGS = "[CONNECTOR]\nRUN_DIRECTORY=runs\n" + SERVER


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Return a configuration whose runs are beside it."""
    return loaded(tmp_path, SETTINGS)


def keep(config: Config, record: RunRecord) -> None:
    """Leave a record behind."""
    with RunDirectory(config.run_directory).claim(record.key, record.run_id) as claim:
        claim.save(record)


def test_an_open_request_is_named_with_its_commands(config: Config) -> None:
    """Where a task was started by an earlier run, the text says so."""
    keep(config, SUBMITTED)
    earlier = open_run_of(OPCON, config, "")
    assert earlier is not None
    assert "may be running: request 2112" in open_run_sentence(earlier)
    assert "-jt ATTACH -id 2112" in earlier.hint
    assert str(config.path) in earlier.hint


def test_a_start_of_unknown_fate_is_named_with_what_to_look_for(config: Config) -> None:
    """There is no request id: the run's own id stands for it."""
    keep(config, INTENDED)
    earlier = open_run_of(OPCON, config, "")
    assert earlier is not None
    assert INTENDED.run_id in open_run_sentence(earlier)
    assert "AMT Control Center" in earlier.hint


@pytest.mark.parametrize("state", [RunState.NOT_STARTED, RunState.FINISHED])
def test_what_is_over_is_not_named(state: RunState, config: Config) -> None:
    """Nothing is open."""
    keep(config, SUBMITTED._replace(state=state, exit_code=4))
    assert open_run_of(OPCON, config, "") is None


def test_another_job_and_a_run_by_hand_have_nothing_open(config: Config) -> None:
    """An open run is that of the same OpCon job on the same date."""
    keep(config, SUBMITTED)
    assert open_run_of(OPCON._replace(schedule_date="20261124"), config, "") is None
    assert open_run_of(None, config, "") is None


def test_a_configuration_that_is_broken_still_tells_where_the_runs_are(config: Config) -> None:
    """102 and 103 name an open run too."""
    keep(config, SUBMITTED)
    written(config.path.parent, SETTINGS.replace("USER=u", "USER") + "nonsense\n")
    earlier = open_run_of(OPCON, None, str(config.path))
    assert earlier is not None
    assert earlier.request_id == "2112"


def test_a_folder_without_a_configuration_has_nothing_open(tmp_path: Path) -> None:
    """Nothing is raised."""
    assert open_run_of(OPCON, None, str(tmp_path / "missing" / "Connector.config")) is None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not let a working directory be removed")
def test_a_working_directory_that_is_gone_is_no_reason_to_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that fails for another reason must end with the code of that one."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    os.rmdir(gone)  # noqa: PTH106 - the path is the working directory
    assert open_run_of(OPCON, None, "") is None


RUN = OpenRun("20261123-a1b2c3d4e5", "2112", "look for 2112")


@pytest.mark.parametrize(
    ("error", "told_twice"),
    [
        (LostContact("Gone.", fate=TaskFate(TaskState.RUNNING, "2112")), False),
        (SubmissionUnknown("Sent.", fate=TaskFate(TaskState.MAYBE, run_id=RUN.run_id)), False),
        (LostContact("Gone.", fate=TaskFate(TaskState.RUNNING, "21120")), True),
        (ConfigurationError("Request 2112 is in its text only."), True),
    ],
)
def test_a_failure_that_speaks_of_the_run_is_told_apart(error: RunError, told_twice: bool) -> None:  # noqa: FBT001 - pytest gives it
    """Nothing is said twice, another request is another request, and no text is read to find out."""
    sink = FakeSink()
    JobLog(sink).failed(error, RUN)
    assert ("look for 2112" in sink.text) is told_twice
    assert ("A task of an earlier run of this OpCon job may be running: request 2112." in sink.text) is told_twice
