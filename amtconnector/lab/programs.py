"""Where the programs are that the lab starts: the connector, and the lab itself."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from amtconnector.system.command_line import pasteable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

IS_FROZEN = bool(getattr(sys, "frozen", False))
_IS_WINDOWS = sys.platform == "win32"
_SUFFIX = ".exe" if _IS_WINDOWS else ""
_ENCRYPT_TIMEOUT_S = 60.0
_BOOTLOADER_VARIABLES = ("_PYI_", "_MEIPASS", "PYINSTALLER_")


def lab_command(subcommand: str, *arguments: str) -> list[str]:
    """Return the command line that starts a subcommand of this lab."""
    start = [sys.executable] if IS_FROZEN else [sys.executable, "-m", "amtconnector.lab"]
    return [*start, subcommand, *arguments]


def lab_line(*words: str) -> str:
    """Return the command line of this lab with these words, ready to be pasted."""
    return pasteable(lab_command(*words))


def connector_command() -> list[str]:
    """Return the start of the connector's command line: this source, or the release in `amt` beside the lab's folder.

    Raises FileNotFoundError where there is no release.
    """
    if not IS_FROZEN:
        return [sys.executable, "-m", "amtconnector"]
    program = Path(sys.executable).resolve().parent.parent / "amt" / f"amt{_SUFFIX}"
    if not program.is_file():
        raise FileNotFoundError(program)
    return [str(program)]


def encrypt(connector: Sequence[str], value: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Have the connector encrypt a value; `words` say what becomes of it. Raises OSError and TimeoutExpired."""
    return subprocess.run(
        [*connector, "encrypt", *words, "-"],
        input=value,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="backslashreplace",
        env=environment_for_programs(),
        timeout=_ENCRYPT_TIMEOUT_S,
        check=False,
        start_new_session=True,
    )


def environment_for_programs() -> dict[str, str]:
    """Return this environment as another program should see it.

    Without a job of OpCon that this process may be part of, and without what a frozen program's start-up code has put
    there for its own libraries.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SMA_MSLSAM_")}
    if IS_FROZEN:
        kept = {name: value for name, value in kept.items() if not name.startswith(_BOOTLOADER_VARIABLES)}
        original = kept.pop("LD_LIBRARY_PATH_ORIG", None)
        kept.pop("LD_LIBRARY_PATH", None)
        if original is not None:
            kept["LD_LIBRARY_PATH"] = original
    return kept


@contextmanager
def as_other_programs_see_it() -> Iterator[None]:
    """Make this process's environment that of `environment_for_programs` for a while."""
    own = dict(os.environ)
    others = environment_for_programs()
    os.environ.clear()
    os.environ.update(others)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(own)
