"""The forms in which a list of values travels: repeated, numbered, joined, as objects."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


def list_pairs(
    pairs: Sequence[tuple[str, str]], given: tuple[str, ...], style: str, *, only_numbered: bool = False
) -> list[tuple[str, set[str]]]:
    """Return the name, with `{n}` where it is numbered, under which a list travels, and the names that it takes."""
    if not given:
        return []
    for counter, first in (("n", 1), ("index", 0)):
        by_base: dict[str, dict[int, str]] = {}
        for name, value in pairs:
            if match := re.fullmatch(r"(.*?)(\d+)(\D*)", name):
                by_base.setdefault(f"{match[1]}{{{counter}}}{match[3]}", {})[int(match[2])] = value
        for base, values in by_base.items():
            if [values.get(at + first) for at in range(len(given))] == list(given) and len(values) == len(given):
                return [(base, {base.replace(f"{{{counter}}}", str(at + first)) for at in range(len(given))})]
    if only_numbered:
        return []
    repeated: dict[str, list[str]] = {}
    for name, value in pairs:
        repeated.setdefault(name, []).append(value)
    return [
        (name, {name})
        for name, values in repeated.items()
        if values == list(given) and (len(given) > 1 or style == "repeated")
    ][:1]


def separator_of(value: str, given: tuple[str, ...]) -> str:
    """Return what stands between the values in a text that holds them all, "" where it does not."""
    if not value.startswith(given[0]) or not value.endswith(given[-1]):
        return ""
    rest = value[len(given[0]) :]
    separator = rest[: rest.find(given[1])] if given[1] in rest else ""
    return separator if separator and separator.join(given) == value else ""


def kinds_of(entries: list[Any], given: Sequence[tuple[str, str]]) -> list[Any]:
    """Return the different templates of a list of objects, each with its value and that one's name; none without."""
    pairs = zip(entries, given, strict=True)
    found = [_template(entry, value, f"{{{name}}}", at) for at, (entry, (value, name)) in enumerate(pairs)]
    return [] if None in found else [one for at, one in enumerate(found) if one not in found[:at]]


def _template(entry: Any, value: str, placeholder: str, at: int) -> Any:
    """Return the template of one object of a list; None when it does not hold the value."""
    if not isinstance(entry, dict):
        return None
    found: dict[str, Any] = {}
    for name, text in entry.items():
        if text == value:
            found[name] = placeholder
        elif isinstance(text, str) and (match := re.fullmatch(r"(.*?)(\d+)", text)) and int(match[2]) in {at, at + 1}:
            counter = "n" if int(match[2]) == at + 1 else "index"
            found[name] = f"{match[1]}{{{counter}}}" if match[1] else f"{{{counter}:text}}"
        elif isinstance(text, int) and not isinstance(text, bool) and text in {at, at + 1}:
            found[name] = "{n}" if text == at + 1 else "{index}"
        else:
            found[name] = text
    return found if placeholder in found.values() else None
