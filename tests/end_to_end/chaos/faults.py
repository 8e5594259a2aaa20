"""What can go wrong with a call, each with its name: all that the interface's description classifies."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of the simulator. `is_lasting`: it may hit every call; else it hits a few."""

    name: str
    call: str
    kind: str
    details: dict[str, Any] = field(default_factory=dict)
    is_lasting: bool = True
    needs_tls: bool = False

    @property
    def label(self) -> str:
        """The call and what happens to it."""
        return f"{self.call}: {self.name}"

    def drawn(self, chance: random.Random) -> Fault:
        """Return the fault with a number of calls to hit and to spare."""
        count = chance.choice((1, 1, 2, 3) if self.call in {"logon", "start"} else (1, 1, 2, 3, 6))
        if self.is_lasting and chance.random() < 0.2:
            count = 0
        spared = 0 if self.call in {"start", "kill", "logon"} else chance.choice((0, 0, 1, 2, 4))
        if self.call == "connection":
            spared = chance.choice((0, 1, 1, 2, 4))
        return replace(self, details={**self.details, "count": count, "after": spared})


def _status(number: int, **details: Any) -> dict[str, Any]:
    return {"kind": "status", "details": {"status": number, **details}}


_ANY: dict[str, dict[str, Any]] = {
    "reset before": {"kind": "reset-before"},
    "reset after": {"kind": "reset-after"},
    "close before": {"kind": "close-before"},
    "close after": {"kind": "close-after"},
    "hang before": {"kind": "hang-before"},
    "hang after": {"kind": "hang-after"},
    "late execution": {"kind": "delay", "details": {"delay": 0.7}},
    "late answer": {"kind": "delay", "details": {"delay_after": 0.7}},
    "truncated by a close": {"kind": "truncated"},
    "truncated by a reset": {"kind": "truncated", "details": {"ends_with": "reset", "bytes": 1}},
    "drip": {"kind": "drip", "details": {"pause": 0.01}},
    "slow drip": {"kind": "drip", "details": {"pause": 0.3}},
    "html": {"kind": "content", "details": {"content": "html"}},
    "text": {"kind": "content", "details": {"content": "text"}},
    "no JSON": {"kind": "content", "details": {"content": "not-json"}},
    "no UTF-8": {"kind": "content", "details": {"content": "not-utf-8"}},
    "gzip that is none": {"kind": "content", "details": {"body": "{}", "headers": {"Content-Encoding": "gzip"}}},
    "302": _status(302, headers={"Location": "/elsewhere"}),
    **{str(number): _status(number) for number in (400, 404, 405, 408, 409, 500, 502, 503, 504)},
    "500 after execution": _status(500, executed=True),
    "429": _status(429),
    "429 with Retry-After 1": _status(429, headers={"Retry-After": "1"}),
    "503 with Retry-After 0": _status(503, headers={"Retry-After": "0"}),
    "401": {"kind": "unauthorized"},
    "403": _status(403),
}
_EMPTY: dict[str, dict[str, Any]] = {
    "empty": {"kind": "content", "details": {"content": "empty"}},
    "null": {"kind": "content", "details": {"content": "null"}},
    "too big": {"kind": "big"},
}
_START: dict[str, dict[str, Any]] = {
    **_EMPTY,
    "429 for an hour": _status(429, headers={"Retry-After": "3600"}),
    "503 for an hour": _status(503, headers={"Retry-After": "3600"}),
    "other members": {"kind": "content", "details": {"body": '{"Result": "queued"}'}},
    "id true": {"kind": "content", "details": {"body": '{"BatchRequestId": true}'}},
    "id 0": _status(200, body='{"BatchRequestId": 0}'),
    "id 0 and 99": _status(200, body='{"BatchRequestId": 0, "Status": 99}'),
}
_STATUS: dict[str, dict[str, Any]] = {
    **_EMPTY,
    "another request's": {"kind": "content", "details": {"body": '{"BatchRequestId": 1, "Status": 4}'}},
    "status true": {"kind": "content", "details": {"body": '{"Status": true}'}},
    "unknown status": {"kind": "content", "details": {"body": '{"Status": 77}'}},
}
_LOGON: dict[str, dict[str, Any]] = {
    "empty token": {"kind": "content", "details": {"body": '{"AmtLogonToken": ""}'}},
    "no token": {"kind": "content", "details": {"body": "{}"}},
    "503 for an hour": _status(503, headers={"Retry-After": "3600"}),
}
_MESSAGES: dict[str, dict[str, Any]] = {
    # A list of messages has no limit in time: one byte after the other would take hours.
    "drip": {"kind": "drip", "details": {"pause": 0.01, "bytes": 4000}},
    "slow drip": {"kind": "drip", "details": {"pause": 0.3, "bytes": 40000}},
}
_BY_CALL: dict[str, dict[str, dict[str, Any]]] = {
    "start": _START,
    "status": _STATUS,
    "messages": _MESSAGES,
    "logon": _LOGON,
    "kill": {},
}
_ENDS_AT_ONCE = {"401", "403", "400", "404", "405", "302", "html", "text", "empty token", "no token", "503 for an hour"}


def _is_lasting(call: str, name: str) -> bool:
    # A lasting fault of logon or start that is tried again takes a minute: patience.py has these.
    return call not in {"logon", "start"} or name in _ENDS_AT_ONCE


FAILURES: tuple[Fault, ...] = (
    *(
        Fault(name, call, is_lasting=_is_lasting(call, name), **how)
        for call, own in _BY_CALL.items()
        for name, how in {**_ANY, **own}.items()
    ),
    Fault("reset right after the TCP handshake", "connection", "reset-before", is_lasting=False, needs_tls=True),
)
