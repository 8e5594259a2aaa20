"""Build the requests of the wire contract from a profile and the values of a run."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple, TypeAlias
from urllib.parse import quote, urlencode

from amtconnector.amtopcon.wire.profile import PLACEHOLDER
from amtconnector.text import described

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amtconnector.amtopcon.wire.profile import Call, CallName, Profile, Template
    from amtconnector.task import RequestId, Task

Value: TypeAlias = "str | int | list[str]"


class Request(NamedTuple):
    """One request, ready to be sent: verb, path with query, JSON body (None when there is none).

    The body of a logon holds the password, so it stays out of the `repr`.
    """

    call: CallName
    method: str
    target: str
    body: bytes | None

    def __repr__(self) -> str:
        return described(self, "body")


def heartbeat(profile: Profile) -> Request:
    """Ask whether the service is alive."""
    return _request(profile.calls["heartbeat"], {})


def logon(profile: Profile, user: str, password: str) -> Request:
    """Ask for a token."""
    return _request(profile.calls["logon"], {"user": user, "password": password})


def start(profile: Profile, task: Task) -> Request:
    """Start a task; every member is always present, empty where nothing was given."""
    values: dict[str, Value] = {
        "application": task.application,
        "job": task.job,
        "script": task.script,
        "submit_user": task.submit_user,
        "run_as": task.user,
        "station": task.station,
        "queue": task.queue,
        "task_values": list(task.task_values),
        "parameters": list(task.parameters),
    }
    return _request(profile.calls["start"], values)


def about(profile: Profile, call: CallName, request_id: RequestId) -> Request:
    """Make a call about one batch request: its status, its messages, stop or kill."""
    return _request(profile.calls[call], {"request_id": request_id.json_value})


def token_header(profile: Profile, token: str) -> tuple[str, str]:
    """Return the name and the value of the header that carries the token."""
    return profile.token_header, profile.token_value.replace("{token}", token)


def _request(call: Call, values: Mapping[str, Value]) -> Request:
    path = PLACEHOLDER.sub(lambda match: quote(str(values[match[1]]), safe=""), call.path)
    query = urlencode({name: _embedded(text, values) for name, text in call.query.items()})
    body = None if call.body is None else json.dumps(_filled(call.body, values), separators=(",", ":")).encode("ascii")
    return Request(call.name, call.method, f"{path}?{query}" if query else path, body)


def _filled(template: Template, values: Mapping[str, Value]) -> object:
    if isinstance(template, dict):
        return {name: _filled(entry, values) for name, entry in template.items()}
    if isinstance(template, list):
        return [_filled(entry, values) for entry in template]
    if not isinstance(template, str):
        return template
    alone = re.fullmatch(PLACEHOLDER, template)
    return values[alone[1]] if alone else _embedded(template, values)


def _embedded(text: str, values: Mapping[str, Value]) -> str:
    return PLACEHOLDER.sub(lambda match: str(values[match[1]]), text)
