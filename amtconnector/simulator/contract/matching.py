"""Hold a request against a template and take the values out of it.

A template looks like what it stands for. A text may hold `{Name}` placeholders; a list of one template is a list whose
every item looks like it; a member's name with `{n}` stands for the members numbered 1, 2, 3 …; anything else is a
constant. `{TaskValues:;}` is a list joined with `;`, `{Now:%d.%m.%Y}` a date in that form, `{BatchRequestId:text}` an
id in quotes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import count, takewhile

from amtconnector.simulator.contract.found import LISTS, OPTIONAL, Found

ORDER_NAMES = ("JobName", "ScriptName", "SubmitUser", "User", "Station", "QueueName", *LISTS)
"""Values of a start that need not be given."""
NAMES = ("ApplicationName", *ORDER_NAMES, "UserName", "Password", "Credentials", "Token", "BatchRequestId", "UniqueId",
         "Now", "Any", "Page", "Offset", "After")  # fmt: skip
NUMBER = "{n}"
PLACEHOLDER = re.compile(r"\{([A-Z][A-Za-z]*)(?::([^{}]+))?\}")


class Reading(Found):
    """What has been read out of one request: values by their documented names, and problems by place.

    `empty` says per name how a value that was not given is written: "sent" (as an empty text or list), "absent",
    "null", or "=WORD" for a word.
    """

    def __init__(self, empty: Mapping[str, str]) -> None:
        super().__init__()
        self._empty = empty
        self._are_texts = False

    def match(self, template: object, value: object, place: str, number: int = 0) -> None:
        """Hold a value against a template; `number` above 0 is the item of a list that both belong to."""
        if isinstance(template, Mapping):
            self._match_object(template, value, place, number)
        elif isinstance(template, list):
            self._match_items(template[0], value, place)
        elif isinstance(template, str) and PLACEHOLDER.search(template):
            self._match_text(template, value, place, number)
        elif value != self._constant(template, number):
            self.error(place, f"The value must be {template}.")

    def match_texts(self, template: Mapping[str, object], texts: Mapping[str, list[str]], *, is_strict: bool) -> None:
        """Hold the pairs of a query or form against a template; every value is a text, a list comes repeated."""
        value = {name: found if _is_repeated(template.get(name)) else found[0] for name, found in texts.items()}
        self._are_texts = True
        self._match_object(template, value, "", 0, is_strict=is_strict)
        self._are_texts = False

    def _constant(self, template: object, number: int) -> object:
        if isinstance(template, str):
            return _numbered(template, number)
        return json.dumps(template) if self._are_texts else template

    def _match_object(
        self, template: Mapping[str, object], value: object, place: str, number: int, *, is_strict: bool = True
    ) -> None:
        if not isinstance(value, Mapping):
            self.error(place or "$", "The JSON value could not be converted to an object.")
            return
        used: set[str] = set()
        for key, part in template.items():
            used |= self._match_member(key, part, value, place, number)
        for name in value if is_strict else ():
            if name not in used:
                self.error(_inside(place, name), "This member is not known.")

    def _match_member(self, key: str, part: object, value: Mapping[str, object], place: str, number: int) -> set[str]:
        """Match one member, or the numbered ones; return the names that are used up."""
        if NUMBER in key:
            names = list(takewhile(value.__contains__, (_numbered(key, n) for n in count(1))))
            for n, name in enumerate(names, 1):
                self.match(part, value[name], _inside(place, name), n)
            return set(names)
        if key in value:
            self.match(part, value[key], _inside(place, key), number)
        else:
            self._note_missing(part, _inside(place, key))
        return {key}

    def _match_items(self, template: object, value: object, place: str) -> None:
        if not isinstance(value, list):
            self.error(place, "The JSON value could not be converted to list.")
            return
        name = _list_in(template)
        if not value and name and self._empty.get(name, "sent") != "sent":
            self.error(place, "A value that is not given must be left out.")
        for n, item in enumerate(value, 1):
            self.match(template, item, place, n)

    def _match_text(self, template: str, value: object, place: str, number: int) -> None:
        found = PLACEHOLDER.fullmatch(template)
        if found and not number and found[1] in ORDER_NAMES and self._is_not_given(found[1], value, place):
            return
        if found and found[1] in LISTS and not found[2] and not number:
            self.take_list(found[1], value, place)
        elif found and found[1] == "BatchRequestId":
            self.take_id(value, place, is_text=self._are_texts or found[2] == "text")
        elif found and found[1] in OPTIONAL and isinstance(value, int):
            self.take(found[1], value, place)
        elif not isinstance(value, str):
            self.error(place, "The JSON value could not be converted to str.")
        else:
            self._match_pattern(template, value, place, number)

    def _is_not_given(self, name: str, value: object, place: str) -> bool:
        """Say whether a value stands for one that was not given, in the form that the contract has for it."""
        rule = self._empty.get(name, "sent")
        if rule == "sent":
            return False
        if value in ("", []):
            self.error(place, "A value that is not given must not be sent empty.")
        if (rule == "null" and value is None) or (rule.startswith("=") and value == rule[1:]):
            self.take(name, () if name in LISTS else "", place)
            return True
        return False

    def _note_missing(self, template: object, place: str) -> None:
        text = template if isinstance(template, str) else ""
        found = PLACEHOLDER.search(text)
        name = _list_in(template) or (found[1] if found else "")
        if name == "Token":
            self.is_token_missing = True
        elif self._are_texts and _is_repeated(template):
            self.take(name, (), place)  # repeated not even once: the only form of an empty list
        elif name not in OPTIONAL and not (name in ORDER_NAMES and self._empty.get(name) == "absent"):
            self.error(place, f"The {place} field is required.")

    def _match_pattern(self, template: str, text: str, place: str, number: int) -> None:
        names: list[tuple[str, str]] = []
        pieces = PLACEHOLDER.split(_numbered(template, number))
        pattern = re.escape(pieces[0])
        for position in range(1, len(pieces), 3):
            names.append((pieces[position], pieces[position + 1] or ""))
            pattern += "(.*)" + re.escape(pieces[position + 2])
        matched = re.fullmatch(pattern, text, re.DOTALL)
        if matched is None:
            if any(name == "Token" for name, _ in names):
                self.is_token_missing = True
            else:
                self.error(place, f"The value does not look like {template}.")
            return
        for (name, option), part in zip(names, matched.groups(), strict=True):
            self.take_text(name, option, part, place, number)


def speaks_of(template: Mapping[str, object], value: object) -> bool:
    """Say whether every constant of a template stands in a value: what tells calls on one route apart."""
    if not isinstance(value, Mapping):
        return not template
    for key, part in template.items():
        if isinstance(part, Mapping):
            if not speaks_of(part, value.get(key, {})):
                return False
        elif not isinstance(part, list) and not (isinstance(part, str) and "{" in part) and value.get(key) != part:
            return False
    return True


def path_values(template: str, path: str) -> tuple[str, ...] | None:
    """Return the texts in the placeholders of a path that fits, still quoted; None when it does not fit."""
    pieces = PLACEHOLDER.split(template)
    pattern = "([^/]+)".join(re.escape(piece) for piece in pieces[::3])
    found = re.fullmatch(pattern, path)
    return None if found is None else found.groups()


def _is_repeated(template: object) -> bool:
    found = PLACEHOLDER.fullmatch(template) if isinstance(template, str) else None
    return bool(found and found[1] in LISTS and not found[2])


def _list_in(template: object) -> str:
    """Return which list a template of its items fills."""
    if isinstance(template, list):
        return _list_in(template[0])
    if isinstance(template, Mapping):
        return next((name for part in template.values() if (name := _list_in(part))), "")
    found = PLACEHOLDER.search(template) if isinstance(template, str) else None
    return found[1] if found and found[1] in LISTS else ""


def _numbered(text: str, number: int) -> str:
    return text.replace(NUMBER, str(number)) if number else text


def _inside(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
