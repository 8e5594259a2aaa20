"""What an answer holds, as values: JSON with every member kept, also one that comes twice."""

from __future__ import annotations

import json
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeAlias, TypeVar

from amtconnector.errors import NotUnderstood

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")
Json: TypeAlias = "bool | int | float | str | list[Json] | Object | None"

_DEEPEST_TEXT = 2  # levels of JSON in a JSON string that are undone
UNREADABLE = (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError)
"""What a reader may raise over foreign input, UnicodeError and JSONDecodeError among it; it becomes NotUnderstood.

What ends a wait (StopRequested) and what the connector recognises itself (CallFailed) is none of these.
"""


class Object(list[tuple[str, "Json"]]):
    """The members of a JSON object in their order: a name may come twice, and then both are seen."""

    def named(self, names: frozenset[str]) -> list[Json]:
        """Return the values of all members with one of these case-folded names, in any letter case."""
        return [value for name, value in self if name.casefold() in names]


def understanding(reader: Callable[P, T]) -> Callable[P, T]:
    """Turn whatever fails in a reader of the server's bytes into NotUnderstood; CallFailed and stops pass."""

    @wraps(reader)
    def reads(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return reader(*args, **kwargs)
        except UNREADABLE as error:
            raise NotUnderstood(f"the answer can't be read ({type(error).__name__})") from error

    return reads


def parsed(text: str) -> Json:
    """Return the JSON in a text; JSON in a JSON string is undone. Raises what is in `UNREADABLE`."""
    return opened(json.loads(text, object_pairs_hook=Object))


def opened(document: Json) -> Json:
    """Return the JSON in a JSON string; anything else as it is."""
    for _ in range(_DEEPEST_TEXT):
        if not isinstance(document, str) or not document.lstrip().startswith(("{", "[", '"')):
            break
        try:
            document = json.loads(document, object_pairs_hook=Object)
        except UNREADABLE:  # a text that happens to begin so
            break
    return document
