"""`amt check --repair`: the access rights that a group of job accounts needs, as commands, shown or carried out.

Whoever may change a folder could put a link to any file into the place of one that root is about to open to a group.
So everything is closed from the top on, each thing is looked at when all above it is closed, and only then opened.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from amtconnector.config import installation_id, trust
from amtconnector.credentials import key_places, keyfile
from amtconnector.errors import CredentialsError
from amtconnector.named_tuple import NamedTuple
from amtconnector.records import file_names
from amtconnector.system import file_access
from amtconnector.system.file_access import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from amtconnector.config import Config
    from amtconnector.system.file_access import Fault

PLACEHOLDER = "GROUP"
"""What stands for the group in a dry look."""

_ENDINGS = frozenset({file_names.RECORD, file_names.LOCK, ".note", ".attention", ".position", ".tmp"})


class Outcome(NamedTuple):
    """What one command did: its line as it can be pasted, and what it said when it did not succeed, else ""."""

    line: str
    problem: str


def lines(config: Config, group: str) -> list[str]:
    """Return the commands, each a line that can be pasted, that close an installation and let a group work with it.

    Where there is a reservation, those alone that close Connector.config; none where there is an obstacle.
    """
    if obstacle(config):
        return []
    if reservation(config):
        return _commands(_config_faults(config))
    return list(dict.fromkeys([*_commands(_closing(config)), *_sharing(config, group)]))


def reservation(config: Config) -> str:
    """Say what in a Connector.config that others can change may be of their choice, "" for nothing."""
    if not any(_config_faults(config)) or not (doubt := _doubt(config)):
        return ""
    return f"Others could change {config.path}. When it is closed, look at {doubt} in it, and start this again"


def obstacle(config: Config) -> str:
    """Say what people have to decide before anything is done, "" for nothing.

    That is what belongs to a stranger: a folder on the way may be his home, a file may say what he likes. The run
    directory itself is taken from him; what he put there is not believed. So it is with a key file that has a second
    name, which could be any file.
    """
    # What a Connector.config that others can change leads to is looked at when it is closed.
    if fault := _foreign(list(_config_faults(config)) or _closing(config)):
        is_way = fault.path.is_dir() or fault.path.is_symlink()
        where = ", and it is on the way there. Where" if is_way else ". Look at what is in it. Where"
        return f"{fault}{where} it may be taken from him:\n{fault.commands}"
    key = _key_file(config)
    if key and key.stat().st_nlink > 1:
        return f"{key}: it has a second name, so it may be another file. Put a copy of it into its place."
    return ""


def carry_out(config: Config, group: str) -> Iterator[Outcome]:
    """Do everything, and tell each command as soon as it is done; a problem ends it.

    Where others could change Connector.config, what it names may be of their choice: then it is closed, and the rest is
    done only where that is this installation's beyond doubt.
    """
    doubt = reservation(config)
    for fault in _config_faults(config):
        yield from _mended(fault)
    if doubt:
        yield Outcome("", doubt)
        return
    for fault in _closing(config):
        yield from _mended(fault)
    if problem := obstacle(config):  # once more, for nobody can change it any longer
        yield Outcome("", problem)
        return
    yield from _done(_sharing(config, group))


def _closing(config: Config) -> Iterator[Fault]:
    """Yield what is to be closed; each thing is looked at when it is asked for."""
    yield from _config_faults(config)
    allowed = file_access.owners(config.path)
    for path in filter(None, (config.run_directory, _key_file(config))):
        yield from file_access.way_faults(path, allowed)
    if (key := _key_file(config)) and (fault := file_access.own_fault(key, Place.FILE, allowed)) and fault.is_foreign:
        yield fault
    yield from trust.faults_of_people(config)


def _config_faults(config: Config) -> Iterator[Fault]:
    """Yield what makes Connector.config untrusted; its owner, too, has to be one whom this account trusts."""
    return file_access.all_faults(config.path, Place.FILE, file_access.owners(None))


def _doubt(config: Config) -> str:
    """Name the setting that may lead to what is not this installation's, "" for none."""
    runs, key = config.run_directory, _key_file(config)
    if runs.is_dir() and not (all(map(_is_of_a_run, runs.iterdir())) and _keeps_own_runs(config)):
        return "RUN_DIRECTORY and INSTALLATION_ID"
    if config.key_file and key and not (key.is_relative_to(config.path.parent) and _is_key_file(key, config)):
        return "KEY_FILE"
    fault = _foreign(_closing(config))
    return f"what leads to {fault.path}" if fault else ""


def _foreign(faults: Iterable[Fault]) -> Fault | None:
    return next((fault for fault in faults if fault.is_foreign), None)


def _is_of_a_run(entry: Path) -> bool:
    return entry.name == file_names.LOGS or entry.suffix in _ENDINGS


def _keeps_own_runs(config: Config) -> bool:
    return not installation_id.keeps_others(config.run_directory, config.path)


def _is_key_file(path: Path, config: Config) -> bool:
    try:
        keyfile.load(path, config.path)
    except CredentialsError:
        return False
    return True


def _commands(faults: Iterable[Fault]) -> list[str]:
    return list(dict.fromkeys(line for fault in faults for line in fault.commands.splitlines()))


def _mended(fault: Fault) -> Iterator[Outcome]:
    if fault.is_foreign:  # it was not so when people were asked
        yield Outcome("", str(fault))
    else:
        yield from _done(fault.commands.splitlines())


def _done(commands: Iterable[str]) -> Iterator[Outcome]:
    for line in commands:
        yield Outcome(line, _problem(line))


def _sharing(config: Config, group: str) -> Iterator[str]:
    for step in file_access.sharing_steps(config.run_directory, _key_file(config), group):
        yield " ".join(file_access.quoted(word) for word in step)


def _key_file(config: Config) -> Path | None:
    place = config.key_file or key_places.place_to_encrypt()
    return place if place.is_file() else None


def _problem(line: str) -> str:
    done = subprocess.run(
        line if file_access.IS_WINDOWS else shlex.split(line),
        executable=_system_program(line) if file_access.IS_WINDOWS else None,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return "" if done.returncode == 0 else (done.stderr or done.stdout).strip() or f"exit code {done.returncode}"


def _system_program(line: str) -> str:
    # Windows looks beside amt.exe and in the working directory first, where anybody may have put another one.
    name = line.split(maxsplit=1)[0]
    return str(Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", f"{name}.exe"))
