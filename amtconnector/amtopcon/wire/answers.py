"""Read the answers of the wire contract: leniently in form, never in meaning.

A body that is not understood never becomes a status, a token or a request id.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from amtconnector.amtopcon.wire.reply import Json, Members, Reply, document_in, kind_of, server_words, spoken
from amtconnector.errors import NotUnderstood
from amtconnector.statuses import Status, StatusClass
from amtconnector.task import RequestId

if TYPE_CHECKING:
    from amtconnector.amtopcon.wire.profile import Profile

_HTML = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html)\b", re.IGNORECASE)
_NOT_TOKEN = re.compile(r"[^\x21-\x7e]")


class Started(NamedTuple):
    """AMT has the task, under this request id."""

    request_id: RequestId


class Refused(NamedTuple):
    """AMT did not start the task; `status` is the terminal status that it gave as the reason, if any."""

    words: str
    status: Status | None = None


def read_token(reply: Reply, profile: Profile) -> str:
    """Return the token of a successful logon; "" when the server gave an empty one, which is its way to refuse.

    Raises NotUnderstood when there is no token; only the values of error members are shown, for any other could be the
    token.
    """
    document = document_in(reply, quotes=_HTML.match(reply.body) is not None)
    values = document.named(profile.members.token) if isinstance(document, Members) else [document]
    if not values or document is None:
        words = "; ".join(spoken(document)) if isinstance(document, Members) else ""
        said = f"; the server says: {reply.quoted(words)}" if words else ""
        raise NotUnderstood(f"the answer to the logon has no token: {kind_of(document, reply)}{said}")
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
    document = document_in(reply)
    given = document.named(profile.members.request_id) if isinstance(document, Members) else [document]
    numbers = {_request_number(value) for value in given if value not in ("", None)}
    if len(numbers) > 1 or None in numbers:
        kind = kind_of(document, reply)
        raise NotUnderstood(f"the answer to the start has no request id that fits, or two different ones: {kind}")
    status = _reason(document, reply, profile) if isinstance(document, Members) else None
    number = numbers.pop() if numbers else None
    if isinstance(number, RequestId):
        return Started(number)
    if number is None and status is None:
        raise NotUnderstood(f"the answer to the start has no request id: {kind_of(document, reply)}")
    return Refused(server_words(reply) if isinstance(document, Members) else "", status)


def read_status(reply: Reply, profile: Profile, request_id: RequestId) -> Status:
    """Return the status of a batch request.

    Raises NotUnderstood when the answer names no status, names two, or speaks of another request.
    """
    document = document_in(reply)
    if not isinstance(document, Members):
        return _only_status([document], reply, profile, document)
    for echo in document.named(profile.members.request_id):
        if echo is not None and _request_number(echo) != request_id:
            raise NotUnderstood(f"the answer is about another request than {request_id}")
    given: list[Json] = [value for value in document.named(profile.members.status) if value is not None]
    return _only_status(given, reply, profile, document)


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
        raise NotUnderstood(f"the answer names no status: {kind_of(document, reply)}")
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
