"""Faults that can be switched on with one press, and what they teach."""

from __future__ import annotations

from typing import NamedTuple

from amtconnector.simulator.faults import Fault


class Preset(NamedTuple):
    """One press: its key in the form, its name, what then happens, and what a connector makes of it."""

    key: str
    name: str
    effect: str
    outcome: str
    fault: Fault


PRESETS = (
    Preset(
        "reset-after-start",
        "Reset after the start",
        "The next start is executed, but its answer never arrives.",
        "104: the task may be running, and is not started again.",
        Fault("start", "reset-after"),
    ),
    Preset(
        "hang-start",
        "Hang at the start",
        "The next start is executed; the server says nothing more.",
        "104 after START_TIMEOUT.",
        Fault("start", "hang-after"),
    ),
    Preset(
        "html-start",
        "HTML in place of the start's answer",
        "The next start is executed; a sign-in page comes back.",
        "104: an answer that is not understood is no refusal.",
        Fault("start", "content", content="html"),
    ),
    Preset(
        "busy",
        "Busy at the start",
        "The next two starts are answered 503 with Retry-After: 2.",
        "Repeated within 60 s: one task, exit code as ever.",
        Fault("start", "status", count=2, headers={"Retry-After": "2"}),
    ),
    Preset(
        "status-503",
        "503 at the status",
        "The next five questions for a status are answered 503.",
        "Asked again with longer pauses; nothing is lost.",
        Fault("status", "status", count=5),
    ),
    Preset(
        "outage",
        "No status any more",
        "Every question for a status is cut off, until this is switched off.",
        "105 after STATUS_CHECK_MAX_OUTAGE; the task goes on.",
        Fault("status", "reset-before", count=0),
    ),
    Preset(
        "expired",
        "Token expired",
        "The next call after the logon is answered 401.",
        "One new logon, then on as before.",
        Fault("status", "unauthorized"),
    ),
    Preset(
        "slow",
        "Slow server",
        "Every call takes two seconds longer, until this is switched off.",
        "Nothing but patience.",
        Fault("any", "delay", count=0, delay=2),
    ),
)


def preset(key: str) -> Preset | None:
    """Return a preset by its key."""
    return next((entry for entry in PRESETS if entry.key == key), None)
