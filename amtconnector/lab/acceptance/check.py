"""What a check is, how it turned out, and how it ends when it does not find what it expects."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from amtconnector.lab.acceptance.stage import Stage


class Outcome(Enum):
    """How a check turned out. Only OK and NOT_TRIED leave an installation well."""

    OK = "ok"
    FAILED = "FAILED"
    NOT_TRIED = "not tried"


class Check(NamedTuple):
    """One thing that is tried.

    `perform` returns what was found, in a few words; it raises Failed or NotTried. One `is_patient` waits for a limit
    of the connector that no setting changes; it is started first and waited for last.
    """

    name: str
    title: str
    perform: Callable[[Stage], str]
    is_patient: bool = False


class Result(NamedTuple):
    """A check that has been performed; `output` is what the program printed where that explains a failure."""

    name: str
    title: str
    outcome: Outcome
    finding: str
    seconds: float
    output: str = ""


class Failed(Exception):
    """The installation does not do what it must; `output` is what the program printed."""

    def __init__(self, finding: str, output: str = "") -> None:
        super().__init__(finding)
        self.finding = finding
        self.output = output


class NotTried(Exception):
    """This platform, or this account, can't do what the check needs; the text is the reason."""


def require(is_so: bool, otherwise: str, output: str = "") -> None:  # noqa: FBT001 - reads as a sentence
    """Raise Failed with a text when something is not so."""
    if not is_so:
        raise Failed(otherwise, output)
