"""Learn where in the answers the token, the request id, the status and the messages stand, and how refusals look."""

from __future__ import annotations

import html
import itertools
import re
from typing import TYPE_CHECKING, Any

from amtconnector.amtopcon.wire.document import Object
from amtconnector.learning.documents import (
    answer_in,
    answer_leaves,
    is_xml_answer,
    leaves,
    named_texts,
    reply_of,
    slots,
)
from amtconnector.learning.texts import text_lists

if TYPE_CHECKING:
    from amtconnector.amtopcon.wire.document import Json
    from amtconnector.learning.exchange import Exchange
    from amtconnector.learning.roles import Roles

_TEXT = re.compile(r"message|text|line|msg|description", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|apos|#\d+|#x[0-9a-fA-F]+);")
_NEXT = re.compile(r"next|last|cursor|continuation", re.IGNORECASE)
_MORE = re.compile(r"more|isnotlast|truncated", re.IGNORECASE)
_TOTAL = re.compile(r"total|count", re.IGNORECASE)
_PAGE = re.compile(r"page|offset|after|cursor|skip|from|since|start|position", re.IGNORECASE)


def members(roles: Roles) -> dict[str, list[str]]:
    """Return where token, request id and status stand; a bare value needs no entry."""
    found: dict[str, list[str]] = {}
    if places := _unique(one.place for one in roles.logons):
        found["token"] = places
    if places := _unique(one.place for one in roles.episodes):
        found["request_id"] = places
    if roles.status_place:
        found["status"] = [roles.status_place]
    return found


def _unique(places: Any) -> list[str]:
    return list(dict.fromkeys(place for place in places if place))


def is_xml(roles: Roles) -> bool:
    """Return whether the server answers in XML."""
    answers = [one for name in ("logon", "start", "status") for one in roles.calls.get(name, []) if one.answer]
    return bool(answers) and all(map(is_xml_answer, answers))


def message_entries(roles: Roles) -> tuple[dict[str, Any], dict[str, list[str]], str]:
    """Return the entries of `messages`, those of `members` for them, and the evidence; the pages are learned apart."""
    group = [one for one in roles.calls.get("messages", []) if one.is_success and one.answer]
    entries: dict[str, Any] = {}
    places: dict[str, list[str]] = {}
    texts: list[str] = []
    are_xml = all(map(is_xml_answer, group))
    documents = [answer_in(one) for one in group]
    lists = [found for document in documents for found in text_lists(document)]
    if lists:
        place, _ = max(lists, key=lambda one: len(one[1]))
        values = [entry for at, entries_ in lists if at == place for entry in entries_]
        if place:
            places["messages"] = [place]
        if objects := [entry for entry in values if isinstance(entry, Object)]:
            places["message_text"] = [_text_member(objects)]
            texts = [str(value) for one in objects for name, value in one if name == places["message_text"][0]]
        else:
            texts = [str(value) for value in values]
    elif group and not all(is_xml_answer(one) or answer_in(one) != reply_of(one).text for one in group):
        entries["form"] = "text"
        texts = [line for one in group for line in reply_of(one).text.splitlines()]
    elif any(isinstance(document, str) for document in documents):
        entries["form"] = "lines"
        texts = [str(document) for document in documents]
    else:
        told = [leaf for document in documents for leaf in leaves(document) if isinstance(leaf[1], str)]
        if told:
            place, _ = max(told, key=lambda one: len(str(one[1])))
            texts = [str(value) for at, value in told if at == place]
            places["messages"] = [place]
            if not are_xml:
                entries["form"] = "lines"
    if lists and _is_newest_first([entries_ for at, entries_ in lists if at == place]):
        entries["order"] = "newest first"
    if not are_xml and any(_ENTITY.search(text) and html.unescape(text) != text for text in texts):
        entries["unescape_html"] = True
    return entries, places, f"{len(texts)} texts seen" if texts else "no text seen"


def _is_newest_first(lists: list[list[Json]]) -> bool:
    """Return whether numbers or times fall in every list, or a later list has the earlier one behind new entries."""
    falls = [_falls(entries) for entries in lists if len(entries) > 1]
    if falls and all(falls):
        return True
    shifted = False
    for before, after in itertools.pairwise(lists):
        if len(before) > 1 and after[: len(before)] == before and len(after) > len(before):
            return False
        at = after.index(before[0]) if before and before[0] in after else 0
        shifted = shifted or (at > 0 and len(before) > 1 and after[at:] == before[: len(after) - at])
    return shifted


def _falls(entries: list[Json]) -> bool:
    objects = [dict(entry) for entry in entries if isinstance(entry, Object)]
    if len(objects) < len(entries):
        return False
    columns = [[one.get(name) for one in objects] for name in objects[0]]
    return any(
        (all(isinstance(value, int) for value in column) or all(_is_moment(value) for value in column))
        and all(str(a).zfill(30) > str(b).zfill(30) for a, b in itertools.pairwise(column))
        for column in columns
    )


def _is_moment(value: Json) -> bool:
    return isinstance(value, str) and bool(re.match(r"\d{4}-\d\d-\d\dT", value))


def _text_member(objects: list[Object]) -> str:
    names: dict[str, int] = {}
    for one in objects:
        for name, value in one:
            if isinstance(value, str):
                named = 1_000_000 if _TEXT.search(name) else 0
                names[name] = names.get(name, named) + (0 if _is_moment(value) else len(value))
    return max(names, key=lambda name: names[name], default="Message")


class Pages:
    """How the pages of messages go on: which parameter, and which member of the answers."""

    def __init__(self, roles: Roles) -> None:
        self.name = ""
        self.first: int | str = 1
        self.placeholder = ""
        self.entries: dict[str, Any] = {}
        self.assumed = ""
        tasks = _by_task(roles)
        addresses = [roles.next_pages[id(one)] for task in tasks for one in task if id(one) in roles.next_pages]
        if addresses:
            self.entries = {"next": addresses[0]}
            return
        for name in _candidates(tasks):
            if self._learn(name, tasks):
                return

    def names(self, one: Exchange) -> bool:
        """Return whether a request says which page it wants."""
        return bool(_slot(one, self.name))

    def _learn(self, name: str, tasks: list[list[Exchange]]) -> bool:
        values = [[_slot(one, name) for one in task] for task in tasks]
        steps = [
            (one, now, after)
            for task, given in zip(tasks, values, strict=True)
            for one, now, after in zip(task, given, given[1:], strict=False)
            if after != given[0]
        ]
        first = values[0][0]
        self.first = int(first) if re.fullmatch(r"\d{1,9}", first) else first
        places = dict.fromkeys(place for task in tasks for one in task for place, _ in answer_leaves(one))
        nexts = [place for place in places if steps and all(_leaf(one, place) == after for one, _, after in steps)]
        mores = [
            place for place in places if _MORE.search(place) and all(_leaf(t[-1], place) == "False" for t in tasks)
        ]
        if not steps:
            nexts = [place for place in places if _NEXT.search(place.rpartition(".")[2])]
            if not _PAGE.search(name) or not (nexts or mores):
                return False
            self.assumed = f"how the messages' pages go on: only one page was recorded, with {name} = {first}"
        numbers = all(now.isdigit() and after.isdigit() for _, now, after in steps)
        if nexts:
            self.entries["next"] = max(nexts, key=lambda place: bool(_NEXT.search(place)))
        elif not (steps and numbers and all(int(after) == int(now) + 1 for _, now, after in steps)):
            if not (steps and numbers and first == "0") and not mores:
                return False
            self.placeholder = "{offset}" if first == "0" else ""
            totals = [place for place in places if _TOTAL.search(place) and _leaf(tasks[0][0], place).isdigit()]
            self.entries |= {"total": totals[0]} if totals and not mores else {}
        if mores:
            self.entries["more"] = mores[0]
        self.name, self.placeholder = name, self.placeholder or "{page}"
        if self.placeholder == "{page}":
            self.entries["first"] = self.first
        return True


def _by_task(roles: Roles) -> list[list[Exchange]]:
    tasks: dict[str, list[Exchange]] = {}
    for one in roles.calls.get("messages", []):
        if one.is_success and (episode := roles.episode_of(one)):
            tasks.setdefault(episode.request_id, []).append(one)
    return list(tasks.values())


def _candidates(tasks: list[list[Exchange]]) -> list[str]:
    found: dict[str, set[str]] = {}
    every = [one for task in tasks for one in task]
    for one in every:
        for name, text in named_texts(one):
            found.setdefault(name, set()).add(text)
    varying = [name for name, texts in found.items() if len(texts) > 1 or not all(_slot(one, name) for one in every)]
    return sorted(varying, key=lambda name: not _PAGE.search(name)) or [name for name in found if _PAGE.search(name)]


def _slot(one: Exchange, name: str) -> str:
    return next((slot.text for slot in slots(one) if slot.name == name), "")


def _leaf(one: Exchange, place: str) -> str:
    return next((str(value) for at, value in answer_leaves(one) if at == place and value is not None), "")
