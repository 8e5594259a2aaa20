"""Read the answers of the wire contract: leniently in form, never in meaning.

A body that is not understood never becomes a status, a token or a request id. Each reader raises the `CallFailed` that
says what an answer means that is none; `understanding` is the edge that lets nothing else out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from amtconnector.amtopcon.wire.built_in import UNSUCCESSFUL
from amtconnector.amtopcon.wire.document import Object, understanding
from amtconnector.amtopcon.wire.logon_doubts import is_of_database
from amtconnector.amtopcon.wire.paths import carried, found
from amtconnector.amtopcon.wire.refusals import fits
from amtconnector.amtopcon.wire.reply import answered, document_in, failure_of, hint_of, is_page, kind_of, server_words
from amtconnector.amtopcon.wire.shape import shape_of
from amtconnector.amtopcon.wire.words import words_of
from amtconnector.errors import Busy, LogonRefused, NotFound, NotUnderstood, Rejected, Unauthorized
from amtconnector.named_tuple import NamedTuple
from amtconnector.statuses import Status, StatusClass
from amtconnector.task import RequestId

if TYPE_CHECKING:
    from amtconnector.amtopcon.wire.document import Json
    from amtconnector.amtopcon.wire.paths import Path
    from amtconnector.amtopcon.wire.profile import Profile
    from amtconnector.amtopcon.wire.reply import Reply

_LONGEST_STATUS = 9


class Started(NamedTuple):
    """AMT has the task, under this request id."""

    request_id: RequestId


class Refused(NamedTuple):
    """AMT did not start the task; `status` is the terminal status that it gave as the reason, if any."""

    words: str
    status: Status | None = None


@understanding
def read_logon(reply: Reply, profile: Profile) -> str:
    """Return the token.

    Raises LogonRefused for credentials that were refused, in whichever form; Busy for a logon that was refused for
    another reason and may be tried again; else what its HTTP status means, or NotUnderstood.
    """
    refused, places = profile.refused, profile.refused.words
    if fits(refused.later, reply):
        raise Busy(answered(reply, places), retry_after_s=reply.retry_after_s)
    in_words = fits(refused.credentials, reply) or fits(refused.when, reply)
    if reply.status in {401, 403} or (in_words and not is_of_database(reply)):
        raise LogonRefused(answered(reply, places), hint=hint_of(reply))
    if reply.status == 404:  # of the whole interface: no request is meant
        words = server_words(reply, places)
        raise Rejected("the server answered 404 to the logon" + (f": {words}" if words else ""))
    if failure := failure_of(reply, places):
        raise failure
    if token := read_token(reply, profile):
        return token
    document = document_in(reply, profile.answers_format, quotes=False)
    words = reply.quoted(words_of(document, places)) if isinstance(document, Object) else ""
    raise LogonRefused("the server answered with an empty token" + (f": {words}" if words else ""))


@understanding
def read_token(reply: Reply, profile: Profile) -> str:
    """Return the token of a successful logon; "" when the server gave an empty one, which is its way to refuse.

    Raises NotUnderstood when there is no token; only the values of error members are shown, for any other could be the
    token.
    """
    values = [value for place in profile.members.token if place.source for value in carried(reply, place)]
    document: Json = None
    if not values:
        document = document_in(reply, profile.answers_format, quotes=is_page(reply))
        values = _first(document, profile.members.token) if isinstance(document, Object) else [document]
    if not values or values == [None] == [document]:
        words = words_of(document, profile.refused.words) if isinstance(document, Object) else ""
        said = f"; the server says: {reply.quoted(words)}" if words else ""
        raise NotUnderstood(f"the answer to the logon has no token: {_came(document, reply, hides_texts=True)}{said}")
    if any(value not in ("", None) and not isinstance(value, str) for value in values):
        raise NotUnderstood("the token in the answer to the logon is no text")
    tokens = {str(value or "").strip() for value in values}
    if len(tokens) > 1:
        raise NotUnderstood("the answer to the logon has two different tokens")
    token = tokens.pop()
    if not token.isascii() or not token.isprintable() or " " in token:
        raise NotUnderstood("the token in the answer to the logon has characters that no header can carry")
    return token


@understanding
def read_start(reply: Reply, profile: Profile) -> Started | Refused:
    """Return what an answer to a start means; raises what its HTTP status does, or the profile's word for a token.

    Raises NotUnderstood when it can't be told: then the task may be running.
    """
    if reply.status in range(400, 500) and reply.status not in {408, 409} and fits(profile.refused.token, reply):
        raise Unauthorized(answered(reply, profile.refused.words))
    if failure := failure_of(reply, profile.refused.words):
        raise failure
    return _started(reply, profile)


def _started(reply: Reply, profile: Profile) -> Started | Refused:
    """Return what a 2xx means."""
    given = _given_ids(reply, profile)
    document = _read_or_refused(reply, profile) if not given else None
    if isinstance(document, Refused):
        return document
    if not given:
        found_ids = _first(document, profile.members.request_id) if isinstance(document, Object) else [document]
        given = [value for value in found_ids if value not in ("", None)]
    _check_complete(document, reply, _plain(reply, profile.members.request_id) if given else [])
    numbers = {_request_number(value) for value in given}
    is_refusal = fits(profile.refused.when, reply) or fits(profile.refused.token, reply)
    if is_refusal and numbers == {None}:  # words in the place of an id
        numbers = set()
    if len(numbers) > 1 or None in numbers:
        came = _came(document, reply)
        raise NotUnderstood(f"the answer to the start has no request id that fits, or two different ones: {came}")
    number = numbers.pop() if numbers else None
    if isinstance(number, RequestId):
        if is_refusal:
            raise NotUnderstood(f"the answer to the start refuses it, and has the request id {number}")
        return Started(number)
    if fits(profile.refused.token, reply):
        raise Unauthorized(answered(reply, profile.refused.words))
    status = _reason(document, reply, profile) if isinstance(document, Object) else None
    if number is None and status is None and not is_refusal:
        raise NotUnderstood(f"the answer to the start has no request id: {_came(document, reply)}")
    says_why = isinstance(document, Object) or number is None
    words = words_of(document, profile.refused.words) if says_why else ""
    return Refused(reply.quoted(words), status)


@understanding
def read_status(reply: Reply, profile: Profile, request_id: RequestId) -> Status:
    """Return the status of a batch request.

    Raises what `check_accepted` does, and NotUnderstood when the answer names no status, names two, or speaks of
    another request.
    """
    check_accepted(reply, profile)
    plain = _plain(reply, profile.members.status)
    document = plain[0] if plain else document_in(reply, profile.answers_format)
    if not isinstance(document, Object | list):
        _check_complete(document, reply, plain)
        return _status_of([("", document)], reply, profile, document)
    for place in profile.members.request_id:
        for echo in found(document, place, request_id.text):
            if not isinstance(echo, Object | list | None) and _request_number(echo) != request_id:
                raise NotUnderstood(f"the answer is about another request than {request_id}")
    named: list[tuple[str, Json]] = [
        (place.text, value)
        for place in profile.members.status
        for value in found(document, place, request_id.text)
        if value not in ("", None)
    ]
    return _status_of(named, reply, profile, document)


@understanding
def check_accepted(reply: Reply, profile: Profile) -> None:
    """Raise what an answer means that is no good one, as its HTTP status or the profile's conditions have it."""
    refused = profile.refused
    if reply.status < 500 and reply.status not in {408, 409}:
        if fits(refused.token, reply):
            raise Unauthorized(answered(reply, refused.words))
        if fits(refused.request, reply):
            raise NotFound(answered(reply, refused.words))
    if failure := failure_of(reply, refused.words):
        raise failure
    if fits(refused.when, reply):
        raise Rejected(answered(reply, refused.words))


