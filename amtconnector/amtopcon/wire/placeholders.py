"""The placeholders of a profile, `{name}` and `{name:option}`: which there are, and what they stand for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from amtconnector.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from amtconnector.amtopcon.wire.profile import Call, CallName

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
"""One placeholder; a brace that is written twice stands for itself."""
_MOMENT = re.compile(r"(?=.*%)(?:[^%]|%[YmdHMSfyjIpzZaAbB%])*")
"""What every system can write of a time."""

TEXTS = frozenset({"application", "job", "script", "submit_user", "run_as", "station", "queue"})
LISTS = frozenset({"task_values", "parameters"})
TASK = TEXTS | LISTS
ELEMENTS: Mapping[str, str] = {"task_value": "task_values", "parameter": "parameters"}
"""One value of a list, and the list that it belongs to."""
COUNTERS = frozenset({"n", "index"})

_ALWAYS = frozenset({"run_id", "now", "cookie"})
_ABOUT = TASK | COUNTERS | ELEMENTS.keys() | {"request_id", "token"}
ALLOWED: Mapping[CallName, frozenset[str]] = {
    "heartbeat": _ALWAYS,
    "logon": _ALWAYS | {"user", "password", "basic"},
    "start": _ALWAYS | TASK | COUNTERS | ELEMENTS.keys() | {"token"},
    "stop": _ALWAYS | _ABOUT,
    "kill": _ALWAYS | _ABOUT,
    "status": _ALWAYS | _ABOUT,
    "messages": _ALWAYS | _ABOUT | {"page", "offset"},
    "logoff": _ALWAYS | {"token"},
}
"""Which placeholders each call may hold."""


class Placeholder(NamedTuple):
    """One placeholder of a text; `option` is what stands behind the colon, None without one."""

    name: str
    option: str | None

    @classmethod
    def of(cls, inner: str) -> Placeholder:
        """Read what stands between the braces."""
        name, colon, option = inner.partition(":")
        return cls(name, option if colon else None)

    @property
    def is_whole_list(self) -> bool:
        """Whether it stands for a list as it is, which only a JSON body can hold."""
        return self.name in LISTS and self.option is None

    @property
    def fault(self) -> str:
        """What is wrong with its option; "" when nothing is."""
        has_text = self.name == "request_id" or self.name in COUNTERS
        takes_option = self.name in LISTS or self.name in {"now", "cookie"} or has_text
        if self.option is None:
            return "needs the cookie's name: {cookie:NAME}" if self.name == "cookie" else ""
        if not takes_option or not self.option:
            return "takes nothing behind a colon" if not takes_option else "has nothing behind its colon"
        if has_text and self.option != "text":
            return f"knows one form only: {{{self.name}:text}}"
        if self.name == "now" and self.option not in {"utc", "ms"} and not _MOMENT.fullmatch(self.option):
            return "is {now}, {now:utc}, {now:ms} or a form such as {now:%Y-%m-%d}"
        return ""


def placeholders(template: object) -> Iterator[Placeholder]:
    """Yield the placeholders of a text, or of all texts of a template."""
    for text in texts(template):
        for found in _PLACEHOLDER.finditer(text):
            if found[1] is not None:
                yield Placeholder.of(found[1])


def whole(text: str) -> Placeholder | None:
    """Return the placeholder that a text is, and nothing else; None for any other text."""
    found = _PLACEHOLDER.fullmatch(text)
    return Placeholder.of(found[1]) if found and found[1] is not None else None


def filled(text: str, value_of: Callable[[Placeholder], str]) -> str:
    """Return a text with the values in the place of its placeholders."""
    return _PLACEHOLDER.sub(lambda found: found[0][0] if found[1] is None else value_of(Placeholder.of(found[1])), text)


def texts(template: object) -> Iterator[str]:
    """Yield all texts of a template, the names of members included."""
    if isinstance(template, str):
        yield template
    elif isinstance(template, dict):
        for name, entry in template.items():
            yield name
            yield from texts(entry)
    elif isinstance(template, list):
        for entry in template:
            yield from texts(entry)


def placeholders_of(call: Call) -> Iterator[Placeholder]:
    """Yield the placeholders of a call."""
    return placeholders([call.path, call.query, call.headers, call.body, call.form])


def element_in(template: object) -> str:
    """Return the list of whose values a template holds one, "" for none."""
    return next((ELEMENTS[one.name] for one in placeholders(template) if one.name in ELEMENTS), "")
