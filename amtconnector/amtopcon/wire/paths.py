"""Where in an answer something stands: `Status`, `data.Status`, `Jobs[Id={request_id}].State`, `header:Location`.

Behind a blank may stand the text around it: `statusUrl /requests/{}/status`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from amtconnector.amtopcon.wire.document import Object, opened
from amtconnector.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amtconnector.amtopcon.wire.document import Json
    from amtconnector.amtopcon.wire.reply import Reply

REQUEST_ID = "{request_id}"

_PART = re.compile(r"(@[^.\[\]]+\.[^.\[\]]+|[^.\[\]]*)((?:\[[^\[\]]+\])*)")  # @odata.nextLink is one name
_SOURCES = ("header", "cookie", "body")
_VALUE = "{}"


class Selector(NamedTuple):
    """Which entry of a list: the one at `position`, else those whose member `name` is `value`."""

    position: int | None
    name: str = ""
    value: str = ""


class Step(NamedTuple):
    """One step into an answer: to the member with this case-folded name ("" none), then into lists."""

    name: str
    selectors: tuple[Selector, ...] = ()


class Around(NamedTuple):
    """The text before a value, and what ends the value: the text behind it, or the end of a part of an address.

    Where it is `whole` nothing follows, and no second one comes before: "DONE, not confirmed" is no DONE.
    """

    before: re.Pattern[str]
    end: re.Pattern[str]
    whole: bool = False

    def value_in(self, text: str) -> str | None:
        """Return the value, None where the text is another; in time that grows with the text and no faster."""
        end = None
        for begin in self.before.finditer(text):
            if end is None or end.start() <= begin.end():
                end = self.end.search(text, begin.end() + 1)
            if end is None:  # nor does one follow any later beginning
                return None
            first = text[begin.end() : begin.end() + 1]
            if first and not first.isspace():
                value = text[begin.end() : end.start()]
                return None if self.whole and (self.before.search(value) or re.search(r"[\n,;]", value)) else value
        return None


class Path(NamedTuple):
    """A place in an answer: `steps` into its body, or the name of a header or a cookie of the answer (`source`).

    `around` finds the value in the text that stands there; None where the text is the value.
    """

    text: str
    steps: tuple[Step, ...] = ()
    source: str = ""
    around: Around | None = None

    @property
    def uses_request_id(self) -> bool:
        """Whether it looks for the request's own entry."""
        return REQUEST_ID in self.text


def path(text: str, *, whole: bool = False) -> Path:
    """Read a path as a profile has it; raises ValueError, which says what is wrong with it. `whole` is as in Around."""
    place, around = _split(text, whole=whole)
    source, colon, name = place.partition(":")
    if not colon or source not in _SOURCES or name.strip() != name or not name:
        return Path(text, _steps(place), around=around)
    if source == "body" and name != "text":
        raise ValueError(f"the whole answer is body:text, not {place}")
    return Path(text, (Step(name.casefold()),), source, around)


def _split(text: str, *, whole: bool) -> tuple[str, Around | None]:
    """Return the place, and what finds the value in its text."""
    place, _, around = text.partition(" ")
    if _VALUE not in around:
        return text, None
    before, *after = around.split(_VALUE)
    if len(after) != 1 or not around.replace(_VALUE, "").strip():
        raise ValueError(f"expected a place and the text around one {_VALUE}, not {text!r}")
    end = re.escape(after[0]) + r"\Z" * whole if after[0] or whole else r"[\s?#;]|$"
    return place, Around(re.compile(re.escape(before), re.IGNORECASE), re.compile(end, re.IGNORECASE), whole)


def _steps(text: str) -> tuple[Step, ...]:
    steps = []
    at = 0
    while True:
        part = _PART.match(text, at)
        if part is None or not part[0]:
            raise ValueError(f"expected a name or a path such as data.Status, not {text!r}")
        steps.append(Step(part[1].casefold(), tuple(_selectors(part[2]))))
        if part.end() == len(text):
            return tuple(steps)
        if text[part.end()] != ".":
            raise ValueError(f"expected a name or a path such as data.Status, not {text!r}")
        at = part.end() + 1


def found(document: Json, place: Path, request_id: str = "") -> list[Json]:
    """Return the values at a place of a body; several where a name comes twice. JSON in a JSON string is undone."""
    nodes = [] if place.source else [document]
    for name, selectors in place.steps:
        nodes = [opened(node) for node in nodes]
        if name:
            names = frozenset((name,))
            nodes = [value for node in nodes if isinstance(node, Object) for value in node.named(names)]
        for selector in selectors:
            nodes = [entry for node in nodes for entry in _selected(opened(node), selector, request_id)]
    return [value for node in nodes for value in _within(node, place)]


def carried(reply: Reply, place: Path) -> list[Json]:
    """Return the value that a place names outside of the body's members.

    That is a header or a cookie of the answer, or the whole answer where it is plain text. Of a Location the last part
    counts, of a Link where it leads next.
    """
    name = place.steps[0].name
    value: str | None
    if place.source == "cookie":
        pattern = rf"(?:^|,[ \t]*){re.escape(name)}=\"?([^;,\"]*)"
        value = next(reversed(re.findall(pattern, reply.headers.get("set-cookie", ""), re.IGNORECASE)), None)
    elif place.source == "body":
        value = _plain(reply.text)
    else:
        value = reply.headers.get(name)
        value = next_link(value or "") if name == "link" else value
    if value is None:
        return []
    if name == "location" and place.around is None:
        return [value.partition("?")[0].rstrip("/").rpartition("/")[2]]
    return _within(value, place)


def next_link(header: str) -> str | None:
    """Return where a Link header leads next, None when it does not."""
    for address, parameters in re.findall(r"<([^<>]*)>([^,<]*)", header):
        for parameter in parameters.lower().split(";"):
            name, _, value = parameter.partition("=")
            if name.strip() == "rel" and "next" in value.strip(' \t"').split():
                return str(address)
    return None


def _within(value: Json, place: Path) -> list[Json]:
    """Return the value, or what the place says stands within its text."""
    if place.around is None:
        return [value]
    inner = place.around.value_in(value) if isinstance(value, str) else None
    return [] if inner is None else [inner]


def _plain(text: str) -> str | None:
    """Return a plain text, also one in quotes; None for JSON, XML and a web page."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    return None if not text or text[0] in '{[<"' else text


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
