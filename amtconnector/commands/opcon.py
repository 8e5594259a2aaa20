"""`amt opcon job`: OpCon job definitions as SMADDI XML, made from the flags of a run."""

from __future__ import annotations

import ntpath
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from amtconnector.commands.click_command import WholeHelp
from amtconnector.errors import UsageError
from amtconnector.named_tuple import NamedTuple
from amtconnector.opcon import job_table, smaddi
from amtconnector.opcon.smaddi import JobDefinition, Target
from amtconnector.run import arguments
from amtconnector.run.arguments import Action

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date, datetime

    from amtconnector.run.arguments import Arguments

SUCCESS_CODES = {Action.START: 4, Action.ATTACH: 4, Action.KILL: 3, Action.STOP: 3}
"""The exit code with which a job has done what it was for; OpCon fails the job on any other."""

_HELP = """\
Usage: amt opcon job --schedule NAME --machine NAME [options] -- RUN'S FLAGS

Writes SMADDI XML that adds a Windows job to OpCon: its command line, working
directory and failure criterion. The flags of the run follow after --.

  amt opcon job --schedule Nightly --machine AMTBATCH01 --kill
      --exe "C:\\AMT Connector\\amt.exe" --output post.xml
      -- -jt START -an DEMO2 -jn POSTINTEREST -pa "'PARAM'"

Options:
  --schedule NAME          the OpCon schedule (required)
  --machine NAME           the OpCon machine that runs the job (required)
  --job NAME               the OpCon job's name; default: the AMT job's
  --date YYYY-MM-DD        a job of that day; default: of the master schedule
  --kill                   add its kill job, which starts on request only
  --prerun                 look first whether AMT is there: amt check --no-logon
  --csv FILE               a job for each row; the columns are flags such as -jn
  --exe FILE               amt.exe on that machine; default: this program
  --working-directory DIR  where Connector.config is; default: folder of --exe
  --batch-user NAME        the job's Windows user; default: the agent's
  --frequency NAME         a frequency that OpCon has (master schedule only)
  --output FILE            default: stdout
  --help                   show this text
Exit codes: 0 done, 1 not done, 101 usage. More: docs/job-definitions.md
"""
_GROUP_HELP = """\
Usage: amt opcon job ...

  amt opcon job    write an OpCon job definition as SMADDI XML
  amt opcon job --schedule Nightly --machine AMTBATCH01
      --exe "C:\\AMT Connector\\amt.exe" -- -jt START -an DEMO2 -jn POSTINTEREST

The options are explained by --help behind job.
"""
_SERVICE_ACCOUNT = "Use Service Account"


class _Group(WholeHelp, click.Group):
    """The commands about OpCon."""


class _Job(WholeHelp):
    """The command, with a word for who forgets the two dashes."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" not in args and "--help" not in args and not any(word.startswith("--csv") for word in args):
            raise UsageError(
                "The flags of the run are missing: they follow after --, as in: -- -jt START -an DEMO2 ..."
            )
        return super().parse_args(ctx, args)


@click.group(cls=_Group, name="opcon", help=_GROUP_HELP, no_args_is_help=False)
def command() -> None:
    """Make what OpCon needs."""


@command.command(cls=_Job, name="job", help=_HELP)
@click.option("--schedule", required=True)
@click.option("--machine", required=True)
@click.option("--job", "name", default="")
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d", "%Y%m%d"]))
@click.option("--kill", "has_kill_job", is_flag=True)
@click.option("--prerun", "has_prerun", is_flag=True)
@click.option("--csv", "table", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--exe", "program", default="")
@click.option("--working-directory", "folder")
@click.option("--batch-user", default=_SERVICE_ACCOUNT)
@click.option("--frequency", default="")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("flags", nargs=-1, type=click.UNPROCESSED)
def job(  # noqa: PLR0913 - one for each option
    *,
    schedule: str,
    machine: str,
    day: datetime | None,
    table: Path | None,
    output: Path | None,
    flags: tuple[str, ...],
    program: str,
    folder: str | None,
    **options: Any,
) -> int:
    """Write job definitions."""
    where = _program(program)
    common = Wishes(program=where, folder=ntpath.dirname(where) if folder is None else folder, **options)
    target = Target(schedule, machine, _date(day, common.frequency))
    asked = job_table.rows(table, flags) if table else [job_table.Row("", flags, {})]
    jobs = [definition for row in asked for definition in _definitions(common, row)]
    _refuse_doubles(jobs)
    xml = smaddi.document(target, jobs)
    own = dict.fromkeys(warning for row in asked for warning in _own_warnings(arguments.parse(row.flags)))
    for warning in (*smaddi.warnings(target, jobs), *own):
        click.echo(f"amt opcon job: warning: {warning}.", err=True)
    if output is None:
        click.echo(xml.decode("ascii"), nl=False)
    else:
        output.write_bytes(xml)
    return 0


class Wishes(NamedTuple):
    """What the options say of a job, beside the flags of its run; `name` "" takes the AMT job's."""

    program: str
    folder: str
    name: str
    batch_user: str
    frequency: str
    has_kill_job: bool
    has_prerun: bool


