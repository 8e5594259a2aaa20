"""Find the tasks that were started while a client was recorded, by the job's name and the id that comes back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from amtconnector.learning.documents import WORD, answer_leaves, is_about, named_texts, path_texts, slots
from amtconnector.learning.exchange import is_among
from amtconnector.named_tuple import NamedTuple
from amtconnector.task import RequestId

if TYPE_CHECKING:
    from amtconnector.learning.exchange import Exchange
    from amtconnector.learning.logons import Logon
    from amtconnector.task import Task


class Episode(NamedTuple):
    """One started task: its start, its request id, where that stood, and the requests after it."""

    start: Exchange
    request_id: str
    place: str
    after: tuple[Exchange, ...]


def episodes_in(others: list[Exchange], task: Task, logons: list[Logon]) -> tuple[list[Episode], list[Exchange]]:
    """Return the tasks that these exchanges started, and their starts."""
    names = [name for name in (task.script, task.job) if name]
    tokens = {one.token for one in logons}
    found: list[tuple[Exchange, str, str]] = []
    for at, one in enumerate(others):
        texts = [slot.text for slot in slots(one)]
        if not any(name in text for name in names for text in texts) or not one.is_success:
            continue
        if found and not is_same_call(one, found[0][0], task):
            continue
        if picked := _request_id(one, others[at + 1 :], texts, tokens):
            found.append((one, *picked))
    episodes = []
    starts = [start for start, _, _ in found]
    for number, (start, request_id, place) in enumerate(found):
        ends = starts[number + 1 :]
        after = [one for one in others if one.begun >= start.begun and not is_among(one, starts)]
        mine = [one for one in after if is_about(one, request_id) or not ends or one.begun < ends[0].begun]
        episodes.append(Episode(start, request_id, place, tuple(mine)))
    return episodes, starts


def _request_id(start: Exchange, later: list[Exchange], sent: list[str], tokens: set[str]) -> tuple[str, str] | None:
    """Return the id in the answer to a start that comes back most, and where it stands."""
    candidates = [(place, value) for place, value in answer_leaves(start) if not isinstance(value, bool)]
    candidates += _ids_in_addresses(start)
    counted = []
    for place, value in candidates:
        text = str(value) if isinstance(value, int | str) else ""
        parsed = RequestId.parse(text)
        if parsed is None or text in sent or text in tokens:
            continue
        count = sum(is_about(one, parsed.text) for one in later)
        rank = not place.startswith("header:"), " " not in place
        counted.append((count, rank, parsed.text, place))
    if not counted:
        return None
    count, _, request_id, place = max(counted, key=lambda one: one[:2])
    return (request_id, place) if count else None


def _ids_in_addresses(start: Exchange) -> list[tuple[str, str]]:
    """Return what may be the id in a Location or another address: the place with the text around it, and the text."""
    texts = [("header:Location", start.answer_header("location"))]
    texts += [(place, value) for place, value in answer_leaves(start) if isinstance(value, str) and "/" in value]
    found = []
    for place, text in texts:
        path = text.partition("?")[0].rstrip("/")
        for match in re.finditer(r"(?<=[/(])[A-Za-z0-9-]*[0-9][A-Za-z0-9-]*(?=[/)]|$)", path):
            before = path[max(path.rfind("/", 0, match.start() - 1), 0) : match.start()]
            is_last = place == "header:Location" and match.end() == len(path) and path[match.start() - 1] == "/"
            found.append((place if is_last else f"{place} {before}{{}}{path[match.end() :]}", match[0]))
    for place, value in answer_leaves(start):
        if sentence := re.search(r"(\S+ )([0-9]{2,18})( \S+)?", value if isinstance(value, str) else ""):
            found.append((f"{place} {sentence[1]}{{}}{sentence[3] or ''}", sentence[2]))
    return found


def is_same_call(one: Exchange, other: Exchange, task: Task) -> bool:
    """Return whether two requests start a task, perhaps another one: they differ only where the job's names stand."""
    named = {task.job, task.script, task.application}
    mine, theirs = path_texts(one), path_texts(other)
    if one.method != other.method or len(mine) != len(theirs):
        return False
    if any(text != known and known not in named for text, known in zip(mine, theirs, strict=True)):
        return False
    names = {name for name, text in named_texts(other) if text in named}
    values = named | {*task.task_values, *task.parameters}
    words = [
        {
            (name, text)
            for name, text in named_texts(both)
            if name not in names and text not in values and WORD.fullmatch(text) and not name.endswith("token")
        }
        for both in (one, other)
    ]
    return words[0] == words[1]
