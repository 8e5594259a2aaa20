"""Build the requests of the wire contract from a profile and the values of a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit

from amtconnector import __version__
from amtconnector.amtopcon.wire.filling import Filling, Value, sent_values
from amtconnector.errors import ConfigurationError, NotUnderstood
from amtconnector.named_tuple import NamedTuple
from amtconnector.text import described

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amtconnector.amtopcon.wire.profile import Call, CallName, Profile
    from amtconnector.task import RequestId, Task

_BEFORE_LOGON = frozenset({"heartbeat", "logon"})


class Request(NamedTuple):
    """One request, ready to be sent: verb, path with query, body (None when there is none), headers.

    `shown_target` is what may be shown of the target. The body of a logon holds the password, a header or the query the
    token, so they stay out of the `repr`.
    """

    call: CallName
    method: str
    target: str
    body: bytes | None
    headers: tuple[tuple[str, str], ...] = ()
    shown_target: str = ""

    def __repr__(self) -> str:
        return described(self._replace(target=self.shown_target or self.target), "body", "headers", "shown_target")


class Page(NamedTuple):
    """Which page of the messages: its name or number, how many messages stand on those before it.

    `address` is where the server says that it is, "" where it does not: path and query of it count, for the token goes
    to SERVER_ADDRESS alone.
    """

    name: int | str
    offset: int = 0
    address: str = ""


class Sender(NamedTuple):
    """Who sends, and what is known of the conversation: the run, its task, the token, the server's cookies.

    `task` is the one that the calls are about, None where it is not known; `started_by` is the id of the run that
    started it, "" where that is not known.
    """

    profile: Profile
    run_id: str = ""
    task: Task | None = None
    started_by: str = ""
    token: str | None = None
    cookies: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return described(self, "token", "cookies")


def heartbeat(sender: Sender) -> Request:
    """Ask whether the service is alive."""
    return _request(sender, "heartbeat", {})


def logon(sender: Sender, user: str, password: str) -> Request:
    """Ask for a token."""
    return _request(sender, "logon", {"user": user, "password": password, "basic": basic(user, password)})


def basic(user: str, password: str) -> str:
    """Return the credentials as HTTP Basic carries them."""
    from base64 import b64encode

    return b64encode(f"{user}:{password}".encode("utf-8", "surrogatepass")).decode()


def start(sender: Sender, task: Task) -> Request:
    """Start a task. Raises ConfigurationError for a value that this server's interface can't carry."""
    unused = sender.profile.calls["start"].unused
    for name, value in sent_values(task).items():
        if name in unused and value and value != _DEFAULTS.get(name):
            shown = ", ".join(value) if isinstance(value, tuple) else value
            raise ConfigurationError(
                f"The server's interface has no place for the {name.replace('_', ' ')} '{shown}': the wire profile "
                f"names {name} in calls.start.unused.",
                hint="Leave it out of the job, or give it a place in the wire profile.",
            )
    return _request(sender._replace(task=task, started_by=sender.run_id), "start", {})


def about(sender: Sender, call: CallName, request_id: RequestId, page: Page | None = None) -> Request:
    """Make a call about one batch request: its status, a page of its messages, stop or kill.

    Raises ConfigurationError where the profile sends what is not known of it.
    """
    page = page or Page(sender.profile.messages.pages.first)
    values = {"request_id": request_id.json_value, "page": page.name, "offset": page.offset}
    request = _request(sender, call, values)
    return request._replace(target=_target_at(page.address, request.target)) if page.address else request


def _target_at(address: str, first: str) -> str:
    """Return the target of a next page, with what the first one's query holds besides (a token, a version)."""
    base = urlsplit(first)
    try:
        place = urlsplit(urljoin(base.path, address))
    except ValueError as error:
        raise NotUnderstood("the address of the next page of messages can't be read") from error
    named = {name for name, _ in parse_qsl(place.query, keep_blank_values=True)}
    missing = [pair for pair in parse_qsl(base.query, keep_blank_values=True) if pair[0] not in named]
    path = quote(place.path, safe="/%!$&'()*+,;=:@~", errors="surrogatepass")
    query = "&".join(filter(None, (quote(place.query, safe="=&%+/?!$'()*,;:@~"), urlencode(missing))))
    return (path if path.startswith("/") else f"/{path}") + (f"?{query}" if query else "")


