"""An answer as it came, and what its HTTP status means for the request.

A status that is no success becomes the `CallFailed` that says whether the request was executed; the table is
`failure_of`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from amtconnector.amtopcon.wire.document import UNREADABLE, Object, parsed
from amtconnector.amtopcon.wire.strangers import page_hint, place_of, redirect_hint, title_of
from amtconnector.amtopcon.wire.words import words_of
from amtconnector.errors import (
    Busy,
    CallFailed,
    Forbidden,
    NoAnswer,
    NotFound,
    NotUnderstood,
    Rejected,
    ServerFailed,
    Unauthorized,
    Unsupported,
)
from amtconnector.named_tuple import NamedTuple
from amtconnector.text import described, excerpt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from amtconnector.amtopcon.wire.document import Json
    from amtconnector.amtopcon.wire.paths import Path


_LONGEST_RETRY_AFTER = 100  # a date in any of HTTP's forms is shorter


class Reply(NamedTuple):
    """An HTTP answer: its status, its headers in lower case, its body.

    `retry_after_s` is what the server asked to wait; None when it did not say. `conceal` takes secrets out of what is
    quoted from the answer. Where it is not complete for sure it ended with the connection, neither with a length nor
    with a last chunk: it may have been cut. Headers and body stay out of the `repr`: they may hold a cookie or a token.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    retry_after_s: float | None = None
    conceal: Callable[[str], str] = str
    is_complete_for_sure: bool = True

    def __repr__(self) -> str:
        return described(self, "headers", "body", "conceal", "is_complete_for_sure")

    def quoted(self, text: str, limit: int = 200) -> str:
        """Return a piece of the answer for people: without secrets, on one line, `limit` characters at most."""
        return excerpt(self.conceal(text), limit)

    @property
    def is_success(self) -> bool:
        """Whether it is a 2xx."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8-sig", "surrogateescape")


def retry_after_s(value: str | None) -> float | None:
    """Return how many seconds Retry-After asks to wait; None when the header is missing or makes no sense."""
    if value is None or len(value) > _LONGEST_RETRY_AFTER:
        return None
    if re.fullmatch(r"[0-9]{1,9}", value := value.strip(), re.ASCII):
        return float(value)
    from datetime import UTC, datetime  # the form with a date is rare
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(value)
        return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
    except UNREADABLE:
        return None


def failure_of(reply: Reply, places: tuple[Path, ...] = ()) -> CallFailed | None:
    """Return what a reply that is no 2xx means for the request, None for a 2xx.

    Not executed: 401, 429, a 503 that carries Retry-After, and every other 3xx and 4xx. May have been executed: 408,
    409 and every other 5xx. `places` is where the profile knows the server's words to stand.
    """
    if reply.is_success:
        return None
    kind = _FAILURES.get(reply.status) or _failure_of_class(reply)
    return kind(answered(reply, places), retry_after_s=reply.retry_after_s, hint=hint_of(reply))


def hint_of(reply: Reply) -> str:
    """Return what to do about an answer that is not AMT's own, or that leads elsewhere; "" for any other."""
    if is_page(reply):
        return page_hint(reply.status)
    return redirect_hint(reply) if place_of(reply) else ""


def answered(reply: Reply, places: tuple[Path, ...] = ()) -> str:
    """Say what the server answered: status, where it leads, and words, as the middle of a sentence."""
    what = f"the server answered {reply.status}"
    if place := place_of(reply):
        return f"{what} and points to {place}"
    if is_page(reply):
        what += " with a web page instead of AMT's answer"
        words = title_of(reply) or reply.quoted(reply.text)
    else:
        words = server_words(reply, places)
    return what + (f": {words.rstrip('.')}" if words.strip(".") else "")


_FAILURES: dict[int, type[CallFailed]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    408: NoAnswer,
    409: ServerFailed,
    429: Busy,
    501: Unsupported,
    505: Unsupported,
}


def _failure_of_class(reply: Reply) -> type[CallFailed]:
    if reply.status == 503 and "retry-after" in reply.headers:
        return Busy
    if 300 <= reply.status < 500:
        return Rejected
    return ServerFailed if reply.status >= 500 else NotUnderstood


def server_words(reply: Reply, places: tuple[Path, ...] = ()) -> str:
    """Return what the server says of a refusal, on one short line: the members meant for it, else the body."""
    try:
        document = document_in(reply)
    except NotUnderstood:
        return reply.quoted(reply.body.decode("utf-8-sig", "replace"))
    return reply.quoted(words_of(document, places) or (reply.text if isinstance(document, Object) and document else ""))


def document_in(reply: Reply, form: str = "", *, quotes: bool = True) -> Json:
    """Return what an answer holds.

    `form` is "json", "xml", or "" for whichever it is, which is good for words and shapes only. Raises NotUnderstood,
    which quotes what can't be read unless `quotes` is False.
    """
    text = reply.text
    try:
        if form == "xml" or (not form and is_xml(reply)):
            from amtconnector.amtopcon.wire.xml_answer import document_of

            return document_of(reply.body)
        return parsed(text)
    except UNREADABLE as error:
        if is_page(reply):
            raise NotUnderstood(answered(reply), hint=hint_of(reply)) from error
        what = f": {reply.quoted(text)}" if quotes and text.strip() else " (it is empty)" if not text.strip() else ""
        raise NotUnderstood(f"the answer is no {'XML' if form == 'xml' else 'JSON'}{what}") from error


def is_xml(reply: Reply) -> bool:
    """Return whether an answer is XML, which AMT may well speak, and no web page."""
    return reply.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and not is_page(reply)


def is_page(reply: Reply) -> bool:
    """Return whether an answer is a web page: a proxy's, a sign-in page's, another web server's."""
    start = reply.body[:2000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    is_html = "text/html" in reply.headers.get("content-type", "").lower()
    if start.startswith(b"<?xml"):
        start = start.partition(b"?>")[2].lstrip()
    return start.startswith((b"<!doctype html", b"<html")) or (is_html and start.startswith(b"<"))


def kind_of(document: Json, reply: Reply) -> str:
    """Say in words what came, without its values."""
    if isinstance(document, Object):
        names = ", ".join(name for name, _ in document)
        return f"its members are {reply.quoted(names)}" if names else "it has no members"
    return {list: "it is an array", str: "it is a text", type(None): "it is null"}.get(type(document), "it is a value")
