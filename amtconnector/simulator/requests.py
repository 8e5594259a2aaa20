"""What a client has to send: the checks that a strict server makes before it does anything."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from amtconnector.simulator.answer import Refusal
from amtconnector.simulator.task import Order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amtconnector.simulator.contract import Contract

TEXTS = ("Action", "ApplicationName", "JobName", "ScriptName", "SubmitUser", "User", "Station", "QueueName")
LISTS = ("TaskValues", "Parameters")
_ID = re.compile(r"(?:AMT-)?([0-9]{1,40})", re.ASCII)
_INTEGER = re.compile(r"[+-]?[0-9]{1,40}", re.ASCII)


def read_object(body: bytes, headers: Mapping[str, str]) -> dict[str, object]:
    """Return the JSON object that a request carries; raises Refusal (415, 400)."""
    if headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise Refusal(415)
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Refusal(400, errors={"$": ["The JSON value could not be converted to an object."]})
    return value


def check_members(body: Mapping[str, object], kinds: Mapping[str, type]) -> None:
    """Check that the body has these members, of these types, and no others; raises Refusal (400) with all problems."""
    errors = {name: ["This member is not known."] for name in body if name not in kinds}
    for name, kind in kinds.items():
        if name not in body:
            errors[name] = [f"The {name} field is required."]
        elif not _is(body[name], kind):
            errors[name] = [f"The JSON value could not be converted to {kind.__name__}."]
    if errors:
        raise Refusal(400, errors=errors)


def _is(value: object, kind: type) -> bool:
    if kind is list:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if kind is int and isinstance(value, float):
        return value.is_integer()  # JSON knows one kind of number
    return isinstance(value, kind) and not isinstance(value, bool)


def read_order(body: Mapping[str, object], contract: Contract) -> Order:
    """Read the body of a start: every member present; raises Refusal (400)."""
    kinds: dict[str, type] = {contract.member(name): str for name in TEXTS}
    kinds |= {contract.member(name): list for name in LISTS}
    check_members(body, kinds)

    def text(name: str) -> str:
        return str(body[contract.member(name)])

    def texts(name: str) -> tuple[str, ...]:
        items = body[contract.member(name)]
        return tuple(items) if isinstance(items, list) else ()

    return Order(
        application=text("ApplicationName"),
        job=text("JobName"),
        script=text("ScriptName"),
        submit_user=text("SubmitUser"),
        user=text("User"),
        station=text("Station"),
        queue=text("QueueName"),
        task_values=texts("TaskValues"),
        parameters=texts("Parameters"),
    )


def read_body_id(body: Mapping[str, object], contract: Contract) -> int:
    """Read the request id of a stop or kill: a number, or the word that a server with word ids gave; raises Refusal."""
    name = contract.member("BatchRequestId")
    value = body.get(name)
    if isinstance(value, str) and value.startswith("AMT-") and (word := _ID.fullmatch(value)):
        value = int(word[1])
    check_members({**body, name: value}, {contract.member("Action"): str, name: int})
    return int(value) if isinstance(value, (int, float)) else 0


def read_query_id(query: bytes, contract: Contract) -> int:
    """Read the request id of a query string; 0 for a number that can be none. Raises Refusal (400)."""
    name = contract.member("BatchRequestId")
    values = [value for key, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True) if key == name]
    if not values:
        raise Refusal(400, errors={name: [f"The {name} field is required."]})
    if found := _ID.fullmatch(values[0]):
        return int(found[1])
    if _INTEGER.fullmatch(values[0]):
        return 0
    raise Refusal(400, errors={name: [f"The value '{values[0]}' is not valid."]})
