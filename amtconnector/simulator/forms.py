"""The forms that an answer may take beside the documented one, so that lenient reading can be tried."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING

from amtconnector.simulator.contract.filling import ENVELOPE_FACTS, MESSAGE_FACTS, placeholders
from amtconnector.simulator.messages import Wrapping
from amtconnector.simulator.statuses import csharp_name_of, name_of, number_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amtconnector.simulator.table import Table

_LISTS = ("strings", "objects", "text-objects", "wrapped", "wrapped-objects")
CHOICES = {
    "messages": (*_LISTS, "null", "nothing", "one-text", "plain-text"),
    "status": ("number", "quoted", "name", "bare", "bare-quoted", "bare-name", "csharp"),
    "request_id": ("number", "quoted", "bare", "word"),
    "letter_case": ("documented", "lower", "upper", "camel"),
    "messages_before_end": ("shown", "empty", "refused"),
    "format": ("json", "xml"),
}
TEMPLATES = {"envelope": ENVELOPE_FACTS, "message": MESSAGE_FACTS}


@dataclass(frozen=True, slots=True)
class Forms:
    """How answers are written. The defaults are the documented contract."""

    messages: str = "strings"
    status: str = "number"
    status_member: str = ""
    request_id: str = "number"
    has_bare_token: bool = False
    letter_case: str = "documented"
    byte_order_mark: bool = False
    unknown_members: bool = False
    chunked: bool = False
    cookie: bool = False
    format: str = "json"
    double_encoded: bool = False
    html_escaped: bool = False
    messages_before_end: str = "shown"
    page_size: int = 0
    newest_first: bool = False
    status_words: Mapping[str, str] = field(default_factory=dict)
    envelope: object = None
    message: object = None

    @property
    def wrapping(self) -> Wrapping:
        """What stands around each message."""
        if not self.messages.endswith("objects"):
            return Wrapping()
        return Wrapping(self.member("Text" if self.messages == "text-objects" else "Message"))

    @property
    def reshapes_messages(self) -> bool:
        """Whether the bytes of the messages that lie ready are of no use."""
        has_template = self.message is not None or self.envelope is not None
        is_other = self.newest_first or self.html_escaped or self.format == "xml" or self.messages.endswith("-text")
        return has_template or is_other or self.page_size > 0

    def member(self, name: str) -> str:
        """Return a member's name in the letter case of these forms."""
        match self.letter_case:
            case "lower":
                return name.lower()
            case "upper":
                return name.upper()
            case "camel":
                return name[:1].lower() + name[1:]
            case _:
                return name

    def status_of(self, number: int) -> object:
        """Return a status as it is sent: a word of the server's own, its number, or its name."""
        if word := self.status_words.get(str(number)):
            return word
        match self.status.removeprefix("bare-"):
            case "quoted":
                return str(number)
            case "name":
                return name_of(number)
            case "csharp":
                return csharp_name_of(number)
            case _:
                return number

    def word_id(self, number: int) -> object:
        """Return a request id as it is sent inside an object."""
        match self.request_id:
            case "word":
                return f"AMT-{number}"
            case "quoted":
                return str(number)
            case _:
                return number


def read_forms(table: Table, base: Forms) -> Forms:
    """Read the forms of a table; what it does not say stays as in `base`."""
    given = {field.name: _read(table, field.name) for field in fields(Forms)}
    table.finish()
    return replace(base, **{name: value for name, value in given.items() if name in table})  # type: ignore[arg-type]


def _read(table: Table, name: str) -> object:
    """Read one of the forms; what is not given is read as well, so that the table knows its keys."""
    if name in CHOICES:
        return table.choice(name, CHOICES[name])
    if name in TEMPLATES:
        return _read_template(table, name, TEMPLATES[name])
    match name:
        case "status_member":
            return table.text(name)
        case "page_size":
            return table.whole(name, 0)
        case "status_words":
            return _read_words(table.table(name))
        case _:
            return table.flag(name)


def _read_template(table: Table, name: str, known: tuple[str, ...]) -> object:
    template = table.value(name)
    for unknown in sorted(placeholders(template) - set(known)):
        table.problem(name, f"{{{unknown}}} is no value here; known are {', '.join(known)}")
    return template


def _read_words(table: Table) -> dict[str, str]:
    """Read words of the server's own, by number or name of the status."""
    words: dict[str, str] = {}
    for key in table.values:
        try:
            words[str(number_of(int(key) if key.isdecimal() else key))] = table.text(key)
        except ValueError:
            table.problem(key, "expected an AMT status, its number or its name")
    return words
