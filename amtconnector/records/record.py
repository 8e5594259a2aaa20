"""What is known of a run."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import Enum

from amtconnector.named_tuple import NamedTuple
from amtconnector.task import Task


class RunState(Enum):
    """How far a run has come."""

    NOT_STARTED = "not started"
    INTENDED = "intended"
    SUBMITTED = "submitted"
    FINISHED = "finished"


class RunKey(NamedTuple):
    """What makes two runs the same work: the OpCon job of a schedule date, and the AMT task that it starts.

    The first three are "" by hand. `schedule_date` is YYYYMMDD, `opcon_job` the name without OpCon's number, `server`
    is `host:port`, `job` the AMT job or the script.
    """

    schedule_date: str = ""
    schedule_name: str = ""
    opcon_job: str = ""
    server: str = ""
    application: str = ""
    job: str = ""

    @property
    def is_opcon(self) -> bool:
        """Whether an OpCon job is known."""
        return bool(self.schedule_date or self.schedule_name or self.opcon_job)


class RunRecord(NamedTuple):
    """One run, as its record tells it: texts "" and times None where unknown, times aware and in UTC.

    `run_id` names this one run. `job_number` is OpCon's, 10 digits. `intended_at` is when the start was about to be
    sent, `answer_due_at` until when it may have been on the way, `released_at` when an operator declared the run over.
    `status` is the name of the AMT end, such as "DONE". `host` and `pid` inform, nothing is decided by them. `config`
    is the path of Connector.config. `is_damaged`: the file was cut short or unreadable; the state is then INTENDED,
    run id and `created_at` (when the file was written) are made up where they could not be read. `trouble` is what the
    system said when it would not let the file be read, "" where it did: the record itself may be sound then.
    `distrust` says whose the file is, where it belongs to an account that may not put one there: nothing in it counts.
    `file_name` is that of the record's file without its ending, "" before the record is on disk.
    """

    key: RunKey
    run_id: str
    state: RunState
    job_number: str = ""
    submit_user: str = ""
    station: str = ""
    queue: str = ""
    user: str = ""
    parameters: tuple[str, ...] = ()
    task_values: tuple[str, ...] = ()
    request_id: str = ""
    exit_code: int | None = None
    status: str = ""
    created_at: datetime | None = None
    intended_at: datetime | None = None
    answer_due_at: datetime | None = None
    submitted_at: datetime | None = None
    finished_at: datetime | None = None
    released_at: datetime | None = None
    host: str = ""
    pid: int = 0
    config: str = ""
    is_damaged: bool = False
    trouble: str = ""
    distrust: str = ""
    file_name: str = ""

    @property
    def is_unfinished(self) -> bool:
        """Whether a task of this run may be running, as far as the record tells."""
        return self.state in (RunState.INTENDED, RunState.SUBMITTED)

    @property
    def task(self) -> Task:
        """The task that the run is about. A script is told from a job by its path, which is a whole one."""
        name = self.key.job
        is_script = "\\" in name or "/" in name
        return Task(
            application=self.key.application,
            job="" if is_script else name,
            script=name if is_script else "",
            user=self.user,
            submit_user=self.submit_user,
            station=self.station,
            queue=self.queue,
            task_values=self.task_values,
            parameters=self.parameters,
        )

    @property
    def since(self) -> datetime | None:
        """When the run came into its state."""
        match self.state:
            case RunState.NOT_STARTED:
                return self.released_at or self.created_at
            case RunState.INTENDED:
                return self.intended_at or self.created_at
            case RunState.SUBMITTED:
                return self.submitted_at
            case RunState.FINISHED:
                return self.finished_at


def new_run_id(now: datetime, random_bytes: bytes) -> str:
    """Make the id of a run, such as `20261123-a1b2c3d4e5`: its UTC date, and the first 5 random bytes."""
    return f"{now.astimezone(UTC):%Y%m%d}-{random_bytes[:5].hex()}"


def damaged_run_id(digest: str) -> str:
    """Make the id of a run whose record does not tell it, from a hexadecimal digest of the record's file."""
    return f"damaged-{digest[:10]}"


def is_run_id(text: str) -> bool:
    """Whether a text is a run id: it can then be part of a file's name."""
    return re.fullmatch(r"(?:[0-9]{8}|damaged)-[0-9a-f]{10}", text) is not None
