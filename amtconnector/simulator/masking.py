"""What the log of requests shows: everything that arrived, but no password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, quote_plus, urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amtconnector.simulator.requests import Received

MASK = "********"
WORDS = ("password", "passwd", "passphrase", "pwd", "secret")
"""A member with such a word in its name is masked wherever it comes, a client's wrong guess included."""


def masked(received: Received, query: str) -> dict[str, Any]:
    """Return headers, query and body of a request for the log."""
    password = received.text("Password")
    headers = dict(received.headers)
    if headers.get("authorization", "").lower().startswith("basic"):
        headers["authorization"] = f"Basic {MASK}"
    for name in headers:
        if _is_secret(name):
            headers[name] = MASK
    return {
        "query": _without(_masked_query(query), password),
        "headers": {name: _without(text, password) for name, text in headers.items()},
        "body": _masked_members(received.body, password) or None,
    }


def _masked_query(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    if not any(_is_secret(name) for name, _ in pairs):
        return query  # as it came, letter by letter
    return urlencode([(name, MASK if _is_secret(name) else value) for name, value in pairs], safe="*")


def _masked_members(body: Mapping[str, object], password: str) -> dict[str, object]:
    return {name: MASK if _is_secret(name) else _masked_value(value, password) for name, value in body.items()}


def _masked_value(value: object, password: str) -> object:
    if isinstance(value, dict):
        return _masked_members(value, password)
    if isinstance(value, list):
        return [_masked_value(item, password) for item in value]
    return _without(value, password) if isinstance(value, str) else value


def _without(text: str, password: str) -> str:
    """Return a text without the password of the same request."""
    for form in {password, quote(password, safe=""), quote_plus(password)} - {""}:
        text = text.replace(form, MASK)
    return text


def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in WORDS)
