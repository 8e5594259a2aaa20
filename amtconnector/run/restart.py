"""Restart protection: what an earlier run of the same OpCon job means for this one.

Nothing here asks AMT: the record decides alone, and in doubt nothing is started.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from amtconnector.errors import SubmissionUnknown, TaskFate, TaskState
from amtconnector.named_tuple import NamedTuple
from amtconnector.records.record import RunRecord, RunState
from amtconnector.run.next_steps import NextSteps, moment
from amtconnector.statuses import SUCCESS

if TYPE_CHECKING:
    from datetime import datetime

    from amtconnector.task import Task

OLDEST_TO_ATTACH = timedelta(days=3)
_CLOCKS_APART = timedelta(seconds=5)


class NewRun(NamedTuple):
    """Start the task; `note` is what the header says of an earlier run, "" for nothing."""

    note: str = ""


class Attach(NamedTuple):
    """Start nothing: the task of this record is taken up."""

    record: RunRecord


def decide(
    earlier: RunRecord | None, task: Task, release: str, now: datetime, next_steps: NextSteps
) -> NewRun | Attach:
    """Return what to do after an earlier run under the same key.

    Raises SubmissionUnknown when it can't be decided without an operator.
    """
    if earlier is None:
        return NewRun()
    if earlier.is_unfinished and release == earlier.run_id:
        return NewRun(f"released: run {earlier.run_id} ({earlier.state.value}{_request(earlier)}) is left to itself")
    match earlier.state:
        case RunState.NOT_STARTED:
            return NewRun()
        case RunState.FINISHED:
            return NewRun(_finished(earlier))
        case RunState.INTENDED:
            raise _fate_unknown(earlier, next_steps)
        case RunState.SUBMITTED:
            return _taken_up(earlier, task, now, next_steps)


def ran_at_the_same_time(earlier: RunRecord | None, begun_at: datetime, now: datetime) -> bool:
    """Whether the earlier run ended after this process began: they were started at the same moment, and one is enough.

    An end that lies in the future was written by another clock, and tells nothing.
    """
    if earlier is None or earlier.state is not RunState.FINISHED or earlier.finished_at is None:
        return False
    return begun_at < earlier.finished_at <= now + _CLOCKS_APART


def overlapped(earlier: RunRecord) -> SubmissionUnknown:
    """Return the failure of a run that was started at the same moment as another one of its job, which has ended."""
    return SubmissionUnknown(
        "Another process ran this job at the same moment and has ended; nothing was started here.",
        subject=f"OpCon job number {earlier.job_number or 'unknown'}, request {earlier.request_id}: it ended with "
        f"{earlier.status} ({earlier.exit_code})",
        hint="If the task is to run once more, restart this job.",
        fate=TaskFate(TaskState.NONE),
    )


def locked(record: RunRecord | None, next_steps: NextSteps) -> SubmissionUnknown:
    """Return the failure of a run that finds another process at work on its job."""
    # Until the other process has saved its own record this is what an earlier run left.
    theirs = record if record and record.is_unfinished else None
    request_id = theirs.request_id if theirs else ""
    number = f"OpCon job number {theirs.job_number}, " if theirs and theirs.job_number else ""
    unread = f"its request id can't be read: {theirs.trouble}" if theirs and theirs.trouble else ""
    request = f"request {request_id}" if request_id else unread or "no request id is known yet"
    return SubmissionUnknown(
        "Another process is running this job; nothing was started here.",
        subject=number + request,
        hint="Wait for the other one; if it is another instance of this job, run it again when that has ended.\n"
        + (next_steps.ways_on(request_id) if request_id else f"Its request id, once there is one:  {next_steps.runs}"),
        fate=TaskFate(TaskState.MAYBE, request_id, theirs.run_id if theirs else ""),
    )


def _finished(record: RunRecord) -> str:
    if record.exit_code != SUCCESS:
        return ""
    return f"an earlier run of this job ended with DONE at {moment(record.finished_at)}, request {record.request_id}"


def _request(record: RunRecord) -> str:
    return f", request {record.request_id}" if record.request_id else ""


def _fate_unknown(record: RunRecord, next_steps: NextSteps) -> SubmissionUnknown:
    damaged = " Its record is damaged." if record.is_damaged else ""
    if record.distrust:
        damaged = f" Its record is not believed: {record.distrust}."
    return SubmissionUnknown(
        "An earlier run of this job sent a start, and it is not known whether AMT received it; "
        f"nothing was started now.{damaged}",
        subject=f"run {record.run_id}, begun {moment(record.intended_at or record.created_at)}",
        hint=next_steps.fate_unknown(record),
        fate=TaskFate(TaskState.MAYBE, run_id=record.run_id),
    )


def _taken_up(record: RunRecord, task: Task, now: datetime, next_steps: NextSteps) -> Attach:
    differences = _differences(record, task)
    age = now - record.submitted_at if record.submitted_at else OLDEST_TO_ATTACH * 2
    if not differences and age <= OLDEST_TO_ATTACH:
        return Attach(record)
    why = "was given other values" if differences else "is more than 3 days old"
    raise SubmissionUnknown(
        f"An earlier run of this job started a task whose end is not known, and it {why}; nothing was started now.",
        subject="\n".join(
            [f"request {record.request_id}, started {moment(record.submitted_at)}, run {record.run_id}", *differences]
        ),
        hint=f"{next_steps.ways_on(record.request_id)}\n"
        f"If the earlier task no longer matters: {next_steps.release(record)}",
        fate=TaskFate(TaskState.MAYBE, record.request_id, record.run_id),
    )


def _differences(record: RunRecord, task: Task) -> list[str]:
    pairs = (
        ("-pa (Parameters)", record.parameters, task.parameters),
        ("-tv (task value)", record.task_values, task.task_values),
    )
    return [f"{label}: then {_shown(then)}, now {_shown(now)}" for label, then, now in pairs if then != now]


def _shown(values: tuple[str, ...]) -> str:
    return ", ".join(values) or "none"
