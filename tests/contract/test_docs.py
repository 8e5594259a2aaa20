from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from amtconnector import errors
from amtconnector.cli import HELP, SUBCOMMANDS
from amtconnector.run.arguments import FLAGS
from amtconnector.statuses import AMT_STATUSES, SUCCESS
from tests.support import processes
from tests.support.configfile import ROOT
from tests.support.doc_pages import PAGES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Programs

OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
TERMINAL = [status for status in AMT_STATUSES if status.is_terminal]

OUTCOMES = sorted(errors.RunError.__subclasses__(), key=lambda kind: kind.exit_code)
"""Every end of a run that is the connector's own, in the order of the codes."""


def rows(text: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its title row."""
    section = re.split(rf"^## {re.escape(heading)}.*$", text, flags=re.MULTILINE)[1]
    table = re.search(r"^\|.*\n\|[-|]+\|\n((?:\|.*\n)+)", section, re.MULTILINE)
    assert table, heading
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[1].splitlines()]


def test_operators_find_every_terminal_status() -> None:
    """The table of ends is AMT's, in its order, and each has a next step."""
    table = rows(OPERATIONS, "How a task ended: AMT's codes")
    assert [(int(row[0]), row[1]) for row in table] == [(status.code, status.name) for status in TERMINAL]
    assert all(row[-1].strip("| ") for row in table)


def test_operators_find_every_end_of_the_connector() -> None:
    """The table of the connector's own ends has each code with its slug, in the order of the codes, and a next step."""
    table = rows(OPERATIONS, "How the connector ended: its own codes")
    assert [(int(row[0]), row[1].strip("`")) for row in table] == [(kind.exit_code, kind.slug) for kind in OUTCOMES]
    assert all(row[-1].strip("| ") for row in table)


def test_operators_find_every_status_on_the_way() -> None:
    """The statuses that are no end are in a table of their own; those that wait for an operator say so."""
    table = rows(OPERATIONS, "Statuses on the way")
    underway = [status for status in AMT_STATUSES if not status.is_terminal]
    assert [(int(row[0]), row[1]) for row in table] == [(status.code, status.name) for status in underway]
    waiting = [row[1] for row in table if "**waits for an operator**" in row[2]]
    assert waiting == [status.name for status in underway if status.needs_operator]


def test_a_task_may_be_running_is_never_played_down() -> None:
    """Only the ends that prove that no task exists say "no"."""
    said = {int(row[0]): row[2].strip("*") for row in rows(OPERATIONS, "How the connector ended: its own codes")}
    assert {code for code, text in said.items() if text.startswith("no")} == {23, 24, 101, 102, 103, 106}
    assert (said[104], said[105], said[107], said[109]) == ("maybe", "yes", "maybe", "maybe")
    assert (said[100], said[108]) == ("the text says", "the text says")


def test_the_readme_has_every_exit_code() -> None:
    """Its short table leaves no code out and invents none."""
    table = rows(README, "Exit codes, and what to do")
    codes = [int(code) for row in table for code in row[0].split(",")]
    expected = {status.code for status in TERMINAL} | {kind.exit_code for kind in OUTCOMES}
    assert sorted(codes) == sorted(expected)
    assert SUCCESS in codes


@pytest.mark.parametrize("flag", FLAGS)
def test_every_flag_is_explained(flag: str) -> None:
    """The reference of job definitions and the help have each flag of a run."""
    assert f"| `{flag}` |" in (ROOT / "docs" / "job-definitions.md").read_text("utf-8")
    assert flag in HELP.replace(",", " ").split()


def test_the_states_of_a_run_are_explained() -> None:
    """Each word in the column STATE of `amt runs` is in the page for operators."""
    from amtconnector.records import RunState

    shown = [row[0].strip("`") for row in rows(OPERATIONS, "Which runs are open")]
    assert shown == [*(state.value for state in RunState), "released", "unreadable"]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    """A link names a file that is there, and a heading in it."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        assert file.is_file(), target
        assert not anchor or anchor in anchors(file), target


def test_every_page_is_in_the_index() -> None:
    """Who opens docs/ finds each page from its first one."""
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    linked = set(re.findall(r"\]\(([^)#\s]+)\)", index))
    assert linked == {path.name for path in (ROOT / "docs").iterdir()} - {"README.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_pages_named_in_code_exist(page: Path) -> None:
    """A file of this project that a page names as code, such as docs/operations.md, is there."""
    for name in re.findall(r"`((?:docs|amtconnector|tests)/[\w./-]+\.\w+)`", page.read_text("utf-8")):
        assert (ROOT / name).exists(), name


HELPS = (
    ("amt", "--help"),
    ("amt", "check", "--help"),
    ("amt", "runs", "--help"),
    ("amt", "status", "--help"),
    ("amt", "encrypt", "--help"),
    ("amt", "opcon", "--help"),
    ("amt", "opcon", "job", "--help"),
    ("amt", "profile", "--help"),
    ("amt", "profile", "show", "--help"),
    ("amt", "profile", "record", "--help"),
    ("amt", "profile", "learn", "--help"),
    ("amt", "demo", "--help"),
    ("amt-lab", "--help"),
    ("amt-lab", "demo", "--help"),
    ("amt-lab", "acceptance", "--help"),
    ("Encrypt", "--help"),
)


@pytest.mark.parametrize("command", HELPS, ids=" ".join)
def test_help_fits_one_screen_and_shows_examples(command: tuple[str, ...], programs: Programs, lab: list[str]) -> None:
    """30 lines of 80 characters at most, and a line that can be typed."""
    program = {"amt": programs.amt, "Encrypt": programs.encrypt, "amt-lab": tuple(lab)}[command[0]]
    done = processes.run([*program, *command[1:]], env=processes.clean_environment(ROOT))
    lines = done.stdout.splitlines()
    assert (done.returncode, len(lines) <= 30) == (0, True)
    assert max(map(len, lines)) <= 80
    example = " ".join(command[:-1])
    assert any(re.match(rf" +{example}( |$)", line) for line in lines)


def test_every_subcommand_has_its_help_tested() -> None:
    """A subcommand that is added is held to one screen as well."""
    assert {command[1] for command in HELPS if command[0] == "amt"} == {"--help", *SUBCOMMANDS}


ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
PACKAGE = ROOT / "amtconnector"
ROOMS = [
    *(f"{path.name}/" for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").is_file()),
    *(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__"),
    *(
        f"{folder}/{path.name}"
        for folder in ("run", "amtopcon", "output", "records", "system")
        for path in (PACKAGE / folder).glob("*.py")
        if path.stem != "__init__" and not path.stem.endswith(("_posix", "_windows"))
    ),
]


def test_the_tour_of_the_code_names_what_is_there() -> None:
    """Each room that the README and the architecture name exists."""
    tour = README.partition("## A tour of the code")[2]
    rooms = set(re.findall(r"`([a-z_/]+(?:\.py|/))`", tour + ARCHITECTURE))
    assert len(rooms) > 20
    assert not {name for name in rooms if not any((ROOT / place / name).exists() for place in ("amtconnector", ""))}


@pytest.mark.parametrize("room", ROOMS)
def test_the_architecture_names_every_room(room: str) -> None:
    """Whoever looks for a line finds its room on that page."""
    assert re.search(rf"(?<![\w/]){re.escape(room)}", ARCHITECTURE)
