"""Read the answers of the wire contract: leniently in form, never in meaning.

An HTTP status that is no success becomes the `CallFailed` that says whether the request was executed; the table is
`failure_of`. A body that is not understood never becomes a status, a token or a request id.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from amtconnector.completion import Status, StatusClass
from amtconnector.errors import (
    Busy,
    CallFailed,
    Forbidden,
    NoAnswer,
    NotFound,
    NotUnderstood,
    Rejected,
    Unauthorized,
)
from amtconnector.printable import excerpt
from amtconnector.task import RequestId

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from amtconnector.wire.profile import Profile

Json: TypeAlias = "bool | int | float | str | list[Json] | Members | None"

_ERROR_MEMBERS = ("title", "detail", "message", "errormessage", "errordescription")
_HTML = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html)\b", re.IGNORECASE)
_NOT_TOKEN = re.compile(r"[^\x21-\x7e]")


class Members(list[tuple[str, "Json"]]):
    """The members of a JSON object in their order: a name may come twice, and then both are seen."""

    def named(self, names: frozenset[str]) -> list[Json]:
        """Return the values of all members with one of these lower-case names, in any letter case."""
        return [value for name, value in self if name.casefold() in names]


def _as_it_is(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer: its status, its headers in lower case, its body.

    `retry_after_s` is what the server asked to wait; None when it did not say. `conceal` takes secrets out of what is
    quoted from the answer. Headers and body stay out of the `repr`: they may hold a cookie or a token.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    retry_after_s: float | None = None
    conceal: Callable[[str], str] = field(default=_as_it_is, repr=False)

    def quoted(self, text: str, limit: int = 200) -> str:
        """Return a piece of the answer for people: without secrets, on one line, `limit` characters at most."""
        return excerpt(self.conceal(text), limit)

    @property
    def is_success(self) -> bool:
        """Whether it is a 2xx."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Started:
    """AMT has the task, under this request id."""

    request_id: RequestId


@dataclass(frozen=True, slots=True)
class Refused:
    """AMT did not start the task; `status` is the terminal status that it gave as the reason, if any."""

    words: str
    status: Status | None = None


def failure_of(reply: Reply) -> CallFailed | None:
    """Return what a reply that is no 2xx means for the request, None for a 2xx.

    Not executed: 401, 429, a 503 that carries Retry-After, and every other 3xx and 4xx. May have been executed: 408,
    409 and every other 5xx.
    """
    if reply.is_success:
        return None
    kind = _FAILURES.get(reply.status) or _failure_of_class(reply)
    words = server_words(reply)
    # The text becomes the middle of a sentence.
    text = f"the server answered {reply.status}" + (f": {words.rstrip('.')}" if words.strip(".") else "")
    return kind(text, retry_after_s=reply.retry_after_s)


_FAILURES: dict[int, type[CallFailed]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    408: NoAnswer,
    409: NoAnswer,
    429: Busy,
}


def _failure_of_class(reply: Reply) -> type[CallFailed]:
    if reply.status == 503 and "retry-after" in reply.headers:
        return Busy
    if 300 <= reply.status < 500:
        return Rejected
    return NoAnswer if reply.status >= 500 else NotUnderstood


def read_token(reply: Reply, profile: Profile) -> str:
    """Return the token of a successful logon; "" when the server gave an empty one, which is its way to refuse.

    Raises NotUnderstood when there is no token; only the values of error members are shown, for any other could be the
    token.
    """
    document = _document(reply, quotes=_HTML.match(reply.body) is not None)
    values = document.named(profile.members.token) if isinstance(document, Members) else [document]
    if not values or document is None:
        words = "; ".join(_spoken(document)) if isinstance(document, Members) else ""
        said = f"; the server says: {reply.quoted(words)}" if words else ""
        raise NotUnderstood(f"the answer to the logon has no token: {_kind(document, reply)}{said}")
    if any(value not in ("", None) and not isinstance(value, str) for value in values):
        raise NotUnderstood("the token in the answer to the logon is no text")
    tokens = {str(value or "").strip() for value in values}
    if len(tokens) > 1:
        raise NotUnderstood("the answer to the logon has two different tokens")
    token = tokens.pop()
    if _NOT_TOKEN.search(token):
        raise NotUnderstood("the token in the answer to the logon has characters that no header can carry")
    return token