def _definitions(common: Wishes, row: job_table.Row) -> Iterator[JobDefinition]:
    """Yield the job of a run, and its kill job where one is wanted; raises UsageError, with the row's place."""
    try:
        run = arguments.parse(row.flags)
        wishes = common._replace(**row.options)  # type: ignore[arg-type]  # a table gives texts, for the members that are
        first = _definition(run, row.flags, wishes)
        yield first
        if wishes.has_kill_job:
            yield _kill_job(run, first, wishes.program)
    except UsageError as error:
        if not row.place:
            raise
        raise UsageError(f"{row.place}: {error.message}") from error


def _definition(run: Arguments, flags: Sequence[str], wishes: Wishes) -> JobDefinition:
    code = SUCCESS_CODES[run.action]
    what = f"request {run.request_id}" if run.request_id else f"{run.name} of the application {run.application}"
    look = ["check", "--no-logon", *_named(run.config)]  # OpCon starts the job once this ends with 0
    return JobDefinition(
        name=wishes.name or _name(run),
        command_line=smaddi.command_line(wishes.program, separated(flags)),
        working_directory=wishes.folder,
        success_code=code,
        documentation=f"AMT Connector: {run.action.value} {what}. Exit code {code} is the only success.",
        batch_user=wishes.batch_user,
        is_on_request=run.action is Action.KILL,
        frequency=wishes.frequency,
        prerun=smaddi.command_line(wishes.program, look) if wishes.has_prerun else "",
    )


def _refuse_doubles(jobs: Sequence[JobDefinition]) -> None:
    names = [definition.name for definition in jobs]
    if doubles := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(
            f"Two jobs of one schedule can't have the same name: {', '.join(doubles)}. Name them by --job."
        )


def _date(day: datetime | None, frequency: str) -> date | None:
    if day and frequency:
        raise UsageError("--frequency goes with the master schedule, not with --date")
    return day.date() if day else None


def _program(exe: str) -> str:
    if exe:
        return exe
    if sys.platform == "win32" and getattr(sys, "frozen", False):
        return sys.executable
    raise UsageError(
        "These are definitions of Windows jobs, so --exe is needed here: the path of amt.exe on the machine that runs "
        'the job, such as "C:\\AMT\\amt.exe"'
    )


def _name(run: Arguments) -> str:
    name = ntpath.splitext(ntpath.basename(run.script))[0] if run.script else run.job
    return name or f"{run.action.value} {run.request_id}"


def separated(flags: Sequence[str]) -> Iterator[str]:
    """Give each line of a -pa value a -pa of its own, for a command line holds no line break."""
    if len(flags) % 2:
        raise UsageError("Give each flag and each value as an argument of its own.")
    for flag, value in zip(flags[::2], flags[1::2], strict=True):
        for line in arguments.lines(value) if flag in {"-pa", arguments.FLAGS["-pa"]} else [value]:
            yield from (flag, line)


def _kill_job(run: Arguments, first: JobDefinition, program: str) -> JobDefinition:
    if run.action is not Action.START:
        raise UsageError(f"--kill makes the companion of a job that starts a task, not of -jt {run.action.value}")
    which = ["-fn", run.script] if run.script else ["-jn", run.job]
    words = ["-jt", "KILL", "-an", run.application, *which, *_named(run.config)]
    return JobDefinition(
        name=f"{first.name} KILL",
        command_line=smaddi.command_line(program, words),
        working_directory=first.working_directory,
        success_code=SUCCESS_CODES[Action.KILL],
        documentation=f"Kills the AMT task that the job {first.name} started on this machine. Starts on request only.",
        batch_user=first.batch_user,
        is_on_request=True,
    )


def _named(config: str) -> list[str]:
    return ["--config", config] if config else []


def _own_warnings(run: Arguments) -> Iterator[str]:
    if run.release:
        yield f"--release {run.release} is about one earlier run: take it out of the job when that run is settled"
    if run.action is Action.STOP:
        yield "which status a stopped task ends with is AMT's choice: compare the failure criterion with a first try"
