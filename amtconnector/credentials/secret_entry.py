"""How a secret comes in: from a prompt without echo, or from standard input."""

from __future__ import annotations

import sys
import unicodedata
from typing import TYPE_CHECKING, NoReturn

from amtconnector.errors import CredentialsError

if TYPE_CHECKING:
    from collections.abc import Callable

_LARGEST = 64 * 1024
_FROM_STDIN = "put '-v -' behind the same command and give the value on standard input"


def ask_twice(name: str) -> str:
    """Ask for a secret at the terminal, twice, without showing it.

    Raises CredentialsError when there is no terminal that could hide it, and when the two entries differ.
    """
    first = checked(_ask(f"{name}: "))
    if _ask(f"{name} again: ") != first:
        raise CredentialsError("The two entries differ; nothing was encrypted.", hint="Start again.")
    return first


def read_stdin(name: str) -> str:
    """Read a secret from standard input: one line of UTF-8, without its newline; a terminal is asked instead."""
    if sys.stdin is None:
        raise CredentialsError("There is no standard input to read the value from.")
    if sys.stdin.isatty():
        return ask_twice(name)
    content = sys.stdin.buffer.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise CredentialsError(f"Standard input holds more than {_LARGEST // 1024} KiB; nothing was encrypted.")
    try:
        text = content.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError:
        # From None: a UnicodeError carries the bytes.
        raise CredentialsError(
            "Standard input is not UTF-8 text; nothing was encrypted.",
            hint="Enter the value at the prompt instead: leave '-' out.",
        ) from None
    return checked(text.removesuffix("\n").removesuffix("\r"))


def checked(text: str) -> str:
    """Return a secret that can be one; raises CredentialsError for an empty one and for control characters.

    Those come from a second line, from UTF-16 on standard input, and from Ctrl-V at an old console.
    """
    if not text:
        raise CredentialsError("The value is empty; nothing was encrypted.")
    if any(unicodedata.category(letter) == "Cc" and letter != "\t" for letter in text):
        raise CredentialsError(
            "The value holds a line break or another control character; nothing was encrypted.",
            hint="It must be one line of text. Where it was pasted, type it, or give it as UTF-8 on standard input.",
        )
    return text


def typed(next_key: Callable[[], str], is_waiting: Callable[[], bool]) -> str:
    """Return a line that is typed at a Windows console, from its single keys.

    A key without a character, such as an arrow, comes as two characters, U+0000 or U+00E0 and another at once. The
    second of these is a letter too: whoever types it is asked to start again only where both come together. Raises
    CredentialsError for such a key, and KeyboardInterrupt for Ctrl-C.
    """
    text = ""
    while (key := next_key()) not in {"\r", "\n"}:
        if key == "\x03":
            raise KeyboardInterrupt
        if key == "\x00" or (key == "\xe0" and is_waiting()):
            next_key()
            raise CredentialsError(
                "A key that is no character was pressed, an arrow perhaps; nothing was encrypted.",
                hint=f"Start again. Where \u00e0 was pasted, {_FROM_STDIN}.",
            )
        text = text[:-1] if key == "\b" else text + key
    return text


def _ask(prompt: str) -> str:
    if not _has_terminal():
        _refuse_without_terminal()
    return _hidden_line(prompt)


def _refuse_without_terminal() -> NoReturn:
    raise CredentialsError(
        "There is no terminal to ask for the value without showing it.",
        hint=f"Start it in a console window, or {_FROM_STDIN}.",
    )


if sys.platform == "win32":

    def _has_terminal() -> bool:
        """Whether somebody can type: into a console that has a window, since none ever ends a read without one.

        A service's process may have a console that nobody sees, and NUL, which counts as a terminal to the C run-time.
        """
        from amtconnector.system import windows_api  # paid only where a prompt is needed

        return windows_api.is_console(windows_api.STD_INPUT_HANDLE) and bool(windows_api.GetConsoleWindow())

    def _hidden_line(prompt: str) -> str:
        import msvcrt

        for letter in prompt:
            msvcrt.putwch(letter)
        try:
            return typed(msvcrt.getwch, msvcrt.kbhit)
        finally:
            msvcrt.putwch("\r")
            msvcrt.putwch("\n")

else:

    def _has_terminal() -> bool:
        """Leave the question to getpass, which finds the terminal even where standard input is redirected."""
        return True

    def _hidden_line(prompt: str) -> str:
        import getpass  # both are paid only where a prompt is needed
        import warnings

        with warnings.catch_warnings():
            # getpass warns when it can't switch the echo off, and then shows the secret: that must not happen.
            warnings.simplefilter("error", getpass.GetPassWarning)
            try:
                return getpass.getpass(prompt)
            except getpass.GetPassWarning:
                _refuse_without_terminal()
