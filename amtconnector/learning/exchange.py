"""One request and its answer as they were on the line: what is recorded, and what is learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from amtconnector.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

Pairs = tuple[tuple[str, str], ...]


class Exchange(NamedTuple):
    """A request, and the answer to it; `status` is 0 when there was none.

    `origin` is scheme, host and port (`https://amt:4004`), `target` path and query as they were sent. A body is as it
    is without a transfer or content encoding; a request's is None when there was none.
    """

    begun: datetime
    origin: str
    method: str
    target: str
    headers: Pairs
    body: bytes | None
    status: int
    answer_headers: Pairs
    answer: bytes
    took_s: float = 0.0
    note: str = ""

    def __repr__(self) -> str:
        return f"Exchange({self.method} {self.path} {self.status})"  # the rest may hold a secret

    @property
    def path(self) -> str:
        """The path without the query, still escaped."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> list[tuple[str, str]]:
        """The parameters of the query."""
        return parse_qsl(self.target.partition("?")[2], keep_blank_values=True)

    def header(self, name: str) -> str:
        """Return a header of the request, "" when it has none."""
        return _named(self.headers, name)

    def answer_header(self, name: str) -> str:
        """Return a header of the answer, "" when it has none."""
        return _named(self.answer_headers, name)

    @property
    def set_cookies(self) -> dict[str, str]:
        """The cookies that the answer sets."""
        given = (value.partition("=") for name, value in self.answer_headers if name.lower() == "set-cookie")
        return {name.strip(): rest.partition(";")[0].strip().strip('"') for name, _, rest in given}

    @property
    def is_success(self) -> bool:
        """Whether the answer is a 2xx."""
        return 200 <= self.status < 300


def is_among(one: Exchange, others: Iterable[Exchange]) -> bool:
    """Return whether an exchange is one of these itself; two polls can be alike."""
    return any(one is other for other in others)


def _named(headers: Pairs, name: str) -> str:
    return ", ".join(value for given, value in headers if given.lower() == name.lower())
