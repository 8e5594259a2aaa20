"""Findings of `amt check`: what each step of the examination found, why it matters and what to do next."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from amtconnector.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amtconnector.errors import RunError


class Step(Enum):
    """The steps, in the order in which they are told."""

    CONFIGURATION = "configuration"
    KEY_FILE = "key file"
    CREDENTIALS = "credentials"
    RUN_DIRECTORY = "run directory"
    RIGHTS = "access rights"
    NAME = "name resolution"
    CONNECTION = "connection"
    TLS = "TLS"
    HEARTBEAT = "HeartBeat"
    CLOCK = "clock"
    LOGON = "logon"


class Verdict(Enum):
    """How a step went."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "FAILED"
    SKIPPED = "skipped"


class Finding(NamedTuple):
    """What one step found.

    `details` are further facts, one a line; `next_step` is what to do, one step a line; `exit_code` is 0 unless FAILED.
    """

    step: Step
    verdict: Verdict
    text: str
    details: tuple[str, ...] = ()
    next_step: str = ""
    exit_code: int = 0


def ok(step: Step, text: str, *details: str) -> Finding:
    """Report a step without anything to do."""
    return Finding(step, Verdict.OK, text, details)


def warning(step: Step, text: str, next_step: str, *details: str) -> Finding:
    """Report something that runs today and needs attention."""
    return Finding(step, Verdict.WARNING, text, details, next_step)


def failed(step: Step, end: type[RunError], text: str, next_step: str, *details: str) -> Finding:
    """Report what would end a run with the exit code of `end`."""
    return Finding(step, Verdict.FAILED, text, details, next_step, end.exit_code)


def refused(step: Step, error: RunError) -> Finding:
    """Report a failure that a run would end with, in its own words."""
    first, *more = error.message.splitlines() or [type(error).__name__]
    subject = () if not error.subject or error.subject in error.message else (error.subject,)
    return Finding(step, Verdict.FAILED, first, (*more, *subject), error.hint, error.exit_code)


def skipped(step: Step, reason: str) -> Finding:
    """Report a step that can't be tried, and why."""
    return Finding(step, Verdict.SKIPPED, reason)


def exit_code(findings: Iterable[Finding]) -> int:
    """Return the exit code of the first failure that would end a run, else of the first one, 0 when there is none.

    A run makes no HeartBeat, so where a logon was tried its outcome counts.
    """
    told = list(findings)
    failures = [finding for finding in told if finding.verdict is Verdict.FAILED]
    has_logon = any(finding.step is Step.LOGON and finding.verdict is not Verdict.SKIPPED for finding in told)
    harmless = {Step.RIGHTS, *([Step.HEARTBEAT] if has_logon else [])}
    ending = [finding for finding in failures if finding.step not in harmless]
    return next((finding.exit_code for finding in (*ending, *failures)), 0)
