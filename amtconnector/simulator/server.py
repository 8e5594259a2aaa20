"""The simulator as a server: its parts put together, and uvicorn around them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount

from amtconnector.simulator.admin import Admin
from amtconnector.simulator.amtopcon import AmtOpCon
from amtconnector.simulator.endpoint import Endpoint
from amtconnector.simulator.faults import FaultTable
from amtconnector.simulator.page.guard import objection_to_a_browser
from amtconnector.simulator.page.page import Page
from amtconnector.simulator.page.view import World
from amtconnector.simulator.scheduler import Scheduler
from amtconnector.simulator.store import Store
from amtconnector.simulator.transport import ListeningSocket, protocol_noting

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send

    from amtconnector.simulator.definitions import Definitions

GRACE_S = 0.3


@dataclass(frozen=True, slots=True)
class Options:
    """How the simulator is served.

    `port` 0 takes a free one; `certificate` and `key` are PEM files, None for plain HTTP; `state` is a SQLite file,
    None for a memory that ends with the process.
    """

    host: str = "127.0.0.1"
    port: int = 0
    state: Path | None = None
    speed: float = 1
    certificate: Path | None = None
    key: Path | None = None
    has_admin: bool = True
    until_stdin_closes: bool = False


class Simulator:
    """Everything that lives as long as the process."""

    def __init__(self, definitions: Definitions, options: Options) -> None:
        self.store = Store(options.state)
        self.faults = FaultTable(definitions.faults)
        if not definitions.tokens_outlive_restart:
            self.store.drop_tokens()
        scheduler = Scheduler(definitions, self.store, speed=options.speed, clock=time.time)
        service = AmtOpCon(definitions, scheduler, self.store, clock=time.time)
        endpoint = Endpoint(service, self.faults, self.store, definitions.contract)
        admin = Admin(scheduler, self.store, self.faults, time.time)
        page = Page(World(definitions, scheduler, self.store, self.faults, options.speed))
        own = [*page.routes(), *admin.routes()] if options.has_admin else []
        self.application = _NotCounting(Starlette(routes=[*own, Mount("/", endpoint)]), self.store)

    def note_connection(self, client_port: int) -> int:
        """Note a connection; return its number."""
        return self.store.add_connection(time.time(), client_port)

    def resets_connection(self) -> bool:
        """Say whether the connection that is being accepted is to be reset."""
        is_hit = self.faults.take("connection") is not None
        if is_hit:
            self.note_connection(0)
        return is_hit


class _NotCounting:
    """Takes the connections of the administrators out of the count: a look must not change the truth.

    What another site's page makes a browser send to their interface is refused here.
    """

    def __init__(self, application: ASGIApp, store: Store) -> None:
        self._application = application
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/" or scope["path"].startswith("/simulator/"):
            self._store.drop_connection(scope["state"]["connection"])
        if scope["path"].startswith("/simulator/") and (objection := objection_to_a_browser(Request(scope))):
            await PlainTextResponse(objection, 403)(scope, receive, send)
        else:
            await self._application(scope, receive, send)


class _Server(uvicorn.Server):
    """uvicorn's server, with a word when it listens and an end that waits for nobody."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().call_later(GRACE_S, self._abort_connections)
        await super().shutdown(sockets)

    def _abort_connections(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()


def listen(options: Options, simulator: Simulator) -> ListeningSocket:
    """Open the listening socket; raises OSError."""
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    # The protocol by name: without it asyncio does not switch Nagle's delay off.
    listening = ListeningSocket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.resets = simulator.resets_connection
    if os.name == "posix":
        # A restart takes the same port while old connections linger.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((options.host, options.port))
    except OSError:
        listening.close()
        raise
    return listening


def serve(simulator: Simulator, options: Options, listening: ListeningSocket, ready: Callable[[], None]) -> None:
    """Serve until a signal comes or, if so wanted, stdin closes; `ready` is called when connections are taken."""
    config = uvicorn.Config(
        simulator.application,
        http=protocol_noting(simulator.note_connection),
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=1,
        ssl_certfile=options.certificate,
        ssl_keyfile=options.key,
    )
    server = _Server(config, ready)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, server.handle_exit)
    if options.until_stdin_closes:
        threading.Thread(target=_end_with_stdin, args=(server,), daemon=True).start()
    try:
        server.run(sockets=[listening])
    finally:
        simulator.store.close()


def _end_with_stdin(server: uvicorn.Server) -> None:
    # Not sys.stdin: its lock, held by a daemon thread, would abort the interpreter's end.
    while os.read(0, 1024):
        pass
    server.should_exit = True


def address(listening: socket.socket, *, uses_tls: bool) -> str:
    """Return the URL of a listening socket."""
    host, port = listening.getsockname()[:2]
    return f"{'https' if uses_tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
