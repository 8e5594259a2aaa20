"""At which calls to the system something is injected, and what: made from the calls of a run that nothing hit."""

from __future__ import annotations

import errno
from collections import Counter
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

START_CALL = "opconjobaction"
"""What stands in the request line of a start, in lower case."""

_MOST_ALIKE = 6
"""So many calls of one name on what is no file of ours are tried: imports look at thousands of places."""

_ERRORS = {
    "open": ("EMFILE", "EMFILE+", "ENOSPC+", "EIO", "ENOMEM", "EINTR"),
    "write": ("ENOSPC", "ENOSPC+", "EIO", "EINTR", "SHORT", "TORN"),
    "read": ("EIO", "EIO+", "EINTR", "SHORT+"),
    "fsync": ("EIO", "ENOSPC+"),
    "close": ("EIO",),
    "opendir": ("EMFILE+", "ENOMEM"),
    "stat": ("EIO", "ENOMEM"),
    "lstat": ("EIO", "ENOMEM"),
    "fstat": ("EIO",),
    "lock": ("ENOLCK+", "EIO", "EINTR"),
    "socket": ("EMFILE", "EMFILE+", "ENOMEM"),
    "connect": ("ENOMEM", "EMFILE", "ETIMEDOUT", "EINTR"),
    "send": ("ENOMEM", "EPIPE", "EINTR", "SHORT", "TORN"),
    "recv": ("ENOMEM", "ECONNRESET", "EINTR", "SHORT+"),
    "poll": ("ENOMEM", "EINTR"),
    "getaddrinfo": ("ENOMEM", "EMFILE"),
    "thread": ("EAGAIN", "EAGAIN+"),
    "mmap": ("ENOMEM", "ENOMEM+"),
    "malloc": ("ENOMEM", "ENOMEM+"),
}
_ELSE = ("EIO", "ENOSPC+", "ENOMEM")


class Point(NamedTuple):
    """One call of a run, by its name, what it is on, and its number among those; and what happens there."""

    name: str
    on: str
    number: int
    action: str

    @property
    def text(self) -> str:
        """The point as the command line has it: write:file:3:ENOSPC+."""
        return f"{self.name}:{self.on}:{self.number}:{self.action}"

    @property
    def setting(self) -> str:
        """The point as the preloaded library has it, with the error's number."""
        name = self.action.rstrip("+")
        number = getattr(errno, name, name)
        return f"{self.name}:{self.on}:{self.number}:{number}{'+' * self.action.endswith('+')}"

    @property
    def is_kill(self) -> bool:
        """Whether the process does not survive it."""
        return self.action in {"KILL", "TORN"}


class Call(NamedTuple):
    """One call of the run that nothing hit; `is_before_start`: the start was not sent yet."""

    name: str
    on: str
    number: int
    is_before_start: bool


def point_of(text: str) -> Point:
    """Return the point that a text names."""
    name, on, number, action = text.split(":")
    return Point(name, on, int(number), action)


def calls_of(trace: str) -> list[Call]:
    """Return the calls that a preloaded library has written down."""
    calls, is_before = [], True
    for line in trace.splitlines():
        name, on, number, *shown = line.split()
        calls.append(Call(name, on, int(number), is_before))
        is_before = is_before and not (name in {"send", "write"} and on == "socket" and _is_start(shown))
    return calls


def _is_start(shown: list[str]) -> bool:
    return bool(shown) and shown[0].startswith("POST") and START_CALL in shown[0].lower()


def all_points(calls: Iterable[Call]) -> list[Point]:
    """Return each call with each thing that can happen to it."""
    seen: Counter[tuple[str, str, bool]] = Counter()
    points = []
    for call in calls:
        seen[call.name, call.on, call.is_before_start] += 1
        if call.on in {"file", "socket", "stdout"} or seen[call.name, call.on, call.is_before_start] <= _MOST_ALIKE:
            points += [Point(call.name, call.on, call.number, action) for action in _actions(call.name)]
    return points


def sample(calls: list[Call], most: int) -> list[Point]:
    """Return points of every kind of call, before and after the start: kinds take turns, a kill and errors as well."""
    kinds: dict[tuple[str, str, bool], list[Call]] = {}
    for call in calls:
        kinds.setdefault((call.name, call.on, call.is_before_start), []).append(call)
    drawn = [list(_of_kind(number, alike)) for number, alike in enumerate(kinds.values())]
    return list(dict.fromkeys(filter(None, chain.from_iterable(zip_longest(*drawn)))))[:most]


def _of_kind(turn: int, alike: list[Call]) -> Iterator[Point]:
    """Yield an error at the first call, a kill at the last, and so on to the middle."""
    for step, call in enumerate((alike[0], alike[-1], alike[len(alike) // 2], alike[len(alike) // 3])):
        errors = _actions(call.name)[1:]
        yield Point(
            call.name, call.on, call.number, "KILL" if (turn + step) % 2 else errors[(turn + step) % len(errors)]
        )


def _actions(name: str) -> tuple[str, ...]:
    return ("KILL", *_ERRORS.get(name, _ELSE))
