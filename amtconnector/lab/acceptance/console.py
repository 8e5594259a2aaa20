"""What a console tells a program: Ctrl-C, Ctrl-Break, and that it is closed.

On POSIX a terminal's signals stand for them. On Windows the connector is given a console of its own without a window,
and a process of the lab joins that console and lets the event happen there: it would hit the lab itself otherwise.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from amtconnector.lab.acceptance.check import Failed, NotTried
from amtconnector.lab.programs import lab_command

if TYPE_CHECKING:
    from amtconnector.lab.acceptance.agent import Started

_EVENT_TIMEOUT_S = 20.0
if sys.platform == "win32":
    _EVENTS = {"ctrl-c": 0, "ctrl-break": 0, "close": 0}
else:
    _EVENTS = {"ctrl-c": signal.SIGINT, "terminate": signal.SIGTERM, "close": signal.SIGHUP}


def is_wine() -> bool:
    """Say whether this is Windows as wine plays it."""
    if sys.platform == "win32":
        import ctypes

        return hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")
    else:  # noqa: RET505 - mypy takes the branches as those of the systems
        return False


def must_be_able_to(event: str) -> None:
    """Raise NotTried where an event (`ctrl-c`, `ctrl-break`, `close`) can't be brought about."""
    if is_wine() and event != "ctrl-c":
        raise NotTried("wine has no console for it")
    if event not in _EVENTS:
        raise NotTried(f"this system has no such event: {event}")


def tell(running: Started, event: str) -> None:
    """Let an event happen in a program's console: `ctrl-c`, `ctrl-break` or `close`; raises Failed."""
    if sys.platform == "win32":
        command = lab_command("console-event", str(running.process.pid), event)
        done = subprocess.run(command, capture_output=True, timeout=_EVENT_TIMEOUT_S, check=False, text=True)
        if done.returncode:
            raise Failed(f"{event} could not be brought about: {done.stderr.strip()}")
    elif event == "terminate":
        running.process.terminate()
    else:
        # To the whole group, as a terminal does.
        os.killpg(running.process.pid, _EVENTS[event])
