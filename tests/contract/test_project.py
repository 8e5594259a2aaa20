"""What keeps the project: the locks, the workflows, the scripts of .ci and the README's commands."""

from __future__ import annotations

import re
import runpy
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from amtconnector import __version__
from tests.support.configfile import ROOT

if TYPE_CHECKING:
    from pathlib import Path

LOCKS = (ROOT / ".ci" / "requirements.txt", ROOT / ".ci" / "requirements-build.txt")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]


def script(name: str) -> dict[str, Any]:
    """Return what a script of .ci defines."""
    return runpy.run_path(str(ROOT / ".ci" / name))


def pins(lock: Path) -> dict[str, str]:
    """Return the version of each distribution in a lock; each must have a hash."""
    entries = lock.read_text("utf-8").replace("\\\n", " ").splitlines()
    found = [re.match(r"([\w.-]+)==(\S+) .*--hash=sha256:[0-9a-f]{64}", entry) for entry in entries if "==" in entry]
    assert all(found)
    return {normal(match[1]): match[2] for match in found if match}


def normal(name: str) -> str:
    """Return a distribution's name as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def names(requirements: list[str]) -> set[str]:
    """Return the distributions that requirements name."""
    return {normal(re.split(r"[\[<>=~! ]", entry)[0]) for entry in requirements} - {"amtconnector"}


def test_the_locks_have_all_that_the_project_asks_for() -> None:
    """A new requirement is taken up with .ci/lock; the two locks never disagree."""
    everything, build = (pins(lock) for lock in LOCKS)
    wanted = names([*PROJECT["dependencies"], *(entry for extra in EXTRAS.values() for entry in extra)])
    assert wanted <= everything.keys()
    assert names([*PROJECT["dependencies"], *EXTRAS["build"]]) <= build.keys()
    assert build.items() <= everything.items()
    assert not build.keys() & {"pytest", "schemathesis"}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_names_no_place_to_fetch_from(lock: Path) -> None:
    """Where a site's mirror is, is pip's own setting."""
    assert "://" not in lock.read_text("utf-8")


def test_a_windows_python_gets_what_only_windows_needs() -> None:
    """Left to itself pip would evaluate the markers for the machine that it runs on."""
    lines = script("requirements.py")["for_windows"](
        "a==1 \\\n    --hash=sha256:aa\n"
        "b==2 ; sys_platform == 'win32' \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n"
        "c==3 ; sys_platform == 'darwin' \\\n    --hash=sha256:dd\n"
    )
    assert lines == ["a==1 --hash=sha256:aa", "b==2 --hash=sha256:bb --hash=sha256:cc"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_runs_only_what_is_pinned_and_may_only_read(workflow: Path) -> None:
    """An action is named by its commit, beside the release that this is; more rights are a job's own."""
    text = workflow.read_text("utf-8")
    for used in re.findall(r"uses: (.*)", text):
        assert re.fullmatch(r"\./\.github/workflows/\w+\.yml|[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used)
    assert re.search(r"^permissions:\n  contents: read\n\n", text, re.MULTILINE)
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")


def test_a_release_has_the_notes_of_its_version() -> None:
    """They are the change log's section, and a version without one is no release."""
    section_of = script("release.py")["section_of"]
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert section_of(changelog, __version__).text
    invented = "# Changelog\n\n## [2.0.0] - 2031-05-06\n\n### Added\n\n- New.\n\n## [1.0.0] - 2030-01-02\n\nOld.\n"
    assert section_of(invented, "2.0.0") == ("[2.0.0] - 2031-05-06", "2031-05-06", "## Added\n\n- New.\n")
    with pytest.raises(ValueError, match=r"no section \[0\.0\.9\]"):
        section_of(changelog, "0.0.9")


def test_a_zip_is_the_same_each_time_and_its_digest_stands_beside_it(tmp_path: Path) -> None:
    """Whoever builds a release again gets its digests again."""
    release = script("release.py")
    built, target = tmp_path / "built", tmp_path / "release"
    target.mkdir()
    (built / "sub").mkdir(parents=True)
    (built / "sub" / "amt").write_bytes(b"program")
    for name in ("a.zip", "b.zip"):
        release["zip_folder"](built, target / name, "AMT Connector 1", "2026-11-23")
        (built / "sub" / "amt").touch()
    release["write_digests"](target)
    digests = dict(line.split("  ")[::-1] for line in (target / "SHA256SUMS").read_text("utf-8").splitlines())
    assert digests.keys() == {"a.zip", "b.zip"}
    assert len(set(digests.values())) == 1


def test_two_builds_are_compared_file_by_file(tmp_path: Path) -> None:
    """Each difference is named with its file: contents, rights, a file that is missing."""
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        (folder / "same").write_bytes(b"same")
        (folder / "content").write_bytes(b"abc" + folder.name.encode())
    (one / "lonely").write_bytes(b"")
    found = script("compare_builds.py")["differences"](one, other)
    assert [line.partition(":")[0] for line in found] == ["content", "lonely"]
    assert found[0].endswith("6 and 8 bytes, different from byte 4 on")
    assert str(other) in found[1]
    assert script("compare_builds.py")["differences"](one, one) == []


def test_the_readme_has_its_two_commands_for_both_systems() -> None:
    """.ci runs them as they stand there."""
    commands = script("readme_commands.py")
    readme = (ROOT / "README.md").read_text("utf-8")
    for system in ("POSIX", "WINDOWS"):
        assert len(commands["commands"](readme, commands[system])) == 2
    with pytest.raises(ValueError, match="two commands"):
        commands["commands"]("", commands["POSIX"])


def test_no_text_sends_anybody_to_a_public_index() -> None:
    """On no index is anything of this project: whoever had the name there could run what he likes at a site."""
    files = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "amtconnector").rglob("*.py")]
    for path in files:
        assert not re.search(r"""pip install [^\n]*["' ]amtconnector""", path.read_text("utf-8")), path
    assert "Private :: Do Not Upload" in PROJECT["classifiers"]
