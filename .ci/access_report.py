"""Print who may do what with files and folders: the access lists on Windows, owner and mode elsewhere.

python .ci/access_report.py OUTPUT PATH...

What is not there is said. Windows' own words and all: it is evidence for a reader, not for a program.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path


def report(paths: list[Path]) -> str:
    """Return a block for each path and for everything below it."""
    parts = [entry for path in paths for entry in (path, *sorted(path.rglob("*")))]
    return "".join(_block(path) if os.path.lexists(path) else f"{path}: not there\n" for path in parts)


def _block(path: Path) -> str:
    if sys.platform == "win32":
        command = ["icacls.exe", str(path), "/Q"]
        return subprocess.run(command, capture_output=True, check=False).stdout.decode(errors="replace")
    status = path.lstat()
    return f"{stat.filemode(status.st_mode)} {status.st_uid}:{status.st_gid} {path}\n"


def main(output: str, *paths: str) -> None:
    """Write the report."""
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    Path(output).write_text(report([Path(path) for path in paths]), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
