"""The second folder that `pyinstaller build.spec` makes: `amt-lab` beside `amt`, which knows it by name alone."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from amtconnector.lab.acceptance.plan import CHECKS

if TYPE_CHECKING:
    from tests.conftest import Programs

pytestmark = pytest.mark.windows


@pytest.fixture
def folder(programs: Programs) -> Path:
    """Return the folder of the lab."""
    if programs.folder is None:
        pytest.skip("there is no built folder: this is the source install")
    return programs.folder.parent / "amt-lab"


def test_the_release_names_the_lab_with_a_command_that_works(folder: Path, programs: Programs) -> None:
    """`amt demo` ends with 1, and its last line can be pasted."""
    done = subprocess.run([*programs.amt, "demo"], capture_output=True, text=True, check=False, encoding="utf-8")
    assert done.returncode == 1
    assert "`amt demo` is in the lab folder, beside the release." in done.stderr
    named = done.stderr.rstrip().splitlines()[-1].strip()
    assert named.replace("\\", "/").endswith(f"{folder.as_posix()}/amt-lab{'.exe' if programs.is_windows else ''} demo")


def test_the_lab_is_one_program_with_help_and_version(lab: list[str]) -> None:
    """Its subcommands are named; a wrong one is 101."""
    for arguments, code, said in (
        (["--help"], 0, "amt-lab acceptance"),
        (["--version"], 0, "amt-lab "),
        ([], 101, "amt-lab simulator"),
        (["nonsense"], 101, "no such subcommand: nonsense"),
        (["acceptance", "--nonsense"], 101, "--nonsense"),
    ):
        done = subprocess.run([*lab, *arguments], capture_output=True, text=True, check=False)
        assert (done.returncode, said in done.stdout + done.stderr) == (code, True), arguments


def test_the_simulator_of_the_lab_serves(lab: list[str]) -> None:
    """With its administrators' interface, and until the program that started it ends."""
    command = [*lab, "simulator", "--quiet", "--until-stdin-closes"]
    pipe = subprocess.PIPE  # for stderr too: under wine Python does not start with pytest's file
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdin
        assert process.stdout
        greeting = re.fullmatch(r"AMT simulator listening on (http://127\.0\.0\.1:\d+)\s*", process.stdout.readline())
        assert greeting
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{greeting[1]}/simulator/summary", timeout=20) as answer:
            assert json.load(answer)["connections"] == 0
        process.stdin.close()
        assert process.wait(30) == 0


def test_the_list_of_components_has_the_server_and_no_test_tools(folder: Path) -> None:
    """What is inside, with versions and licences."""
    listed = json.loads((folder / "sbom.cdx.json").read_text(encoding="utf-8"))
    names = {part["name"].lower() for part in listed["components"]}
    assert {"starlette", "uvicorn", "trustme", "click", "cryptography", "python", "openssl"} <= names
    assert not names & {"pytest", "hypothesis", "pygments", "mypy", "httpx"}
    assert all(part["version"] and part["licenses"] for part in listed["components"])
    assert (folder / "docs" / "acceptance.md").is_file()


def test_the_acceptance_of_a_windows_program_goes_as_far_as_it_can(
    lab: list[str], programs: Programs, tmp_path: Path
) -> None:
    """Nothing fails; under wine, what wine can't do is not tried and says so. Where a checkout lies is not judged."""
    if not programs.is_windows:
        pytest.skip("tests/end_to_end/test_acceptance.py does this on POSIX")
    names = [check.name for check in CHECKS if check.name != "rights-program"]
    command = [
        *lab,
        "acceptance",
        "--program",
        programs.path(Path(programs.amt[-1])),
        "--report",
        programs.path(tmp_path),
    ]
    command += [word for name in names for word in ("--only", name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900, stdin=subprocess.PIPE)
    assert done.returncode == 0, done.stdout + done.stderr
    [found] = tmp_path.glob("*.json")
    report = json.loads(found.read_text("utf-8"))
    assert report["counts"]["failed"] == 0
    assert len(report["checks"]) == len(names)
    assert "kill-and-attach" in {check["name"] for check in report["checks"] if check["outcome"] == "ok"}
