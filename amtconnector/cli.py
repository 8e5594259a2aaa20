"""The program's entry: a run, a subcommand, or help. Only here the process exits.

What each of them needs is imported when it is needed: hundreds of these processes sit on one server.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from amtconnector import __version__
from amtconnector.run.arguments import FLAGS, from_process
from amtconnector.system import early_stop
from amtconnector.system.environment import ignore_foreign_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

SUBCOMMANDS = ("check", "demo", "encrypt", "opcon", "profile", "runs", "status")
_USAGE = 101
_DEFECT = 100

HELP = """\
Run a task in an Asysco AMT batch environment, print its messages, exit with its
completion code (4 is success).

  amt -jt START -an APPLICATION -jn JOB [-pa VALUE]... [-tv VALUE]... [flags]

  -jt, --job-type            START, STOP, KILL or ATTACH
  -an, --application-name    AMT application
  -jn, --job-name            AMT job
  -fn, --file-name           PowerShell script on the AMT server, instead of -jn
  -pa, --parameters          script parameter, as it is; up to 20 times
  -tv, --task-value          task value; up to 20 times
  -u,  --user                AMT user that the task runs as
  -qn, --queue-name          AMT queue; default: QUEUE_NAME
  -su, --submit-user         submit user; default: SUBMIT_USER, else BATCH
  -st, --station             station; default: STATION, else OPCON
  -id, --request-id          the batch request for STOP, KILL or ATTACH
       --release RUN         start although the fate of run RUN is unknown
       --config PATH         default: Connector.config here, else by the program

  amt check | runs | status | encrypt | opcon | profile | demo   each has --help
  amt --version | --help

Examples:
  amt -jt START -an DEMO2 -jn REPORTTEST01 -tv 25
  amt -jt KILL -id 2112
"""


def main() -> NoReturn:
    """Do what this process's command line asks for, and exit."""
    if sys.platform == "win32":
        from amtconnector.system import time_zone

        time_zone.forget_variable()
    ignore_foreign_settings()
    tokens = from_process()
    if tokens and tokens[0] in SUBCOMMANDS:
        sys.exit(_subcommand(tokens[0], tokens[1:]))
    if tokens == ["--version"]:
        sys.exit(_shown(f"amt {__version__}\n", 0))
    if not tokens or tokens == ["--help"]:
        sys.exit(_shown(HELP, 0 if tokens else _USAGE))
    # At once: nothing that is still to come, a broken stdout least of all, may change the exit code of a run.
    os._exit(_run(tokens))


def _subcommand(name: str, tokens: Sequence[str]) -> int:
    early_stop.leave()
    from amtconnector.commands.click_command import run_command  # click is for subcommands
    from amtconnector.system.command_line import own_command

    module = import_module(f"amtconnector.commands.{name}")
    return run_command(module.command, tokens, f"amt {name}", own_command(name, "--help"))


def _run(tokens: Sequence[str]) -> int:
    """Run a job; whatever goes wrong where it can't speak for itself never ends with an exit code of Python's own."""
    try:
        from amtconnector.commands.run import run  # not for help and version

        return run(tokens)
    except KeyboardInterrupt:  # before the run listens to signals
        return _shown(early_stop.TEXT, early_stop.STOPPED)
    except Exception as error:  # noqa: BLE001 - the edge of the program; 1 would mean QUEUED to an operator
        from amtconnector.system.command_line import own_command

        what = f"{type(error).__name__}. Whether a task may be running:  {own_command('runs')}"
        return _shown(f"amt: internal-error ({_DEFECT}): {what}\n", _DEFECT)


def _shown(text: str, exit_code: int) -> int:
    try:
        print(text, end="", flush=True)  # noqa: T201 - the one place that prints help
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return exit_code


assert set(FLAGS) <= set(HELP.replace(",", " ").split())  # noqa: S101 - a flag that the help forgets is a defect
