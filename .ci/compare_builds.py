"""Compare two builds byte for byte, and list what differs; exit code 1 where anything does.

python .ci/compare_builds.py dist build/again
"""

from __future__ import annotations

import sys
from pathlib import Path


def differences(first: Path, second: Path) -> list[str]:
    """Return a line for each file that only one folder has, or that the two have with different contents or rights."""
    names = {path.relative_to(folder) for folder in (first, second) for path in folder.rglob("*") if not path.is_dir()}
    return [line for name in sorted(names) if (line := _difference(name, first / name, second / name))]


def _difference(name: Path, one: Path, other: Path) -> str:
    for path in (one, other):
        if not path.exists():
            return f"{name}: missing in {path.parents[len(name.parts) - 1]}"
    if one.stat().st_mode != other.stat().st_mode:
        return f"{name}: mode {one.stat().st_mode:o} and {other.stat().st_mode:o}"
    return _first_difference(name, one.read_bytes(), other.read_bytes())


def _first_difference(name: Path, one: bytes, other: bytes) -> str:
    if one == other:
        return ""
    place = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return f"{name}: {len(one)} and {len(other)} bytes, different from byte {place} on"


def main(first: str, second: str) -> int:
    """Print the list, or how many files are equal."""
    found = differences(Path(first), Path(second))
    if found:
        sys.stderr.write("\n".join([f"{first} and {second} differ in {len(found)} files:", *found]) + "\n")
        return 1
    count = sum(path.is_file() for path in Path(first).rglob("*"))
    sys.stdout.write(f"{first} and {second} are equal byte for byte: {count} files\n")
    return 0 if count else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
