"""The wire profile: routes, verbs, member names and forms of one installation's server, as values.

`profile.toml` is the built-in profile as people read it, `built_in.py` the same as values, because every run needs it
and few need a reader of TOML. `profile_file.py` reads and checks a site's file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from amtconnector.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amtconnector.amtopcon.wire.paths import Path
    from amtconnector.statuses import StatusTable

CallName: TypeAlias = Literal["heartbeat", "logon", "start", "stop", "kill", "status", "messages", "logoff"]
Template: TypeAlias = "str | int | float | bool | list[Template] | dict[str, Template]"


class Call(NamedTuple):
    """How one call is made, with placeholders for the values of a run.

    `body` goes out as JSON, `form` form-encoded; None where there is none. `unused` are the values of a start for which
    the server has no place.
    """

    name: CallName
    method: str
    path: str
    query: Mapping[str, str]
    body: Template | None = None
    headers: Mapping[str, str] = {}
    form: Mapping[str, str] | None = None
    unused: frozenset[str] = frozenset()


class TokenPlaces(NamedTuple):
    """Where the token travels: a header with its value, a query parameter, a body member, a cookie; "" is nowhere."""

    header: str
    value: str = "{token}"
    query: str = ""
    body: str = ""
    cookie: str = ""


class Members(NamedTuple):
    """Where the members of answers stand; the first that is there counts."""

    token: tuple[Path, ...]
    request_id: tuple[Path, ...]
    status: tuple[Path, ...]
    messages: tuple[Path, ...]
    message_text: tuple[Path, ...]


class Pages(NamedTuple):
    """How the messages' pages go on; None is a member that the server does not have.

    `next` is the next page's address where the call has no place for a page.
    """

    next: Path | None = None
    more: Path | None = None
    total: Path | None = None
    first: int | str = 1


class MessageForm(NamedTuple):
    """The form of the messages: a JSON list ("list"), one JSON text ("lines"), plain text ("text")."""

    form: str = "list"
    is_newest_first: bool = False
    unescape_html: bool = False
    pages: Pages = Pages()


class Expected(NamedTuple):
    """What a condition wants of one member: one of these values in their text form, or, negated, another one."""

    place: Path
    values: tuple[str, ...]
    is_negated: bool = False


class Condition(NamedTuple):
    """What an answer must be like, all of it: its HTTP status (none given: a 2xx), words in it, values of members."""

    http: frozenset[int] = frozenset()
    words: tuple[str, ...] = ()
    members: tuple[Expected, ...] = ()


class Refusals(NamedTuple):
    """Answers that refuse in another way than by their HTTP status; `docs/wire-profile.md` says what each means."""

    when: tuple[Condition, ...] = ()
    token: tuple[Condition, ...] = ()
    request: tuple[Condition, ...] = ()
    credentials: tuple[Condition, ...] = ()
    later: tuple[Condition, ...] = ()
    words: tuple[Path, ...] = ()


class NotGiven(NamedTuple):
    """What is sent for a value that a job does not give: "empty", "null" or "left out", unless it has an entry here."""

    send: str = "empty"
    null: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()
    words: Mapping[str, str] = {}


class Profile(NamedTuple):
    """The whole wire contract of one installation. A call that the server does not have is not in `calls`."""

    token: TokenPlaces
    calls: Mapping[CallName, Call]
    members: Members
    statuses: StatusTable
    refused: Refusals = Refusals()
    messages: MessageForm = MessageForm()
    not_given: NotGiven = NotGiven()
    answers_format: str = "json"
    headers: Mapping[str, str] = {}
    query: Mapping[str, str] = {}

    def has(self, call: CallName) -> bool:
        """Return whether the server has this call."""
        return call in self.calls
