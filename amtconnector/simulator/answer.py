"""An answer of the service, before anything has gone wrong with it."""

from __future__ import annotations

import http
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from amtconnector.simulator.contract.filling import fill
from amtconnector.simulator.messages import json_text
from amtconnector.simulator.xml_text import xml_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amtconnector.simulator.forms import Forms

JSON = "application/json; charset=utf-8"
PROBLEM = "application/problem+json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers beside the content type, and the body in pieces."""

    status: int
    body: tuple[bytes, ...] = ()
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    is_chunked: bool = False

    @property
    def length(self) -> int:
        """How many bytes the body has."""
        return sum(len(piece) for piece in self.body)


class Refusal(Exception):
    """The service does not do what it was asked to: an HTTP status with problem details.

    `kind` is what a server that words its refusals otherwise tells apart: "logon" (wrong credentials), "sessions" (too
    many of them), "token", "right", "start", "unknown" (request id), "invalid".
    """

    def __init__(
        self,
        status: int,
        detail: str = "",
        *,
        kind: str = "invalid",
        errors: Mapping[str, list[str]] | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.headers = headers
        self.status = status
        self.detail = detail
        self.errors = errors

    @property
    def reason(self) -> str:
        """What is wrong, in one sentence."""
        texts = [f"{name}: {text}" for name, found in (self.errors or {}).items() for text in found]
        return self.detail or " ".join(texts) or _phrase(self.status)

    def answer(self) -> Answer:
        """Return the problem details as ASP.NET Core writes them."""
        title = "One or more validation errors occurred." if self.errors else _phrase(self.status)
        kind = f"https://httpstatuses.io/{self.status}"
        facts: dict[str, object] = {"type": kind, "title": title, "status": self.status}
        facts |= {"detail": self.detail} if self.detail else {}
        facts |= {"errors": self.errors} if self.errors else {}
        return Answer(self.status, (json_text(facts),), PROBLEM, self.headers)


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Unlisted status"


def value_answer(value: object, forms: Forms) -> Answer:
    """Answer with a value, dressed as the forms want it."""
    if forms.unknown_members and isinstance(value, dict):
        value = {"$id": "1", "ServerTime": "2026-05-18T14:00:14", **value, "Extensions": {"Node": [1, None]}}
    if forms.envelope is not None:
        value = fill(forms.envelope, {"Answer": value, "Now": now_text()})
    if forms.format == "xml":
        return Answer(200, (xml_text(value),), "application/xml; charset=utf-8", is_chunked=forms.chunked)
    return dressed((json_text(value),), forms)


def dressed(body: tuple[bytes, ...], forms: Forms) -> Answer:
    """Answer with a JSON body in pieces, with the byte-order mark and the framing that the forms want."""
    if forms.double_encoded:
        body = (json_text(b"".join(body).decode()),)
    mark = (b"\xef\xbb\xbf",) if forms.byte_order_mark else ()
    return Answer(200, mark + body, is_chunked=forms.chunked)


def now_text() -> str:
    """Return the time as .NET writes it."""
    return datetime.now().astimezone().isoformat(timespec="milliseconds")
