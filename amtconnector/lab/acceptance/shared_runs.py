"""A run directory that several machines share: two installations that know nothing of each other but it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from amtconnector.lab.acceptance import restarts
from amtconnector.lab.acceptance.check import require

if TYPE_CHECKING:
    from amtconnector.lab.acceptance.stage import Stage

_IS_WINDOWS = sys.platform == "win32"


def two_machines(stage: Stage) -> str:
    """See that a second machine does nothing while the first runs the job, and takes it up after a kill."""
    share = stage.share()
    here, there = stage.site(CONNECTOR={"RUN_DIRECTORY": share}), stage.site(CONNECTOR={"RUN_DIRECTORY": _other(share)})
    job = stage.job("NEVER_ENDS")
    running, task = restarts.started(stage, here, job)
    there.run(job.restarted(), {"COMPUTERNAME": "ACCEPTANCE2"}).must_exit(104).must_say(str(task["id"]))
    running.kill()
    found = restarts.attaches(stage, there, job.restarted(), task)
    left = [path.name for path in share.rglob("*") if path.suffix == ".tmp"]
    require(not left, f"temporary files stayed behind: {', '.join(left)}")
    kind = "the given directory" if stage.wishes.run_directory else "a directory on this machine"
    return f"{kind}: the second machine gets 104; after a kill it takes the task up: {found}"


def _other(share: Path) -> Path:
    """Return another way to the same folder, which the system's cache of the first one does not serve.

    On Windows the server of a share is reached by its address, as another client; else a symbolic link has to do.
    """
    if _IS_WINDOWS:
        found = _by_address(share)
        return found if found.is_dir() else share
    link = share.with_name("the same")
    link.symlink_to(share)
    return link


def _by_address(share: Path) -> Path:
    """Return a local path as a share of this machine that is reached through its address."""
    drive, rest = share.drive, str(share)[len(share.drive) :]
    if drive.startswith("\\\\"):
        return share
    return Path(f"\\\\127.0.0.1\\{drive[0]}${rest}")
