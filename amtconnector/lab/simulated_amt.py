"""A simulator as a process of its own, which ends with this one, and the truth about what arrived there.

Only what docs/simulator.md documents is used: the command line and the administrators' interface.
"""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
import time
import urllib.request
from typing import TYPE_CHECKING, Any, Self

from amtconnector.lab.programs import environment_for_programs, lab_command, lab_line

if TYPE_CHECKING:
    from collections.abc import Callable

GREETING = "AMT simulator listening on "
_START_TIMEOUT_S = 90.0
_END_TIMEOUT_S = 5.0
_CALL_TIMEOUT_S = 20.0
_LOOK_INTERVAL_S = 0.05


class NotStarted(Exception):
    """The simulator did not start; the text says how to see why."""


class SimulatedAmt:
    """One simulator; `options` are those of `amt-lab simulator`."""

    def __init__(self, *options: str) -> None:
        self._options = options
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        """Start it and wait until it takes connections; raises NotStarted."""
        command = lab_command("simulator", *self._options, "--until-stdin-closes", "--quiet")
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=environment_for_programs(),
            # Out of reach of Ctrl-C: a run needs the server to end its task in good order.
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        try:
            self.url = _address(self._process)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()

    @property
    def address(self) -> str:
        """`host:port`, as SERVER_ADDRESS wants it."""
        return self.url.partition("://")[2]

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.url.rpartition(":")[2])

    def tasks(self, marker: str = "") -> list[dict[str, Any]]:
        """Return the tasks, oldest first, whose start has this text among its task values or parameters."""
        return [task for task in self.ask("GET", "tasks") if marker in json.dumps(task)]

    def starts(self, marker: str = "") -> int:
        """Return how many start requests with this text have been received."""
        return sum(marker in json.dumps(request["body"]) for request in self.ask("GET", "requests?call=start"))

    def asked(self, call: str) -> int:
        """Return how many requests of a call have been received."""
        return len(self.ask("GET", f"requests?call={call}"))

    def end_task(self, request_id: int, status: str) -> None:
        """End a task with a status, as an operator in AMT does."""
        self.ask("POST", f"tasks/{request_id}", {"ends": status})

    def add_fault(self, call: str, kind: str) -> None:
        """Let one call fail in this way."""
        self.ask("POST", "faults", {"call": call, "kind": kind})

    def clear_faults(self) -> None:
        """Switch every fault off."""
        self.ask("DELETE", "faults")

    def wait_until(self, condition: Callable[[SimulatedAmt], bool], within_s: float = 30) -> bool:
        """Wait until a condition on this simulator holds; say whether it came to hold."""
        deadline = time.monotonic() + within_s
        while not condition(self):
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOOK_INTERVAL_S)
        return True

    def ask(self, method: str, path: str, value: object = None) -> Any:
        """Make one request of the administrators' interface; raises OSError."""
        body = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(f"{self.url}/simulator/{path}", body, method=method)  # noqa: S310 - our own
        # It is on this machine: no proxy of the environment stands between, and its certificate is not the point.
        handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=_any_certificate())
        with urllib.request.build_opener(*handlers).open(request, timeout=_CALL_TIMEOUT_S) as answer:
            return json.load(answer)


def _address(process: subprocess.Popen[str]) -> str:
    stopper = threading.Timer(_START_TIMEOUT_S, process.kill)
    stopper.start()
    try:
        line = process.stdout.readline() if process.stdout else ""
    finally:
        stopper.cancel()
    if not line.startswith(GREETING):
        raise NotStarted(f"the simulator did not start. To see why:  {lab_line('simulator')}")
    return line.removeprefix(GREETING).strip()


def _any_certificate() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
