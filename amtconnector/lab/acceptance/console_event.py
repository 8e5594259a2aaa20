"""`amt-lab console-event PID EVENT`: let an event happen in the console of another process, on Windows."""

from __future__ import annotations

import sys

import click

from amtconnector.commands.click_command import DONE

EVENTS = {"ctrl-c": 0, "ctrl-break": 1, "close": None}


@click.command("console-event", hidden=True)
@click.argument("process_id", type=int)
@click.argument("event", type=click.Choice(list(EVENTS)))
def command(process_id: int, event: str) -> int:
    """Join the console of a process and let an event happen there."""
    if sys.platform == "win32":
        _happen(process_id, EVENTS[event])
        return DONE
    else:  # noqa: RET505 - mypy takes the branches as those of the systems
        raise click.ClickException("consoles are a matter of Windows")


if sys.platform == "win32":
    import ctypes
    import time
    from ctypes import wintypes

    _WM_CLOSE = 0x0010
    _DELIVERY_S = 0.5

    _kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    _user32 = ctypes.WinDLL("user32", use_last_error=True)
    _kernel32.AttachConsole.argtypes = (wintypes.DWORD,)
    _Handler = ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.DWORD)
    _kernel32.SetConsoleCtrlHandler.argtypes = (_Handler, wintypes.BOOL)
    _kernel32.GenerateConsoleCtrlEvent.argtypes = (wintypes.DWORD, wintypes.DWORD)
    _kernel32.GetConsoleWindow.restype = wintypes.HWND
    _user32.PostMessageW.argtypes = (wintypes.HWND, wintypes.UINT, wintypes.WPARAM, wintypes.LPARAM)

    def _happen(process_id: int, event: int | None) -> None:
        _kernel32.FreeConsole()  # fails where there is none, which is as good
        _must(_kernel32.AttachConsole(process_id))
        unmoved = _Handler(lambda _event: True)  # the event comes to this process too
        _must(_kernel32.SetConsoleCtrlHandler(unmoved, True))
        if event is None:
            window = _kernel32.GetConsoleWindow()
            _kernel32.FreeConsole()  # or the close would end this process too
            _must(_user32.PostMessageW(window, _WM_CLOSE, 0, 0))
        else:
            _must(_kernel32.GenerateConsoleCtrlEvent(event, 0))
            time.sleep(_DELIVERY_S)  # it is delivered by another thread, to those who are still there

    def _must(result: int) -> None:
        if not result:
            raise ctypes.WinError(ctypes.get_last_error())
