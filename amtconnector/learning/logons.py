"""Logons in a trace: which request carries the credentials, and which text of its answer is the token."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

from amtconnector.amtopcon.wire.requests import basic
from amtconnector.learning.documents import answer_leaves, slots
from amtconnector.learning.stand_ins import PASSWORD, USER
from amtconnector.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amtconnector.learning.exchange import Exchange

_TOKEN = re.compile(r"token|ticket|session|key|sid", re.IGNORECASE)


class Credentials(NamedTuple):
    """What a logon can carry: user and password of Connector.config, and their stand-ins."""

    users: tuple[str, ...] = (USER,)
    passwords: tuple[str, ...] = (PASSWORD,)

    def __repr__(self) -> str:
        return "Credentials(...)"


class Logon(NamedTuple):
    """A logon with the token that it gave, and where that stood: "" for a bare value."""

    exchange: Exchange
    token: str
    place: str


def carries_password(exchange: Exchange, credentials: Credentials) -> bool:
    """Return whether a request carries a password, in whichever encoding, or the stand-in of a wrong one."""
    texts = [slot.text for slot in slots(exchange)] + [value for _, value in exchange.headers]
    for password in filter(None, credentials.passwords):
        raw = password.encode("utf-8", "surrogatepass")
        forms = {password, b64encode(raw).decode(), raw.hex(), b64encode(raw).hex()}
        basics = [basic(user, password) for user in credentials.users]
        if any(text in forms or text.lower() in forms or any(one in text for one in basics) for text in texts):
            return True
    texts += [basic for _, value in exchange.headers for basic in _basic_texts(value)]
    numbered = tuple(f"{one}-" for one in credentials.passwords if one == PASSWORD)
    return any(text.startswith(numbered) for text in texts) if numbered else False


def is_logon_again(exchange: Exchange, logon: Exchange, credentials: Credentials) -> bool:
    """Return whether a request is a known logon with other credentials: a wrong password under a name of its own."""
    known = {*credentials.users, *credentials.passwords}
    pairs = list(zip(slots(exchange), slots(logon), strict=False))
    return (
        (exchange.method, exchange.path, len(slots(exchange))) == (logon.method, logon.path, len(slots(logon)))
        and any(theirs.text in known for _, theirs in pairs)
        and all(
            mine.name == theirs.name and (mine.text == theirs.text or theirs.text in known) for mine, theirs in pairs
        )
    )


def _basic_texts(value: str) -> list[str]:
    """Return user and password of an Authorization header of HTTP Basic."""
    scheme, _, rest = value.partition(" ")
    if scheme.lower() != "basic":
        return []
    try:
        return b64decode(rest).decode("utf-8", "replace").split(":", 1)
    except ValueError:
        return []


def logon_of(exchange: Exchange, exchanges: Sequence[Exchange]) -> Logon | None:
    """Return a logon with its token: the text of its answer that comes back later."""
    later = [one for one in exchanges if one.begun >= exchange.begun and one is not exchange]
    candidates = [(place, value) for place, value in answer_leaves(exchange) if isinstance(value, str)]
    candidates += [(f"cookie:{name}", value) for name, value in exchange.set_cookies.items()]
    candidates += [
        (f"header:{name}", value)
        for name, value in exchange.answer_headers
        if name.lower() != "set-cookie" and _TOKEN.search(name)
    ]
    found = [
        (place, value) for place, value in candidates if len(value) >= 3 and any(carries(one, value) for one in later)
    ]
    if not found or not exchange.is_success:
        return None
    place, token = max(
        found,
        key=lambda one: (
            bool(_TOKEN.search(one[0])) or one[0] in {"", "body:text"},
            not one[0].startswith(("cookie:", "header:")),
        ),
    )
    return Logon(exchange, token, place)


def carries(exchange: Exchange, text: str) -> bool:
    """Return whether a text travels with a request."""
    if not text:
        return False
    return any(text in value for _, value in exchange.headers) or any(slot.text == text for slot in slots(exchange))
