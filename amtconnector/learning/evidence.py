"""What is told of a lesson: the evidence of its entries, what stays open, and which record would settle it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amtconnector.amtopcon.wire.placeholders import placeholders
from amtconnector.learning.documents import answer_leaves
from amtconnector.learning.known import LISTS, SCALARS
from amtconnector.learning.status_walks import status_of

if TYPE_CHECKING:
    from amtconnector.learning.known import Seen
    from amtconnector.learning.roles import Roles
    from amtconnector.statuses import StatusTable
    from amtconnector.task import Task

CALLS = ("heartbeat", "logon", "start", "stop", "kill", "status", "messages", "logoff")
_RECORDS = {
    "kill": "a job that is killed while it runs: record it with 'learn trace.har kill.har'",
    "stop": "a job that is stopped while it runs; where the server has no stop, write calls.stop = false",
    "heartbeat": "a client that asks whether AMT is alive; until then the profile says that there is no such call",
    "logoff": "nothing, where the server has no logoff",
    "logon": "a client that logs on with the user and password of Connector.config",
    "start": "a whole run of the job whose flags are given behind --",
    "status": "a run whose status is asked until its end",
    "messages": "a run that writes messages, which the client reads",
}


def note_foreign_words(found: Roles, seen: Seen, table: StatusTable) -> None:
    """Ask for the meaning of statuses that AMT's table does not have; a success least of all is guessed."""
    words = [value for value in _walk(found) if isinstance(value, int | str) and status_of(value, table) is None]
    for word in dict.fromkeys(str(value) for value in words):
        seen.say(
            f"the status {word!r}: write into [statuses] of WIRE_PROFILE which of AMT's numbers it is, such as "
            f"2 = [{word!r}], and learn again"
        )


def _walk(found: Roles) -> list[Any]:
    """Return the statuses of the answers, in their order."""
    return [
        value
        for one in found.calls.get("status", [])
        if (episode := found.episode_of(one))
        for place, value in answer_leaves(one, episode.request_id)
        if place == found.status_place
    ]


def said_of_members(found: Roles, messages: str) -> str:
    """Return the evidence of the members: how the statuses went, and where the messages stood."""
    walk = list(map(str, _walk(found)))
    steps = [value for at, value in enumerate(walk) if at == 0 or walk[at - 1] != value]
    return f"the statuses were {' -> '.join(steps[:12])} in {len(walk)} answers; messages: {messages}"


def note_unused(start: dict[str, Any], task: Task, seen: Seen) -> None:
    """Name the values for which no place was seen: a job that gives one is then refused, and nothing is lost."""
    used = {one.name for one in placeholders(start)}
    used |= {list_name for list_name, element in LISTS.items() if element in used}
    unused = [name for name in (*SCALARS, *LISTS) if name not in used]
    for name in unused:
        value = getattr(task, "user" if name == "run_as" else name)
        if value and not (name in {"submit_user", "station", "queue"} or (name == "job" and task.script)):
            shown = ", ".join(value) if isinstance(value, tuple) else value
            seen.say(f"calls.start: the {name.replace('_', ' ')} {shown!r} of the flags was found nowhere in the start")
    if unused:
        start["unused"] = unused
        seen.assume(f"where the start carries {', '.join(name.replace('_', ' ') for name in unused)}")


def said_of_calls(found: Roles) -> dict[str, str]:
    """Return of each call whether it is proven, taken by its name, or unproven."""
    said = {}
    for name in CALLS:
        group = found.calls.get(name)
        if not group:
            stands = "it is taken for absent" if name == "heartbeat" else "what is built in stands"
            said[name] = f"unproven: not in the trace; {stands}"
        elif name in found.proven:
            said[name] = f"proven: seen {_times(len(group))}; {found.proven[name]}"
        else:
            said[name] = f"taken by its name: seen {_times(len(group))}"
    return said


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def wanted_records(found: Roles, seen: Seen) -> list[str]:
    """Return which further records would settle what is open."""
    wanted = [f"{name}: {_RECORDS[name]}" for name in CALLS if name not in found.calls and name != "logoff"]
    wanted += [
        f"{name}: {_RECORDS[name]}" for name in ("kill", "stop") if name in found.calls and name not in found.proven
    ]
    if seen.assumed:
        wanted.append("a job with every argument given and distinct (-fn, -u, -qn, two of -tv and two of -pa) shows "
                      + "; ".join(seen.assumed))  # fmt: skip
    if "start" in found.calls and not seen.not_given.keys() & LISTS:
        wanted.append("a job without task values and parameters: what is sent where a list is empty")
    if not found.refused_starts:
        wanted.append("a start that is refused (a job that does not exist): its words and its form")
    if not found.refused_logons:
        wanted.append("one logon with a wrong password, where the account can bear it: its form")
    return wanted