def logoff(sender: Sender) -> Request:
    """End the session."""
    return _request(sender, "logoff", {})


_DEFAULTS = {"submit_user": "BATCH", "station": "OPCON"}
"""What a job has without giving it."""


def _request(sender: Sender, name: CallName, own: Mapping[str, Value]) -> Request:
    profile = sender.profile
    call = _call(profile, name)
    token = sender.token if name not in _BEFORE_LOGON else None
    known = dict(own)
    if "request_id" not in own:
        known["run_id"] = sender.run_id
    elif sender.started_by:
        known["run_id"] = sender.started_by
    if token is not None:
        known["token"] = token
    if sender.task is not None:
        known |= sent_values(sender.task)
    filling = Filling(profile.not_given, known, sender.cookies, name)
    query = filling.pairs({**profile.query, **call.query})
    if token is not None and profile.token.query:
        query.append((profile.token.query, token))
    path = filling.path(call.path)
    encoded = urlencode(query, errors="surrogatepass")
    content_type, body = _body(call, filling, profile.token.body if token is not None else "", token or "")
    headers = _headers(sender, call, filling, content_type, token)
    target = f"{path}?{encoded}" if encoded else path
    return Request(name, call.method, target, body, headers, call.path if name == "logon" else "")


def _call(profile: Profile, name: CallName) -> Call:
    call = profile.calls.get(name)
    if call is None:
        raise ConfigurationError(
            f"The server has no call for this: the wire profile says calls.{name} = false.",
            hint="KILL ends a task where STOP can't be asked for." if name == "stop" else "",
        )
    return call


def _body(call: Call, filling: Filling, token_member: str, token: str) -> tuple[str, bytes | None]:
    """Return the type of the content and the content."""
    if call.form is not None:
        pairs = filling.pairs(call.form)
        if token_member:
            pairs.append((token_member, token))
        return "application/x-www-form-urlencoded", urlencode(pairs, errors="surrogatepass").encode("ascii")
    if call.body is None:
        return "", None
    document = filling.body(call.body)
    if token_member and isinstance(document, dict):
        document = {**document, token_member: token}
    return "application/json; charset=utf-8", json.dumps(document, separators=(",", ":")).encode("ascii")


def _headers(
    sender: Sender, call: Call, filling: Filling, content_type: str, token: str | None
) -> tuple[tuple[str, str], ...]:
    profile = sender.profile
    given = {name.lower(): (name, value) for name, value in _standard(sender, call, content_type)}
    for name, text in (*profile.headers.items(), *call.headers.items()):
        value = filling.parameter(text)
        if value is not None:
            given[name.lower()] = (name, value)
    places = profile.token
    if token is not None and places.header:
        given[places.header.lower()] = (places.header, places.value.replace("{token}", token))
    if token is not None and places.cookie:
        cookies = {**sender.cookies, places.cookie: token}
        given["cookie"] = ("Cookie", "; ".join(f"{name}={value}" for name, value in cookies.items()))
    for name, value in given.values():
        if not (value.isascii() and value.isprintable() and value.strip() == value != ""):
            raise ConfigurationError(
                f"The header {name} of the wire profile can't carry a value that this call has for it.",
                hint="Headers carry ASCII without line breaks; a query or a body carries every text.",
            )
    return tuple(given.values())


def _standard(sender: Sender, call: Call, content_type: str) -> list[tuple[str, str]]:
    """Return the headers that a profile may replace."""
    headers = [("Content-Type", content_type)] if content_type else []
    if sender.run_id:
        headers.append(("User-Agent", f"amt-connector/{__version__} run {sender.run_id}"))
    if call.name == "messages" and sender.profile.messages.form == "text":
        headers.append(("Accept", "text/plain"))
    elif sender.profile.answers_format == "xml":
        headers.append(("Accept", "application/xml"))
    return headers
