"""What bytes say, read as simply as possible and without a line of the connector: the judge of its readers."""

from __future__ import annotations

import json
import re
from typing import Any

_STATUS_LINE = re.compile(rb"HTTP/1\.[0-9] ([0-9]{3})")
_DEEPEST_TEXT = 3


class Pairs(list[tuple[str, Any]]):
    """The members of a JSON object, each of them, in their order."""


def json_of(content: bytes) -> tuple[bool, Any]:
    """Return whether the bytes are JSON, and what it is; control characters may stand in texts."""
    text = content.decode("utf-8-sig", "surrogateescape")
    try:
        return True, json.loads(text, object_pairs_hook=Pairs, strict=False)
    except (ValueError, RecursionError):
        return False, None


def scalars(value: Any, depth: int = _DEEPEST_TEXT) -> list[Any]:
    """Return every text and number in a document; JSON in a text counts as well."""
    found: list[Any] = []
    waiting = [(value, depth)]
    while waiting:
        entry, left = waiting.pop()
        if isinstance(entry, Pairs):
            waiting += [(member, left) for _, member in entry]
        elif isinstance(entry, list):
            waiting += [(member, left) for member in entry]
        else:
            found.append(entry)
        if isinstance(entry, str) and left:
            try:
                waiting.append((json.loads(entry, object_pairs_hook=Pairs), left - 1))
            except (ValueError, RecursionError):
                continue
    return found


def named(value: Any, word: str) -> list[Any]:
    """Return the values of an object's own members that are called exactly so, in any letter case."""
    return [entry for name, entry in value if name.casefold() == word] if isinstance(value, Pairs) else []


def messages_of(value: Any) -> list[str] | None:
    """Return the messages of a plain list of texts; None for anything else."""
    if type(value) is list and all(isinstance(entry, str) for entry in value):
        return value
    return None


def http_statuses(content: bytes) -> list[int]:
    """Return every number that stands in the bytes as the status of an answer does."""
    return [int(number) for number in _STATUS_LINE.findall(content)]
