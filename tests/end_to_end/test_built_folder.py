"""The folder that `pyinstaller build.spec` makes: what is in it, and that it runs from wherever it is copied to."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import marshal
import os
import re
import runpy
import shutil
import signal
import subprocess
import time
import zipfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from amtconnector import __version__
from tests.conftest import built_programs
from tests.end_to_end.installation import Installation
from tests.end_to_end.simulator_process import SimulatorProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Programs

pytestmark = pytest.mark.windows

ROOT = Path(__file__).parents[2]

JOBS = '[users.ocadm]\npassword = "opconxps"\n[applications.DEMO2.jobs.SHORT]\nduration = 0.3\nmessages = ["Done"]\n'


@pytest.fixture
def folder(programs: Programs) -> Path:
    """Return the built folder."""
    if programs.folder is None:
        pytest.skip("there is no built folder: this is the source install")
    return programs.folder


@pytest.fixture
def read_only_copy(folder: Path, tmp_path: Path) -> Iterator[Path]:
    """Copy the folder below a path with blanks and umlauts, and take every right to write away."""
    copy = tmp_path / "Über alle Maßen" / "AMT Connector (neu)"
    shutil.copytree(folder, copy)
    paths = [copy, *copy.rglob("*")]
    for path in paths:
        path.chmod(path.stat().st_mode & ~0o222)
    yield copy
    for path in paths:
        path.chmod(path.stat().st_mode | 0o200)


def test_a_read_only_copy_below_blanks_and_umlauts_runs_a_job_and_stays_as_it_was(
    read_only_copy: Path, programs: Programs, tmp_path: Path
) -> None:
    """The folder can be copied anywhere; nothing in it is ever written."""
    before = digests(read_only_copy)
    copied = built_programs(read_only_copy / programs.amt[-1].rpartition(os.sep)[2])
    with SimulatorProcess(tmp_path / "amt", JOBS) as simulator:
        site = Installation(tmp_path / "Müller & Söhne", copied, simulator.address)
        run = site.run("-jt", "START", "-an", "DEMO2", "-jn", "SHORT")
    assert run.exit_code == 4, run.text
    assert "Done" in run.lines
    assert digests(read_only_copy) == before


@pytest.mark.posix_only
def test_an_interrupt_at_any_moment_of_the_start_is_107_or_the_signals_own_end(
    folder: Path, programs: Programs
) -> None:
    """1 is QUEUED to an operator. Only the interpreter's first 2 ms are beyond our reach: few interrupts fall there."""
    codes: Counter[int] = Counter()
    for moment_ms in range(2, 102):
        command = (*programs.amt, "-jt", "START", "-an", "A", "-jn", "J", "--config", str(folder / "none"))
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(moment_ms / 1000)
        process.send_signal(signal.SIGINT)
        codes[process.wait(timeout=60)] += 1
    assert set(codes) <= {107, -signal.SIGINT, 102, 1, 255}
    assert codes[107] > 10
    assert codes[1] + codes[255] <= 12


def test_the_folder_holds_what_an_administrator_looks_for(folder: Path) -> None:
    """Sample configuration, documentation and licence lie beside the programs."""
    names = {path.name for path in folder.iterdir()}
    assert {"Connector.config.example", "README.md", "CHANGELOG.md", "LICENSE", "docs", "licences"} <= names
    assert (folder / "docs" / "operations.md").is_file()


def test_the_list_of_components_has_versions_and_licences(folder: Path) -> None:
    """CycloneDX: the program itself, every library that is inside, Python and OpenSSL."""
    listed = json.loads((folder / "sbom.cdx.json").read_text(encoding="utf-8"))
    assert listed["bomFormat"] == "CycloneDX"
    assert listed["metadata"]["component"]["version"] == __version__
    names = {part["name"].lower() for part in listed["components"]}
    assert {"httpx", "click", "cryptography", "truststore", "tenacity", "python", "openssl"} <= names
    assert not names & {"starlette", "uvicorn", "trustme", "pytest", "pygments", "anyio"}
    for part in listed["components"]:
        assert part["version"]
        assert part["licenses"], part["name"]


def test_the_list_of_components_names_the_interpreter(folder: Path) -> None:
    """Whose build of Python it is, on what, and the digest of the library that is inside."""
    listed = json.loads((folder / "sbom.cdx.json").read_text(encoding="utf-8"))
    [python] = [part for part in listed["components"] if part["name"] == "Python"]
    told = {entry["name"].rpartition(":")[2]: entry["value"] for entry in python["properties"]}
    assert told.keys() == {"implementation", "build", "compiler", "platform"}
    assert all(told.values())
    inside = digests(folder / "_internal").values()
    assert python["hashes"]
    assert all(entry["content"] in inside for entry in python["hashes"])


def test_the_code_inside_has_no_columns_of_its_source(folder: Path) -> None:
    """They cost 2 ms of every start: PYTHONNODEBUGRANGES was in force when the folder was built."""
    with zipfile.ZipFile(folder / "_internal" / "base_library.zip") as library:
        compiled = library.read("codecs.pyc")
    if not compiled.startswith(importlib.util.MAGIC_NUMBER):
        pytest.skip("another Python has built it")
    code = marshal.loads(compiled[16:])  # noqa: S302 - of a folder that was built here
    assert {place[2] for place in code.co_positions()} == {None}


@pytest.mark.posix_only
def test_libraries_are_looked_for_in_no_folder_of_the_machine_that_built_them(folder: Path) -> None:
    """On another machine it may belong to anybody, or be made by anybody: what lies there would be loaded."""
    library_paths = runpy.run_path(str(ROOT / ".ci" / "library_paths.py"))
    found = {path.name: text for path in folder.rglob("*") if path.is_file() for text in library_paths["foreign"](path)}
    assert found == {}


def test_neither_the_simulator_nor_test_tools_are_inside(folder: Path) -> None:
    """The simulator is an extra, never in the exe."""
    content = (folder / ("amt.exe" if (folder / "amt.exe").exists() else "amt")).read_bytes()
    assert names_a_module(content, "amtconnector.run.session")
    for module in ("amtconnector.simulator", "starlette.", "uvicorn.", "_pytest.", "httpx._main", "pygments."):
        assert not names_a_module(content, module)


def names_a_module(content: bytes, start: str) -> bool:
    """Say whether the table of contents has a module whose name starts so: a name, and a tuple of three after it."""
    return re.search(re.escape(start.encode()) + rb"[\w.]*[)]\x03", content) is not None


def digests(folder: Path) -> dict[str, str]:
    """Return a digest of every file."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
