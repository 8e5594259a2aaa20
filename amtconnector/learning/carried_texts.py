"""The names and texts that a request or an answer carries, whatever its form."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amtconnector.learning.exchange import Exchange

_DEEPEST = 3


def sent(exchange: Exchange) -> Iterator[tuple[str, str]]:
    """Yield the names and values of a request's query, form and JSON body."""
    yield from exchange.query
    text = (exchange.body or b"").decode("utf-8", "replace")
    if "json" in exchange.header("content-type") or text.lstrip().startswith(("{", "[")):
        yield from _texts_in(_json(text))
    else:
        yield from parse_qsl(text, keep_blank_values=True)


def texts_of(answer: bytes) -> Iterator[tuple[str, str]]:
    """Yield the names and texts of an answer: JSON, also within JSON, XML, or a plain text, which has no name."""
    text = answer.decode("utf-8-sig", "replace").strip()
    if not text:
        return
    document = _json(text)
    if document is not None:
        yield from _texts_in(document)
    elif text.startswith("<"):
        import html

        yield from ((name, html.unescape(value)) for name, value in re.findall(r"<([^\s<>/?!]+)[^<>]*>([^<>]+)<", text))
    else:
        yield "", text


def _json(text: str, depth: int = _DEEPEST) -> object:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(document, str) and document.lstrip().startswith(("{", "[", '"')) and depth:
        return _json(document, depth - 1)
    return document


def _texts_in(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        inner = _json(value) if value.lstrip().startswith(("{", "[")) else None
        yield from ((name, value),) if inner is None else _texts_in(inner, name)
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from _texts_in(entry, str(key))
    elif isinstance(value, list):
        for entry in value:
            yield from _texts_in(entry, name)
