"""The administrators' interface below `/simulator`: the truth about every task and request, and the faults.

It is no part of AMTOpCon: tests and engineers use it, the connector never does.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import Route

from amtconnector.simulator.faults import Armed, FaultTable, read_fault
from amtconnector.simulator.messages import Wrapping
from amtconnector.simulator.statuses import name_of, number_of
from amtconnector.simulator.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from amtconnector.simulator.scheduler import Scheduler
    from amtconnector.simulator.store import Store
    from amtconnector.simulator.task import Task


class Admin:
    """The endpoints of the administrators' interface."""

    def __init__(self, scheduler: Scheduler, store: Store, faults: FaultTable, clock: Callable[[], float]) -> None:
        self._scheduler = scheduler
        self._store = store
        self._faults = faults
        self._clock = clock

    def routes(self) -> list[Route]:
        """Return the routes, all below `/simulator`."""
        return [
            Route("/simulator/summary", self.summary, methods=["GET"]),
            Route("/simulator/tasks", self.tasks, methods=["GET"]),
            Route("/simulator/tasks/{id:int}", self.task, methods=["GET", "POST", "DELETE"]),
            Route("/simulator/requests", self.requests, methods=["GET", "DELETE"]),
            Route("/simulator/faults", self.faults, methods=["GET", "POST", "PUT", "DELETE"]),
            Route("/simulator/faults/{number:int}", self.fault, methods=["DELETE"]),
            Route("/simulator/tokens", self.tokens, methods=["DELETE"]),
        ]

    async def summary(self, _request: Request) -> Response:
        """Answer how many connections, requests, logons and starts there have been."""
        return _json(summary_of(self._store))

    async def tasks(self, request: Request) -> Response:
        """Answer every task, oldest first; with `?messages=true` its messages too."""
        with_messages = request.query_params.get("messages") == "true"
        return _json([self._facts(task, with_messages=with_messages) for task in self._scheduler])

    async def task(self, request: Request) -> Response:
        """Answer one task with its messages; POST `{"ends": status}` ends it, DELETE makes the server forget it."""
        found = next((task for task in self._scheduler if task.id == request.path_params["id"]), None)
        if found is None:
            return _json({"error": "no such task"}, 404)
        if request.method == "POST":
            try:
                self._scheduler.end(found, number_of((await request.json()).get("ends")))
            except (ValueError, AttributeError):
                return _json({"error": 'expected {"ends": a status}'}, 400)
        if request.method == "DELETE":
            self._scheduler.remove(found)
        return _json(self._facts(found, with_messages=True))

    async def requests(self, request: Request) -> Response:
        """Answer the log of requests, oldest first: `?after=NUMBER` and `?call=NAME` narrow it. DELETE empties it."""
        if request.method == "DELETE":
            self._store.clear_requests()
            return _json([])
        after, call = request.query_params.get("after", "0"), request.query_params.get("call")
        if not after.isdecimal():
            return _json({"error": "after: expected a number"}, 400)
        found = self._store.requests(int(after))
        return _json([facts for facts in found if call is None or facts["call"] == call])

    async def faults(self, request: Request) -> Response:
        """Answer the faults that are switched on. POST adds one or a list, PUT replaces all, DELETE removes all."""
        if request.method in ("POST", "PUT"):
            problems: list[str] = []
            try:
                values = await request.json()
            except ValueError:
                values = None
            items = values if isinstance(values, list) else [values]
            added = [read_fault(Table(item, f"faults[{n}]", problems)) for n, item in enumerate(items, 1)]
            if problems:
                return _json({"error": "; ".join(problems)}, 400)
            if request.method == "PUT":
                self._faults.remove()
            return _json([_fault_facts(self._faults.add(fault)) for fault in added])
        if request.method == "DELETE":
            self._faults.remove()
        return _json([_fault_facts(armed) for armed in self._faults])

    async def fault(self, request: Request) -> Response:
        """Switch one fault off."""
        removed = self._faults.remove(request.path_params["number"])
        return _json({"removed": removed}, 200 if removed else 404)

    async def tokens(self, _request: Request) -> Response:
        """Make every token invalid, as an expiry does."""
        self._store.drop_tokens()
        return _json({})

    def _facts(self, task: Task, *, with_messages: bool) -> dict[str, Any]:
        now = self._clock()
        facts: dict[str, Any] = {
            "id": task.id,
            **asdict(task.order),
            "queued_in": task.queue,
            "submitted_at": task.submitted_at,
            "starts_at": _finite(task.starts_at),
            "ends_at": _finite(task.ends_at),
            "status": task.status(now),
            "status_name": name_of(task.status(now)),
            "final_status": task.final_status,
            "has_ended": task.has_ended(now),
            "cut_by": task.cut_by if task.is_cut else "",
            "is_forgotten": task.is_forgotten(now),
            "timeline": [{"at": at, "status": status} for at, status in task.timeline()],
        }
        if with_messages:
            facts["messages"] = json.loads(b"[%s]" % b"".join(task.message_pieces(now, Wrapping())))
        return facts


def summary_of(store: Store) -> dict[str, Any]:
    """Count what the log of requests holds."""
    received: Counter[str] = Counter()
    executed: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    starts: Counter[str] = Counter()
    for facts in store.requests():
        received[facts["call"]] += 1
        executed[facts["call"]] += facts["executed"]
        statuses[f"{facts['call']} {facts['status']}"] += 1
        if facts["call"] == "start" and facts["executed"]:
            starts[json.dumps(facts["body"], sort_keys=True)] += 1
    return {
        "connections": store.connections(),
        "requests": dict(received),
        "executed": dict(executed),
        "answers": dict(statuses),
        "starts": [{"count": count, "body": json.loads(body)} for body, count in starts.items()],
        "rejected_logons": store.rejections(),
    }


def _fault_facts(armed: Armed) -> dict[str, Any]:
    return {"number": armed.number, "seen": armed.seen, "fired": armed.fired, **asdict(armed.fault)}


def _finite(moment: float) -> float | None:
    return moment if math.isfinite(moment) else None


def _json(value: object, status: int = 200) -> Response:
    # Escaped: a message may hold a lone surrogate, which UTF-8 can't.
    return Response(json.dumps(value), status, media_type="application/json")
