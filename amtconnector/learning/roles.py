"""Find out which recorded exchange is which call, by what is known of a run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from amtconnector.learning.documents import (
    WORD,
    addresses_in,
    named_texts,
    path_texts,
    slots,
    words_of,
)
from amtconnector.learning.endings import endings, take_ending
from amtconnector.learning.episodes import Episode, episodes_in, is_same_call
from amtconnector.learning.exchange import is_among
from amtconnector.learning.logons import carries, carries_password, is_logon_again, logon_of
from amtconnector.learning.status_walks import best_status
from amtconnector.learning.texts import LEAST_SCORE, messages_score
from amtconnector.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amtconnector.learning.exchange import Exchange
    from amtconnector.learning.logons import Credentials, Logon
    from amtconnector.statuses import StatusTable
    from amtconnector.task import Task

_LOGOFF = re.compile(r"log-?(?:off|out)|afmeld|abmeld|sign-?(?:off|out)|endsession", re.IGNORECASE)
_NEXT = re.compile(r"next|^header:Link$", re.IGNORECASE)
_HEARTBEAT = re.compile(r"heart|alive|ping|health|leeft", re.IGNORECASE)


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
    episodes, starts = episodes_in(others, task, logons)
    calls_like_it = [one for one in others if starts and is_same_call(one, starts[0], task)]
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
    return _key(roles, first, task)[:2] == _key(roles, other, task)[:2] and len(names) == 1


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


def _groups(roles: Roles, rest: list[Exchange], task: Task) -> list[list[Exchange]]:
    grouped: dict[object, list[Exchange]] = {}
    told: dict[str, tuple[object, str]] = {}
    for one in rest:
        if one.target in told:
            key, roles.next_pages[id(one)] = told[one.target]
        else:
            key = _key(roles, one, task)
        grouped.setdefault(key, []).append(one)
        told = {target: (key, place) for place, target in addresses_in(one) if _NEXT.search(place)}
    return list(grouped.values())


def _key(roles: Roles, one: Exchange, task: Task) -> tuple[object, ...]:
    """Return what the requests of one call share: verb, route, names, and words that are no values of the run."""
    episode = roles.episode_of(one)
    request_id = episode.request_id if episode else ""
    known = {request_id, roles.token_at(one), *task.task_values, *task.parameters}
    known |= {value for value in task if isinstance(value, str) and value}
    hidden = {request_id} if request_id else known
    path = "/".join("{}" if text in hidden else text for text in path_texts(one))
    names = frozenset((slot.place, re.sub(r"\d+", "", slot.name)) for slot in slots(one) if slot.place != "path")
    words = frozenset((name, text) for name, text in named_texts(one) if text not in known and WORD.fullmatch(text))
    return one.method, path, names if request_id else 0, words
