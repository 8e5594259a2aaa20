"""Where in an answer something stands: `Status`, `data.Status`, `Jobs[Id={request_id}].State`, `header:Location`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from amtconnector.amtopcon.wire.document import Object
from amtconnector.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amtconnector.amtopcon.wire.document import Json
    from amtconnector.amtopcon.wire.reply import Reply

REQUEST_ID = "{request_id}"

_PART = re.compile(r"([^.\[\]]*)((?:\[[^\[\]]+\])*)")
_SOURCES = ("header", "cookie")


class Selector(NamedTuple):
    """Which entry of a list: the one at `position`, else those whose member `name` is `value`."""

    position: int | None
    name: str = ""
    value: str = ""


class Step(NamedTuple):
    """One step into an answer: to the member with this case-folded name ("" none), then into lists."""

    name: str
    selectors: tuple[Selector, ...] = ()


class Path(NamedTuple):
    """A place in an answer: `steps` into its body, or the name of a header or a cookie of the answer (`source`)."""

    text: str
    steps: tuple[Step, ...] = ()
    source: str = ""

    @property
    def uses_request_id(self) -> bool:
        """Whether it looks for the request's own entry."""
        return REQUEST_ID in self.text


def path(text: str) -> Path:
    """Read a path as a profile has it; raises ValueError, which says what is wrong with it."""
    source, colon, name = text.partition(":")
    if colon and source in _SOURCES and name.strip() == name != "":
        return Path(text, source=source, steps=(Step(name.casefold()),))
    steps = []
    at = 0
    while True:
        part = _PART.match(text, at)
        if part is None or not part[0]:
            raise ValueError(f"expected a name or a path such as data.Status, not {text!r}")
        steps.append(Step(part[1].casefold(), tuple(_selectors(part[2]))))
        if part.end() == len(text):
            return Path(text, tuple(steps))
        if text[part.end()] != ".":
            raise ValueError(f"expected a name or a path such as data.Status, not {text!r}")
        at = part.end() + 1


def found(document: Json, place: Path, request_id: str = "") -> list[Json]:
    """Return the values at a place of a body; several where a name comes twice."""
    nodes = [] if place.source else [document]
    for name, selectors in place.steps:
        if name:
            names = frozenset((name,))
            nodes = [value for node in nodes if isinstance(node, Object) for value in node.named(names)]
        for selector in selectors:
            nodes = [entry for node in nodes for entry in _selected(node, selector, request_id)]
    return nodes


def carried(reply: Reply, place: Path) -> list[Json]:
    """Return the value of the answer's header or cookie that a place names; of a Location its last part."""
    name = place.steps[0].name
    if place.source == "cookie":
        pattern = rf"(?:^|,[ \t]*){re.escape(name)}=\"?([^;,\"]*)"
        return [match[1] for match in re.finditer(pattern, reply.headers.get("set-cookie", ""), re.IGNORECASE)][-1:]
    value = reply.headers.get(name)
    if value is None:
        return []
    return [value.partition("?")[0].rstrip("/").rpartition("/")[2] if name == "location" else value]


def _selectors(text: str) -> Iterator[Selector]:
    for inner in re.findall(r"\[([^\[\]]+)\]", text):
        if re.fullmatch(r"[0-9]{1,6}", inner, re.ASCII):
            yield Selector(int(inner))
            continue
        name, is_given, value = inner.partition("=")
        if not is_given or not name or not value or ("{" in value and value != REQUEST_ID):
            raise ValueError(f"expected [0] or [Id={REQUEST_ID}], not [{inner}]")
        yield Selector(None, name.casefold(), value)


def _selected(node: Json, selector: Selector, request_id: str) -> list[Json]:
    # An XML element that comes once is no list.
    entries: list[Json] = [node]
    if not isinstance(node, Object):
        entries = cast("list[Json]", node) if isinstance(node, list) else []
    if selector.position is not None:
        return entries[selector.position : selector.position + 1]
    wanted = request_id if selector.value == REQUEST_ID else selector.value
    names = frozenset((selector.name,))
    return [
        entry
        for entry in entries
        if isinstance(entry, Object) and any(is_text_of(value, wanted) for value in entry.named(names))
    ]


def is_text_of(value: Json, text: str) -> bool:
    """Return whether a value is this one, a number in quotes or not, in any letter case."""
    if isinstance(value, bool):
        return str(value).casefold() == text.casefold()
    if isinstance(value, int) and abs(value) >= 10**64:
        return False
    return isinstance(value, int | float | str) and str(value).strip().casefold() == text.casefold()
