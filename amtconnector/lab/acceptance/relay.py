"""A TCP relay in front of a server, which sees how long the client takes over the server's certificate.

What a client sends after the server's first bytes is its answer to the certificate: its part of the key exchange, or
that it refuses. The time from the connection to that answer is the handshake as the client's user pays for it, whatever
library and system verify the chain.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from contextlib import suppress
from typing import Self

_CHUNK_BYTES = 65536
_LONGEST_WAIT_S = 60.0


class Relay:
    """Relays from a port of its own to a port of this machine while the `with` block lasts."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.handshakes_s: list[float] = []

    def __enter__(self) -> Self:
        """Begin to take connections."""
        threading.Thread(target=self._take_connections, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take no more."""
        # On Linux a close alone does not end an accept that is waiting.
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    @property
    def port(self) -> int:
        """The port at which clients connect."""
        return int(self._listening.getsockname()[1])

    def _take_connections(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        begun = time.monotonic()
        with (
            suppress(OSError),
            client,
            socket.create_connection(self._target) as server,
            selectors.DefaultSelector() as ready,
        ):
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            has_server_spoken = is_measured = False
            while events := ready.select(_LONGEST_WAIT_S):
                for key, _ in events:
                    if key.fileobj is client and has_server_spoken and not is_measured:
                        self.handshakes_s.append(time.monotonic() - begun)
                        is_measured = True
                    has_server_spoken |= key.fileobj is server
                    if not _passed_on(key.fileobj, key.data):
                        return


def _passed_on(source: object, target: socket.socket) -> bool:
    """Pass on what has come; say whether there was something."""
    chunk = source.recv(_CHUNK_BYTES) if isinstance(source, socket.socket) else b""
    target.sendall(chunk)
    return bool(chunk)
