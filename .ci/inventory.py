"""The list of what the built folder contains, as CycloneDX: `build.spec` calls this.

cyclonedx-bom describes every distribution of the build environment; those of which no module was built in are left
out, and what no distribution describes (Python, OpenSSL, PyInstaller's start-up program) is added.
"""

from __future__ import annotations

import json
import platform
import shutil
import ssl
import subprocess
import sys
import sysconfig
import tempfile
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

OWN = "amtconnector"
LICENCE_FILES = ("LICENSE", "LICENCE", "COPYING", "NOTICE")


def write(target: Path, version: str, modules: Iterable[str]) -> None:
    """Write the list for a folder with these modules to `target`, and the licence texts to `licences` beside it.

    `modules` are names as PyInstaller has them: dotted modules, and paths of binaries.
    """
    shipped = _distributions(modules)
    bom = _described_environment()
    bom["metadata"]["component"] = _component("application", "AMT Connector", version, "MIT", OWN)
    listed = [part for part in bom["components"] if _normal(part["name"]) in shipped]
    bom["components"] = [*listed, _interpreter(target.parent / "_internal"), *_surroundings()]
    bom["dependencies"] = _dependencies(bom)
    target.write_text(json.dumps(bom, indent=2) + "\n", encoding="utf-8")
    for name in sorted(shipped):
        _copy_licences(name, target.with_name("licences") / name)
    sys.stdout.write(f"{target}: {len(bom['components'])} components\n")


def warn_of_unpinned(lock: Path, listed: Path) -> None:
    """Say loudly which of the listed components have another version than the lock pins."""
    pins = dict(_pin(line) for line in lock.read_text(encoding="utf-8").splitlines() if "==" in line)
    for part in json.loads(listed.read_text(encoding="utf-8"))["components"]:
        pinned = pins.get(_normal(part["name"]))
        if part["type"] == "library" and pinned != part["version"] and part["purl"].startswith("pkg:pypi/"):
            sys.stderr.write(f"WARNING: built with {part['name']} {part['version']}; {lock.name} has {pinned}\n")


def _pin(line: str) -> tuple[str, str]:
    name, _, version = line.partition("==")
    return _normal(name.strip()), version.split()[0]


def _distributions(modules: Iterable[str]) -> set[str]:
    """Return the normalised names of the distributions that these modules come from, without the connector itself."""
    tops = {Path(name).parts[0].split(".")[0] for name in modules}
    owners = metadata.packages_distributions()
    return {_normal(owner) for top in tops for owner in owners.get(top, ())} - {OWN, "pyinstaller", "setuptools"}


def _described_environment() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "bom.json"
        command = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible", "-o", str(output)]
        subprocess.run(command, check=True)
        bom: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
    return bom


def _interpreter(folder: Path) -> dict[str, Any]:
    """Return the Python that is built in: whose build it is, and the digest of its library in this folder."""
    build = {
        "implementation": platform.python_implementation(),
        "build": " ".join(platform.python_build()),
        "compiler": platform.python_compiler(),
        "platform": sysconfig.get_platform(),
    }
    libraries = sorted([*folder.glob("libpython3.*"), *folder.glob("python3??.dll")])
    return _component("platform", "Python", platform.python_version(), "PSF-2.0", "python") | {
        "hashes": [{"alg": "SHA-256", "content": sha256(path.read_bytes()).hexdigest()} for path in libraries],
        "properties": [{"name": f"amtconnector:python:{name}", "value": value} for name, value in build.items()],
    }


def _surroundings() -> list[dict[str, Any]]:
    """Return what else is built in and is no distribution."""
    openssl = ssl.OPENSSL_VERSION.split()[1]
    return [
        _component("library", "OpenSSL", openssl, "Apache-2.0", "openssl"),
        _component(
            "application",
            "PyInstaller bootloader",
            metadata.version("pyinstaller"),
            "GPL-2.0-or-later WITH Bootloader-exception",
            "pyinstaller",
        ),
    ]


def _component(kind: str, name: str, version: str, licence: str, slug: str) -> dict[str, Any]:
    return {
        "type": kind,
        "bom-ref": f"{slug}=={version}",
        "name": name,
        "version": version,
        "licenses": [{"expression": licence}],
        "purl": f"pkg:generic/{slug}@{version}",
    }


def _dependencies(bom: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the dependencies among the listed components; the program itself depends on all of them."""
    refs = {part["bom-ref"] for part in bom["components"]}
    kept = [
        {"ref": entry["ref"], "dependsOn": sorted(refs.intersection(entry.get("dependsOn", ())))}
        for entry in bom["dependencies"]
        if entry["ref"] in refs
    ]
    return [{"ref": bom["metadata"]["component"]["bom-ref"], "dependsOn": sorted(refs)}, *kept]


def _copy_licences(name: str, folder: Path) -> None:
    for file in metadata.files(name) or ():
        source = Path(str(file.locate()))
        if source.name.upper().startswith(LICENCE_FILES) and ".dist-info" in str(file) and source.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / source.name)


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
