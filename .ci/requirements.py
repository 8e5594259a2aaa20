"""Print the lines of a lock that a Windows Python needs: pip evaluates markers for the machine that it runs on itself.

python .ci/requirements.py .ci/requirements-build.txt
"""

from __future__ import annotations

import sys
from pathlib import Path

from packaging.markers import Marker

WINDOWS = {
    "implementation_name": "cpython",
    "os_name": "nt",
    "platform_machine": "AMD64",
    "platform_python_implementation": "CPython",
    "platform_system": "Windows",
    "python_full_version": "3.11.1",
    "python_version": "3.11",
    "sys_platform": "win32",
}


def for_windows(lock: str) -> list[str]:
    """Return the requirements of a lock that hold on Windows, each with its hashes and without its marker."""
    entries = lock.replace("\\\n", " ").splitlines()
    return [line for entry in entries if "==" in entry and (line := _on_windows(entry))]


def _on_windows(entry: str) -> str:
    requirement, *hashes = entry.split(" --hash=")
    pinned, _, marker = requirement.partition(";")
    if marker and not Marker(marker).evaluate(WINDOWS):
        return ""
    return " ".join([pinned.strip(), *(f"--hash={value.strip()}" for value in hashes)])


if __name__ == "__main__":
    for name in sys.argv[1:]:
        sys.stdout.write("\n".join(for_windows(Path(name).read_text(encoding="utf-8"))) + "\n")