@understanding
def check_agreed(reply: Reply, profile: Profile) -> None:
    """Raise what an answer to a stop or a kill means that AMT has not accepted; any other 2xx is accepted, not done."""
    check_accepted(reply, profile)
    if is_page(reply):
        raise NotUnderstood(answered(reply), hint=hint_of(reply))
    if fits((UNSUCCESSFUL,), reply):
        raise Rejected(answered(reply, profile.refused.words))


def _given_ids(reply: Reply, profile: Profile) -> list[Json]:
    """Return the request ids in headers, cookies and plain text, where the profile says that they stand.

    What has no digit is none: the end of another address, or a word of refusal.
    """
    places = (place for place in profile.members.request_id if place.source)
    given = [value for place in places for value in carried(reply, place)]
    return [value for value in given if re.search("[0-9]", str(value)) and _request_number(value) is not None]


def _read_or_refused(reply: Reply, profile: Profile) -> Json | Refused:
    try:
        return document_in(reply, profile.answers_format)
    except NotUnderstood:
        if fits(profile.refused.when, reply):
            return Refused(server_words(reply))
        raise


def _check_complete(document: Json, reply: Reply, plain: list[Json]) -> None:
    """Refuse a bare number or plain text that ended with the connection: `21` may be what is left of 2112."""
    if (plain or isinstance(document, int | float)) and not reply.is_complete_for_sure:
        raise NotUnderstood("the answer is a number without an end that could be told: it may have been cut")


