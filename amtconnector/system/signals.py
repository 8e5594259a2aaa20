"""Being told to stop: signals and console events become one flag, and waits that the flag ends.

The first signal is noted and served by the run at its next wait. A second one ends the process at once. On Windows the
console's events come on a thread of their own; `console_windows` tells them apart.
"""

from __future__ import annotations

import select
import signal
import socket
import sys
import time
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_LONGEST_SLICE_S = 3600.0
_DEAF_SLICE_S = 0.1
_SAME_SIGNAL_S = 0.02
if sys.platform == "win32":
    _LISTENED_TO = (signal.SIGINT, signal.SIGTERM)
else:
    _LISTENED_TO = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
START_PATIENCE_S = 20.0
"""How long a start that is on the wire is waited for after the signal."""


class Cause(Enum):
    """Who wants the connector to stop."""

    TOLD = "told to stop"
    CLOSING = "told to end, because its session or the machine goes down"


class StopRequested(Exception):
    """The run is to end now; what becomes of its task depends on the cause."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.value)
        self.cause = cause


class Interrupt:
    """The flag. Times are seconds on the monotonic clock."""

    def __init__(self, at_once: Callable[[Cause], None]) -> None:
        """Call `at_once` when a second signal comes; it should not return."""
        self._at_once = at_once
        self._cause: Cause | None = None
        self._since = 0.0
        self._is_served = False
        self._give_up_at = float("inf")
        self._is_deaf = False
        self._bell, self._ringer = socket.socketpair()
        self._bell.setblocking(False)
        self._ringer.setblocking(False)

    def install(self) -> None:
        """Listen to the signals and console events of this process from now on.

        A signal that the parent process ignores stays ignored; one that it has blocked does not stay blocked.
        """
        for number in _LISTENED_TO:
            if signal.getsignal(number) is not signal.SIG_IGN:  # `nohup`, `trap ''` and `&` mean it
                signal.signal(number, self._on_signal)
        if sys.platform == "win32":
            from amtconnector.system import console_windows  # one platform only

            console_windows.listen(lambda: self.request(Cause.TOLD), lambda: self.request(Cause.CLOSING))
        else:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _LISTENED_TO)  # what a parent blocked, no operator could end
        signal.set_wakeup_fd(self._ringer.fileno(), warn_on_full_buffer=False)

    def request(self, cause: Cause) -> None:
        """Note that the run is to stop; the second time end the process. Any thread may call it."""
        if self._cause is not None:
            # The same one can come twice, to the process and to its group: GNU timeout does so.
            if time.monotonic() - self._since >= _SAME_SIGNAL_S:
                self._at_once(cause)
            return
        self._cause = cause
        self._since = time.monotonic()
        self.ring()

    def ring(self) -> None:
        """End the wait that is under way, if any."""
        try:
            self._ringer.send(b"!")
        except OSError:  # full: it rings already
            return

    def serve(self, within_s: float) -> None:
        """Begin to do what was asked for: the flag no longer ends anything until `within_s` have passed."""
        self._is_served = True
        self._give_up_at = time.monotonic() + within_s

    def check(self) -> None:
        """Raise StopRequested when a stop was asked for and is not served, or its serving takes too long."""
        if self._cause is not None and (not self._is_served or time.monotonic() >= self._give_up_at):
            raise StopRequested(self._cause)

    def check_start(self) -> None:
        """Do the same while a start is on the wire, which is cut only after 20 s."""
        if self._cause is not None and time.monotonic() - self._since >= START_PATIENCE_S:
            raise StopRequested(self._cause)

    def wait(self, seconds: float) -> None:
        """Wait; raises StopRequested at once when a stop is asked for."""
        end = time.monotonic() + seconds
        while True:
            self.check()
            left = min(end, self._give_up_at) - time.monotonic()
            if left <= 0:
                break
            self._listen(left)
        self.check()

    def _listen(self, seconds: float) -> None:
        """Wait for the bell, at most so long; without a bell look again after a moment."""
        if self._is_deaf:
            time.sleep(min(seconds, _DEAF_SLICE_S))
        elif select.select([self._bell], [], [], min(seconds, _LONGEST_SLICE_S))[0]:
            self._is_deaf = not _has_rung(self._bell)
            if self._is_deaf:
                with suppress(ValueError):  # not the main thread
                    signal.set_wakeup_fd(-1)  # Python would complain about each signal on stderr

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        is_closing = number not in {signal.SIGINT, signal.SIGTERM}
        self.request(Cause.CLOSING if is_closing else Cause.TOLD)


def _has_rung(bell: socket.socket) -> bool:
    """Take what has rung off the bell; False when it is cut.

    On Windows the two are a TCP connection on the loopback, which a firewall or a full machine can end. An ended one
    is ready to be read for ever, and a wait on it would never wait.
    """
    try:
        return bool(bell.recv(1024))
    except BlockingIOError:  # nothing there after all
        return True
    except OSError:
        return False
