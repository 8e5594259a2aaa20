"""The status in a trace: the value that walks through AMT's statuses and ends when the polling ends."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from amtconnector.learning.documents import answer_leaves, words_of

if TYPE_CHECKING:
    from amtconnector.amtopcon.wire.document import Json
    from amtconnector.learning.exchange import Exchange
    from amtconnector.learning.roles import Roles
    from amtconnector.statuses import Status, StatusTable

_STATUS = re.compile(r"stat(?:us|e)|phase|fase|toestand|zustand|outcome|monitor", re.IGNORECASE)
_CODE = re.compile(r"completion|return|result|exit", re.IGNORECASE)
_LEAST_SCORE = 5
_LONGEST_WORD = 60
_MOST_WORDS = 12


def status_of(value: Json, table: StatusTable) -> Status | None:
    """Return the status that a table has for a value."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip()
    if re.fullmatch(r"[0-9]{1,2}", text):
        status = table.by_code(int(text))
        return status if status.is_known else None
    return table.by_name(text) if text else None


def best_status(roles: Roles, groups: list[list[Exchange]]) -> tuple[list[Exchange], str] | None:
    """Return the call that tells the status, and where it stands; None where there is none."""
    best: tuple[int, list[Exchange], str] | None = None
    for group in groups:
        for place, walks in _walks(roles, group).items():
            score = _status_score(place, walks, words_of(group[0]), roles.table)
            if score >= _LEAST_SCORE and (best is None or score > best[0]):
                best = score, group, place
    return (best[1], best[2]) if best else _status_in_foreignwords_of(roles, groups)


def _status_in_foreignwords_of(roles: Roles, groups: list[list[Exchange]]) -> tuple[list[Exchange], str] | None:
    """Return the call whose answers have a word that changes under a name of a status; no table knows the words."""
    for group in groups:
        for place, walks in _walks(roles, group).items():
            is_named = bool(_STATUS.search(place) or (not place and _STATUS.search(words_of(group[0]))))
            words = [value for walk in walks for value in walk]
            are_words = all(isinstance(word, str) and 0 < len(word) <= _LONGEST_WORD for word in words)
            changes = len(set(map(str, words))) in range(2, _MOST_WORDS)
            if is_named and are_words and changes and all(walk[-1] not in walk[:-1] for walk in walks):
                return group, place
    return None


def _walks(roles: Roles, group: list[Exchange]) -> dict[str, list[list[Json]]]:
    """Return for each place of a call's answers its values, task by task."""
    walks: dict[str, dict[str, list[Json]]] = {}
    for one in group:
        episode = roles.episode_of(one)
        if episode and one.is_success:
            for place, value in answer_leaves(one, episode.request_id):
                if str(value) != episode.request_id:
                    walks.setdefault(place, {}).setdefault(episode.request_id, []).append(value)
    return {place: list(tasks.values()) for place, tasks in walks.items()}


def _status_score(place: str, walks: list[list[Json]], words: str, table: StatusTable) -> int:
    statuses = [[status_of(value, table) for value in walk] for walk in walks]
    if not statuses or any(one is None for walk in statuses for one in walk):
        return 0
    read = [[one for one in walk if one is not None] for walk in statuses]
    name = place.rpartition(".")[2]
    is_named = any(isinstance(value, str) and not value.isdigit() for walk in walks for value in walk)
    ends_well = all(walk[-1].is_terminal and not any(one.is_terminal for one in walk[:-1]) for walk in read)
    has_walked = any(len(set(walk)) > 1 for walk in read)
    score = 3 * bool(_STATUS.search(name)) + 2 * bool(_STATUS.search(words)) + 3 * is_named
    return score + 2 * ends_well + 4 * (ends_well and has_walked) - bool(_CODE.search(name))
