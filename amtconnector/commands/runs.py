"""`amt runs`: what is unfinished or recent, the log of a run, and the release of one whose fate is known."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from amtconnector import config
from amtconnector.records import ClaimedElsewhere, RunDirectory
from amtconnector.records.record import RunRecord, RunState, is_run_id
from amtconnector.records.table import job_name, run_table, task_name
from amtconnector.text import escaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_RECENT = timedelta(days=1)

_HELP = """\
Show the runs that are unfinished, or that changed within 24 hours: OpCon job, AMT job, request id, state, since when,
exit code and run id."""

_EPILOG = """\
\b
Examples:
  amt runs
  amt runs --log 20261123-a1b2c3d4e5
  amt runs --forget 20261123-a1b2c3d4e5
  amt runs --all --json --config D:\\AMT\\Connector.config

Exit codes: 0 done, 1 not done, 101 wrong command line."""


@click.command("runs", help=_HELP, epilog=_EPILOG)
@click.option("--all", "shows_all", is_flag=True, help="Show every run that is recorded.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, times in UTC, instead of a table.")
@click.option("--forget", metavar="RUN", help="Release a run: its OpCon job may start the task again.")
@click.option("--log", metavar="RUN", help="Print the log of a run.")
@click.option("--config", "config_path", metavar="PATH", help="Connector.config, if it is not in its usual place.")
def command(*, shows_all: bool, as_json: bool, forget: str | None, log: str | None, config_path: str | None) -> int:
    """Do what one call of `amt runs` asks for; 0 when that is done."""
    _refuse_contradictions(shows_all=shows_all, as_json=as_json, forget=forget, log=log)
    directory = _run_directory(config_path)
    if forget is not None:
        _forget(directory, _run_id(forget))
    elif log is not None:
        _show_log(directory, _run_id(log))
    else:
        _show(directory, shows_all=shows_all, as_json=as_json)
    return 0


def _refuse_contradictions(*, shows_all: bool, as_json: bool, forget: str | None, log: str | None) -> None:
    if forget is not None and log is not None:
        raise click.UsageError("--forget and --log are two things to do: give one of them.")
    if (shows_all or as_json) and (forget is not None or log is not None):
        raise click.UsageError("--all and --json go with the table, not with --forget or --log.")


def _run_directory(config_path: str | None) -> RunDirectory:
    # A configuration that is broken elsewhere must not hide the runs that it left open.
    return RunDirectory(config.run_directory_of(config.find(config_path)))


def _run_id(text: str) -> str:
    run_id = text.strip().lower()
    if not is_run_id(run_id):
        raise click.UsageError(f"'{escaped(text)}' is not a run id; 'amt runs' shows them in its last column.")
    return run_id


def _show(directory: RunDirectory, *, shows_all: bool, as_json: bool) -> None:
    every = directory.records()
    running = _running(directory, every)
    now = datetime.now(UTC)
    shown = [record for record in every if shows_all or _is_shown(record, running, now)]
    if as_json:
        click.echo(json.dumps([_json_value(record, directory, running) for record in shown], indent=2))
        return
    for line in _report(directory, shown, hidden=len(every) - len(shown), running=running):
        click.echo(line)


def _running(directory: RunDirectory, records: Iterable[RunRecord]) -> frozenset[str]:
    return frozenset(record.file_name for record in records if _is_running(directory, record))


def _is_running(directory: RunDirectory, record: RunRecord) -> bool:
    try:
        return directory.is_running(record)
    except OSError:  # a lock of another account's: what the record says is still worth showing
        return False


def _is_shown(record: RunRecord, running: frozenset[str], now: datetime) -> bool:
    is_recent = record.since is not None and now - record.since < _RECENT
    return record.is_unfinished or record.file_name in running or is_recent


def _report(
    directory: RunDirectory, shown: Sequence[RunRecord], *, hidden: int, running: frozenset[str]
) -> Iterable[str]:
    if shown:
        yield from (f"Runs in {directory.path}", "", *run_table(shown, running))
    elif hidden:
        yield f"No run in {directory.path} is unfinished, and none changed within 24 hours."
    else:
        yield f"No runs are recorded in {directory.path}"
    if hidden:
        yield from ("", f"{_counted(hidden)} not shown: amt runs --all")


def _counted(number: int) -> str:
    return "1 earlier run is" if number == 1 else f"{number} earlier runs are"


def _forget(directory: RunDirectory, run_id: str) -> None:
    try:
        record = directory.forget(run_id, datetime.now(UTC))
    except ClaimedElsewhere as error:
        raise click.ClickException(f"Run {run_id} is not released: a connector process is at work on it.") from error
    if record is None:
        raise click.ClickException(f"No run {run_id} is recorded in {directory.path}; 'amt runs --all' lists them.")
    if record.is_unfinished:
        _note_in_log(directory, run_id)
    for line in _released(record):
        click.echo(line)


def _note_in_log(directory: RunDirectory, run_id: str) -> None:
    log = directory.open_log(run_id)
    log.write("released by 'amt runs --forget'")
    log.close()


def _released(record: RunRecord) -> tuple[str, ...]:
    run = f"Run {record.run_id} of {job_name(record)}, AMT job {task_name(record)},"
    match record.state:
        case RunState.NOT_STARTED | RunState.FINISHED:
            return (f"{run} is not open: there was nothing to release.",)
        case RunState.INTENDED:
            return (
                f"{run} is released.",
                "Nothing was stopped in AMT: a task that its start request may have begun goes on.",
            )
        case RunState.SUBMITTED:
            return (
                f"{run} is released.",
                f"Nothing was stopped in AMT: if request {record.request_id} is still running there, it goes on.",
            )


def _show_log(directory: RunDirectory, run_id: str) -> None:
    try:
        with directory.log_path(run_id).open(encoding="utf-8", errors="backslashreplace") as file:
            for line in file:
                click.echo(escaped(line.removesuffix("\n")))
    except FileNotFoundError as error:
        raise click.ClickException(f"Run {run_id} has no log in {directory.path}.") from error


def _json_value(record: RunRecord, directory: RunDirectory, running: frozenset[str]) -> dict[str, object]:
    own = record._asdict()
    key = own.pop("key")
    return {
        **key._asdict(),
        **{name: _json_text(value) for name, value in own.items()},
        "since": _json_text(record.since),
        "is_running": record.file_name in running,
        "log": str(directory.log_path(record.run_id)),
    }


def _json_text(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case RunState():
            return value.value
        case _:
            return value
