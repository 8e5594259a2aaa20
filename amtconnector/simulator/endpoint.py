"""One HTTP request from its first byte to its last: log, fault, execution, answer."""

from __future__ import annotations

import asyncio
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from amtconnector.simulator.amtopcon import ACTIONS, AmtOpCon, Received
from amtconnector.simulator.answer import Answer, Refusal
from amtconnector.simulator.misbehaviour import deliver, end_early, send
from amtconnector.simulator.requests import read_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope, Send

    from amtconnector.simulator.contract import Contract
    from amtconnector.simulator.faults import Armed, FaultTable
    from amtconnector.simulator.store import Store

MASK = "********"


class Endpoint:
    """The ASGI application that serves AMTOpCon's routes and refuses all others."""

    def __init__(self, service: AmtOpCon, faults: FaultTable, store: Store, contract: Contract) -> None:
        self._service = service
        self._faults = faults
        self._store = store
        self._contract = contract

    async def __call__(self, scope: Scope, receive: Receive, send_: Send) -> None:
        """Serve one request."""
        body = await Request(scope, receive).body()
        received, refusal = self._read(scope, body)
        task = self._service.target(received)
        job = str(received.body.get(self._contract.member("JobName"), "")) if task is None else task.job.name
        armed = self._faults.take(received.call, job)
        logged = _masked(received.body, self._contract.member("Password"))
        noted = _Noted(self._store, scope, received, logged, armed)
        try:
            await self._serve((scope, receive, send_), received, refusal, noted)
        finally:
            noted.save()

    def _read(self, scope: Scope, body: bytes) -> tuple[Received, Refusal | None]:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        path, method = scope["path"], scope["method"]
        call = self._contract.routes.get((path, method), "unknown")
        refusal, values = None, {}
        if call == "unknown":
            methods = ", ".join(self._contract.methods(path))
            refusal = Refusal(405, headers=(("allow", methods),)) if methods else Refusal(404)
        elif method not in ("GET", "DELETE"):
            try:
                values = read_object(body, headers)
            except Refusal as error:
                refusal = error
        if call == "action":
            action = values.get(self._contract.member("Action"))
            call = ACTIONS.get(action, call) if isinstance(action, str) else call
        return Received(call, headers, scope["query_string"], values), refusal

    async def _serve(
        self, asgi: tuple[Scope, Receive, Send], received: Received, refusal: Refusal | None, noted: _Noted
    ) -> None:
        fault = noted.armed.fault if noted.armed else None
        if fault and fault.delay:
            await asyncio.sleep(fault.delay)
        if fault and not fault.executes:
            noted.status = await end_early(fault, asgi)
            return
        answer = self._executed(received, refusal, noted)
        if fault and fault.delay_after:
            await asyncio.sleep(fault.delay_after)
        noted.status = await (deliver(fault, answer, asgi) if fault else send(answer, asgi))

    def _executed(self, received: Received, refusal: Refusal | None, noted: _Noted) -> Answer:
        try:
            answer = self._service.answer(received) if refusal is None else self._refused(received, refusal)
        except Refusal as error:
            return error.answer()
        except Exception:  # noqa: BLE001 - a defect of the simulator is shown to both sides, and it goes on serving
            traceback.print_exc(file=sys.stderr)
            return Refusal(500, "The simulator has a defect; its own output shows it.").answer()
        if refusal is None:
            noted.note_executed(answer)
        return answer

    def _refused(self, received: Received, refusal: Refusal) -> Answer:
        if received.call == "action":
            # As ASP.NET Core does it: who asks comes before what is asked.
            self._service.authenticate(received)
        return refusal.answer()


class _Noted:
    """A request's line in the log, from its receipt on."""

    def __init__(self, store: Store, scope: Scope, received: Received, body: object, armed: Armed | None) -> None:
        self._store = store
        self._started = time.monotonic()
        self.armed = armed
        self.status: int | None = None
        self._facts: dict[str, Any] = {
            "time": time.time(),
            "connection": scope["state"]["connection"],
            "client_port": scope["client"][1] if scope.get("client") else 0,
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode("latin-1"),
            "headers": dict(received.headers),
            "call": received.call,
            "body": body,
            "fault": f"{armed.number} {armed.fault.kind}" if armed else None,
            "executed": False,
            "status": None,
            "seconds": None,
        }
        self._number = store.add_request(self._facts)

    def note_executed(self, answer: Answer) -> None:
        """Note that the request took effect, before anybody learns of it."""
        self._facts |= {"executed": True, "answer_bytes": answer.length}
        self._store.update_request(self._number, self._facts)

    def save(self) -> None:
        """Note what became of the request; `status` None means that no answer was sent."""
        self._facts |= {"status": self.status, "seconds": round(time.monotonic() - self._started, 6)}
        self._store.update_request(self._number, self._facts)


def _masked(body: Mapping[str, object], password: str) -> object:
    """Return a request's JSON body for the log, a logon's password left out; None when there is none."""
    return {name: MASK if name in (password, "Password") else value for name, value in body.items()} or None
