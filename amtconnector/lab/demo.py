"""`amt-lab demo`: a simulated AMT, a job that ends well, and the same job cut off in the middle and taken up again."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import webbrowser
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import click

from amtconnector.commands.click_command import DONE, NOT_DONE
from amtconnector.lab import programs
from amtconnector.lab.demo_runs import Runs
from amtconnector.lab.simulated_amt import NotStarted, SimulatedAmt

_HELP = """\
Run a job against a simulated AMT server and show what happens; then the same job once more, with its connector killed
in the middle and restarted. Takes about ten seconds, needs no AMT and no configuration, and leaves nothing behind.

\b
Examples:
  amt-lab demo
  amt-lab demo --page"""

_USER, _PASSWORD = "ocadm", "opconxps"  # of the vendor's own sample; the simulator takes it
_SUCCESS = 4
_SPEED = "2"  # the job's six seconds pass in three
_SHOWN_COLUMNS = 76
_CONFIG = """\
[CONNECTOR]
STATUS_CHECK_INITIAL_POLL_DELAY=1
STATUS_CHECK_POLL_INTERVAL=0.5
RUN_DIRECTORY=runs
KEY_FILE=connector.key

[AMT_BATCH_SERVER]
SERVER_ADDRESS={address}
{tls}
USER=
PASSWORD=
"""


class Demonstration(NamedTuple):
    """The connector's command line, a folder of its own, and the simulator that runs for it."""

    connector: tuple[str, ...]
    folder: Path
    amt: SimulatedAmt
    has_page: bool

    @property
    def config(self) -> Path:
        """Connector.config."""
        return self.folder / "Connector.config"


@click.command("demo", help=_HELP)
@click.option("--page", "has_page", is_flag=True, help="Open the simulator's page in the browser beside it.")
@click.option(
    "--program",
    type=click.Path(exists=True, dir_okay=False, path_type=Path, resolve_path=True),
    help="The released amt; default: in the folder amt beside this one.",
)
def command(*, has_page: bool, program: Path | None) -> int:
    """Do the whole demonstration; 0 when each run ended as it should."""
    try:
        connector = [str(program)] if program else programs.connector_command()
    except FileNotFoundError as error:
        raise click.UsageError(f"there is no {error}: name the released program with --program.") from error
    return demonstrate(connector, has_page=has_page)


def demonstrate(connector: list[str], *, has_page: bool) -> int:
    """Show everything in a folder that is gone afterwards; return DONE or NOT_DONE."""
    # Ended from outside like Ctrl-C, so that nothing is left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="amt-demo-", ignore_cleanup_errors=True))
        # A browser would warn of the simulator's certificate.
        tls = () if has_page else ("--self-signed", name)
        try:
            amt = stack.enter_context(SimulatedAmt("--speed", _SPEED, *tls))
        except NotStarted as error:
            raise click.ClickException(str(error)) from error
        return _show(Demonstration(tuple(connector), Path(name), amt, has_page))


def _show(demo: Demonstration) -> int:
    _heading("A simulated AMT server")
    click.echo(f"  {demo.amt.url}, on this machine alone")
    if demo.has_page:
        _open_page(demo.amt.url)
    _configure(demo)
    _heading("Connector.config, its credentials encrypted by Encrypt")
    for line in demo.config.read_text(encoding="utf-8").splitlines():
        click.echo(f"  {line if len(line) <= _SHOWN_COLUMNS else f'{line[: _SHOWN_COLUMNS - 3]}...'}")
    runs = Runs(demo.connector, demo.config)
    is_well = _ends_well(runs) and _is_taken_up(runs, demo.amt)
    if is_well:
        _say_the_way_on()
    if demo.has_page and sys.stdin and sys.stdin.isatty() and sys.stdout.isatty():
        click.prompt("\nThe page is there until you press Enter", default="", show_default=False, prompt_suffix=" ")
    return DONE if is_well else NOT_DONE


def _ends_well(runs: Runs) -> bool:
    _heading("The command line, as OpCon's agent starts it")
    click.echo(f"  amt {' '.join(word if word.startswith('-') else json.dumps(word) for word in runs.JOB)}")
    _heading("The job log")
    exit_code = runs.whole(day=1, number=1)
    _heading(f"Exit code {exit_code}")
    if exit_code != _SUCCESS:
        click.echo(
            '  Not 4. OpCon\'s rule for such a job is "Exit code NE 4 fails": it failed. The lines above say why.'
        )
        return False
    click.echo("  AMT's completion code DONE, the only success. OpCon's rule for such a job is")
    click.echo('  "Exit code NE 4 fails": this one finished well, and everything above is in its job log.')
    return True


def _is_taken_up(runs: Runs, amt: SimulatedAmt) -> bool:
    """Cut the job of the next day off, restart it, and show that AMT has one task of it."""
    tasks, starts = len(amt.tasks()), amt.starts()
    _heading("The next day: the same job, and its connector is killed in the middle")
    if not runs.cut_off(day=2, number=2):
        click.echo("  It ended before it could be killed.")
        return False
    click.secho("  Killed. Nobody watches the task now; in AMT it goes on.", fg="yellow")
    _heading("OpCon restarts the job: it starts nothing and takes the task up")
    exit_code = runs.whole(day=2, number=3)
    new_tasks, new_starts = len(amt.tasks()) - tasks, amt.starts() - starts
    _heading(f"Exit code {exit_code}; in AMT: {_counted(new_tasks, 'task')}, {_counted(new_starts, 'start')}")
    if (exit_code, new_tasks, new_starts) != (_SUCCESS, 1, 1):
        click.echo("  That is not as it should be: expected exit code 4, one task and one start.")
        return False
    click.echo("  A task can be a bank's end-of-day run: it was not started twice, not lost, and its end was told.")
    return True


def _configure(demo: Demonstration) -> None:
    """Write Connector.config and have the connector encrypt the credentials, as an administrator does."""
    tls = "SERVER_USES_TLS=False" if demo.has_page else "CA_FILE=ca.pem"
    demo.config.write_text(_CONFIG.format(address=demo.amt.address, tls=tls), encoding="utf-8")
    for key, value in (("USER", _USER), ("PASSWORD", _PASSWORD)):
        done = programs.encrypt(demo.connector, value, "--config", str(demo.config), "--set", key)
        if done.returncode != DONE:
            raise click.ClickException(f"the connector can't encrypt: {done.stderr.strip()}")


def _open_page(url: str) -> None:
    click.echo(f"  Its page: {url}/")
    # Without a screen a browser would take this terminal.
    has_screen = sys.platform in {"win32", "darwin"} or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
    if has_screen:
        with programs.as_other_programs_see_it():
            webbrowser.open(f"{url}/")


def _say_the_way_on() -> None:
    click.echo()
    click.echo(f"  On your own server:  {programs.lab_line('acceptance')}")
    click.echo("  Then make a Connector.config of Connector.config.example, and let amt check look at it.")
    click.echo(f"  More simulated jobs, failures included (docs/simulator.md):  {programs.lab_line('simulator')}")


def _heading(text: str) -> None:
    click.echo()
    click.secho(text, bold=True)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
