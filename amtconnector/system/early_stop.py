"""A stop that comes while the program is still starting: an exit code of ours, where Python's own would be 1.

To an operator 1 is QUEUED. Nothing has been started yet, so the process ends where it stands, between two imports. What
this module imports itself comes before that: next to nothing, typing least of all.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

STOPPED = 107
TEXT = f"amt: interrupted ({STOPPED}): told to stop before anything was started.\n"
# On Windows Ctrl-Break is not among them: the C run-time makes it of a log-off too, which is none of our business.
_LISTENED_TO = (signal.SIGINT, *([] if sys.platform == "win32" else [signal.SIGTERM]))


def listen() -> None:
    """End the process with 107 when it is told to stop, until the run listens itself; what is ignored stays so."""
    for number in _LISTENED_TO:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def leave() -> None:
    """Let Python do what it does with these signals, for programs that are no run."""
    for number in _LISTENED_TO:
        if signal.getsignal(number) is _end:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def _end(_number: int, _frame: FrameType | None) -> None:
    try:
        os.write(1, TEXT.encode("ascii"))
    except OSError:
        pass  # nobody reads it
    finally:
        os._exit(STOPPED)
