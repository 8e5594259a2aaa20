"""Where the things of one installation are: Connector.config, and the runs where it names no place for them."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from pathlib import Path

from amtconnector.errors import ConfigurationError
from amtconnector.system.command_line import program_file
from amtconnector.system.file_kinds import dead_link, other_than_file
from amtconnector.system.files import left_beside

FILE_NAME = "Connector.config"

_NOT_IN_AN_ID = str.maketrans("._", "--")
_MISNAMED = frozenset(f"connector{ending}" for ending in (".config", ".config.txt", ".config.config", ".conf", ".txt"))
"""What a file is called that was meant to be Connector.config: editors add .txt and hide it."""


def find(given: str | None, *, working_directory: Path | None = None, program_directory: Path | None = None) -> Path:
    """Return the absolute path of the configuration file: the given one, else the first of the usual places.

    The folders are those of this process where they are not given. Raises ConfigurationError, which names where it was
    looked for.
    """
    if given:
        return existing(_in_working_directory(given, working_directory))
    folders = usual_folders(working_directory, program_directory)
    found = [folder / FILE_NAME for folder in folders if os.path.lexists(folder / FILE_NAME)]
    if len(found) > 1:
        _refuse_planted(*found[:2])
    if found:
        return existing(found[0])
    raise ConfigurationError(
        f"{FILE_NAME} was not found.",
        subject=" or ".join(str(folder / FILE_NAME) for folder in folders),
        hint=_misnamed_in(folders)
        or "Put it into the job's working directory, beside the program or into the folder above the program's, "
        "or name it with --config.",
    )


def expected_path(given: str | None) -> Path:
    """Return where the configuration file is or ought to be; never raises."""
    if given:
        return _in_working_directory(given, None)
    places = [folder / FILE_NAME for folder in usual_folders()]
    return next((place for place in places if os.path.isfile(place)), places[0])  # noqa: PTH113 - Path's raises


def usual_folders(working_directory: Path | None = None, program_directory: Path | None = None) -> tuple[Path, ...]:
    """Return the folders in which the file is looked for, in their order.

    They are the job's working directory, the program's folder, and the one above that: there a file serves every
    version of the program that lies in a folder of its own.
    """
    working = working_directory or _working_directory()
    program = program_directory or own_directory()
    folders = (*((absolute(working),) if working else ()), absolute(program), absolute(program).parent)
    return tuple(dict.fromkeys(folders))


def own_directory() -> Path:
    """Return the folder that holds the running program, behind every link that it was started through."""
    return Path(os.path.realpath(program_file())).parent


def existing(path: Path) -> Path:
    """Return the path of a file that is there; raises ConfigurationError for any other."""
    try:
        if path.is_file():
            return path
        is_folder = path.is_dir()
        what = _what_is_there(path)
    except OSError as error:
        raise unreadable(path, error) from error
    raise ConfigurationError(
        f"The configuration file {what}.", subject=str(path), hint=_hint_for(path, is_folder=is_folder)
    )


def _what_is_there(path: Path) -> str:
    if not os.path.lexists(path):
        return "was not found"
    return dead_link(path) or f"is {other_than_file(path) or 'not a file'}"


def unreadable(path: Path, error: OSError) -> ConfigurationError:
    """Return the failure that says why a configuration file can't be read."""
    return ConfigurationError(
        f"The configuration file can't be read: {error.strerror}.",
        subject=str(path),
        hint="Give the account that runs the job the right to read it."
        if isinstance(error, PermissionError)
        else "See that the disk or share that holds it works.",
    )


