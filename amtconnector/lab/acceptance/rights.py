"""Rights: of the program's folder, the configuration, the key and the run directory, as ordinary accounts meet them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from amtconnector.lab.acceptance import access
from amtconnector.lab.acceptance.agent import Surroundings
from amtconnector.lab.acceptance.check import NotTried, require
from amtconnector.lab.acceptance.console import is_wine

if TYPE_CHECKING:
    from amtconnector.lab.acceptance.site import Site
    from amtconnector.lab.acceptance.stage import Stage

_NOBODY = 65534
_USERS = "*S-1-5-32-545"


def program_folder(stage: Stage) -> str:
    """See that nobody but administrators may change the program, or what it loads."""
    folder = stage.wishes.program.parent
    found = access.ordinary_writers(folder)
    require(not found, f"{found}. This closes the folder: {access.closing_command(folder)}")
    return "no ordinary account may change it"


def configuration(stage: Stage) -> str:
    """See that a Connector.config that an administrator has written is not open to changes by others."""
    found = access.writers(stage.site().config)
    require(not found, f"a new Connector.config in a folder for temporary files: {found}")
    return "readable, not to be changed by ordinary accounts"


def key_file(stage: Stage) -> str:
    """See that the key file that the program made is closed to ordinary accounts."""
    require(stage.account.key_file.is_file(), "no key file was made")
    found = access.readers(stage.account.key_file) or access.writers(stage.account.key_file)
    require(not found, found)
    return "closed to ordinary accounts"


def exposed_key(stage: Stage) -> str:
    """See that a key file which ordinary accounts may read is refused: 103, with the command that closes it."""
    if is_wine():
        raise NotTried("wine maps access lists to POSIX rights")
    require(stage.account.key_file.is_file(), "no key file was made")
    exposed = stage.folder / "exposed.key"
    exposed.write_bytes(stage.account.key_file.read_bytes())
    if sys.platform == "win32":
        subprocess.run(["icacls", str(exposed), "/grant", f"{_USERS}:R"], capture_output=True, check=False)  # noqa: S607
    else:
        exposed.chmod(0o644)
    ended = stage.site(CONNECTOR={"KEY_FILE": exposed}).run(stage.job("ENDS_DONE")).must_exit(103)
    ended.must_say("icacls" if sys.platform == "win32" else "chmod")
    return "refused, exit code 103, with the command that closes it"


def run_directory(stage: Stage) -> str:
    """See that the run directory that a run makes is not open to changes by ordinary accounts."""
    site = stage.site()
    site.run(stage.job("ENDS_DONE")).must_exit(4)
    require(site.runs.is_dir(), "no run directory was made")
    found = access.writers(site.runs)
    require(not found, found)
    return "made by the run, not to be changed by ordinary accounts"


def ordinary_account(stage: Stage) -> str:
    """See that an ordinary account gets 103 without the key's right, and 4 with it and a run directory of its own."""
    if sys.platform == "win32":
        raise NotTried("it needs that account's password: run this program as that account, too")
    else:  # noqa: RET506 - mypy takes the branches as those of the systems
        return _as_nobody(stage)


def _as_nobody(stage: Stage) -> str:
    if access.own_user_id() != 0:
        raise NotTried("only root can start programs as another account: sudo")
    if not access.may_be_entered(stage.folder.parent):
        raise NotTried(f"other accounts can't enter the folder for temporary files, {stage.folder.parent}: TMPDIR")
    site = _site_for_others(stage)
    as_nobody = Surroundings(account=_NOBODY)
    _may_start(site, as_nobody)
    site.run(stage.job("ENDS_DONE"), surroundings=as_nobody).must_exit(103).must_say("ch")
    key = stage.account.key_file
    shutil.chown(key, 0, _NOBODY)
    key.chmod(0o640)
    try:
        site.run(stage.job("ENDS_DONE"), surroundings=as_nobody).must_exit(4)
    finally:
        shutil.chown(key, 0, 0)
        key.chmod(0o600)
    return "103 without the key's right, 4 with it"


def _site_for_others(stage: Stage) -> Site:
    site = stage.site()
    stage.folder.chmod(0o711)
    site.runs.mkdir()
    shutil.chown(site.runs, _NOBODY, _NOBODY)
    return site


def _may_start(site: Site, surroundings: Surroundings) -> None:
    try:
        ended = site.run_bare("--version", surroundings=surroundings)
    except PermissionError as error:
        raise NotTried("the program lies in a folder that other accounts can't enter") from error
    if ended.exit_code != 0:
        raise NotTried("another account can't start the program where it lies")
