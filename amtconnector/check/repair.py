"""`amt check --repair`: the access rights that a group of job accounts needs, as commands, shown or carried out."""

from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING

from amtconnector.config import trust
from amtconnector.credentials import key_places
from amtconnector.named_tuple import NamedTuple
from amtconnector.system import file_access

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from amtconnector.config import Config
    from amtconnector.system.file_access import Fault

PLACEHOLDER = "GROUP"
"""What stands for the group in a dry look."""


class Outcome(NamedTuple):
    """What one command did: its line as it can be pasted, and what it said when it did not succeed, else ""."""

    line: str
    problem: str


def lines(config: Config, group: str) -> list[str]:
    """Return the commands, each a line that can be pasted, that close an installation and let a group work with it.

    The ways come first: below a folder that others may change nothing stays what it was looked at as.
    """
    closing = [line for one in _closing(config) for line in one.commands.splitlines()]
    steps = file_access.sharing_steps(config.run_directory, _key_file(config), group)
    return list(dict.fromkeys([*closing, *(_line(step) for step in steps)]))


def obstacle(config: Config) -> str:
    """Say which folder on the way to run directory or key is a stranger's, "" for none: whose it is, people decide."""
    fault = next((fault for fault in _way_faults(config) if fault.is_foreign), None)
    return f"{fault}, and it is on the way there. Where it may be taken from him:\n{fault.commands}" if fault else ""


def carry_out(commands: list[str]) -> Iterator[Outcome]:
    """Carry the commands out, one after the other, and tell each as soon as it is done; one that fails ends it."""
    for line in commands:
        problem = _problem(line)
        yield Outcome(line, problem)
        if problem:
            return


def _closing(config: Config) -> Iterator[Fault]:
    yield from _way_faults(config)
    yield from (found.fault for found in trust.made_by_people(config))
    yield from (found.fault for found in trust.program_files(config.path))


def _way_faults(config: Config) -> Iterator[Fault]:
    allowed = file_access.owners(config.path)
    for path in filter(None, (config.run_directory, _key_file(config))):
        yield from file_access.way_faults(path, allowed)


def _key_file(config: Config) -> Path | None:
    place = config.key_file or key_places.place_to_encrypt()
    return place if place.is_file() else None


def _line(step: tuple[str, ...]) -> str:
    return " ".join(file_access.quoted(word) for word in step)


def _problem(line: str) -> str:
    done = subprocess.run(
        line if file_access.IS_WINDOWS else shlex.split(line),
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return "" if done.returncode == 0 else (done.stderr or done.stdout).strip() or f"exit code {done.returncode}"
