"""A process that has imported the connector and then becomes a run of it, by a fork, as often as it is asked to.

    python fork_server.py DESCRIPTOR

DESCRIPTOR is its end of a socket; `tests/support/processes.py` holds the other one, and says what is asked of it there.
"""

from __future__ import annotations

import atexit
import gc
import io
import json
import os
import pkgutil
import runpy
import socket
import sys
import threading
from contextlib import suppress
from importlib import import_module
from typing import Any, TextIO

import amtconnector

MOST_BYTES = 1 << 18  # more than a socket takes at once
IMPORTED_LATER = (
    *("cryptography.fernet", "difflib", "encodings.idna", "encodings.utf_16_be", "encodings.utf_8_sig", "stringprep"),
    *("h11", "importlib.readers", "uvicorn.lifespan.on", "uvicorn.loops.auto", "uvicorn.protocols.http.h11_impl"),
)
"""What a run and the simulator import of others when they need it."""


def import_everything() -> None:
    """Import what any of the programs imports on its way, except the modules that are the programs."""
    modules = [module.name for module in pkgutil.walk_packages(amtconnector.__path__, "amtconnector.")]
    for name in (*modules, *IMPORTED_LATER):
        if "windows" not in name and not name.endswith("__main__"):
            import_module(name)


def serve(channel: socket.socket) -> dict[str, Any]:
    """Fork for each request, answer with the process id, and return the request in the new process.

    A process in between ends at once, so that the new one becomes a child of the nearest subreaper: of the tests.
    """
    while True:
        content, descriptors, _, _ = socket.recv_fds(channel, MOST_BYTES, 3)
        if not content:
            os._exit(0)  # the tests have ended
        reading, writing = os.pipe()
        between = os.fork()
        if not between:
            if pid := os.fork():
                os.write(writing, str(pid).encode())
                os._exit(0)
            channel.detach()
            return take_over(json.loads(content), descriptors)
        os.waitpid(between, 0)
        channel.send(os.read(reading, 20))
        for descriptor in (reading, writing, *descriptors):
            os.close(descriptor)


def take_over(request: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
    """Let this process have the standard streams, session, folder, environment and arguments of a request."""
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    sys.stdin, sys.stdout, sys.stderr = map(reopened, (sys.stdin, sys.stdout, sys.stderr), range(3))
    if request["starts_session"]:
        os.setsid()
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.path[0] = os.getcwd()  # noqa: PTH109 - a text
    sys.argv[1:] = request["arguments"]
    return request


def reopened(stream: TextIO, number: int) -> TextIO:
    """Return a standard stream anew, for what descriptor 0, 1 or 2 has become."""
    raw = os.fdopen(number, "wb" if number else "rb", closefd=False)
    is_by_line = number == 2 or raw.isatty()
    return io.TextIOWrapper(raw, stream.encoding, stream.errors, line_buffering=is_by_line)


def leave(end: SystemExit) -> None:
    """End as Python does, but without taking every module apart, which copies the memory that is shared until then."""
    if threading.active_count() == 1 and isinstance(end.code, int | None):
        with suppress(OSError):  # Python itself shall make of it what it does
            sys.stdout.flush()
            sys.stderr.flush()
            atexit._run_exitfuncs()
            os._exit(end.code or 0)


if __name__ == "__main__":
    import_everything()
    gc.freeze()  # what is shared stays shared
    asked = serve(socket.socket(fileno=int(sys.argv[1])))
    try:
        runpy.run_module(asked["module"], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        leave(end)
        raise
