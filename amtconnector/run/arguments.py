"""A run's command line: tokens to frozen, checked `Arguments`.

The rules are the incumbent's and stricter than any option parser's: the token after a flag is its value whatever it
looks like, a flag and its value are two tokens, and a flag that is repeated is a mistake. Tokens are therefore read
here one by one; click carries the administrators' subcommands.
"""

from __future__ import annotations

import os
import re
import sys
from enum import Enum
from typing import TYPE_CHECKING

from amtconnector.errors import UsageError
from amtconnector.named_tuple import NamedTuple
from amtconnector.system.command_line import own_command
from amtconnector.task import RequestId, Task
from amtconnector.text import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from amtconnector.config import Server

MOST_VALUES = 20
"""How many task values and how many parameters AMT takes."""

FLAGS = {
    "-jt": "--job-type",
    "-an": "--application-name",
    "-jn": "--job-name",
    "-fn": "--file-name",
    "-u": "--user",
    "-tv": "--task-value",
    "-pa": "--parameters",
    "-qn": "--queue-name",
    "-su": "--submit-user",
    "-st": "--station",
    "-id": "--request-id",
    "--release": "--release",
    "--config": "--config",
}
"""Each flag's short form and its long one."""

_SHORT = {**{short: short for short in FLAGS}, **{long: short for short, long in FLAGS.items()}}
_REPEATABLE = frozenset({"-tv", "-pa"})
_UNTRIMMED = frozenset({"-fn", "--config"})
_EDITOR_SEPARATOR = "\v"


class Action(Enum):
    """What a run is to do, as `-jt` says it."""

    START = "START"
    STOP = "STOP"
    KILL = "KILL"
    ATTACH = "ATTACH"


class Arguments(NamedTuple):
    """What a run's command line says; "" and () for what was not given."""

    action: Action
    application: str
    job: str
    script: str
    user: str
    queue: str
    submit_user: str
    station: str
    task_values: tuple[str, ...]
    parameters: tuple[str, ...]
    request_id: RequestId | None
    release: str
    config: str

    @property
    def name(self) -> str:
        """What is run: the script when there is one, else the job."""
        return self.script or self.job

    def task(self, server: Server) -> Task:
        """Return the task that is asked for, with the configuration's defaults for what was not given."""
        return Task(
            application=self.application,
            job=self.job,
            script=self.script,
            user=self.user,
            submit_user=self.submit_user or server.submit_user,
            station=self.station or server.station,
            queue=self.queue or server.queue_name,
            task_values=self.task_values,
            parameters=self.parameters,
        )


if sys.platform == "win32":

    def from_process() -> list[str]:
        """Return this process's arguments as they were typed."""
        return sys.argv[1:]

else:

    def from_process() -> list[str]:
        """Return this process's arguments as they were typed, whatever its locale says of their encoding."""
        return [os.fsencode(token).decode("utf-8", "surrogateescape") for token in sys.argv[1:]]


def lines(value: str) -> list[str]:
    """Return the parameters that a value of -pa stands for: one a line."""
    return re.split(r"\r\n|\r|\n", value)


def parse(tokens: Sequence[str]) -> Arguments:
    """Read the tokens; raises UsageError, one line that says what is wrong."""
    values = _collected(_pairs(tokens))
    single = {flag: _single(flag, given) for flag, given in values.items() if flag not in _REPEATABLE}
    arguments = Arguments(
        action=_action(single["-jt"]),
        application=single["-an"],
        job=single["-jn"],
        script=single["-fn"],
        user=single["-u"],
        queue=single["-qn"],
        submit_user=single["-su"],
        station=single["-st"],
        task_values=_list("-tv", values["-tv"]),
        parameters=_list("-pa", [line for value in values["-pa"] for line in lines(value)]),
        request_id=_request_id(single["-id"]),
        release=single["--release"],
        config=single["--config"],
    )
    _check(arguments)
    return arguments


def _pairs(tokens: Sequence[str]) -> Iterator[tuple[str, str]]:
    is_from_editor = len(tokens) == 1 and _EDITOR_SEPARATOR in tokens[0]
    queue = list(reversed(tokens[0].split(_EDITOR_SEPARATOR) if is_from_editor else tokens))
    flag = ""
    while queue:
        token = queue.pop()
        if is_from_editor and flag == "-pa" and token not in _SHORT:
            yield flag, _text(flag, token)
            continue
        if is_from_editor and not token:
            continue  # a separator before the first argument or behind the last one
        flag = _flag(token)
        if not queue:
            raise UsageError(f"{_named(flag)} needs a value")
        yield flag, _text(flag, queue.pop())


def _flag(token: str) -> str:
    if flag := _SHORT.get(token):
        return flag
    shown = excerpt(token)
    if token in {"--help", "--version"}:
        raise UsageError(f"{token} stands alone, without other flags")
    if not token.startswith("-"):
        raise UsageError(
            f"'{shown}' is no flag: every value follows its flag, and a value with blanks is put in quotes"
        )
    for known in sorted(_SHORT, key=len, reverse=True):
        if token.startswith(known) and (token[len(known)] == "=" or not known.startswith("--")):
            raise UsageError(f"unknown flag {shown}: if {known} is meant, its value is a token of its own")
    raise UsageError(f"unknown flag {shown}", hint=f"All flags:  {own_command('--help')}")


def _text(flag: str, value: str) -> str:
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise UsageError(f"the value of {_named(flag)} is not valid text in UTF-8")
    return value


def _collected(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {flag: [] for flag in FLAGS}
    for flag, value in pairs:
        if values[flag] and flag not in _REPEATABLE:
            raise UsageError(f"{_named(flag)} is given twice")
        values[flag].append(value)
    return values


def _single(flag: str, given: list[str]) -> str:
    value = given[0] if given else ""
    return value if flag in _UNTRIMMED else value.strip()


def _list(flag: str, values: list[str]) -> tuple[str, ...]:
    while values and not values[-1]:
        values = values[:-1]
    if len(values) > MOST_VALUES:
        raise UsageError(f"{_named(flag)}: {len(values)} values are given, AMT takes at most {MOST_VALUES}")
    return tuple(values)


def _action(text: str) -> Action:
    if not text:
        raise UsageError("-jt (--job-type) is missing: START, STOP, KILL or ATTACH")
    try:
        return Action(text.upper())
    except ValueError:
        raise UsageError(f"-jt (--job-type) is '{excerpt(text)}': expected START, STOP, KILL or ATTACH") from None


def _request_id(text: str) -> RequestId | None:
    if not text:
        return None
    if parsed := RequestId.parse(text):
        return parsed
    raise UsageError(f"-id (--request-id) is '{excerpt(text)}': expected the id of an AMT batch request, such as 2112")


def _check(arguments: Arguments) -> None:
    if arguments.action is Action.START:
        _check_start(arguments)
    elif arguments.release:
        raise UsageError(f"--release goes with -jt START, not with {arguments.action.value}")
    elif arguments.request_id is None and not (arguments.application and arguments.name):
        raise UsageError(f"-jt {arguments.action.value} needs -id, or -an with -jn or -fn")


def _check_start(arguments: Arguments) -> None:
    missing = [] if arguments.application else ["-an (--application-name)"]
    missing += [] if arguments.name else ["-jn (--job-name), or -fn (--file-name)"]
    if missing:
        raise UsageError(f"-jt START needs {' and '.join(missing)}")
    if arguments.request_id is not None:
        raise UsageError("-id (--request-id) does not go with -jt START, which gets a new request id from AMT")


def _named(flag: str) -> str:
    return flag if flag == FLAGS[flag] else f"{flag} ({FLAGS[flag]})"
