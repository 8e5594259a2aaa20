"""Print what a Windows Python needs for the extras that are named: pip evaluates markers for the machine it runs on."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

WINDOWS_ONLY = ("colorama", "pefile", "pywin32-ctypes", "setuptools")
"""What click and PyInstaller need there and not here."""


def main() -> None:
    """Print one requirement a line, from pyproject.toml."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = list(project["dependencies"])
    for extra in sys.argv[1:]:
        wanted += [entry for entry in project["optional-dependencies"][extra] if not entry.startswith(project["name"])]
    sys.stdout.write("\n".join([*wanted, *WINDOWS_ONLY]) + "\n")


main()
