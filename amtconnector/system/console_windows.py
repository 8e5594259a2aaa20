"""The events of a Windows console, which reach a process on a thread of their own.

The C run-time turns several of them into SIGBREAK, a log-off among them; taken together they would kill tasks when an
administrator logs off. SetConsoleCtrlHandler tells them apart.
"""

from __future__ import annotations

import sys

if sys.platform == "win32":
    import ctypes
    import time
    from ctypes import wintypes
    from typing import TYPE_CHECKING, Any

    if TYPE_CHECKING:
        from collections.abc import Callable

    _CTRL_C, _CTRL_BREAK, _CLOSE, _LOGOFF, _SHUTDOWN = 0, 1, 2, 5, 6
    _LAST_MOMENT_S = 1.5  # Windows ends the process when the handler returns, or after 5 s

    _Handler = ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.DWORD)
    _kept: list[Any] = []  # Windows calls the handler for as long as the process lives

    def _checked(result: int, _function: object, _arguments: object) -> int:
        if not result:
            raise ctypes.WinError(ctypes.get_last_error())
        return result

    _set_handler = ctypes.WinDLL("kernel32", use_last_error=True).SetConsoleCtrlHandler
    _set_handler.argtypes = (_Handler, wintypes.BOOL)
    _set_handler.restype = wintypes.BOOL
    _set_handler.errcheck = _checked  # type: ignore[assignment]  # typeshed wants the widest signature

    def listen(told: Callable[[], None], closing: Callable[[], None]) -> None:
        """Call `told` at Ctrl-C and Ctrl-Break, `closing` at close and shutdown; a log-off is none of our business.

        `closing` is called a second time when the process is still there after 1.5 s.
        """

        def on_event(event: int) -> bool:
            if event in {_CTRL_C, _CTRL_BREAK}:
                told()
                return True
            if event in {_CLOSE, _SHUTDOWN}:
                closing()
                time.sleep(_LAST_MOMENT_S)
                closing()
                return True
            return event == _LOGOFF

        handler = _Handler(on_event)
        _kept.append(handler)
        _set_handler(handler, True)
