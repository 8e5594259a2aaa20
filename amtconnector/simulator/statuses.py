"""AMT's published statuses, as a scheduler knows them."""

from __future__ import annotations

QUEUED = 1
RUNNING = 2
KILLED = 3
DONE = 4
ERROR = 11
ABORTED = 12
INVALID_USER = 99

NAMES = {
    0: "IDLE",
    QUEUED: "QUEUED",
    RUNNING: "RUNNING",
    KILLED: "KILLED",
    DONE: "DONE",
    5: "SUSPENDED",
    6: "SKIPPED_BY_OPS",
    7: "RUN_MANUAL",
    8: "RUN_FORCED",
    9: "RUN_DEBUG",
    10: "DEL_QUEUE",
    ERROR: "ERROR",
    ABORTED: "ABORTED",
    13: "WAIT FOR FILE",
    14: "WAIT FOR INPUT REQUEST",
    15: "WAIT FOR JOB",
    16: "WAIT FOR REPORT",
    18: "RECOVER_CP",
    19: "UNDEFINED",
    20: "WAIT_FOR QUEUE",
    21: "WAIT_FOR_DEBUGGER",
    22: "ABORTED_WITH_RECOVER",
    23: "WEB_SERVER_ERROR",
    24: "AUTHENTICATION_ERROR",
    INVALID_USER: "INVALID AMT USER",
}


TERMINAL = frozenset({KILLED, DONE, 6, 10, ERROR, ABORTED, 22, 23, 24, INVALID_USER})
FOR_AN_OPERATOR = frozenset({5, 14})
RUNS = frozenset({RUNNING, 7, 8, 9, 18})
WAITS = frozenset({13, 15, 16, 20, 21})


def kind_of(number: int) -> str:
    """Return the class of a status: queued, waiting, operator, running, unlisted; good or bad where it is an end."""
    kinds = {"operator": FOR_AN_OPERATOR, "running": RUNS, "waiting": WAITS, "queued": {0, QUEUED}, "good": {DONE}}
    found = next((kind for kind, numbers in kinds.items() if number in numbers), "")
    return found or ("bad" if number in TERMINAL else "unlisted")


def name_of(number: int) -> str:
    """Return the published name of a status; an unlisted number is its own name."""
    return NAMES.get(number, str(number))


def csharp_name_of(number: int) -> str:
    """Return a status as a C# enumeration spells it: `AbortedWithRecover`."""
    return "".join(word.capitalize() for word in name_of(number).replace("_", " ").split())


def number_of(value: object) -> int:
    """Read a status as a person writes it: its number (listed or not) or its name, letter case and `_` aside.

    Raises ValueError when it is neither.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and (number := _NUMBERS.get(_folded(value))) is not None:
        return number
    raise ValueError(f"{value!r} is no status")


def _folded(name: str) -> str:
    return " ".join(name.replace("_", " ").split()).casefold()


_NUMBERS = {_folded(name): number for number, name in NAMES.items()}
