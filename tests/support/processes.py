"""Starts the programs under test; from source, in a few milliseconds of what Python needs to import them.

`start` is `subprocess.Popen` for everything that it does not know. `python -m amtconnector`, `encrypt`,
`amtconnector.lab` and `amtconnector.simulator` become a fork of a process that has imported them, one for each process
of pytest. What comes of it is a child of pytest's with an id, an exit code, signals, standard streams, a folder, an
environment, arguments and module state of its own, so a test sees no difference. What it does not prove is the start
itself: the order of imports, what Python and its libraries read before the first line of ours, and a seed of hashes
for each process. So a real process starts where a test asks for anything of that (variables other than HOME, TMPDIR and
SMA_*, ignored signals, options of Popen), where it calls `subprocess` itself, where coverage is measured, on Windows,
with AMT_TEST_REAL_PROCESSES=1, and for every built program: .ci/run tries those with the same tests.
"""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MODULES = ("amtconnector", "encrypt", "amtconnector.lab", "amtconnector.simulator")
_OPTIONS = {"cwd", "encoding", "env", "errors", "start_new_session", "stderr", "stdin", "stdout", "text"}
_VARIABLES = ("HOME", "SMA_", "TMPDIR")
_KEPT = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "PROGRAMDATA", "COVERAGE_PROCESS_CONFIG")
_REAL = {"AMT_TEST_REAL_PROCESSES", "COVERAGE_PROCESS_CONFIG"}
_PR_SET_CHILD_SUBREAPER = 36
_SERVER = Path(__file__).with_name("fork_server.py")


def clean_environment(home: Path) -> dict[str, str]:
    """Return an environment with the least that a program needs, and a home folder of its own."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "HOME": str(home), "LC_ALL": "C.UTF-8"}


def start(command: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
    """Start a program with options of `subprocess.Popen`."""
    return (Forked if _can_fork(command, options) else subprocess.Popen)(command, **options)


def run(
    command: Sequence[str], *, entered: str = "", timeout_s: float = 120, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, with what is entered on stdin; stdout and stderr are captured as text."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with start(command, **pipes, encoding="utf-8", **options) as process:
        try:
            output, errors = process.communicate(entered, timeout_s)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def _can_fork(command: Sequence[str], options: Mapping[str, Any]) -> bool:
    return (
        sys.platform == "linux"
        and not os.environ.keys() & _REAL
        and (*command[:2],) == (sys.executable, "-m")
        and command[2] in _MODULES
        and options.keys() <= _OPTIONS
        and all(name.startswith(_VARIABLES) for name in _changed(options.get("env") or os.environ))
        and all(signal.getsignal(number) != signal.SIG_IGN for number in (1, 2, 15))
    )


def _changed(environment: Mapping[str, str]) -> set[str]:
    usual = clean_environment(Path())
    return {name for name, _ in environment.items() ^ usual.items()}


class _Server:
    """The process that forks. It is started with the first request."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._channel: socket.socket | None = None

    def fork(self, request: Mapping[str, object], descriptors: Sequence[int]) -> int:
        """Return the id of a new child of this process."""
        with self._lock:
            channel = self._channel = self._channel or self._started()
            _adopt(True)  # only now: orphans of others are none of our business
            try:
                socket.send_fds(channel, [json.dumps(request).encode()], descriptors)
                pid = int(channel.recv(20))
            finally:
                _adopt(False)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)  # raises where it is not a child
        return pid

    def _started(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            descriptor = theirs.fileno()
            process = subprocess.Popen(
                [sys.executable, str(_SERVER), str(descriptor)],
                pass_fds=[descriptor],
                env=clean_environment(Path("/nonexistent")),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        atexit.register(process.wait)
        atexit.register(ours.close)  # which ends it; before the waiting
        return ours


def _adopt(is_on: bool) -> None:  # noqa: FBT001 - as the system's function has it
    if ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(is_on), 0, 0, 0):
        raise OSError("prctl")


_server = _Server()


class Forked(subprocess.Popen[Any]):
    """A child that was not started by this process: all but its birth is Popen's."""

    def _execute_child(self, args: Sequence[str], *rest: Any) -> None:
        folder, environment, *streams, starts_session = *rest[4:6], *rest[9:15], rest[20]
        request = {
            "module": args[2],
            "arguments": args[3:],
            "folder": str(Path(folder or "").absolute()),
            "environment": dict(environment or os.environ),
            "starts_session": starts_session,
        }
        given = (streams[0], streams[3], streams[5])
        self.pid = _server.fork(request, [number if given[number] == -1 else given[number] for number in range(3)])
        self._child_created = True
        self._close_pipe_fds(*streams)  # type: ignore[attr-defined]
