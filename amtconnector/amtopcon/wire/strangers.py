"""Answers that somebody else than AMT gives, or that send a client elsewhere: what they say, and what to do about it.

A run and `amt check` take both from here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from amtconnector.text import excerpt

if TYPE_CHECKING:
    from amtconnector.amtopcon.wire.reply import Reply

_SIGN_IN = (
    "The web server itself asks for a sign-in, or a proxy before it, not AMT. Ask its administrator to let AMTOpCon\n"
    "be used anonymously there: AMT checks the account in Connector.config by itself."
)
_NOT_AMT = (
    "Something else than AMTOpCon answers at this address: a proxy, a load balancer or another web site.\n"
    "Compare SERVER_ADDRESS with the AMT installation, and ask the network's administrator for a direct way there."
)
LATER = "The server is there and can't serve now. Look at the AMT web server, its log and any proxy before it."


def title_of(reply: Reply) -> str:
    """Return the title of a web page, masked and short; "" when it has none."""
    text = reply.conceal(reply.text)  # nothing is cut before it is masked: half a secret is not found
    found = re.search(r"<title[^>]{0,200}>([^<]*)", text, re.IGNORECASE)
    return excerpt(found[1]) if found else ""


def page_hint(status: int) -> str:
    """Return what to do about a web page that came in place of AMT's answer."""
    if status in {401, 403, 407}:
        return _SIGN_IN
    return LATER if status >= 500 else _NOT_AMT


def place_of(reply: Reply) -> str:
    """Return where a redirect leads, without user, query and fragment, which may hold a secret; "" for no redirect."""
    given = reply.conceal(reply.headers.get("location", "")) if 300 <= reply.status < 400 else ""
    try:
        parts = urlsplit(given)
        port = f":{parts.port}" if parts.port else ""
        scheme = f"{parts.scheme}:" if parts.scheme else ""
        host = f"{scheme}//{_host(parts.hostname or '')}{port}"
    except ValueError:  # no address that could be read
        return "an address that can't be read"
    return excerpt((host if parts.hostname else "") + parts.path, 120)


def redirect_hint(reply: Reply) -> str:
    """Return what to do about a redirect."""
    none = "The connector follows no redirect: its credentials go to SERVER_ADDRESS alone."
    try:
        parts = urlsplit(reply.conceal(reply.headers.get("location", "")))
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return f"{none}\n{_NOT_AMT}"
    if not parts.hostname or parts.scheme not in {"http", "https"}:
        return f"{none}\n{_NOT_AMT}"
    address = excerpt(f"{_host(parts.hostname)}:{port}", 120)
    uses_tls = parts.scheme == "https"
    return f"{none} If AMT is really served there, set:\nSERVER_ADDRESS={address}\nSERVER_USES_TLS={uses_tls}"


def _host(name: str) -> str:
    return f"[{name}]" if ":" in name else name
