"""Run the README's two commands as they stand there, in the folder that this is started in.

python .ci/readme_commands.py [--windows]
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

POSIX = r"^    (python3 -m venv .*)$"
WINDOWS = r"^    (py -3 -m venv .*)$"


def commands(readme: str, pattern: str) -> list[str]:
    """Return the command that shows a job and the one that runs the tests; raises `ValueError` where they are gone."""
    found = re.findall(pattern, readme, flags=re.MULTILINE)
    if [command.rpartition(" ")[2] for command in found] != ["demo", "pytest"]:
        raise ValueError(f"README.md has not its two commands any more, but {found}")
    return found


def main() -> None:
    """Run them one after the other, as long as they succeed."""
    pattern = WINDOWS if sys.argv[1:] == ["--windows"] else POSIX
    for command in commands(Path("README.md").read_text(encoding="utf-8"), pattern):
        sys.stdout.write(f"-- {command}\n")
        sys.stdout.flush()
        code = run(command)
        if code and command.endswith("pytest"):
            # A test that starts processes can come too late on a busy machine: it gets one more try, alone.
            again = command.rpartition("&& ")[2] + " --last-failed --last-failed-no-failures none -n 0"
            sys.stdout.write(f"-- {again}\n")
            sys.stdout.flush()
            code = run(again)
        if code:
            sys.exit(f"exit code {code}: {command}")


def run(command: str) -> int:
    """Run a command line as a reader types it; return its exit code."""
    return subprocess.run(command, shell=True, stdin=subprocess.DEVNULL, check=False).returncode  # noqa: S602


if __name__ == "__main__":
    main()