def read_start(reply: Reply, profile: Profile) -> Started | Refused:
    """Return what a 2xx answer to a start means.

    Raises NotUnderstood when it can't be told: then the task may be running.
    """
    document = _document(reply)
    given = document.named(profile.members.request_id) if isinstance(document, Members) else [document]
    numbers = {_request_number(value) for value in given if value not in ("", None)}
    if len(numbers) > 1 or None in numbers:
        kind = _kind(document, reply)
        raise NotUnderstood(f"the answer to the start has no request id that fits, or two different ones: {kind}")
    status = _reason(document, reply, profile) if isinstance(document, Members) else None
    number = numbers.pop() if numbers else None
    if isinstance(number, RequestId):
        return Started(number)
    if number is None and status is None:
        raise NotUnderstood(f"the answer to the start has no request id: {_kind(document, reply)}")
    return Refused(server_words(reply) if isinstance(document, Members) else "", status)


def read_status(reply: Reply, profile: Profile, request_id: RequestId) -> Status:
    """Return the status of a batch request.

    Raises NotUnderstood when the answer names no status, names two, or speaks of another request.
    """
    document = _document(reply)
    if not isinstance(document, Members):
        return _only_status([document], reply, profile, document)
    for echo in document.named(profile.members.request_id):
        if echo is not None and _request_number(echo) != request_id:
            raise NotUnderstood(f"the answer is about another request than {request_id}")
    given: list[Json] = [value for value in document.named(profile.members.status) if value is not None]
    return _only_status(given, reply, profile, document)


def server_words(reply: Reply) -> str:
    """Return what the server says of a refusal, on one short line: problem details, an error member, or the body."""
    try:
        document = _document(reply)
    except NotUnderstood:
        return reply.quoted(reply.body.decode("utf-8-sig", "replace"))
    if isinstance(document, str):
        return reply.quoted(document)
    return reply.quoted("; ".join(_spoken(document))) if isinstance(document, Members) else ""


def _spoken(document: Members) -> list[str]:
    said = [value for name, value in document if name.casefold() in _ERROR_MEMBERS and isinstance(value, str)]
    for errors in document.named(frozenset({"errors"})):
        said += _texts(errors)
    return [text for text in said if text.strip()]


def _texts(value: Json, depth: int = 5) -> list[str]:
    """Return the texts in the errors of problem details, which are lists by name and never as deep as this."""
    if depth and isinstance(value, Members):
        return [f"{name}: {text}" for name, entry in value for text in _texts(entry, depth - 1)]
    if depth and isinstance(value, list):
        return [text for entry in value for text in _texts(entry, depth - 1)]  # type: ignore[arg-type]
    return [value] if isinstance(value, str) else []


def _document(reply: Reply, *, quotes: bool = True) -> Json:
    text = reply.body.decode("utf-8-sig", "surrogateescape")
    try:
        document: Json = json.loads(text, object_pairs_hook=Members)
    except (ValueError, RecursionError) as error:
        what = f": {reply.quoted(text)}" if quotes and text.strip() else " (it is empty)" if not text.strip() else ""
        raise NotUnderstood(f"the answer is no JSON{what}") from error
    return document


def _kind(document: Json, reply: Reply) -> str:
    if isinstance(document, Members):
        names = ", ".join(name for name, _ in document)
        return f"its members are {reply.quoted(names)}" if names else "it has no members"
    return {list: "it is an array", str: "it is a text", type(None): "it is null"}.get(type(document), "it is a value")


def _request_number(value: Json) -> RequestId | int | None:
    """Return the id; an int when it is 0 or below; None when it can't be an id."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip() if isinstance(value, str) or abs(value) < 10**64 else ""
    if parsed := RequestId.parse(text):
        return parsed
    return 0 if re.fullmatch(r"-[0-9]{1,63}|0{1,64}", text) else None


def _reason(document: Members, reply: Reply, profile: Profile) -> Status | None:
    """Return the terminal unsuccessful status that an answer to a start gives as its reason."""
    given = document.named(profile.members.status)
    statuses = {_status(value, reply, profile) for value in given if value is not None}
    status = statuses.pop() if len(statuses) == 1 else None
    return status if status is not None and status.is_terminal and not status.is_success else None


def _only_status(values: list[Json], reply: Reply, profile: Profile, document: Json) -> Status:
    if not values:
        raise NotUnderstood(f"the answer names no status: {_kind(document, reply)}")
    statuses = [_status(value, reply, profile) for value in values]
    if None in statuses:
        raise NotUnderstood("the status in the answer is neither a number nor a name")
    if len(set(statuses)) > 1:
        raise NotUnderstood("the answer names two different statuses")
    return statuses[0]  # type: ignore[return-value]  # None was sorted out above


def _status(value: Json, reply: Reply, profile: Profile) -> Status | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip() if isinstance(value, str) or abs(value) < 10**9 else ""
    if re.fullmatch(r"-?[0-9]{1,9}", text):
        return profile.statuses.by_code(int(text))
    if not text:
        return None
    return profile.statuses.by_name(text) or Status(-1, reply.quoted(text, 40), StatusClass.UNKNOWN)
