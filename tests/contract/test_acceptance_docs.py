"""The page about the acceptance, held against the checks and options that there are."""

from __future__ import annotations

import re

import click

from amtconnector.lab.__main__ import SUBCOMMANDS
from amtconnector.lab.acceptance.command import command
from amtconnector.lab.acceptance.plan import CHECKS
from tests.support.configfile import ROOT
from tests.support.doc_pages import PAGES

PAGE = (ROOT / "docs" / "acceptance.md").read_text("utf-8")


def first_cells(heading: str) -> list[str]:
    """Return the code in the first cell of each row below a heading."""
    part = PAGE.partition(heading)[2].partition("\n## ")[0]
    return re.findall(r"^\| `([a-z0-9-]+)` \|", part, re.MULTILINE)


def test_the_page_has_every_check_in_its_order() -> None:
    """Who reads a line of the report finds what was tried and what must happen."""
    assert first_cells("## The checks\n") == [check.name for check in CHECKS]


def test_check_names_are_told_apart() -> None:
    """A name stands for one check, fits its column, and has a title."""
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert max(len(check.name) for check in CHECKS) <= 22
    assert all(check.title for check in CHECKS)


def test_the_page_has_every_option() -> None:
    """And none that there is not."""
    named = set(re.findall(r"^\| `(--[a-z-]+)", PAGE, re.MULTILINE))
    assert named == {option.opts[0] for option in command.params if isinstance(option, click.Option)}


def test_no_page_names_a_package_of_an_index() -> None:
    """The project is on no index: what works is a clone or the lab."""
    assert not [page.name for page in PAGES if "amtconnector[simulator]" in page.read_text("utf-8")]


def test_pages_name_subcommands_of_the_lab_that_there_are() -> None:
    """What follows `amt-lab` in code is a subcommand."""
    words = {
        word
        for page in PAGES
        for word in re.findall(r"^ {4}.*?\bamt-lab ([a-z]+)|`amt-lab ([a-z]+)", page.read_text("utf-8"), re.MULTILINE)
    }
    assert {first or second for first, second in words} <= set(SUBCOMMANDS)
    assert words
