"""Who may see the page and press its buttons: this machine's own browser, on the page's own address.

A page of another site can make a browser send requests here. Its requests carry its own Origin, and it can't read the
token that every form of ours carries. A name that another site points at 127.0.0.1 (DNS rebinding) shows in Host.
"""

from __future__ import annotations

import ipaddress
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starlette.requests import Request

BROWSER_HEADERS = ("origin", "sec-fetch-site")


def objection_to_reading(request: Request) -> str:
    """Say why a request may not see anything; an empty text when it may."""
    if request.client is None or not _is_loopback(request.client.host):
        return "This page is for the machine that the simulator runs on."
    if not _is_loopback(_host_of(f"//{request.headers.get('host', '')}")):
        return "This page is reached by the name localhost or by 127.0.0.1, under no other name."
    origin = request.headers.get("origin")
    if origin is not None and origin != own_origin(request):
        return "This request comes from another site's page."
    return ""


def objection_to_acting(request: Request, sent_token: str, token: str) -> str:
    """Say why a request may not change anything; an empty text when it may."""
    if request.headers.get("origin") != own_origin(request):
        return objection_to_reading(request) or "This request does not say that it comes from this page."
    if not secrets.compare_digest(sent_token.encode(), token.encode()):
        return "This page is of an earlier start of the simulator. Load it anew."
    return objection_to_reading(request)


def objection_to_a_browser(request: Request) -> str:
    """Say why a browser's request to the administrators' interface is refused; programs other than those pass."""
    is_browser = any(name in request.headers for name in BROWSER_HEADERS)
    if not is_browser:
        return ""
    if request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        return "This request comes from another site's page."
    return objection_to_reading(request)


def own_origin(request: Request) -> str:
    """Return the origin of the page itself."""
    return f"{request.url.scheme}://{request.headers.get('host', '')}"


def _host_of(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
