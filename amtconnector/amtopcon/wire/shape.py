"""What was asked and what came, for people: method, path, HTTP status, and the answer's shape without its secrets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from amtconnector.amtopcon.wire.document import Object
from amtconnector.amtopcon.wire.reply import document_in, is_page, is_xml
from amtconnector.errors import NotUnderstood
from amtconnector.named_tuple import NamedTuple
from amtconnector.text import excerpt

if TYPE_CHECKING:
    from collections.abc import Callable

    from amtconnector.amtopcon.wire.document import Json
    from amtconnector.amtopcon.wire.reply import Reply
    from amtconnector.amtopcon.wire.requests import Request

_DEEPEST = 6
_MOST_MEMBERS = 20
_LONGEST_TEXT = 60
_LONGEST_SHAPE = 600


class Exchange(NamedTuple):
    """One request and its answer, in words that may be printed; `answer` is "" when none came."""

    asked: str
    answer: str

    @property
    def lines(self) -> str:
        """Both, one a line."""
        return f"Asked : {self.asked}\nAnswer: {self.answer or 'none'}"


def exchange_of(request: Request, reply: Reply | None, conceal: Callable[[str], str]) -> Exchange:
    """Describe an exchange; of a logon's answer, which may hold a token that nobody knows yet, no text is shown."""
    asked = excerpt(conceal(f"{request.method} {request.shown_target or request.target}"), 300)
    if reply is None:
        return Exchange(asked, "")
    return Exchange(asked, f"{reply.status} {shown(reply, hides_texts=request.call == 'logon')}")


def shown(reply: Reply, *, hides_texts: bool) -> str:
    """Return the shape of an answer's body on one line."""
    if not reply.body.strip():
        return "without a body"
    try:
        document = document_in(reply)
    except NotUnderstood:
        kind = "a web page" if is_page(reply) else "XML" if is_xml(reply) else "no JSON"
        return f"{kind}, {len(reply.body)} bytes" + ("" if hides_texts else f": {reply.quoted(reply.text)}")
    before = "XML " if is_xml(reply) else ""
    return before + reply.quoted(shape_of(document, hides_texts=hides_texts and reply.is_success), _LONGEST_SHAPE)


def shape_of(document: Json, *, hides_texts: bool) -> str:
    """Return a document's shape as JSON: long lists and texts shortened, every text as its length if `hides_texts`.

    Secrets that are known are masked by whoever shows it; before a token is known, every text could be one.
    """
    return json.dumps(_shape(document, hides_texts, _DEEPEST), ensure_ascii=False, separators=(",", ":"))


def _shape(value: Json, hides_texts: bool, depth: int) -> object:  # noqa: FBT001 - private
    if isinstance(value, Object):
        if not depth:
            return f"<{len(value)} members>"
        members = {name: _shape(entry, hides_texts, depth - 1) for name, entry in value[:_MOST_MEMBERS]}
        return members | ({"<more>": len(value) - _MOST_MEMBERS} if len(value) > _MOST_MEMBERS else {})
    if isinstance(value, list):
        entries = value[:1] if depth else []
        more = [f"<{len(value) - len(entries)} more>"] if len(value) > len(entries) else []
        return [*(_shape(cast("Json", entry), hides_texts, depth - 1) for entry in entries), *more]
    if isinstance(value, str) and (hides_texts or len(value) > _LONGEST_TEXT):
        return f"<text of {len(value)}>"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**64:
        return "<number>"
    return value
