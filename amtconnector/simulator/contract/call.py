"""The values that a contract is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

Template = Mapping[str, object]
"""What a request or an answer looks like, `{Name}` in the places of the values."""

NO_PARTS: Template = {}


class Call(NamedTuple):
    """One call: where it arrives, what it has to carry, how it is answered.

    `path` is a template as well. `encoding` is how the body travels: "json", "form", or "none" for no body at all.
    `answer` None is the documented answer, `answer_type` a content type for one that is a text and not JSON; `task` is
    what one task looks like where `{Tasks}` lists them all.
    """

    name: str
    method: str
    path: str
    query: Template = NO_PARTS
    body: Template = NO_PARTS
    encoding: str = "none"
    headers: Template = NO_PARTS
    cookies: Template = NO_PARTS
    answer: object = None
    answer_status: int = 200
    answer_headers: Mapping[str, str] = {}
    answer_type: str = ""
    has_answer_body: bool = True
    task: object = None

    @property
    def values(self) -> Template:
        """What tells calls on one route apart: everything in the query and the body."""
        return {**self.query, **self.body}


class Shape(NamedTuple):
    """How a refusal is written: its HTTP status (0: the documented one) and body (None: problem details)."""

    status: int = 0
    answer: object = None
    content_type: str = ""


class Antiforgery(NamedTuple):
    """A cookie that the logon sets and that every later call which changes something echoes in a header."""

    cookie: str
    header: str


class Contract(NamedTuple):
    """Everything that a server may do otherwise.

    `members` gives the name in use for a documented one; `empty` how a value that was not given is written, per
    documented name; `refusals` a shape per kind of refusal, "any" for all others.
    """

    calls: tuple[Call, ...]
    members: Mapping[str, str]
    empty: Mapping[str, str]
    refusals: Mapping[str, Shape]
    antiforgery: Antiforgery | None = None
    first_page: int = 1

    def member(self, name: str) -> str:
        """Return what a documented member or query parameter is called here."""
        return self.members.get(name, name)

    def call(self, name: str) -> Call | None:
        """Return a call by its name; None where the server does not have it."""
        return next((call for call in self.calls if call.name == name), None)

    def shape(self, kind: str) -> Shape:
        """Return how refusals of a kind are written."""
        return self.refusals.get(kind) or self.refusals.get("any") or Shape()
