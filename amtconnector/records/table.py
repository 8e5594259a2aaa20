"""Run records as people read them: a plain table, and what to do about those that are open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amtconnector.records.record import RunState
from amtconnector.system.command_line import own_command
from amtconnector.text import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

    from amtconnector.records.record import RunRecord

_TITLES = ("OPCON JOB", "AMT JOB", "REQUEST", "STATE", "SINCE", "EXIT", "RUN")
_SHRINKING = (0, 1)
_NARROWEST = 12
_GAP = "  "
_CUT = "..."

_AT_WORK = "*  A connector process is at work on it."
_SUBMITTED = """\
submitted without *: the AMT task may still be running. Restart the OpCon job to attach to it, or run
   {attach}
with its request id in place of REQUEST."""
_TROUBLE = """\
unreadable: the system says "{}". The record itself may be sound: look at it as an account that may read it."""
_INTENDED = """\
intended, unreadable: a start may or may not have reached AMT. Look in AMT Control Center. If the task is there, with
request id N, run that OpCon job once with  -jt ATTACH -id N  in place of START. If it is not, release the job:
   {forget}
with the last column in place of RUN."""


def run_table(
    records: Sequence[RunRecord],
    running: frozenset[str],
    *,
    width: int | None = None,
    zone: tzinfo | None = None,
    config: tuple[str, ...] = (),
) -> Iterator[str]:
    """Yield the lines of a table of records, in their order, and below it what is open means.

    `running` holds the file names of the records that a process is at work on. `zone` None is the local time. Lines are
    at most `width` characters unless a request id or a run id needs more; None: nothing is cut.
    `config` is what names the installation in a command line: `--config` and its path.
    """
    rows = [_TITLES, *(_row(record, running, zone) for record in records)]
    widths = _widths(rows, width)
    for row in rows:
        cells = (_fitted(cell, width) for cell, width in zip(row, widths, strict=True))
        yield _GAP.join(cells).rstrip()
    yield from _legend(records, running, config)


def job_name(record: RunRecord) -> str:
    """Return how an OpCon job is shown: its name first, which is the last to be cut, then its schedule and date."""
    key = record.key
    if key.is_opcon:
        return escaped(f"{key.opcon_job or '?'} ({key.schedule_name} {key.schedule_date})")
    return "?" if record.is_damaged and not record.file_name.startswith("hand-") else "by hand"


def task_name(record: RunRecord) -> str:
    """Return how an AMT task is shown: its application and its job or script."""
    return escaped(f"{record.key.application} {record.key.job}".strip()) or "?"


def state_name(record: RunRecord) -> str:
    """Return how a state is shown: what the record says, and where an operator or a damaged file has changed that."""
    if record.is_damaged:
        return "unreadable"
    if record.state is RunState.NOT_STARTED and record.released_at:
        return "released"
    return record.state.value


def _row(record: RunRecord, running: frozenset[str], zone: tzinfo | None) -> tuple[str, ...]:
    return (
        job_name(record),
        task_name(record),
        escaped(record.request_id),
        f"{state_name(record)}{' *' if record.file_name in running else ''}",
        f"{record.since.astimezone(zone):%Y-%m-%d %H:%M}" if record.since else "?",
        "" if record.exit_code is None else str(record.exit_code),
        record.run_id,
    )


def _widths(rows: Sequence[tuple[str, ...]], limit: int | None) -> list[int]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(_TITLES))]
    while limit is not None and sum(widths) + len(_GAP) * (len(widths) - 1) > limit:
        widest = max(_SHRINKING, key=lambda column: widths[column])
        if widths[widest] <= _NARROWEST:
            break
        widths[widest] -= 1
    return widths


def _fitted(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else text[: width - len(_CUT)] + _CUT


def _legend(records: Sequence[RunRecord], running: frozenset[str], config: tuple[str, ...]) -> Iterator[str]:
    open_states = {record.state for record in records if record.file_name not in running}
    attach = own_command("-jt", "ATTACH", "-id", "REQUEST", *config)
    forget = own_command("runs", "--forget", "RUN", *config)
    lines = [
        *([_AT_WORK] if running.intersection(record.file_name for record in records) else []),
        *([_SUBMITTED.format(attach=attach)] if RunState.SUBMITTED in open_states else []),
        *([_INTENDED.format(forget=forget)] if RunState.INTENDED in open_states else []),
        *sorted({_TROUBLE.format(escaped(record.trouble)) for record in records if record.trouble}),
        *(f"{record.run_id}: {escaped(record.distrust)}" for record in records if record.distrust),
    ]
    if lines:
        yield ""
    for line in lines:
        yield from line.splitlines()
