"""From traces and the flags of a run to a profile, its proof, and the report."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from amtconnector.amtopcon.logon import decrypted
from amtconnector.amtopcon.wire import profile_file
from amtconnector.errors import ConfigurationError, CredentialsError
from amtconnector.learning import har
from amtconnector.learning.evidence import CALLS
from amtconnector.learning.lesson import NEEDED, learned
from amtconnector.learning.logons import Credentials
from amtconnector.learning.profile_text import profile_text
from amtconnector.learning.proof import Proof
from amtconnector.learning.stand_ins import PASSWORD, USER, StandIns
from amtconnector.named_tuple import NamedTuple
from amtconnector.task import Task
from amtconnector.text import masked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from amtconnector.config import Config
    from amtconnector.learning.exchange import Exchange
    from amtconnector.learning.lesson import Lesson


class Taught(NamedTuple):
    """The profile as text, the report's lines, and whether a run can work with it."""

    text: str
    report: list[str]
    is_usable: bool


def taught(traces: Sequence[Path], task: Task, settings: Config) -> Taught:
    """Learn and prove. Raises ConfigurationError for a trace that can't be read."""
    exchanges = [one for path in traces for one in _read(path)]
    exchanges.sort(key=lambda one: one.begun)
    credentials = _credentials(settings)
    lesson = learned(exchanges, _as_recorded(task, exchanges, credentials), credentials, _statuses(settings))
    sources = [path.name for path in traces]
    differences, checked, fault = _proven(lesson, sources)
    is_usable = not (fault or differences or lesson.missing or lesson.unsaid)
    # A trace of another tool holds its secrets as they are; neither the profile nor the report does.
    secrets = {*credentials.passwords, *(one.token for one in lesson.roles.logons)} - {PASSWORD}
    secrets = {one for one in secrets if not one.startswith("STANDIN-")}
    text = masked(profile_text(lesson, sources, [*fault, *differences]), secrets)
    report = _report(lesson, differences, checked, fault, is_usable=is_usable)
    return Taught(text, [masked(line, secrets) for line in report], is_usable)


def _statuses(settings: Config) -> dict[str, Any]:
    """Return the statuses that the site's profile has already: what they mean no trace tells."""
    if settings.wire_profile is None:
        return {}
    profile_file.read(settings.wire_profile)
    return dict(profile_file.site_entries(settings.wire_profile).get("statuses", {}))


def _as_recorded(task: Task, exchanges: Sequence[Exchange], credentials: Credentials) -> Task:
    """Return the task as a trace with stand-ins shows it: a station that is called like the user has one as well."""
    has_basic = any(one.header("authorization").lower().startswith("basic ") and not one.body for one in exchanges)
    if not has_basic and PASSWORD not in har.written(exchanges).decode("utf-8", "replace"):
        return task
    hidden = StandIns(credentials.users[0], credentials.passwords[0]).text
    return Task._make(hidden(value) if isinstance(value, str) else tuple(map(hidden, value)) for value in task)


def _read(path: Path) -> list[Exchange]:
    try:
        exchanges = har.read(path)
    except har.NoHar as error:
        raise ConfigurationError(f"{path} can't be learned from: {error}.") from error
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}.") from error
    if not exchanges:
        raise ConfigurationError(f"{path} holds no exchange: nothing was recorded.")
    return exchanges


def _credentials(settings: Config) -> Credentials:
    """Return what a logon may carry: the stand-ins, and user and password of Connector.config where they open."""
    try:
        opened = decrypted(settings)
    except CredentialsError:
        return Credentials()
    return Credentials((opened.user.reveal(), USER), (opened.password.reveal(), PASSWORD))


def _proven(lesson: Lesson, sources: Sequence[str]) -> tuple[list[str], int, list[str]]:
    """Return the differences, how many requests were held against the profile, and what is wrong with itself."""
    try:
        profile = profile_file.profile_of(tomllib.loads(profile_text(lesson, sources, ())))
    except ValueError as error:
        return [], 0, [f"the profile can't be used as it is: {error}"]
    proof = Proof(profile, lesson)
    return list(proof.differences()), proof.checked, []


def _report(lesson: Lesson, differences: list[str], checked: int, fault: list[str], *, is_usable: bool) -> list[str]:
    lines = [f"{name:<10} {lesson.calls[name]}" for name in CALLS]
    for title, texts in (
        ("What the trace shows and a profile can't say:", lesson.unsaid),
        ("What another record would settle:", lesson.wanted),
        ("Where the profile and the trace differ:", [*fault, *differences]),
    ):
        if texts:
            lines += ["", title, *(f"  {text}" for text in texts)]
    lines += [f"  not used: {one[0].method} {one[0].path}, seen {len(one)} times" for one in lesson.roles.left]
    if "logon" in lesson.roles.calls and "start" in lesson.missing:
        lines.append("No request after the logon carries the job of the flags: are they those of the recorded run?")
    lines += ["", f"Proof: {checked} requests were rebuilt and their answers read; {len(differences)} differences."]
    if lesson.missing:
        lines.append(f"Missing: {', '.join(name for name in NEEDED if name in lesson.missing)}.")
    lines.append("A run can work with this profile." if is_usable else "A run can't work with this profile yet.")
    return lines
