"""The forms that an answer may take beside the documented one, so that lenient reading can be tried."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from amtconnector.simulator.messages import Wrapping

if TYPE_CHECKING:
    from amtconnector.simulator.table import Table

MESSAGES = ("strings", "objects", "text-objects", "wrapped", "wrapped-objects", "null", "nothing")
STATUS = ("number", "quoted", "name", "bare", "bare-quoted", "bare-name")
REQUEST_ID = ("number", "quoted", "bare", "word")
LETTER_CASE = ("documented", "lower", "upper", "camel")


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

    @property
    def wrapping(self) -> Wrapping:
        """What stands around each message."""
        if not self.messages.endswith("objects"):
            return Wrapping()
        member = self.member("Text" if self.messages == "text-objects" else "Message")
        return Wrapping(f'{{"{member}":', "}")

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
    choices = {
        "messages": MESSAGES,
        "status": STATUS,
        "request_id": REQUEST_ID,
        "letter_case": LETTER_CASE,
    }
    given: dict[str, object] = {}
    for field in fields(Forms):
        if field.name in choices:
            value: object = table.choice(field.name, choices[field.name])
        elif field.name == "status_member":
            value = table.text(field.name)
        else:
            value = table.flag(field.name)
        if field.name in table:
            given[field.name] = value
    table.finish()
    return replace(base, **given)  # type: ignore[arg-type]  # every value was read as its field's type
