"""The relay passes everything on and measures how long a client takes over the server's first bytes."""

from __future__ import annotations

import socket
import threading

from amtconnector.lab.acceptance.relay import Relay


def echoing_server() -> tuple[socket.socket, threading.Thread]:
    """Return a server that answers one client's first bytes, reads on to the end, and says what came."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        client, _ = listening.accept()
        with listening, client:
            client.sendall(b"certificate for " + client.recv(100))
            while chunk := client.recv(100):
                client.sendall(chunk)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return listening, thread


def test_a_conversation_passes_and_one_time_is_taken() -> None:
    """What the client sends after the server has spoken is its answer to the certificate; the rest is no handshake."""
    listening, server = echoing_server()
    with Relay(listening.getsockname()[1]) as relay, socket.create_connection(("127.0.0.1", relay.port)) as client:
        client.sendall(b"hello")
        assert client.recv(100) == b"certificate for hello"
        assert relay.handshakes_s == []
        for text in (b"key", b"request"):
            client.sendall(text)
            assert client.recv(100) == text
        client.shutdown(socket.SHUT_WR)
        assert client.recv(100) == b""
    server.join(10)
    [seconds] = relay.handshakes_s
    assert 0 < seconds < 10
