"""Which batch request STOP, KILL and ATTACH are about: by its id, or from the records on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amtconnector.errors import SubmissionUnknown, UsageError
from amtconnector.records.record import RunKey, RunRecord, RunState
from amtconnector.run.arguments import Action, Arguments
from amtconnector.run.next_steps import NextSteps, moment

if TYPE_CHECKING:
    from amtconnector.opcon import OpConJob
    from amtconnector.records import RunDirectory


def find(
    arguments: Arguments, directory: RunDirectory, server: str, opcon: OpConJob | None, advice: NextSteps
) -> RunRecord | None:
    """Return the record that a command line is about, None when -id names a request that no record here is about.

    Raises UsageError when -an and -jn match none or several, or -id is known as another task's, SubmissionUnknown when
    only a start of unknown fate matches, and OSError when the records can't be listed.
    """
    if arguments.request_id is None:
        return _by_name(arguments, directory, server, advice)
    known = next(iter(directory.records_of_request(server, arguments.request_id.text)), None)
    if known is not None and not _is_meant(known.key, arguments):
        raise _mistaken(known, f"not to job '{arguments.name}' of {arguments.application or 'any application'}")
    if arguments.action is Action.ATTACH and opcon is not None:
        records = directory.unfinished_of_opcon_job(opcon.schedule_date, opcon.schedule_name, opcon.name)
        own = _own(records, arguments, server)
        if own is not None and known is not None and own.run_id != known.run_id:
            raise _mistaken(known, "not to this OpCon job, whose own start is open")
        return own or known
    return known


def _mistaken(record: RunRecord, instead_of: str) -> UsageError:
    """Return the refusal of an id that the records on this machine know as another task's."""
    return UsageError(
        f"Request {record.request_id} belongs to job '{record.key.job}' of {record.key.application}, {instead_of}; "
        "nothing was done.",
        subject=_line(record),
        hint="Compare the id with AMT Control Center; 'amt runs' shows the requests that are known here.",
    )


def _own(records: list[RunRecord], arguments: Arguments, server: str) -> RunRecord | None:
    """Return the record of this OpCon job that the request settles: its own, else the one start of unknown fate."""
    here = [record for record in records if record.key.server in {server, ""}]
    for record in here:
        if arguments.request_id is not None and record.request_id == arguments.request_id.text:
            return record
    unknown = [record for record in here if record.state is RunState.INTENDED and _is_meant(record.key, arguments)]
    return unknown[0] if len(unknown) == 1 else None


def _is_meant(key: RunKey, arguments: Arguments) -> bool:
    # A damaged record may not tell its application and job: then it is the OpCon job that fits.
    return _fits(arguments.application, key.application) and _fits(arguments.name, key.job)


def _fits(given: str, recorded: str) -> bool:
    return "" in {given, recorded} or given == recorded


def _by_name(arguments: Arguments, directory: RunDirectory, server: str, advice: NextSteps) -> RunRecord:
    records = directory.unfinished_of_task(server, arguments.application, arguments.name)
    submitted = [record for record in records if record.state is RunState.SUBMITTED]
    what = f"job '{arguments.name}' of {arguments.application}"
    if len(submitted) > 1:
        raise UsageError(
            f"Several open runs of {what} are known on this machine, and nothing was done: name one with -id.",
            subject="\n".join(_line(record) for record in submitted),
            hint=f"{advice.command(arguments.action.value, 'N')}  with one of these ids in place of N",
        )
    if submitted:
        return submitted[0]
    if records:
        raise SubmissionUnknown(
            f"Of {what} only a start is known whose fate is not; nothing was done.",
            subject="\n".join(_line(record) for record in records),
            hint=advice.fate_unknown(records[0]),
        )
    raise UsageError(
        f"No open run of {what} is known on this machine, and nothing was done: name the request with -id.",
        hint="AMT Control Center shows the ids of its batch requests, and so do the job logs of the runs.",
    )


def _line(record: RunRecord) -> str:
    job = f", OpCon job {record.key.opcon_job} {record.job_number}" if record.key.is_opcon else ""
    request = f"request {record.request_id}" if record.request_id else "no request id"
    return f"{request}, since {moment(record.since)}{job}, run {record.run_id}"
