"""`amt-lab acceptance`: try a released amt on this machine, print a line for each check, and write a report."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from amtconnector.commands.click_command import DONE, NOT_DONE
from amtconnector.lab import programs
from amtconnector.lab.acceptance import report as reports
from amtconnector.lab.acceptance import runner, service
from amtconnector.lab.acceptance.check import Outcome, Result
from amtconnector.lab.acceptance.plan import CHECKS
from amtconnector.lab.acceptance.stage import Stage, Wishes
from amtconnector.lab.simulated_amt import NotStarted
from amtconnector.system.command_line import pasteable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amtconnector.lab.acceptance.check import Check

_HELP = """\
Try the released program on the machine where it will run, against a simulated AMT on this machine. Takes two to five
minutes, needs no AMT, no OpCon and no configuration, and leaves nothing behind but its report.

Each check is a line: ok, FAILED, or not tried with the reason why this system can't. At the end it writes a report as
JSON and as a page to read or mail.

\b
Examples:
  amt-lab acceptance
  amt-lab acceptance --program "C:\\Program Files\\AMT Connector\\1.2\\amt.exe"
  amt-lab acceptance --run-directory \\\\files\\amt\\runs
  amt-lab acceptance --only tls-unknown --only ctrl-c
  amt-lab acceptance --as-service

\b
Exit codes: 0 all is well, 1 something failed or stopped, 101 usage."""

_COLOURS = {Outcome.OK: "green", Outcome.FAILED: "red", Outcome.NOT_TRIED: "yellow"}
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path, resolve_path=True)
_FOLDER = click.Path(exists=True, file_okay=False, writable=True, path_type=Path, resolve_path=True)
_SHOWN_LINES = 12


@click.command("acceptance", help=_HELP)
@click.option("--program", type=_FILE, help="The released amt; default: beside this folder.")
@click.option("--run-directory", type=_FOLDER, help="One that machines are to share.")
@click.option("--report", "folder", type=_FOLDER, default=".", help="Folder for the report; default: this one.")
@click.option("--work-folder", type=_FOLDER, help="For temporary files.")
@click.option("--only", multiple=True, metavar="CHECK", help="Perform this check alone; can be repeated.")
@click.option("--list", "is_list", is_flag=True, help="List the checks and end.")
@click.option("--as-service", is_flag=True, help="As Local System in session 0, on Windows.")
def command(  # noqa: PLR0913 - one parameter for each option
    *,
    program: Path | None,
    run_directory: Path | None,
    folder: Path,
    work_folder: Path | None,
    only: tuple[str, ...],
    is_list: bool,
    as_service: bool,
) -> int:
    """Do what is asked for; 0 when nothing failed."""
    if is_list:
        click.echo("\n".join(f"{check.name:<22} {check.title}" for check in CHECKS))
        return DONE
    checks = _wanted(only)
    if work_folder:
        tempfile.tempdir = str(work_folder)
    _end_in_good_order()
    wishes = Wishes(_connector(program), run_directory)
    base = folder / f"amt-acceptance-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    if as_service:
        return service.accept(wishes, only, base)
    return _accept(wishes, checks, base)


def _accept(wishes: Wishes, checks: Sequence[Check], base: Path) -> int:
    begun, since = datetime.now(UTC), time.monotonic()
    click.echo(f"{pasteable(wishes.command)}, as {reports.account()}, {len(checks)} checks\n")
    results: list[Result] = []
    try:
        with Stage(wishes) as stage:
            for result in runner.results_of(checks, stage):
                _show(result)
                results.append(result)
    except NotStarted as error:
        raise click.ClickException(str(error)) from error
    version = next((result.finding for result in results if result.name == "version"), "")
    report = reports.Report(
        pasteable(wishes.command),
        version,
        reports.account(),
        reports.session(),
        begun,
        time.monotonic() - since,
        tuple(results),
    )
    return finish(report, base)


def finish(report: reports.Report, base: Path) -> int:
    """Write the report, say the verdict, and return the exit code."""
    written = reports.write(report, base)
    click.echo()
    click.secho(report.verdict, bold=True)
    for path in written:
        click.echo(f"  {path}")
    return DONE if report.is_well else NOT_DONE


def _show(result: Result) -> None:
    outcome = click.style(f"{result.outcome.value:<10}", fg=_COLOURS[result.outcome])
    click.echo(f"{outcome} {result.name:<22} {result.finding} ({result.seconds:.1f} s)")
    for line in result.output.splitlines()[-_SHOWN_LINES:]:
        click.echo(f"           | {line}")
    sys.stdout.flush()


def _wanted(names: tuple[str, ...]) -> list[Check]:
    known = {check.name: check for check in CHECKS}
    if unknown := [name for name in names if name not in known]:
        raise click.UsageError(f"no such check: {unknown[0]}\n  See:  {programs.lab_line('acceptance', '--list')}")
    return [check for check in CHECKS if not names or check.name in names]


def _connector(program: Path | None) -> tuple[str, ...]:
    if program is None:
        try:
            return tuple(programs.connector_command())
        except FileNotFoundError as error:
            raise click.UsageError(f"there is no {error}: name the released program with --program.") from error
    if sys.platform != "win32" and program.suffix.casefold() == ".exe":
        raise click.UsageError(f"{program} is a Windows program: use amt-lab.exe.")
    if not os.access(program, os.X_OK):
        raise click.UsageError(f"{program} is no program that this account may start.")
    return (str(program),)


def _end_in_good_order() -> None:
    """Let whatever ends this process do so like Ctrl-C, so that nothing is left behind."""
    for name in ("SIGTERM", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