def absolute(path: Path) -> Path:
    """Return a path from the root, with the links that it was named by."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() follows links


def real_path(path: Path) -> Path:
    r"""Return the one spelling of a path: no links, no short (8.3) names, no `\\?\`; never raises."""
    try:
        return Path(os.path.realpath(_unprefixed(str(path)) if sys.platform == "win32" else path))
    except OSError:
        return absolute(path)


def default_run_directory(path: Path, installation_id: str) -> Path:
    """Return the machine's place for the runs of a configuration file: named by its id, else by its path.

    Every spelling of the path leads to one place. Where version 1.0, which told spellings apart, has made a place for
    this one, its runs are still kept there.
    """
    runs = runs_directory()
    if installation_id:
        return _place_of(installation_id, runs)
    spelled = runs / _named_by_path(absolute(path))
    return spelled if os.path.isdir(spelled) else runs / _named_by_path(real_path(path))  # noqa: PTH112


def runs_directory() -> Path:
    """Return the folder of this machine, or of this account, that holds the default run directories."""
    return _state_directory() / "runs"


def readable_name(folder: Path) -> str:
    """Return a folder's name as a part of another's."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", folder.name)[:40].strip("-.") or "connector"


def misnamed_beside(path: Path) -> str:
    """Return the name of a file beside Connector.config that was probably meant to be it; "" for none.

    One that an Encrypt has left that was stopped while it replaced the file comes first.
    """
    if left := left_beside(path):
        return left[0].name
    try:
        names = os.listdir(path.parent)  # noqa: PTH208 - names are all that is asked for
    except OSError:
        return ""
    meant = _MISNAMED | {f"{path.name.lower()}.txt"}
    return next((name for name in sorted(names) if name.lower() in meant and name != path.name), "")


def as_id(name: str) -> str:
    """Return the name of a place as an INSTALLATION_ID has it: letters, digits and hyphens, in lower case."""
    return name.lower().translate(_NOT_IN_AN_ID)


def _place_of(installation_id: str, runs: Path) -> Path:
    """Return the place that an id names; one that was named by the file's path before keeps its name."""
    exact = runs / installation_id
    if os.path.isdir(exact):  # noqa: PTH112 - Path's raises
        return exact
    try:
        names = sorted(os.listdir(runs))  # noqa: PTH208 - names are all that is asked for
    except OSError:
        return exact
    return next((runs / name for name in names if as_id(name) == installation_id), exact)


def _named_by_path(path: Path) -> str:
    digest = hashlib.sha256(os.path.normcase(path).encode("utf-8", "backslashreplace")).hexdigest()[:12]
    return f"{readable_name(path.parent)}-{digest}"


def _unprefixed(path: str) -> str:
    r"""Return a Windows path without the prefix that switches its reading off: `\\?\C:\` is `C:\`."""
    if path[:8].upper() == "\\\\?\\UNC\\":
        return "\\\\" + path[8:]
    return path[4:] if path[:4] in {"\\\\?\\", "\\\\.\\"} and path[5:6] == ":" else path


def _working_directory() -> Path | None:
    """Return the working directory; None when it has gone, or is none of this account's."""
    try:
        return Path.cwd()
    except OSError:
        return None


def _refuse_planted(first: Path, other: Path) -> None:
    """Raise ConfigurationError where a stranger could have put the first of two files there, to be found before."""
    from amtconnector.system import file_access  # one file is the rule

    if fault := file_access.planting_fault(first):
        raise ConfigurationError(
            f"There are two configuration files, and the first may be planted: {fault.reason}, "
            "and others may put files into its folder.",
            subject=f"{first} and {other}",
            hint=f"Remove the wrong one. If the first is right, as an administrator:\n{fault.commands}\n"
            "Or name the file with --config.",
        )


def _in_working_directory(given: str, working_directory: Path | None) -> Path:
    folder = working_directory or _working_directory()
    return absolute(folder / given) if folder else Path(given)


def _misnamed_in(folders: tuple[Path, ...]) -> str:
    for folder in folders:
        if name := misnamed_beside(folder / FILE_NAME):
            return f"{folder / name} is there: rename it to {FILE_NAME}."
    return ""


def _hint_for(path: Path, *, is_folder: bool) -> str:
    if is_folder and os.path.isfile(path / FILE_NAME):  # noqa: PTH113 - Path's raises
        return f"The file may be {path / FILE_NAME}: move it to where the folder is, or name it with --config."
    if not is_folder and (name := misnamed_beside(path)):
        return f"{path.parent / name} is there: rename it, or name it with --config."
    return f"Name a file such as {FILE_NAME} with --config."


if sys.platform == "win32":

    def _state_directory() -> Path:
        return Path(os.environ.get("PROGRAMDATA") or r"C:\ProgramData", "AmtConnector")

else:

    def _state_directory() -> Path:
        if os.geteuid() == 0:
            return Path("/var/lib/amtconnector")
        from platformdirs import user_state_path  # paid only where it is needed

        return user_state_path("amtconnector", appauthor=False)
