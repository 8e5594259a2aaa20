"""A stop that comes while the program is still starting: an exit code of ours, where Python's own would be 1.

To an operator 1 is QUEUED. Nothing has been started yet, so the process ends where it stands, between two imports. What
this module imports is built into the interpreter: the built program runs it before PyInstaller's own start-up code,
when nothing else can be imported yet, `__future__` included.
"""

import _signal  # type: ignore[import-not-found]  # what `signal` is made of, without the enumerations
import sys

if sys.platform == "win32":
    from nt import _exit, write  # type: ignore[attr-defined]  # both are there
else:
    from posix import _exit, write

STOPPED = 107
TEXT = f"amt: interrupted ({STOPPED}): told to stop before anything was started.\n"
# On Windows Ctrl-Break is not among them: the C run-time makes it of a log-off too, which is none of our business.
_LISTENED_TO = (_signal.SIGINT, *([] if sys.platform == "win32" else [_signal.SIGTERM]))


def listen() -> None:
    """End the process with 107 when it is told to stop, until the run listens itself; what is ignored stays so."""
    for number in _LISTENED_TO:
        if _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, _end)


def leave() -> None:
    """Let Python do what it does with these signals, for programs that are no run."""
    for number in _LISTENED_TO:
        if _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, _signal.default_int_handler if number == _signal.SIGINT else _signal.SIG_DFL)


def _end(_number: int, _frame: object) -> None:
    try:
        write(1, TEXT.encode("ascii"))
    except OSError:
        pass  # nobody reads it
    finally:
        _exit(STOPPED)
