"""`amt check`: the examination of an installation, for people and as JSON."""

from __future__ import annotations

import json
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from amtconnector import __version__, check, config
from amtconnector.check import findings
from amtconnector.check.findings import Step, Verdict
from amtconnector.commands.click_command import WholeHelp
from amtconnector.errors import ConfigurationError
from amtconnector.named_tuple import NamedTuple
from amtconnector.system.file_access import account, group_problem
from amtconnector.text import escaped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amtconnector.check.findings import Finding
    from amtconnector.check.saved_chain import SavedChain

_HELP = """\
Usage: amt check [--no-logon] [--show-user] [--json] [--save-chain FILE]
                 [--config FILE]
       amt check --repair [--group NAME] [--config FILE]

Goes through this installation as a run does, up to the logon: what was found,
what is wrong, what to do next. Starts nothing in AMT.
Jobs run as the account of their job definition: check as that account.

  amt check                          every step; the logon counts as an attempt
  amt check --no-logon               without trying the account
  amt check --save-chain amt.pem     write the server's certificates for CA_FILE
  amt check --json > check.json      for a program to read
  amt check --repair --group NAME    let a group of job accounts use the key and
                                     the run directory, and nobody else

Options:
  --no-logon          do not try the account
  --show-user         show the name of the AMT account, which is else masked
  --json              one JSON document on stdout
  --save-chain FILE   write the certificates that the server presents as PEM
                      into a new file, and show their fingerprints beside
                      those in CA_FILE: compare before you trust
  --repair            show the commands that set the access rights of key file,
                      run directory and program; with --group, carry them out
  --group NAME        the group of the accounts that the jobs run as
  --config FILE       default: Connector.config here, else beside the program
  --help              show this text
Exit codes: 0, or that of the first failure: 102 configuration or run directory,
103 credentials, 23 server not reached, 24 logon refused, 108 answer not
understood; 1 certificates not saved or rights not set, 101 wrong command line.
"""


