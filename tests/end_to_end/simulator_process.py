"""The AMT simulator as a process of its own, for tests that want to know the truth about what arrived there.

    with SimulatorProcess(folder, JOBS) as simulator:
        config = write_config(simulator.address)             # "127.0.0.1:40123"
        simulator.add_fault("status", "reset-before", count=2)
        ... run the connector ...
        [task] = simulator.tasks()
        assert simulator.summary()["executed"]["logon"] == 1

Every wait has an end, and the simulator ends with the process that started it, whatever happens to that.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from threading import Thread
from typing import TYPE_CHECKING, Any, Self, TextIO

from amtconnector.simulator.certificates import self_signed
from tests.support import processes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

START_TIMEOUT_S = 30.0
CALL_TIMEOUT_S = 30.0
USER, PASSWORD = "ocadm", "opconxps"


class SimulatorProcess:
    """One simulator. `folder` takes its definitions, its state and its output, and survives restarts.

    `definitions` is TOML text, a file, or None for the example that ships with the simulator. With `tls` it serves
    HTTPS with a certificate for localhost and 127.0.0.1, signed by the CA in `ca_file`; `certificate` and `key` are
    PEM files to serve instead. `speed` is how many seconds of a job pass in one. `options` are further options of
    `amt-simulator`.
    """

    def __init__(
        self,
        folder: Path,
        definitions: str | Path | None = None,
        *,
        tls: bool = False,
        certificate: Path | None = None,
        key: Path | None = None,
        speed: float = 1,
        host: str = "127.0.0.1",
        port: int = 0,
        options: tuple[str, ...] = (),
    ) -> None:
        self.folder = folder
        self.host = host
        self.port = port
        self.speed = speed
        self.uses_tls = tls or certificate is not None
        self.ca_file = folder / "tls" / "ca.pem" if tls else certificate
        self._certificate = certificate
        self._key = key
        self._options = options
        self._definitions = self._file(definitions)
        self._process: subprocess.Popen[str] | None = None
        self._readers: list[Thread] = []
        self.output: list[str] = []
        # The simulator is on this machine: no proxy of the environment stands between.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def address(self) -> str:
        """`host:port`, as SERVER_ADDRESS wants it."""
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The base address, scheme included."""
        return f"{'https' if self.uses_tls else 'http'}://{self.address}"

    @property
    def pid(self) -> int:
        """The process id; raises RuntimeError when it does not run."""
        if self._process is None:
            raise RuntimeError("the simulator does not run")
        return self._process.pid

    def start(self) -> None:
        """Start it and return when it takes connections; the port stays the same from then on."""
        self._process = processes.start(
            self._command(),
            env=processes.clean_environment(self.folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="backslashreplace",
        )
        address = self._await_address(self._process)
        self.port = int(address.rpartition(":")[2])

    def stop(self) -> int:
        """Ask it to end, as an operator does, and return its exit code."""
        return self._end(subprocess.Popen.terminate)

    def kill(self) -> None:
        """End it at once, as a crash does. What it answered to is kept."""
        self._end(subprocess.Popen.kill)

    def restart(self, *, definitions: str | Path | None = None, after_s: float = 0) -> None:
        """Kill it and start it again on the same port with the same state; it is down for `after_s` seconds.

        New `definitions` may be given; tasks that exist keep the old ones.
        """
        self.kill()
        time.sleep(after_s)
        self._definitions = self._file(definitions) or self._definitions
        self.start()

    def summary(self) -> dict[str, Any]:
        """Return the counts: connections, requests and executed per call, starts with their bodies, answers."""
        return dict(self._admin("GET", "summary"))

    def tasks(self, *, messages: bool = False) -> list[dict[str, Any]]:
        """Return every task, oldest first: body of its start, times, timeline, status; `messages` if wanted."""
        return list(self._admin("GET", f"tasks?messages={str(messages).lower()}"))

    def task(self, request_id: int) -> dict[str, Any]:
        """Return one task with its messages in the order in which the server lists them."""
        return dict(self._admin("GET", f"tasks/{request_id}"))

    def messages(self, request_id: int) -> list[str]:
        """Return what a task has said up to now."""
        return list(self.task(request_id)["messages"])

    def end_task(self, request_id: int, status: int | str) -> None:
        """End a task with a status, as an operator in the Control Center does."""
        self._admin("POST", f"tasks/{request_id}", {"ends": status})

    def forget_task(self, request_id: int) -> None:
        """Make the server forget a task: every call about it is answered with 404."""
        self._admin("DELETE", f"tasks/{request_id}")

    def requests(self, call: str | None = None, *, after: int = 0) -> list[dict[str, Any]]:
        """Return the log of requests, oldest first; `call` and `after` (a request's number) narrow it."""
        found = self._admin("GET", f"requests?after={after}" + (f"&call={call}" if call else ""))
        return list(found)

    def clear_requests(self) -> None:
        """Empty the log of requests and with it the counts."""
        self._admin("DELETE", "requests")

    def add_fault(self, call: str, kind: str, **details: object) -> dict[str, Any]:
        """Switch a fault on behind those that are: see docs/simulator.md. Faults do not outlive a restart."""
        added = self._admin("POST", "faults", {"call": call, "kind": kind, **details})
        return dict(added[0])

    def faults(self) -> list[dict[str, Any]]:
        """Return the faults that are on, with how many calls each has `seen` and how often it has `fired`."""
        return list(self._admin("GET", "faults"))

    def clear_faults(self) -> None:
        """Switch every fault off."""
        self._admin("DELETE", "faults")

    def expire_tokens(self) -> None:
        """Make every logon token invalid."""
        self._admin("DELETE", "tokens")

    def wait_for(self, condition: Callable[[SimulatorProcess], bool], *, within_s: float = 20) -> None:
        """Wait until a condition on this simulator holds; raises TimeoutError with its requests when it does not."""
        deadline = time.monotonic() + within_s
        while not condition(self):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not so within {within_s:g} s; requests: {self.requests()}")
            time.sleep(0.05)

    def wait_for_call(self, call: str, *, count: int = 1, within_s: float = 20) -> None:
        """Wait until so many requests of a call have been received."""
        self.wait_for(lambda simulator: len(simulator.requests(call)) >= count, within_s=within_s)

    def _command(self) -> list[str]:
        command = [sys.executable, "-m", "amtconnector.simulator", "--until-stdin-closes", "--quiet"]
        command += ["--host", self.host, "--port", str(self.port), "--speed", str(self.speed)]
        command += ["--state", str(self.folder / "simulator.sqlite"), *self._options]
        certificate, key = self._certificate, self._key
        if self.uses_tls and certificate is None:
            made = self_signed(self.folder / "tls", self.host)
            certificate, key = made.certificate, made.key
        if certificate is not None:
            command += ["--tls-cert", str(certificate), "--tls-key", str(key)]
        return [*command, str(self._definitions)] if self._definitions else command

    def _file(self, definitions: str | Path | None) -> Path | None:
        if not isinstance(definitions, str):
            return definitions
        path = self.folder / "simulator.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(definitions, encoding="utf-8")
        return path

    def _await_address(self, process: subprocess.Popen[str]) -> str:
        """Return the address from the first line; the rest of the output is collected as it comes."""
        first: list[str] = []
        reader = Thread(target=self._collect, args=(process.stdout, first), daemon=True)
        reader.start()
        self._readers.append(reader)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not first and reader.is_alive() and time.monotonic() < deadline:
            time.sleep(0.01)
        if first and " listening on " in first[0]:
            return first[0].split()[-1]
        self.kill()
        raise RuntimeError("the simulator did not start:\n" + "".join(self.output))

    def _collect(self, stream: TextIO, first: list[str]) -> None:
        for line in stream:
            self.output.append(line)
            first.append(line)

    def _end(self, end: Callable[[subprocess.Popen[str]], None]) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        end(process)
        try:
            return process.wait(CALL_TIMEOUT_S)
        finally:
            for reader in self._readers:
                reader.join(CALL_TIMEOUT_S)
            self._readers.clear()
            for stream in (process.stdin, process.stdout):
                if stream:
                    stream.close()

    def _admin(self, method: str, path: str, value: object = None) -> Any:
        body = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(f"{self.url}/simulator/{path}", body, method=method)  # noqa: S310 - our own server
        opener = self._opener
        if self.uses_tls:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), self._tls_handler())
        try:
            with opener.open(request, timeout=CALL_TIMEOUT_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise RuntimeError(f"{method} {path}: {error.read().decode()}") from error

    def _tls_handler(self) -> urllib.request.HTTPSHandler:
        import ssl

        # Not what is tested here: a test may serve an expired or a foreign certificate on purpose.
        context = ssl._create_unverified_context()  # noqa: S323
        return urllib.request.HTTPSHandler(context=context)
