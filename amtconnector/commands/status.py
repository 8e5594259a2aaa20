"""`amt status`: one look at a batch request, without waiting for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from amtconnector import config
from amtconnector.errors import CallFailed
from amtconnector.named_tuple import NamedTuple
from amtconnector.records import RunDirectory, RunRecord
from amtconnector.run import arguments, lookup
from amtconnector.run.next_steps import NextSteps
from amtconnector.task import RequestId
from amtconnector.text import escaped

if TYPE_CHECKING:
    from amtconnector.amtopcon.client import AmtClient
    from amtconnector.config import Config
    from amtconnector.run.arguments import Arguments
    from amtconnector.statuses import Status

_HELP = """\
Ask AMT once for the status of a batch request, and show it. Nothing is started, stopped or waited for."""

_EPILOG = """\
\b
Examples:
  amt status -id 2112
  amt status -an DEMO2 -jn POSTINTEREST
  amt status -id 2112 --json

By -an with -jn or -fn: the one open run of it that is known on this machine.
Exit codes: 0 the status is shown, 1 not done, 101 wrong command line."""


class _Asked(NamedTuple):
    """Which request is asked about, and its record on this machine; None where there is none."""

    request_id: RequestId
    record: RunRecord | None


@click.command("status", help=_HELP, epilog=_EPILOG)
@click.option("-id", "--request-id", default="", metavar="N", help="The batch request.")
@click.option("-an", "--application-name", "application", default="", metavar="NAME", help="AMT application.")
@click.option("-jn", "--job-name", "job", default="", metavar="NAME", help="AMT job.")
@click.option("-fn", "--file-name", "script", default="", metavar="PATH", help="Script, instead of a job.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--config", "config_path", metavar="PATH", help="Connector.config, if it is not in its usual place.")
def command(  # noqa: PLR0913 - one for each option
    *, request_id: str, application: str, job: str, script: str, as_json: bool, config_path: str | None
) -> int:
    """Show the status; 0 when that is done."""
    flags = {"-id": request_id, "-an": application, "-jn": job, "-fn": script}
    if not request_id.strip() and not (application.strip() and (job.strip() or script)):
        raise click.UsageError("Name the request: -id N, or -an with -jn or -fn.")
    given = arguments.parse(["-jt", "ATTACH", *(token for pair in flags.items() if pair[1] for token in pair)])
    settings = config.load(config.find(config_path))
    asked = _asked(given, settings)
    status = _status(settings, asked)
    click.echo(_json(settings, asked, status) if as_json else _text(asked, status))
    return 0


def _asked(given: Arguments, settings: Config) -> _Asked:
    """Find the request as a run does; raises UsageError and SubmissionUnknown."""
    directory = RunDirectory(settings.run_directory)
    try:
        record = lookup.find(given, directory, settings.server.address, None, NextSteps(str(settings.path)))
    except OSError:  # what AMT says is worth more than what is on this machine
        if given.request_id is None:
            raise
        record = None
    if given.request_id is not None:
        return _Asked(given.request_id, record)
    if record is None:
        raise click.ClickException("no request is known here")
    return _Asked(RequestId(record.request_id), record)


def _status(settings: Config, asked: _Asked) -> Status:
    """Ask AMT; raises CredentialsError and ConfigurationError."""
    service = _service(settings)
    try:
        if asked.record is not None and asked.record.key.application:
            service.speak_for(asked.record.run_id, asked.record.task, asked.record.run_id)
        service.log_on()
        return service.status(asked.request_id)
    except CallFailed as failure:
        hint = "".join(f"\n  {line}" for line in (*failure.hint.splitlines(), *failure.exchange.splitlines()))
        raise click.ClickException(f"AMT does not tell the status: {failure.message}{hint}") from failure
    finally:
        service.close()


def _service(settings: Config) -> AmtClient:
    from amtconnector.amtopcon.client import AmtClient
    from amtconnector.amtopcon.logon import Account
    from amtconnector.amtopcon.transport import open_transport
    from amtconnector.amtopcon.wire.built_in import load_profile

    transport = open_transport(settings.server)
    account = Account(settings, RunDirectory(settings.run_directory))
    return AmtClient(load_profile(settings.wire_profile), account, transport)


def _text(asked: _Asked, status: Status) -> str:
    lines = [f"Request {asked.request_id}: {status}, {status.kind.value}"]
    if asked.record:
        key = asked.record.key
        opcon = f", OpCon job {key.opcon_job} of {key.schedule_name} {key.schedule_date}" if key.is_opcon else ""
        lines.append(f"  job {key.job} of {key.application}{opcon}, run {asked.record.run_id}")
    return "\n".join(escaped(line) for line in lines)


def _json(settings: Config, asked: _Asked, status: Status) -> str:
    record = asked.record
    document = {
        "server": settings.server.address,
        "request_id": asked.request_id.text,
        "status": status.name,
        "code": status.code,
        "class": status.kind.value,
        "is_terminal": status.is_terminal,
        "run_id": record.run_id if record else None,
        "application": record.key.application if record else None,
        "job": record.key.job if record else None,
    }
    return json.dumps(document, indent=2)
