"""`amt runs`: what is unfinished or recent, the log of a run, and the release of one whose fate is known."""

from __future__ import annotations

import json
import os
import shutil
import sys
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from amtconnector import config
from amtconnector.config.trust import run_directory_fault
from amtconnector.records import ClaimedElsewhere, RunDirectory
from amtconnector.records.listing import Listing, Wanted, listing
from amtconnector.records.record import RunRecord, RunState, is_run_id
from amtconnector.records.table import job_name, run_table, task_name
from amtconnector.system import files
from amtconnector.system.command_line import own_command
from amtconnector.text import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LIMIT = 100
_TERMINAL_COLUMNS = 120
_LONGEST_LIMIT = 1_000_000

_HELP = """\
Show the runs that are open, then those that ended within 24 hours."""

_EPILOG = """\
\b
Examples:
  amt runs --open
  amt runs --failed --job PAYROLL
  amt runs --log 20261123-a1b2c3d4e5
  amt runs --forget 20261123-a1b2c3d4e5
  amt runs --all --json --config D:\\AMT\\Connector.config

Exit codes: 0 done, 1 not done, 101 wrong command line."""


class _Limit(click.IntRange):
    """A number whose bounds the help leaves out."""

    def _describe_range(self) -> str:
        return ""


@click.command("runs", help=_HELP, epilog=_EPILOG)
@click.option("--all", "shows_all", is_flag=True, help="Show every run that is recorded.")
@click.option("--open", "is_open", is_flag=True, help="Show only runs whose task may be running.")
@click.option("--failed", is_flag=True, help="Show only runs that did not end with 4 (DONE).")
@click.option("--job", metavar="NAME", default="", help="Show only runs of that OpCon or AMT job.")
@click.option(
    "--limit",
    type=_Limit(1, _LONGEST_LIMIT),
    default=_LIMIT,
    metavar="N",
    help=f"Show at most N runs that are not open; default: {_LIMIT}.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, times in UTC, instead of a table.")
@click.option("--forget", metavar="RUN", help="Release a run: its OpCon job may start the task again.")
@click.option("--log", metavar="RUN", help="Print the log of a run.")
@click.option("--config", "config_path", metavar="PATH", help="Connector.config, if it is not in its usual place.")
@click.pass_context
def command(  # noqa: PLR0913 - one for each option
    context: click.Context,
    *,
    shows_all: bool,
    is_open: bool,
    failed: bool,
    job: str,
    limit: int,
    as_json: bool,
    forget: str | None,
    log: str | None,
    config_path: str | None,
) -> int:
    """Do what one call of `amt runs` asks for; 0 when that is done."""
    is_limited = context.get_parameter_source("limit") is not ParameterSource.DEFAULT
    about_table = [shows_all, is_open, failed, job, is_limited, as_json]
    _refuse_contradictions(is_about_table=any(about_table), is_open=is_open, failed=failed, forget=forget, log=log)
    wanted = Wanted(is_open, failed, job.strip(), None if shows_all and not is_limited else limit, shows_all)
    path = config.find(config_path)
    directory = _run_directory(path)
    if forget is not None:
        _forget(directory, _run_id(forget), path)
    elif log is not None:
        _show_log(directory, _run_id(log))
    else:
        _show(directory, wanted, path, as_json=as_json)
    return 0


def _refuse_contradictions(
    *, is_about_table: bool, is_open: bool, failed: bool, forget: str | None, log: str | None
) -> None:
    if forget is not None and log is not None:
        raise click.UsageError("--forget and --log are two things to do: give one of them.")
    if is_about_table and (forget is not None or log is not None):
        raise click.UsageError("--forget and --log are about one run: the other options go with the table.")
    if is_open and failed:
        raise click.UsageError("--open and --failed exclude each other: a run that failed is over.")


def _run_directory(path: Path) -> RunDirectory:
    # A configuration that is broken elsewhere must not hide the runs that it left open.
    directory = RunDirectory(config.run_directory_of(path))
    if fault := run_directory_fault(directory.path, path):
        click.echo(f"Warning: others may change what is recorded here: {fault}", err=True)
    return directory


def _run_id(text: str) -> str:
    run_id = text.strip().lower()
    if not is_run_id(run_id):
        raise click.UsageError(f"'{escaped(text)}' is not a run id, which stands in the last column of the table.")
    return run_id


def _show(directory: RunDirectory, wanted: Wanted, path: Path, *, as_json: bool) -> None:
    found = listing(directory, wanted, datetime.now(UTC))
    if as_json:
        click.echo(json.dumps([_json_value(record, directory, found.running) for record in found.records], indent=2))
        return
    for line in _report(directory, wanted, found, path):
        click.echo(line)


def _report(directory: RunDirectory, wanted: Wanted, found: Listing, path: Path) -> Iterator[str]:
    named = ("--config", str(path.absolute()))
    if found.records:
        yield from (f"Runs in {directory.path}", "")
        yield from run_table(found.records, found.running, width=_width(), config=named)
    elif wanted.is_particular:
        yield f"No such run is recorded in {directory.path}"
    elif found.hidden:
        yield f"No run in {directory.path} is unfinished, and none changed within 24 hours."
    else:
        yield f"No runs are recorded in {directory.path}"
    if found.hidden:
        yield from ("", f"{_counted(found.hidden)} not shown:  {own_command('runs', '--all', *named)}")


def _width() -> int | None:
    """Return how long a line may be: a file, a pipe and a program that reads want it whole."""
    return shutil.get_terminal_size((_TERMINAL_COLUMNS, 0)).columns if sys.stdout.isatty() else None


def _counted(number: int) -> str:
    return "1 earlier run is" if number == 1 else f"{number} earlier runs are"


def _forget(directory: RunDirectory, run_id: str, path: Path) -> None:
    try:
        record = directory.forget(run_id, datetime.now(UTC))
    except ClaimedElsewhere as error:
        raise click.ClickException(f"Run {run_id} is not released: a connector process is at work on it.") from error
    if record is None:
        known = own_command("runs", "--all", "--config", str(path.absolute()))
        raise click.ClickException(f"No run {run_id} is recorded in {directory.path}. All that are:\n  {known}")
    if record.is_unfinished:
        with closing(directory.open_log(run_id)) as log:
            log.write("released by amt runs --forget")
    for line in _released(record):
        click.echo(line)


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
        descriptor = files.open_existing(directory.log_path(run_id), os.O_RDONLY)
        with os.fdopen(descriptor, encoding="utf-8", errors="backslashreplace") as file:
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
