"""What a client has sent: which call it is, and the checks that a strict server makes before it does anything."""

from __future__ import annotations

import json
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, unquote

from amtconnector.simulator.answer import Refusal
from amtconnector.simulator.contract.matching import PLACEHOLDER, Reading, path_values, speaks_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from starlette.types import Scope

    from amtconnector.simulator.contract import Call, Contract

MEDIA_TYPES = {"json": "application/json", "form": "application/x-www-form-urlencoded"}


class Received(NamedTuple):
    """A request as it came.

    `name` is the documented name of its call ("action" or "unknown" where it is none of them), `call` the contract's;
    `headers` are in lower case; `values` hold what was read, by documented names; `body` is the decoded body, for the
    log; `refusal` says what is wrong with it, None when nothing is.
    """

    name: str
    call: Call | None
    headers: Mapping[str, str]
    values: Mapping[str, object]
    body: Mapping[str, object]
    refusal: Refusal | None

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that it carries."""
        return read_cookies(self.headers.get("cookie", ""))

    def text(self, name: str) -> str:
        """Return a value that is a text; an empty one where it was not given."""
        return str(self.values.get(name, ""))


class _Parts(NamedTuple):
    """A request taken apart, before it is known which call it is."""

    path: str
    headers: Mapping[str, str]
    query: Mapping[str, list[str]]
    content: bytes


def read(scope: Scope, content: bytes, contract: Contract) -> Received:
    """Read a request."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").partition("?")[0]
    parts = _Parts(path, headers, _pairs(scope["query_string"]), content)
    fitting = [call for call in contract.calls if path_values(call.path, path) is not None]
    calls = [call for call in fitting if call.method == scope["method"]]
    if not calls:
        return Received("unknown", None, headers, {}, {}, _no_route(fitting))
    return _read(parts, calls, contract)


def read_cookies(line: str) -> dict[str, str]:
    """Read a Cookie header."""
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(line).items()}
    except CookieError:
        return {}


def _no_route(fitting: Sequence[Call]) -> Refusal:
    allowed = ", ".join(dict.fromkeys(call.method for call in fitting))
    return Refusal(405, headers=(("allow", allowed),)) if fitting else Refusal(404)


def _read(parts: _Parts, calls: Sequence[Call], contract: Contract) -> Received:
    refusal: Refusal | None = None
    body: Mapping[str, Any] = {}
    try:
        body = _decoded(parts, calls[0].encoding)
    except Refusal as error:
        refusal = error
    shown = {
        name: value[0] if calls[0].encoding == "form" and len(value) == 1 else value for name, value in body.items()
    }
    sent = {**{name: values[0] for name, values in parts.query.items()}, **shown}
    call = calls[0] if len(calls) == 1 else next((call for call in calls if speaks_of(call.values, sent)), None)
    if call is None:
        return Received(
            "action", calls[0], parts.headers, _token(calls[0], parts, contract), shown, refusal or _no_call(calls)
        )
    reading = _matched(call, parts, body, contract)
    if refusal is None and reading.errors:
        refusal = Refusal(_status_of(reading.errors), errors=reading.errors)
    return Received(call.name, call, parts.headers, reading.values, shown, refusal)


def _decoded(parts: _Parts, encoding: str) -> dict[str, list[str]] | dict[str, object]:
    """Return the body's members; raises Refusal (415, 400)."""
    if encoding == "none":
        return {}
    if parts.headers.get("content-type", "").split(";")[0].strip().lower() != MEDIA_TYPES[encoding]:
        raise Refusal(415)
    if encoding == "form":
        return _pairs(parts.content)
    try:
        value = json.loads(parts.content)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Refusal(400, errors={"$": ["The JSON value could not be converted to an object."]})
    return value


def _matched(call: Call, parts: _Parts, body: Mapping[str, Any], contract: Contract) -> Reading:
    """Hold every part of a request against its call."""
    reading = Reading(contract.empty)
    _match_path(reading, call, parts.path)
    _match_headers(reading, call, parts.headers)
    reading.match_texts(call.query, parts.query, is_strict=False)
    if call.encoding == "form":
        reading.match_texts(call.body, body, is_strict=True)
    elif call.encoding == "json":
        reading.match(call.body, body, "")
    if reading.is_token_missing:
        reading.values.pop("Token", None)
    return reading


def _token(call: Call, parts: _Parts, contract: Contract) -> Mapping[str, object]:
    """Return the token of a request whose call is not known: who asks comes before what is asked."""
    found = _matched(call, parts, {}, contract).values
    return {name: value for name, value in found.items() if name == "Token"}


def _match_path(reading: Reading, call: Call, path: str) -> None:
    templates = {found[1]: found[0] for found in PLACEHOLDER.finditer(call.path)}
    texts = [[unquote(text)] for text in path_values(call.path, path) or ()]
    reading.match_texts(templates, dict(zip(templates, texts, strict=False)), is_strict=True)


def _match_headers(reading: Reading, call: Call, headers: Mapping[str, str]) -> None:
    media_types = [part.partition(";")[0].strip() for part in headers.get("accept", "").split(",")]
    for name, template in call.headers.items():
        value = headers.get(name.lower())
        if name.lower() == "accept" and template in media_types:
            continue
        reading.match({name: template}, {} if value is None else {name: value}, "")
    reading.match(call.cookies, {name: value for name, value in read_cookies(headers.get("cookie", "")).items()
                                 if name in call.cookies}, "")  # fmt: skip


def _status_of(errors: Iterable[str]) -> int:
    return 406 if "accept" in (place.lower() for place in errors) else 400


def _no_call(calls: Sequence[Call]) -> Refusal:
    """Say which member tells the calls of a route apart."""
    first = calls[0].values
    name = next((key for key, part in first.items() if any(call.values.get(key) != part for call in calls)), "$")
    words = ", ".join(str(call.values[name]) for call in calls if name in call.values)
    return Refusal(400, errors={name: [f"The value must be one of {words}."]})


def _pairs(text: bytes) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(text.decode("latin-1"), keep_blank_values=True):
        found.setdefault(name, []).append(value)
    return found
