"""The acceptance as Local System in session 0, where OpCon's agent lives: through a scheduled task of Windows.

Whoever may write a folder from which Local System starts a program is Local System. So nothing is started from a
folder that ordinary users may write, and the working folder is closed before anything is in it.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

import click

from amtconnector.commands.click_command import DONE, NOT_DONE
from amtconnector.lab import programs
from amtconnector.lab.acceptance import access
from amtconnector.lab.acceptance.check import NotTried

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amtconnector.lab.acceptance.stage import Wishes

_IS_WINDOWS = sys.platform == "win32"
_PATIENCE_S = 1200.0
_LOOK_INTERVAL_S = 1.0
_TASK = """\
<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
<Principals><Principal id="Author"><UserId>S-1-5-18</UserId><RunLevel>HighestAvailable</RunLevel></Principal>
</Principals>
<Settings><DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries><ExecutionTimeLimit>PT30M</ExecutionTimeLimit>
</Settings>
<Actions Context="Author"><Exec><Command>{command}</Command><Arguments>{arguments}</Arguments>
<WorkingDirectory>{folder}</WorkingDirectory></Exec></Actions>
</Task>
"""


def accept(wishes: Wishes, only: tuple[str, ...], base: Path) -> int:
    """Have Local System perform the checks, bring its report here, and return the exit code."""
    refuse_open_folders({wishes.program.parent, Path(sys.executable).parent})
    if not _IS_WINDOWS:
        click.echo("not tried  as-service             Local System and session 0 are a matter of Windows")
        raise click.ClickException("nothing was tried: on this system run it as the account that the jobs run as.")
    folder = _closed_folder()
    try:
        _perform(_command(wishes, only, folder), folder)
        return _bring(folder, base)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def refuse_open_folders(folders: Iterable[Path]) -> None:
    """Raise click.ClickException when an ordinary user could change what Local System is going to start."""
    for folder in sorted(folders):
        try:
            found = access.ordinary_writers(folder)
        except NotTried as reason:
            raise click.ClickException(f"refused: it can't be seen who may write {folder}: {reason}") from reason
        if found:
            raise click.ClickException(
                f"refused: ordinary users may write what Local System would start.\n  {found}\n"
                "  Move the folders to where only administrators may write, or close them:\n"
                f"  {access.closing_command(folder)}"
            )


def _closed_folder() -> Path:
    """Make a folder that is open to Local System and Administrators alone."""
    above = Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData"))
    folder = above / f"amt-acceptance-{secrets.token_hex(8)}"
    folder.mkdir()
    grants = [word for grant in access.CLOSED_TO for word in ("/grant:r", grant)]
    closed = subprocess.run(["icacls", str(folder), "/inheritance:r", *grants], capture_output=True, check=False)  # noqa: S607
    if closed.returncode != 0:
        folder.rmdir()
        raise click.ClickException(f"icacls can't close {folder}: run this as an administrator.")
    if any(folder.iterdir()):
        raise click.ClickException(f"refused: somebody has put something into {folder} before it was closed.")
    return folder


def _command(wishes: Wishes, only: tuple[str, ...], folder: Path) -> list[str]:
    here = str(folder)
    wanted = ["--program", str(wishes.program), "--report", here, "--work-folder", here]
    if wishes.run_directory:
        wanted += ["--run-directory", str(wishes.run_directory)]
    return programs.lab_command("acceptance", *wanted, *(word for name in only for word in ("--only", name)))


def _perform(command: list[str], folder: Path) -> None:
    """Run a command as Local System and wait for the report that it writes last."""
    name = folder.name
    task = folder / "task.xml"
    arguments = subprocess.list2cmdline(command[1:])
    filled = _TASK.format(command=escape(command[0]), arguments=escape(arguments), folder=escape(str(folder)))
    task.write_text(filled, encoding="utf-16")
    _schtasks("/Create", "/TN", name, "/XML", str(task), "/F")
    try:
        _schtasks("/Run", "/TN", name)
        click.echo("The checks run as Local System. Their lines come with the report.\n")
        deadline = time.monotonic() + _PATIENCE_S
        while not any(folder.glob("amt-acceptance-*.json")):
            if time.monotonic() > deadline:
                raise click.ClickException(f"no report within {_PATIENCE_S / 60:.0f} minutes.")
            time.sleep(_LOOK_INTERVAL_S)
    finally:
        _schtasks("/End", "/TN", name, must=False)
        _schtasks("/Delete", "/TN", name, "/F", must=False)


def _bring(folder: Path, base: Path) -> int:
    """Copy the report beside `base`, show its lines, and return the exit code that it stands for."""
    [found] = folder.glob("amt-acceptance-*.json")
    report = json.loads(found.read_text(encoding="utf-8"))
    for result in report["checks"]:
        click.echo(f"{result['outcome']:<10} {result['name']:<22} {result['finding']} ({result['seconds']:.1f} s)")
    click.echo()
    for path in (found, found.with_suffix(".html")):
        target = base.with_name(f"{base.name}-as-service{path.suffix}")
        shutil.copyfile(path, target)
        click.echo(f"  {target}")
    return DONE if report["is_well"] else NOT_DONE


def _schtasks(*arguments: str, must: bool = True) -> None:
    done = subprocess.run(["schtasks", *arguments], capture_output=True, text=True, check=False)  # noqa: S607
    if must and done.returncode != 0:
        raise click.ClickException(
            f"schtasks {arguments[0]} failed, run this as an administrator: {done.stderr.strip()}"
        )
