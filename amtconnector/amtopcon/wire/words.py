"""The server's own words in an answer: problem details, error members, also inside an envelope."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amtconnector.amtopcon.wire.document import Object
from amtconnector.amtopcon.wire.paths import found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amtconnector.amtopcon.wire.document import Json
    from amtconnector.amtopcon.wire.paths import Path

_NAMES = frozenset(
    "title detail message errormessage errordescription error errortext reason faultstring exceptionmessage".split()  # noqa: SIM905 - reads
)
_DEEPEST = 5
_MOST = 20


def words_of(document: Json, places: tuple[Path, ...] = ()) -> str:
    """Return what an answer says of an error, "" when it says nothing that is known as such."""
    given = [value for place in places for value in found(document, place)]
    said = [text for value in given for text in _texts(value) if text.strip()] or list(_said(document))
    return "; ".join(dict.fromkeys(said[:_MOST]))


def _said(value: Json, depth: int = _DEEPEST) -> Iterator[str]:
    if isinstance(value, str) and depth == _DEEPEST:
        yield value
    if not isinstance(value, Object) or not depth:
        return
    for name, entry in value:
        known = "".join(character for character in name.casefold() if character.isalnum())
        if known in _NAMES and isinstance(entry, str):
            if entry.strip():
                yield entry
        elif known == "errors":
            yield from (text for text in _texts(entry) if text.strip())
        else:
            yield from _said(entry, depth - 1)


def _texts(value: Json, depth: int = _DEEPEST) -> list[str]:
    """Return the texts in the errors of problem details, which are lists by name and never as deep as this."""
    if depth and isinstance(value, Object):
        return [f"{name}: {text}" for name, entry in value for text in _texts(entry, depth - 1)]
    if depth and isinstance(value, list):
        return [text for entry in value for text in _texts(entry, depth - 1)]  # type: ignore[arg-type]
    return [value] if isinstance(value, str) else []
