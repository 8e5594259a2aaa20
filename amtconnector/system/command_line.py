"""Command lines of this program as its users can paste them: its own path, quoted for the system's shells."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_PROGRAM = "amt"
_ENCRYPT = "Encrypt"
_SUFFIX = ".exe" if sys.platform == "win32" else ""


def own_command(*arguments: str) -> str:
    """Return the command line of `amt` with these arguments, under the path that this program runs from."""
    return pasteable([*(_found(_PROGRAM) or _as_module()), *arguments])


def encrypt_command(*arguments: str) -> str:
    """Return the command line of `Encrypt` with these arguments, or of `amt encrypt`, which is the same program."""
    return pasteable([*(_found(_ENCRYPT) or [*(_found(_PROGRAM) or _as_module()), "encrypt"]), *arguments])


def credentials_commands(config: str | Path | None) -> str:
    """Return the two command lines of `Encrypt` that set a Connector.config's credentials; None for the usual file."""
    named = () if config is None else ("--config", os.path.abspath(config))  # noqa: PTH100  # a name, no link followed
    return "\n".join(encrypt_command("--set", name, *named) for name in ("USER", "PASSWORD"))


def pasteable(words: Sequence[str]) -> str:
    """Return a command line, a program's path and its arguments, that can be pasted into the shells of this system."""
    program = _windows_program(words[0]) if sys.platform == "win32" else shlex.quote(words[0])
    return " ".join((program, *map(quoted, words[1:])))


def quoted(text: str) -> str:
    """Return a text as one word of a command line.

    On Windows the form holds in cmd and in PowerShell: double quotes where there is anything but letters, digits and
    harmless marks. What they expand within quotes (`%NAME%`, `$name`) can't be written for both.
    """
    return _windows_word(text) if sys.platform == "win32" else shlex.quote(text)


def program_file() -> Path:
    """Return the absolute path of the running program, with the links that it was named by; never raises."""
    named = _named()
    if named is None or (_is_frozen() and not _is_same(named, sys.executable)):
        return Path(sys.executable)
    return named


def _named() -> Path | None:
    """Return the path of the first word of the command line; None for a bare name, which was found in PATH."""
    word = sys.argv[0]
    try:
        # A link in the path, such as a folder `current`, stays: it outlives the next update.
        return Path(os.path.abspath(word)) if os.path.split(word)[0] else None  # noqa: PTH100
    except OSError:  # the working directory has gone
        return None


def _is_same(path: Path, other: str) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return False


def _is_frozen() -> bool:
    return bool(getattr(sys, "frozen", False))


def _found(name: str) -> list[str]:
    """Return the path of one of the two programs: beside the running one, else beside the interpreter; [] for none."""
    running = program_file()
    is_program = _is_frozen() or running.name.removesuffix(_SUFFIX) in {_PROGRAM, _ENCRYPT}
    folders = [*([running.parent] if is_program else []), Path(sys.executable).parent]
    paths = [folder / (name + _SUFFIX) for folder in folders]
    found = next((path for path in paths if path.is_file()), paths[-1] if _is_frozen() else None)
    return [str(found)] if found else []


def _as_module() -> list[str]:
    return [sys.executable, "-m", "amtconnector"]


def _windows_program(path: str) -> str:
    r"""Quote each folder's name alone: PowerShell takes a line that begins with a quote for a text, not for a command.

    `C:\"Program Files"\amt.exe` starts the program in cmd and in PowerShell.
    """
    return "\\".join(_windows_word(part) if part else "" for part in path.split("\\"))


def _windows_word(text: str) -> str:
    if text and all(letter.isalnum() or letter in r"_-.:\/+=~" for letter in text):
        return text
    escaped = text.replace('"', r"\"")
    backslashes = "\\" * (len(escaped) - len(escaped.rstrip("\\")))  # before the closing quote they count double
    return f'"{escaped}{backslashes}"'