@click.command(cls=WholeHelp, name="check", help=_HELP)
@click.option("--no-logon", is_flag=True)
@click.option("--show-user", is_flag=True)
@click.option("--json", "as_json", is_flag=True)
@click.option("--save-chain", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--repair", is_flag=True)
@click.option("--group")
@click.option("--config", "given", metavar="FILE")
def command(**given: Any) -> int:
    """Examine this installation, or set its access rights."""
    wanted = _Wanted(**given)
    if wanted.repair:
        return _repair(wanted)
    if wanted.group is not None:
        raise click.UsageError("--group goes with --repair.")
    return _examine(wanted)


class _Wanted(NamedTuple):
    """The options of the command line."""

    no_logon: bool
    show_user: bool
    as_json: bool
    save_chain: Path | None
    repair: bool
    group: str | None
    given: str | None


def _examine(wanted: _Wanted) -> int:
    teller = _JsonTeller() if wanted.as_json else _Teller()
    try:
        path = config.find(wanted.given)
    except ConfigurationError as error:
        return teller.end([teller.tell(findings.refused(Step.CONFIGURATION, error))])
    examination = check.Examination(
        path,
        with_logon=not wanted.no_logon,
        announce=teller.announce,
        now=lambda: datetime.now(UTC),
        shows_user=wanted.show_user,
    )
    told = [teller.tell(finding) for finding in examination.findings()]
    is_saved = wanted.save_chain is None or _saved(wanted.save_chain, examination, teller)
    return teller.end(told) or (0 if is_saved else 1)


def _repair(wanted: _Wanted) -> int:
    from amtconnector.commands import repair  # for administrators, once

    if wanted.as_json or wanted.save_chain or wanted.no_logon:
        raise click.UsageError("--repair goes with --group and --config alone.")
    if wanted.group is not None and (problem := group_problem(wanted.group)):
        raise click.ClickException(f"The rights are not set: {problem}.")
    read = config.load(config.find(wanted.given))
    if wanted.group is None:
        repair.show(read)
    else:
        repair.carry_out(read, wanted.group)
    return 0


def _saved(path: Path, examination: check.Examination, teller: _Teller) -> bool:
    from amtconnector.check import saved_chain  # cryptography is needed where there is a chain

    if examination.presented is None:
        click.echo("amt check: no certificates are saved, for the server presented none.", err=True)
        return False
    try:
        saved = saved_chain.save(path, examination.presented, examination.ca_file)
    except FileExistsError:
        click.echo(f"amt check: {path} exists and is not overwritten; name a file that does not exist.", err=True)
        return False
    except OSError as error:
        click.echo(f"amt check: {path}: {error.strerror}", err=True)
        return False
    teller.tell_saved(saved)
    return True


class _Teller:
    """Tells the findings to people, each as soon as it is there."""

    def __init__(self) -> None:
        click.echo(f"AMT Connector {__version__} on {socket.gethostname()}, as account {account()}")

    def tell(self, finding: Finding) -> Finding:
        """Show one finding."""
        click.echo(f"{finding.verdict.value:<8} {finding.step.value:<16} {escaped(finding.text)}")
        for line in finding.details:
            click.echo(f"{'':25} {escaped(line)}")
        for number, line in enumerate(finding.next_step.splitlines()):
            click.echo(f"{'':25} {'  ' if number else '->'} {escaped(line)}")
        sys.stdout.flush()
        return finding

    def announce(self, text: str) -> None:
        """Show what is about to be done."""
        click.echo(f"{'':25} {text}")
        sys.stdout.flush()

    def tell_saved(self, saved: SavedChain) -> None:
        """Show what was written for CA_FILE."""
        click.echo()
        for line in saved.lines():
            click.echo(escaped(line))

    def end(self, told: list[Finding]) -> int:
        """Sum up, and return the exit code."""
        code = findings.exit_code(told)
        click.echo(_summary(told, code))
        return code


class _JsonTeller(_Teller):
    """Collects the findings into one JSON document."""

    def __init__(self) -> None:
        self._saved: dict[str, Any] = {}

    def tell(self, finding: Finding) -> Finding:
        """Keep one finding for the end."""
        return finding

    def announce(self, text: str) -> None:
        """Say on stderr what is about to be done."""
        click.echo(f"amt check: {text}", err=True)

    def tell_saved(self, saved: SavedChain) -> None:
        """Keep what was written for the end."""
        chain = [
            {"subject": one.subject, "sha256": one.fingerprint, "is_in_ca_file": saved.is_trusted(one)}
            for one in saved.presented.chain
        ]
        others = [{"subject": one.subject, "sha256": one.fingerprint} for one in saved.not_presented]
        document = {"file": str(saved.path.absolute()), "certificates": chain, "only_in_ca_file": others}
        self._saved = {"saved_chain": document}

    def end(self, told: list[Finding]) -> int:
        """Write the document, and return the exit code."""
        code = findings.exit_code(told)
        steps = [
            {
                **finding._asdict(),
                "step": finding.step.value,
                "verdict": finding.verdict.value.lower(),
                "next_step": finding.next_step.splitlines(),
            }
            for finding in told
        ]
        click.echo(json.dumps({"version": __version__, "exit_code": code, "steps": steps, **self._saved}, indent=2))
        return code


def _summary(told: Sequence[Finding], code: int) -> str:
    count = {verdict: sum(finding.verdict is verdict for finding in told) for verdict in Verdict}
    warned = f", {count[Verdict.WARNING]} with a warning" if count[Verdict.WARNING] else ""
    if code == 0:
        return f"\nNothing stands in the way of a run{warned}."
    if all(finding.step is Step.RIGHTS for finding in told if finding.verdict is Verdict.FAILED):
        return f"\n{count[Verdict.FAILED]} failed{warned}. A run starts all the same, and its log warns of it."
    failed = {finding.step for finding in told if finding.verdict is Verdict.FAILED}
    is_logged_on = any(finding.step is Step.LOGON and finding.verdict is Verdict.OK for finding in told)
    if failed <= {Step.HEARTBEAT, Step.RIGHTS} and is_logged_on:
        return f"\n{count[Verdict.FAILED]} failed{warned}. A run makes no HeartBeat: it would go on."
    return f"\n{count[Verdict.FAILED]} failed{warned}. A run would now end with exit code {code}."
