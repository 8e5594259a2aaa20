"""Learn how refusals look: what tells them from good answers, and where their words stand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from amtconnector.amtopcon.wire.reply import server_words
from amtconnector.learning.documents import answer_leaves, reply_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amtconnector.amtopcon.wire.document import Json
    from amtconnector.learning.exchange import Exchange
    from amtconnector.learning.roles import Roles

_GOOD = re.compile(r"success|succeeded|isok|^ok$", re.IGNORECASE)
_ERROR_CODE = re.compile(r"err(?:or)?_?(?:code|no|number)", re.IGNORECASE)
_ERROR = re.compile(r"err|fault|fout|fehler|problem|reason", re.IGNORECASE)
_CODE = re.compile(r"code|nummer|number|id$", re.IGNORECASE)


def refusals(roles: Roles) -> tuple[dict[str, Any], list[str]]:
    """Return the entries of `refused`, and what is to be said of each."""
    conditions: list[dict[str, Any]] = []
    evidence: list[str] = []
    for name in ("logon", "start", "stop", "kill"):
        for one in roles.calls.get(name, []):
            for place, value in answer_leaves(one):
                if place and (condition := _condition(place, value)) and condition not in conditions:
                    conditions.append(condition)
                    evidence.append(f"{place} is {value} in good answers; another value is taken for a refusal")
    for one in roles.refused_starts:
        condition = _told_apart(one, roles.calls["start"], conditions) if one.is_success else None
        if condition:
            conditions.append(condition)
            evidence.append("the answer to a start that was refused")
    entries: dict[str, Any] = {"when": conditions} if conditions else {}
    if words := _words_places(roles):
        entries["words"] = words
    credentials = [found for one in roles.refused_logons if (found := _refused_logon(one, roles, conditions))]
    if credentials:
        entries["credentials"] = [one for at, one in enumerate(credentials) if one not in credentials[:at]]
        evidence.append("the answer to a logon that was refused")
    return entries, evidence


def _condition(place: str, value: Json) -> dict[str, Any] | None:
    name = place.rpartition(".")[2]
    if "[" in place:
        return None
    if value is True and (_GOOD.search(name) or name.lower().endswith("result")):
        return {place: False}
    if _ERROR_CODE.search(name) and value == 0 and not isinstance(value, bool):
        return {place: {"not": 0}}
    return None


def _refused_logon(one: Exchange, roles: Roles, conditions: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    if one.status in {401, 403}:
        return None
    refused = {place: value for place, value in answer_leaves(one) if place and "[" not in place}
    for condition in conditions:
        place = next(iter(condition))
        if place in refused:
            return {place: refused[place]} if isinstance(refused[place], int | str) else None
    if one.is_success:
        page = re.findall(r">([^<>]*(?:password|invalid|incorrect|fail)[^<>]*)<", reply_of(one).text, re.IGNORECASE)
        named = _told_apart(one, [other.exchange for other in roles.logons], conditions)
        return {"words": " ".join(page[0].split())} if page else named
    codes = {
        place: value
        for place, value in refused.items()
        if isinstance(value, str) and re.fullmatch(r"[a-z_]{3,40}", value)
    }
    return {"http": one.status, **dict(list(codes.items())[:1])}


def _told_apart(
    refused: Exchange, good: Sequence[Exchange], conditions: Sequence[dict[str, Any]]
) -> dict[str, Any] | None:
    """Return the condition that a refusal fits and no good answer does; None where one of these fits, or none is found.

    A flag that turned, else the member of an error that is there in the refusal alone.
    """
    told = {place: value for place, value in answer_leaves(refused) if place}
    if said := re.match(r"[A-Za-z]{2,}", str(told.get("body:text", ""))):
        return None if any(said[0].encode() in one.answer for one in good) else {"words": said[0]}
    known = [dict(answer_leaves(one)) for one in good]
    if not known or any(place in told and told[place] != known[0].get(place) for one in conditions for place in one):
        return None
    for place, value in told.items():
        if isinstance(value, bool) and all(one.get(place) is (not value) for one in known):
            return {place: value}
    alone = [
        place
        for place, value in told.items()
        if value not in (None, "", 0) and all(one.get(place) in (None, "", 0) for one in known)
    ]
    errors = sorted((place for place in alone if _ERROR.search(place)), key=lambda place: not _CODE.search(place))
    return {errors[0]: {"not": ""}} if errors else None


def _words_places(roles: Roles) -> list[str]:
    """Return where the words of a refusal stand that the connector does not find by their name."""
    places = []
    for one in roles.refused_starts:
        reply = reply_of(one)
        texts = [(place, value) for place, value in answer_leaves(one) if isinstance(value, str) and " " in value]
        said = server_words(reply)
        if texts and not any(value.rstrip(".") in said for _, value in texts if not said.startswith(("{", "["))):
            places.append(max(texts, key=lambda one: len(one[1]))[0])
    return list(dict.fromkeys(place for place in places if place != "body:text"))
