"""What is going to happen in a run, made from a seed and the run's number alone."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any

from tests.end_to_end.chaos import jobs
from tests.end_to_end.chaos.faults import FAILURES, Fault

SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGTERM twice")
MOMENTS = (
    "",  # since the process was started
    "Restart protection",
    "Authentication successful",
    "START request received",
    "started in AMT Environment",
    "taken up in AMT Environment",
    "Job log ---",
    "Status: ",
    "No usable answer",
    "kills the task",
    "AMT accepted the KILL",
    "End Job log",
)
"""What the job log has to say before something happens."""

_HARMLESS = {"SIGKILL", "restart", "freeze", "black hole", "tokens expire", "foreign certificate"}
"""What does not end a task: with a twin, the next one would rightly start a new run."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens `after_s` seconds after the job log says `moment`; `lasts_s` for an outage."""

    what: str
    moment: str
    after_s: float
    lasts_s: float = 0.0
    status: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One process of the connector: what hits it. `mistake` is a code from 101 to 103 to provoke, 0 for none."""

    faults: tuple[Fault, ...]
    events: tuple[Event, ...]
    has_twin: bool
    mistake: int


@dataclass(frozen=True, slots=True)
class Plan:
    """One run: an OpCon job, its installation, and the steps before its operators settle what is left."""

    seed: int
    number: int
    job: str
    uses_tls: bool
    settings: dict[str, Any]
    server_settings: dict[str, Any]
    steps: tuple[Step, ...]


def plan_of(seed: int, number: int) -> Plan:
    """Return the plan of a run; the same one every time."""
    chance = random.Random(f"{seed}/{number}")  # noqa: S311 - reproducible, not secret
    lead = _leading_fault(seed, number)
    uses_tls = lead.needs_tls or number % 4 == 3
    names = chance.choices((jobs.ENDING, jobs.ENDLESS, jobs.FAILING), (6, 3, 2))[0]
    names = jobs.ENDLESS if lead.call == "kill" else names
    job = chance.choice(names)
    return Plan(
        seed=seed,
        number=number,
        job=job,
        uses_tls=uses_tls,
        settings={
            "STATUS_CHECK_INITIAL_POLL_DELAY": chance.choice((0, 0.1, 0.1, 0.6)),
            "STATUS_CHECK_POLL_INTERVAL": chance.choice((0.1, 0.15, 0.3)),
            "STATUS_CHECK_MAX_OUTAGE": chance.choice((0.6, 1.2, 3, 8)),
            "STREAM_MESSAGES": chance.random() < 0.8,
            "KILL_TASK_ON_INTERRUPT": chance.random() < 0.7 or lead.call == "kill",
            "KILL_CONFIRM_TIMEOUT": chance.choice((0.4, 2)),
            "DEBUG": chance.choice(("ON", "OFF")),
        },
        server_settings={
            "CONNECT_TIMEOUT": 0.5,
            "READ_TIMEOUT": chance.choice((0.4, 0.8)),
            "START_TIMEOUT": chance.choice((0.5, 1.2)),
        },
        steps=(
            _led(_step(chance, uses_tls=uses_tls), lead, job, chance, is_alone=number // len(FAILURES) % 3 == 1),
            *(_step(chance, uses_tls=uses_tls) for _ in range(chance.choice((0, 0, 1, 1, 2)))),
        ),
    )


def _leading_fault(seed: int, number: int) -> Fault:
    """Return the fault that a run is about: each has its turn, in an order of the seed's own."""
    order = list(FAILURES)
    random.Random(seed).shuffle(order)  # noqa: S311 - reproducible, not secret
    return order[number % len(order)]


def _led(step: Step, lead: Fault, job: str, chance: random.Random, *, is_alone: bool) -> Step:
    """Put a fault before the others of a step, or alone: else something might always come before it.

    A fault of the kill needs a signal, and nothing else that ends the task.
    """
    drawn = lead.drawn(chance)
    first = replace(drawn, details={**drawn.details, "after": 0})
    if lead.call == "kill":
        return Step((first,), (Event("SIGTERM", "Status: ", 0.05),), has_twin=False, mistake=0)
    if is_alone:
        return Step((first,), (), has_twin=False, mistake=0)
    events = step.events if chance.random() < 0.7 else ()
    # Later the task may have ended, and of twins the second would rightly start a new run.
    has_twin = chance.random() < 0.1 and job in jobs.ENDLESS
    events = tuple(event for event in events if not has_twin or event.what in _HARMLESS)
    others = () if chance.random() < 0.6 else step.faults
    return replace(step, faults=(first, *others), events=events, has_twin=has_twin, mistake=0)


def _step(chance: random.Random, *, uses_tls: bool) -> Step:
    faults = [fault for fault in FAILURES if uses_tls or not fault.needs_tls]
    # Each call as likely as the others, whatever the number of its faults.
    calls = chance.choices(
        ("start", "status", "messages", "logon", "kill", "connection"), (5, 6, 4, 2, 1, uses_tls), k=3
    )
    drawn = [chance.choice([fault for fault in faults if fault.call == call]) for call in calls]
    events = [_event(chance, uses_tls=uses_tls) for _ in range(chance.choice((0, 1, 1, 1, 2, 3)))]
    return Step(
        faults=tuple(fault.drawn(chance) for fault in drawn[: chance.choice((0, 1, 1, 2, 3))]),
        events=tuple(events),
        has_twin=False,
        mistake=chance.choice((101, 102, 103)) if chance.random() < 0.1 else 0,
    )


def _event(chance: random.Random, *, uses_tls: bool) -> Event:
    kinds = {
        "SIGKILL": 6,
        **dict.fromkeys(SIGNALS, 2),
        "restart": 5,
        "freeze": 1,
        "black hole": 1,
        "tokens expire": 3,
        "the task ends": 2,
        "the task is forgotten": 0.5,
        "foreign certificate": 1.5 * uses_tls,
    }
    what = chance.choices(list(kinds), list(kinds.values()))[0]
    moment = chance.choice(MOMENTS)
    after_s = chance.choice((0.0, chance.uniform(0, 0.1), chance.uniform(0, 0.8)))
    return Event(
        what=what,
        moment=moment,
        after_s=round(after_s + (chance.uniform(0, 2.5) if not moment else 0.0), 3),
        lasts_s=round(chance.choice((0.0, chance.uniform(0, 1), chance.uniform(1, 2))), 3),
        status=chance.choice(("DONE", "DONE", *jobs.ENDS.values())),
    )
