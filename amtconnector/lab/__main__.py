"""The program `amt-lab`: a simulated AMT, a demonstration, and the acceptance of an installation."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple, NoReturn

from amtconnector import __version__
from amtconnector.lab.programs import lab_line


class Subcommand(NamedTuple):
    """Where a subcommand's `command` is, and what it is for."""

    module: str
    purpose: str


SUBCOMMANDS = {
    "simulator": Subcommand("amtconnector.simulator.__main__", "serve a simulated AMT on this machine"),
    "demo": Subcommand("amtconnector.lab.demo", "see a job run, cut off in the middle, and taken up again"),
    "acceptance": Subcommand("amtconnector.lab.acceptance.command", "try amt on this machine and report"),
}
_INTERNAL = {"console-event": Subcommand("amtconnector.lab.acceptance.console_event", "")}
"""What the lab starts of itself; nobody types it."""
_USAGE = 101
_NOT_DONE = 1
HELP = (
    "Try the AMT Connector without AMT.\n\n"
    + "".join(f"  amt-lab {name:<12} {subcommand.purpose}\n" for name, subcommand in SUBCOMMANDS.items())
    + "  amt-lab --version | --help\n\nEach with --help of its own.\n"
)
PACKAGES = ("cryptography", "jinja2", "starlette", "trustme", "uvicorn")
MISSING_PACKAGES = """\
the lab's packages are not installed here. What works:

  in a clone of the project      pip install '.[simulator]'
  without Python                 the folder amt-lab of the release"""


def main() -> NoReturn:
    """Do what this process's command line asks for, and exit."""
    tokens = sys.argv[1:]
    found = {**SUBCOMMANDS, **_INTERNAL}.get(tokens[0]) if tokens else None
    if found:
        sys.exit(_subcommand(found, tokens))
    if tokens == ["--version"]:
        sys.stdout.write(f"amt-lab {__version__}\n")
        sys.exit(0)
    if tokens and tokens != ["--help"]:
        sys.stderr.write(f"amt-lab: no such subcommand: {tokens[0]}\n  See:  {lab_line('--help')}\n")
        sys.exit(_USAGE)
    sys.stdout.write(HELP)
    sys.exit(0 if tokens else _USAGE)


def _subcommand(found: Subcommand, tokens: list[str]) -> int:
    from amtconnector.commands.click_command import run_command  # click is for subcommands

    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        sys.stderr.write(f"amt-lab: {MISSING_PACKAGES}\n\nMissing: {', '.join(missing)}.\n")
        return _NOT_DONE
    module = import_module(found.module)
    return run_command(module.command, tokens[1:], f"amt-lab {tokens[0]}", lab_line(tokens[0], "--help"))


if __name__ == "__main__":
    main()
