"""An answer as it came: its JSON, what its HTTP status means for the request, and the server's own words.

A status that is no success becomes the `CallFailed` that says whether the request was executed; the table is
`failure_of`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

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
from amtconnector.text import described, excerpt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Json: TypeAlias = "bool | int | float | str | list[Json] | Members | None"
_ERROR_MEMBERS = ("title", "detail", "message", "errormessage", "errordescription")


class Members(list[tuple[str, "Json"]]):
    """The members of a JSON object in their order: a name may come twice, and then both are seen."""

    def named(self, names: frozenset[str]) -> list[Json]:
        """Return the values of all members with one of these lower-case names, in any letter case."""
        return [value for name, value in self if name.casefold() in names]


def _as_it_is(text: str) -> str:
    return text


class Reply(NamedTuple):
    """An HTTP answer: its status, its headers in lower case, its body.

    `retry_after_s` is what the server asked to wait; None when it did not say. `conceal` takes secrets out of what is
    quoted from the answer. Headers and body stay out of the `repr`: they may hold a cookie or a token.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    retry_after_s: float | None = None
    conceal: Callable[[str], str] = _as_it_is

    def __repr__(self) -> str:
        return described(self, "headers", "body", "conceal")

    def quoted(self, text: str, limit: int = 200) -> str:
        """Return a piece of the answer for people: without secrets, on one line, `limit` characters at most."""
        return excerpt(self.conceal(text), limit)

    @property
    def is_success(self) -> bool:
        """Whether it is a 2xx."""
        return 200 <= self.status < 300


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


def server_words(reply: Reply) -> str:
    """Return what the server says of a refusal, on one short line: problem details, an error member, or the body."""
    try:
        document = document_in(reply)
    except NotUnderstood:
        return reply.quoted(reply.body.decode("utf-8-sig", "replace"))
    if isinstance(document, str):
        return reply.quoted(document)
    return reply.quoted("; ".join(spoken(document))) if isinstance(document, Members) else ""


def spoken(document: Members) -> list[str]:
    """Return what an answer says of an error: problem details, or the members that are meant for it."""
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


def document_in(reply: Reply, *, quotes: bool = True) -> Json:
    """Return the JSON in an answer; raises NotUnderstood, which quotes what is none unless `quotes` is False."""
    text = reply.body.decode("utf-8-sig", "surrogateescape")
    try:
        document: Json = json.loads(text, object_pairs_hook=Members)
    except (ValueError, RecursionError) as error:
        what = f": {reply.quoted(text)}" if quotes and text.strip() else " (it is empty)" if not text.strip() else ""
        raise NotUnderstood(f"the answer is no JSON{what}") from error
    return document


def kind_of(document: Json, reply: Reply) -> str:
    """Say in words what came, without its values."""
    if isinstance(document, Members):
        names = ", ".join(name for name, _ in document)
        return f"its members are {reply.quoted(names)}" if names else "it has no members"
    return {list: "it is an array", str: "it is a text", type(None): "it is null"}.get(type(document), "it is a value")