def _plain(reply: Reply, places: tuple[Path, ...]) -> list[Json]:
    """Return what the places say of an answer that is plain text."""
    return [value for place in places if place.source == "body" for value in carried(reply, place)]


def _first(document: Json, places: tuple[Path, ...]) -> list[Json]:
    """Return the values of the places; all of them, so that two that differ are seen."""
    return [value for place in places for value in found(document, place)]


def _came(document: Json, reply: Reply, *, hides_texts: bool = False) -> str:
    """Say what came: names, and the shape."""
    if not isinstance(document, Object | list):
        return kind_of(document, reply)
    return f"{kind_of(document, reply)}, {reply.quoted(shape_of(document, hides_texts=hides_texts), 300)}"


def _request_number(value: Json) -> RequestId | int | None:
    """Return the id; an int when it is 0 or below; None when it can't be an id."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip() if isinstance(value, str) or abs(value) < 10**64 else ""
    if parsed := RequestId.parse(text):
        return parsed
    return 0 if re.fullmatch(r"-[0-9]{1,63}|0{1,64}", text) else None


def _reason(document: Object, reply: Reply, profile: Profile) -> Status | None:
    """Return the terminal unsuccessful status that an answer to a start gives as its reason."""
    given = _first(document, profile.members.status)
    statuses = {_status(value, reply, profile) for value in given if value is not None}
    status = statuses.pop() if len(statuses) == 1 else None
    return status if status is not None and status.is_terminal and not status.is_success else None


def _status_of(named: list[tuple[str, Json]], reply: Reply, profile: Profile, document: Json) -> Status:
    """Return the status that the first name has; a DONE that another one contradicts is none."""
    if not named:
        raise NotUnderstood(f"the answer names no status: {_came(document, reply)}")
    read = [(name, _status(value, reply, profile)) for name, value in named]
    statuses = [(name, status) for name, status in read if status is not None]
    if len(statuses) < len(read):
        raise NotUnderstood("the status in the answer is neither a number nor a name")
    statuses = [one for one in statuses if not profile.statuses.says_nothing(one[1])] or statuses
    name, first = statuses[0]
    for other_name, other in statuses[1:]:
        is_same_place = name.casefold() == other_name.casefold()
        if other != first and (is_same_place or first.is_success or other.is_success):
            raise NotUnderstood(f"the answer names two different statuses: {name} is {first}, {other_name} is {other}")
    return first


def _status(value: Json, reply: Reply, profile: Profile) -> Status | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip() if isinstance(value, str) or abs(value) < 10**9 else ""
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit() and len(digits) <= _LONGEST_STATUS:
        return profile.statuses.by_code(int(text))
    if not text:
        return None
    return profile.statuses.by_name(text) or Status(-1, reply.quoted(text, 40), StatusClass.UNKNOWN)
