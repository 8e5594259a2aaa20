"""`amt demo`: a simulated AMT and jobs that run against it; a release has it in the lab, beside itself."""

from __future__ import annotations

import importlib.util
import sys
from importlib import import_module
from pathlib import Path

import click

from amtconnector.system.command_line import pasteable

_HELP = """\
Run a job against a simulated AMT server and show what happens; then the same job once more, with its connector killed
in the middle and restarted. Takes about ten seconds, needs no AMT and no configuration, and leaves nothing behind.
In a release it is the lab's: amt-lab demo.

\b
Examples:
  amt demo
  amt demo --page"""

_PACKAGES = ("amtconnector.lab", "amtconnector.simulator", "jinja2", "starlette", "trustme", "uvicorn")
_MISSING = """the simulator is not installed here. What works:

  in a clone of the project      pip install '.[simulator]'
  without Python                 the folder amt-lab of the release: amt-lab demo"""


@click.command("demo", help=_HELP)
@click.option("--page", "has_page", is_flag=True, help="Open the simulator's page in the browser beside it.")
def command(*, has_page: bool) -> int:
    """Do the whole demonstration; 0 when each run ended as it should."""
    if getattr(sys, "frozen", False):
        raise click.ClickException(_in_the_lab(Path(sys.executable).resolve(), has_page=has_page))
    if not all(importlib.util.find_spec(name) for name in _PACKAGES):
        raise click.ClickException(_MISSING)
    # By name: the lab is above the commands and no part of the release.
    programs, demo = import_module("amtconnector.lab.programs"), import_module("amtconnector.lab.demo")
    return int(demo.demonstrate(programs.connector_command(), has_page=has_page))


def _in_the_lab(program: Path, *, has_page: bool) -> str:
    """Say where the lab is, with a command that can be pasted."""
    lab = program.parent.parent / "amt-lab" / f"amt-lab{program.suffix}"
    words = [str(lab), "demo", *(["--page"] if has_page else [])]
    if program.parent.name != "amt":  # the lab looks for the release under its own name
        words += ["--program", str(program)]
    place = "" if lab.is_file() else f" Copy the folder amt-lab of the release to {lab.parent} first."
    return f"`amt demo` is in the lab folder, beside the release.{place}\n\n    {pasteable(words)}"
