"""Find out which recorded exchange is which call, by what is known of a run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from amtconnector.learning.documents import (
    WORD,
    addresses_in,
    answer_leaves,
    is_about,
    named_texts,
    path_texts,
    slots,
    words_of,
)
from amtconnector.learning.endings import endings, take_ending
from amtconnector.learning.exchange import is_among
from amtconnector.learning.logons import carries, carries_password, is_logon_again, logon_of
from amtconnector.learning.status_walks import best_status
from amtconnector.learning.texts import LEAST_SCORE, messages_score
from amtconnector.named_tuple import NamedTuple
from amtconnector.task import RequestId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amtconnector.learning.exchange import Exchange
    from amtconnector.learning.logons import Credentials, Logon
    from amtconnector.statuses import StatusTable
    from amtconnector.task import Task

_LOGOFF = re.compile(r"log-?(?:off|out)|afmeld|abmeld|sign-?(?:off|out)|endsession", re.IGNORECASE)
_NEXT = re.compile(r"next|^header:Link$", re.IGNORECASE)
_HEARTBEAT = re.compile(r"heart|alive|ping|health|leeft", re.IGNORECASE)


class Episode(NamedTuple):
    """One started task: its start, its request id, where that stood, and the requests after it."""

    start: Exchange
    request_id: str
    place: str
    after: tuple[Exchange, ...]


class Roles(NamedTuple):
    """Which exchanges are which call; `status_place` is where the status stands, None where none was found."""

    logons: list[Logon]
    refused_logons: list[Exchange]
    episodes: list[Episode]
    refused_starts: list[Exchange]
    calls: dict[str, list[Exchange]]
    status_place: str | None
    proven: dict[str, str]
    left: list[list[Exchange]]
    next_pages: dict[int, str]
    """Where the address of a page stood, for each exchange that asks for one which the answer before it had told."""
    table: StatusTable

    def episode_of(self, exchange: Exchange) -> Episode | None:
        """Return the task that an exchange is about."""
        return next((one for one in reversed(self.episodes) if is_among(exchange, one.after)), None)

    def token_at(self, exchange: Exchange) -> str:
        """Return the token that was good when an exchange was made."""
        before = [one for one in self.logons if one.exchange.begun <= exchange.begun]
        return (before or self.logons)[-1].token if self.logons else ""


def find(exchanges: Sequence[Exchange], task: Task, credentials: Credentials, table: StatusTable) -> Roles:
    """Return the roles of the exchanges, which are in the order of their time; `table` are the statuses to look for."""
    tried = [one for one in exchanges if one.status and carries_password(one, credentials)]
    again = [one for one in exchanges if one.status and any(is_logon_again(one, other, credentials) for other in tried)]
    tried = sorted({id(one): one for one in (*tried, *again)}.values(), key=lambda one: one.begun)
    if tried:
        exchanges = [one for one in exchanges if one.origin == tried[0].origin and one.status]
    logons = [found for one in tried if (found := logon_of(one, exchanges))]
    others = [one for one in exchanges if not is_among(one, tried)]
    episodes, starts = _episodes(others, task, logons)
    calls_like_it = [one for one in others if starts and _is_same_call(one, starts[0], task)]
    refused = [one for one in calls_like_it if not is_among(one, starts)]
    rest = [one for one in others if not is_among(one, (*starts, *refused))]
    refused_logons = [one for one in tried if not is_among(one, (found.exchange for found in logons))]
    roles = Roles(logons, refused_logons, episodes, refused, {}, None, {}, [], {}, table)
    if logons:
        roles.calls["logon"] = [one.exchange for one in logons]
        roles.proven["logon"] = "carries user and password, and its answer has what comes back later"
    if starts:
        roles.calls["start"] = starts
        roles.proven["start"] = "carries the job, and its answer has the id that comes back later"
    return _with_later_calls(roles, rest, task)


def _with_later_calls(roles: Roles, rest: list[Exchange], task: Task) -> Roles:
    groups = _groups(roles, rest, task)
    place = None
    about = [group for group in groups if any(roles.episode_of(one) for one in group)]
    if status := best_status(roles, about):
        group, place = status
        roles.calls["status"] = group
        roles.proven["status"] = "walks through AMT's statuses and ends with the polling"
        about.remove(group)
    messages = max(about, key=messages_score, default=None)
    if messages and messages_score(messages) >= LEAST_SCORE:
        roles.calls["messages"] = messages
        roles.proven["messages"] = "its answer holds texts"
        about.remove(messages)
        for group in [one for one in about if _are_pages(roles, one, messages, task)]:
            messages += group
            about.remove(group)
        messages.sort(key=lambda one: one.begun)
    roles = roles._replace(status_place=place)
    for name, group in endings(roles, about):
        take_ending(roles, name, group)
    return roles._replace(left=_without_session_calls(roles, groups))


def _are_pages(roles: Roles, group: list[Exchange], messages: list[Exchange], task: Task) -> bool:
    """Return whether a call is that of the messages with one parameter more or less: the first page has none."""
    first, other = messages[0], group[0]
    names = {slot.name for slot in slots(first)} ^ {slot.name for slot in slots(other)}
    keys = []
    for one in (first, other):
        episode = roles.episode_of(one)
        keys.append(_key(one, episode.request_id if episode else "", task, roles.token_at(one)))
    return keys[0][:2] == keys[1][:2] and len(names) == 1


def _without_session_calls(roles: Roles, groups: list[list[Exchange]]) -> list[list[Exchange]]:
    """Take heartbeat and logoff by their names and their time; return what is left."""
    used = [one for group in roles.calls.values() for one in group]
    left = [group for group in groups if not is_among(group[0], used)]
    for group in list(left):
        words = words_of(group[0])
        name = "logoff" if _LOGOFF.search(words) or (group[0].method == "DELETE" and "session" in words.lower()) else ""
        token = roles.token_at(group[0])
        is_first = bool(roles.logons) and group[0].begun < roles.logons[0].exchange.begun
        if not name and (is_first or _HEARTBEAT.search(words)):
            name = "heartbeat" if group[0].is_success and not carries(group[0], token) else ""
        known = roles.calls.get(name, [])
        if name and (not known or known[0].path == group[0].path):
            roles.calls[name] = known + group
            left.remove(group)
    return left


def _episodes(others: list[Exchange], task: Task, logons: list[Logon]) -> tuple[list[Episode], list[Exchange]]:
    names = [name for name in (task.script, task.job) if name]
    tokens = {one.token for one in logons}
    found: list[tuple[Exchange, str, str]] = []
    for at, one in enumerate(others):
        texts = [slot.text for slot in slots(one)]
        if not any(name in text for name in names for text in texts) or not one.is_success:
            continue
        if found and not _is_same_call(one, found[0][0], task):
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


def _is_same_call(one: Exchange, other: Exchange, task: Task) -> bool:
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


def _groups(roles: Roles, rest: list[Exchange], task: Task) -> list[list[Exchange]]:
    grouped: dict[object, list[Exchange]] = {}
    told: dict[str, tuple[object, str]] = {}
    for one in rest:
        episode = roles.episode_of(one)
        if one.target in told:
            key, roles.next_pages[id(one)] = told[one.target]
        else:
            key = _key(one, episode.request_id if episode else "", task, roles.token_at(one))
        grouped.setdefault(key, []).append(one)
        told = {target: (key, place) for place, target in addresses_in(one) if _NEXT.search(place)}
    return list(grouped.values())


def _key(one: Exchange, request_id: str, task: Task, token: str) -> tuple[object, ...]:
    """Return what the requests of one call share: verb, route, names, and words that are no values of the run."""
    known = {request_id, token, *task.task_values, *task.parameters}
    known |= {value for value in task if isinstance(value, str) and value}
    hidden = {request_id} if request_id else known
    path = "/".join("{}" if text in hidden else text for text in path_texts(one))
    names = frozenset((slot.place, re.sub(r"\d+", "", slot.name)) for slot in slots(one) if slot.place != "path")
    words = frozenset((name, text) for name, text in named_texts(one) if text not in known and WORD.fullmatch(text))
    return one.method, path, names if request_id else 0, words
