"""A request's line in the simulator's log, at the moments at which the simulator can be killed."""

from __future__ import annotations

import asyncio
from typing import Any

from amtconnector.simulator import definitions
from amtconnector.simulator.server import Options, Simulator


def test_a_refusal_is_noted_before_anybody_learns_of_it() -> None:
    """Whoever hears of it may send the same again; in the log it must not look like a request of unknown fate."""
    simulator = Simulator(definitions.parse(""), Options())
    noted: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            (request,) = simulator.store.requests()
            noted.append((request["call"], request["executed"], request["status"], message["status"]))

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/api/MonitorJob",
        "query_string": b"BatchRequestId=2112",
        "headers": [],
        "state": {"connection": simulator.note_connection(0)},
    }
    asyncio.run(simulator.application(scope, receive, send))
    simulator.store.close()
    assert noted == [("status", False, 401, 401)]
