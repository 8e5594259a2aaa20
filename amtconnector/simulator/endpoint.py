"""One HTTP request from its first byte to its last: log, fault, execution, answer."""

from __future__ import annotations

import asyncio
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from amtconnector.simulator.answer import Answer, Refusal
from amtconnector.simulator.masking import masked
from amtconnector.simulator.misbehaviour import deliver, end_early, send
from amtconnector.simulator.requests import read

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from amtconnector.simulator.amtopcon import AmtOpCon
    from amtconnector.simulator.contract import Contract
    from amtconnector.simulator.faults import Armed, FaultTable
    from amtconnector.simulator.requests import Received
    from amtconnector.simulator.store import Store


class Endpoint:
    """The ASGI application that serves AMTOpCon's routes and refuses all others."""

    def __init__(self, service: AmtOpCon, faults: FaultTable, store: Store, contract: Contract) -> None:
        self._service = service
        self._faults = faults
        self._store = store
        self._contract = contract

    async def __call__(self, scope: Scope, receive: Receive, send_: Send) -> None:
        """Serve one request."""
        content = await Request(scope, receive).body()
        received = read(scope, content, self._contract)
        task = self._service.target(received)
        armed = self._faults.take(received.name, received.text("JobName") if task is None else task.job.name)
        noted = _Noted(self._store, scope, received, armed)
        try:
            await self._serve((scope, receive, send_), received, noted)
        finally:
            noted.save(status=noted.status, seconds=round(time.monotonic() - noted.started, 6))

    async def _serve(self, asgi: tuple[Scope, Receive, Send], received: Received, noted: _Noted) -> None:
        fault = noted.armed.fault if noted.armed else None
        if fault and fault.delay:
            await asyncio.sleep(fault.delay)
        if fault and not fault.executes:
            expired = Refusal(401, "The logon token has expired.", kind="token")
            noted.status = await end_early(fault, self._service.refused(expired), asgi)
            return
        answer = self._executed(received, noted)
        if fault and fault.delay_after:
            await asyncio.sleep(fault.delay_after)
        noted.status = await (deliver(fault, answer, asgi) if fault else send(answer, asgi))

    def _executed(self, received: Received, noted: _Noted) -> Answer:
        try:
            answer = self._service.answer(received)
        except Refusal as error:
            answer = self._service.refused(error)
            noted.save(status=answer.status)  # as below: whoever is refused may send the same again
            return answer
        except Exception:  # noqa: BLE001 - a defect of the simulator is shown to both sides, and it goes on serving
            traceback.print_exc(file=sys.stderr)
            return Refusal(500, "The simulator has a defect; its own output shows it.").answer()
        noted.save(executed=True, answer_bytes=answer.length)  # before anybody learns of it
        return answer


class _Noted:
    """A request's line in the log, from its receipt on."""

    def __init__(self, store: Store, scope: Scope, received: Received, armed: Armed | None) -> None:
        self._store = store
        self.started = time.monotonic()
        self.armed = armed
        self.status: int | None = None
        self._facts: dict[str, Any] = {
            "time": time.time(),
            "connection": scope["state"]["connection"],
            "client_port": scope["client"][1] if scope.get("client") else 0,
            "method": scope["method"],
            "path": scope["path"],
            **masked(received, scope["query_string"].decode("latin-1")),
            "call": received.name,
            "fault": f"{armed.number} {armed.fault.kind}" if armed else None,
            "executed": False,
            "status": None,
            "seconds": None,
        }
        self._number = store.add_request(self._facts)

    def save(self, **facts: Any) -> None:
        """Note what became of the request; `status` None means that no answer was sent."""
        self._facts |= facts
        self._store.update_request(self._number, self._facts)
