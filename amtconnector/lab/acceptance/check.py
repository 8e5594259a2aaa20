"""What a check is, and how it turned out."""

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
