"""The events of a Windows console, which reach a process on a thread of their own.

The C run-time turns several of them into SIGBREAK, a log-off among them; taken together they would kill tasks when an
administrator logs off. SetConsoleCtrlHandler tells them apart.
"""

from __future__ import annotations

import sys

if sys.platform == "win32":
    import time
    from typing import TYPE_CHECKING, Any

    from amtconnector.system import windows_api

    if TYPE_CHECKING:
        from collections.abc import Callable

    _CTRL_C, _CTRL_BREAK, _CLOSE, _LOGOFF, _SHUTDOWN = 0, 1, 2, 5, 6
    _LAST_MOMENT_S = 1.5  # Windows ends the process when the handler returns, or after 5 s

    _kept: list[Any] = []  # Windows calls the handler for as long as the process lives

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

        handler = windows_api.ConsoleHandler(on_event)
        _kept.append(handler)
        windows_api.SetConsoleCtrlHandler(handler, True)
