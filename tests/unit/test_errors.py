"""The rules of the tree of errors."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from amtconnector import errors
from amtconnector.errors import CallFailed, ConnectorError, RunError, StartRefused


def leaves(root: type[ConnectorError]) -> list[type[ConnectorError]]:
    """Return the classes below one, all levels."""
    return [leaf for below in root.__subclasses__() for leaf in (below, *leaves(below))]


def own(root: type[ConnectorError]) -> list[type[ConnectorError]]:
    """Return the classes of the errors module below one."""
    return [leaf for leaf in leaves(root) if leaf.__module__ == errors.__name__]


@pytest.mark.parametrize("leaf", own(RunError))
def test_every_end_of_a_run_has_a_slug_a_code_and_its_line_in_the_drawn_tree(leaf: type[RunError]) -> None:
    """What is drawn at the top of the module is what the classes say."""
    line = next(line for line in str(errors.__doc__).splitlines() if f" {leaf.__name__} " in line)
    assert line.split()[-2:] == [str(leaf.exit_code), leaf.slug]


@pytest.mark.parametrize("leaf", own(ConnectorError))
def test_every_class_is_drawn(leaf: type[ConnectorError]) -> None:
    """A class that the tree at the top of the module forgets is not in the reader's mind either."""
    assert f" {leaf.__name__} " in str(errors.__doc__)


def test_slugs_and_codes_are_unique() -> None:
    """An operator finds one meaning for each."""
    ends = [leaf for leaf in own(RunError) if issubclass(leaf, RunError)]
    assert len({leaf.slug for leaf in ends}) == len({leaf.exit_code for leaf in ends}) == len(ends) == 12


def test_a_refused_start_ends_with_the_status_that_amt_gave() -> None:
    """AMT's own reason is the exit code; without one it is 106."""
    refused = StartRefused("no").with_status(99, "INVALID AMT USER")
    assert (refused.exit_code, refused.slug) == (99, "INVALID AMT USER")
    assert (StartRefused("no").exit_code, StartRefused("no").slug) == (106, "start-refused")


def test_an_error_says_what_to_what_and_what_next() -> None:
    """The three texts are there for whoever prints them, and the message is the exception's own text."""
    error = errors.LostContact("no answer", subject="request 2112", hint="attach")
    assert (str(error), error.message, error.subject, error.hint) == (
        "no answer",
        "no answer",
        "request 2112",
        "attach",
    )
    failed = errors.Busy("later", retry_after_s=5)
    assert (str(failed), failed.retry_after_s, failed.hint) == ("later", 5, "")


def test_no_call_that_failed_ends_a_run_by_itself() -> None:
    """A failed call has no exit code: the runner decides what follows."""
    assert not any(issubclass(leaf, RunError) for leaf in leaves(CallFailed))


def test_the_module_knows_nothing_of_ours_but_how_a_value_is_made() -> None:
    """It is the ground that everything else stands on."""
    tree = ast.parse(Path(errors.__file__).read_text("utf-8"))
    imported = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert imported == ["__future__", "enum", "amtconnector.named_tuple"]
