"""Find the calls that end a task: kill and stop, by a word of their own or by what became of the task."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from amtconnector.learning.documents import answer_leaves, is_about, slots, words_of
from amtconnector.learning.status_walks import status_of
from amtconnector.statuses import KILLED

if TYPE_CHECKING:
    from amtconnector.learning.exchange import Exchange
    from amtconnector.learning.roles import Roles
    from amtconnector.statuses import Status

_KILL = re.compile(r"kill|cancel|abort|terminate|force|hard|delete", re.IGNORECASE)
_STOP = re.compile(r"stop|quit", re.IGNORECASE)


def endings(roles: Roles, groups: list[list[Exchange]]) -> list[tuple[str, list[Exchange]]]:
    """Return the calls that end a task, each with its name: by a word of its own, else by what became of the task.

    Where nothing tells two of them apart, none is taken: a STOP must not be a kill.
    """
    about = [one for one in groups if (mine := roles.episode_of(one[0])) and is_about(one[0], mine.request_id)]
    words = [_ending_words(one[0]) for one in about]
    ends = [[_end_after(roles, one) for one in group if one.is_success] for group in about]
    found = []
    for at, group in enumerate(about):
        others = set.union(set(), *(other for number, other in enumerate(words) if number != at and ends[number]))
        own = " ".join(sorted(words[at] - others))
        is_killed = any(end is not None and end.code == KILLED for end in ends[at])
        name = "kill" if _KILL.search(own) else "stop" if _STOP.search(own) else "either" if is_killed else ""
        found.append((name, group))
    names = [name for name, _ in found]
    either = "stop" if "kill" in names else "kill"
    return [(either if name == "either" else name, group) for name, group in found if name and names.count(name) == 1]


def _ending_words(one: Exchange) -> set[str]:
    """Return the words of a request that ends a task, and the names of its flags that are set."""
    flags = {slot.name for slot in slots(one) if slot.text == "True"}
    return {word for word in words_of(one).split() if word not in {"True", "False"}} | flags


def take_ending(roles: Roles, name: str, group: list[Exchange]) -> None:
    """Take a call for kill or stop; the status afterwards proves it."""
    ends = [_end_after(roles, one) for one in group if one.is_success]
    roles.calls[name] = group
    if any(end is not None and (end.code == KILLED or (name == "stop" and end.is_terminal)) for end in ends):
        roles.proven[name] = "the task ended after it"


def _end_after(roles: Roles, one: Exchange) -> Status | None:
    episode = roles.episode_of(one)
    for other in reversed(roles.calls.get("status", [])):
        if episode and other.begun >= one.begun and roles.episode_of(other) is episode:
            for place, value in answer_leaves(other, episode.request_id):
                if place == roles.status_place and (status := status_of(value, roles.table)) and status.is_terminal:
                    return status
    return None
