"""What requests and answers hold, as values with their places: the learner's view of both."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urljoin, urlsplit

from amtconnector.amtopcon.wire.document import Object, opened
from amtconnector.amtopcon.wire.paths import carried, next_link, path
from amtconnector.amtopcon.wire.reply import Reply, document_in, is_xml
from amtconnector.errors import NotUnderstood
from amtconnector.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from amtconnector.amtopcon.wire.document import Json
    from amtconnector.learning.exchange import Exchange


WORD = re.compile(r"[A-Za-z][A-Za-z_. -]*|(?=.{20})[A-Za-z][^0-9]*[ ({][^0-9]*")
"""A text that can be a word of the contract, or a query in a language of its own, and no value of a run."""


class Slot(NamedTuple):
    """One value of a request: where it stands ("path", "query", "form", "body"), its name or dotted place, its text."""

    place: str
    name: str
    text: str


def reply_of(exchange: Exchange) -> Reply:
    """Return the answer as the connector's readers take it."""
    headers: dict[str, str] = {}
    for name, value in exchange.answer_headers:
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return Reply(exchange.status, headers, exchange.answer)


def answer_in(exchange: Exchange) -> Json:
    """Return what the answer holds; its text where it is neither JSON nor XML."""
    reply = reply_of(exchange)
    try:
        return document_in(reply)
    except NotUnderstood:
        return reply.text


def answer_leaves(exchange: Exchange, request_id: str = "") -> Iterator[tuple[str, Json]]:
    """Yield each value of an answer with its path in a profile, also the one that plain text is."""
    reply = reply_of(exchange)
    try:
        yield from leaves(document_in(reply), request_id)
    except NotUnderstood:
        yield from (("body:text", value) for value in carried(reply, path("body:text")))


def addresses_in(exchange: Exchange) -> Iterator[tuple[str, str]]:
    """Yield each address that an answer holds: where it stands, and path and query of it."""
    texts = [("header:Link", next_link(exchange.answer_header("link")) or "")]
    texts += [(place, value) for place, value in answer_leaves(exchange) if isinstance(value, str)]
    for place, text in texts:
        if text.startswith(("/", "?", "http://", "https://")) and not re.search(r"\s", text):
            parts = urlsplit(urljoin(exchange.path, text))
            yield place, parts.path + (f"?{parts.query}" if parts.query else "")


def is_xml_answer(exchange: Exchange) -> bool:
    """Return whether an answer is XML."""
    return is_xml(reply_of(exchange))


def leaves(document: Json, request_id: str = "", place: str = "") -> Iterator[tuple[str, Json]]:
    """Yield each value of an answer with its path in a profile; of a list the request's own entry, else the first."""
    document = opened(document)
    if isinstance(document, Object):
        for name, value in document:
            if re.fullmatch(r"[^.\[\]]+|@[^.\[\]]+\.[^.\[\]]+", name):
                yield from leaves(value, request_id, f"{place}.{name}" if place else name)
    elif isinstance(document, list):
        for selector, entry in _picked(list(document), request_id):
            yield from leaves(entry, request_id, f"{place}[{selector}]")
    else:
        yield place, document


def _picked(entries: Sequence[Any], request_id: str) -> Iterator[tuple[str, Json]]:
    for entry in entries:
        if isinstance(entry, Object) and request_id:
            for name, value in entry:
                if not isinstance(value, bool | list) and str(value) == request_id:
                    yield f"{name}={{request_id}}", entry
                    return
    if entries and isinstance(entries[0], Object):
        yield "0", entries[0]


def body_of(exchange: Exchange) -> object:
    """Return a request's JSON body as plain values; None where there is none that is JSON."""
    if not exchange.body or is_form(exchange):
        return None
    try:
        return json.loads(exchange.body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None


def is_form(exchange: Exchange) -> bool:
    """Return whether a request's body is form-encoded."""
    return exchange.header("content-type").lower().startswith("application/x-www-form-urlencoded")


def form_of(exchange: Exchange) -> list[tuple[str, str]]:
    """Return the pairs of a request's form."""
    if not exchange.body or not is_form(exchange):
        return []
    return parse_qsl(exchange.body.decode("utf-8", "replace"), keep_blank_values=True)


def slots(exchange: Exchange) -> list[Slot]:
    """Return all values of a request but its headers."""
    found = [Slot("path", "", part) for part in path_texts(exchange)]
    found += [Slot("query", name, value) for name, value in exchange.query]
    found += [Slot("form", name, value) for name, value in form_of(exchange)]
    return found + [Slot("body", name, text) for name, text in _texts(body_of(exchange))]


def path_texts(exchange: Exchange) -> list[str]:
    """Return the parts of a request's path."""
    return [part for part in re.split(r"[/()]", unquote(exchange.path)) if part]


def named_texts(exchange: Exchange) -> list[tuple[str, str]]:
    """Return the values of a request that have a name: those of its query, its form and its body."""
    return [(slot.name, slot.text) for slot in slots(exchange) if slot.place != "path"]


def _texts(value: object, place: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, entry in value.items():
            yield from _texts(entry, f"{place}.{name}" if place else str(name))
    elif isinstance(value, list):
        for at, entry in enumerate(value):
            yield from _texts(entry, f"{place}[{at}]")
    elif value is not None:
        yield place, str(value)


def words_of(one: Exchange) -> str:
    """Return the words of a request that can name its purpose."""
    texts = [slot.text for slot in slots(one) if slot.place == "path" or WORD.fullmatch(slot.text)]
    return " ".join([one.method, *texts])


def is_about(exchange: Exchange, request_id: str) -> bool:
    """Whether a request carries an id."""
    return any(slot.text == request_id for slot in slots(exchange))
