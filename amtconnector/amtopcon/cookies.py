"""The cookies of one run: a load balancer may tell its servers apart by them, and nothing else is done with them."""

from __future__ import annotations

from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from http.cookiejar import Cookie
    from urllib.request import Request

MOST_COOKIES = 50
MOST_BYTES = 8192
"""Of all names and values together: servers refuse requests whose headers are much larger."""

_SHORTEST_SECRET = 8
"""A shorter value identifies nobody, and masking it would hide half of what a server says."""


class Cookies(CookieJar):
    """Those that are sent back, bounded in number and size."""

    def __init__(self) -> None:
        super().__init__(_Sendable(self))

    def has_room_for(self, cookie: Cookie) -> bool:
        """Return whether one more keeps the bounds; one of the same name takes the place of the earlier one."""
        others = [one for one in self if _place(one) != _place(cookie)]
        return len(others) < MOST_COOKIES and sum(map(_size, [*others, cookie])) <= MOST_BYTES

    def secrets(self) -> set[str]:
        """Return the values that may stand for a session."""
        return {one.value for one in self if one.value and len(one.value) >= _SHORTEST_SECRET}


class _Sendable(DefaultCookiePolicy):
    """Keep only the cookies that can be sent back: httpx raises UnicodeEncodeError for one that is not in ASCII."""

    def __init__(self, jar: Cookies) -> None:
        super().__init__()
        self._jar = jar

    def set_ok(self, cookie: Cookie, request: Request) -> bool:
        """Return whether to keep it."""
        is_sendable = f"{cookie.name}{cookie.value}".isascii()
        return is_sendable and super().set_ok(cookie, request) and self._jar.has_room_for(cookie)


def _place(cookie: Cookie) -> tuple[str, str, str]:
    return cookie.domain, cookie.path, cookie.name


def _size(cookie: Cookie) -> int:
    return len(cookie.name) + len(cookie.value or "")
