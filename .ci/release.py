"""Make what a release consists of from built folders: zips, lists of components and SHA256SUMS; its notes beside it.

python .ci/release.py build/release dist/amt dist/amt-lab [--tag v1.0.0] [--platform win-amd64]

makes the folder build/release and the file build/release.md. With a tag, its version must be the program's, and the
section in CHANGELOG.md must not call it unreleased. A zip is the same each time it is made from the same folder.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import stat
import sys
import sysconfig
import time
import zipfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
TITLES = {"amt": "AMT Connector", "amt-lab": "AMT Connector Lab"}
"""What the folder inside a zip is called, before its version."""


class Section(NamedTuple):
    """A version's section in the change log; `day` is the last date in its title, the release's."""

    title: str
    day: str
    text: str


def section_of(changelog: str, version: str) -> Section:
    """Return the section of a version; raises `ValueError` where there is none, or no date or text in it."""
    for section in re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]:
        title, _, text = section.partition("\n")
        days = re.findall(r"\d{4}-\d\d-\d\d", title)
        if title.startswith(f"[{version}]") and text.strip() and days:
            return Section(title, days[-1], re.sub(r"^### ", "## ", text.strip(), flags=re.MULTILINE) + "\n")
    raise ValueError(f"CHANGELOG.md has no section [{version}] with a date and a text")


def zip_folder(folder: Path, target: Path, name: str, day: str) -> None:
    """Put a folder into a zip under a name, in order, with one date."""
    date = time.strptime(day, "%Y-%m-%d")[:6]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(f"{name}/{path.relative_to(folder).as_posix()}", date)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            executable = path.stat().st_mode & stat.S_IXUSR
            entry.external_attr = (stat.S_IFREG | (0o755 if executable else 0o644)) << 16
            archive.writestr(entry, path.read_bytes())


def version_of(folder: Path) -> str:
    """Return the version that a built folder's list of components names."""
    listed = json.loads((folder / "sbom.cdx.json").read_text(encoding="utf-8"))
    return str(listed["metadata"]["component"]["version"])


def check_tag(tag: str | None, version: str, section: Section) -> None:
    """End with a text where a tag does not fit the program, or where the change log has not been made ready."""
    if tag and tag != f"v{version}":
        sys.exit(f"The tag {tag} is not the program's version: v{version} would be.")
    if tag and "Unreleased" in section.title:
        sys.exit(f"CHANGELOG.md calls the version unreleased: {section.title}")


def write_digests(folder: Path) -> None:
    """Write SHA256SUMS over all other files of a folder, as `sha256sum --check` reads it."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8", newline="\n")


def main() -> None:
    """Add a zip and a list of components for each built folder, and digests over all that is there."""
    parser = argparse.ArgumentParser(prog="python .ci/release.py")
    parser.add_argument("release", type=Path, help="where to put it; what is there already stays")
    parser.add_argument("folders", type=Path, nargs="+", help="a built folder: dist/amt")
    parser.add_argument("--tag", help="the version that it must be: v1.0.0")
    parser.add_argument("--platform", default=sysconfig.get_platform(), help="what the folders were built on")
    given = parser.parse_args()
    given.release.mkdir(parents=True, exist_ok=True)
    for folder in given.folders:
        version = version_of(folder)
        section = section_of((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version)
        check_tag(given.tag, version, section)
        name = f"{folder.name}-{version}-{given.platform}"
        zip_folder(folder, given.release / f"{name}.zip", f"{TITLES[folder.name]} {version}", section.day)
        shutil.copyfile(folder / "sbom.cdx.json", given.release / f"{name}.cdx.json")
        given.release.with_suffix(".md").write_text(section.text, encoding="utf-8", newline="\n")
    write_digests(given.release)
    sys.stdout.write((given.release / "SHA256SUMS").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
