"""Typing a secret at a Windows console, where a key without a character looks like two that have one."""

from __future__ import annotations

import pytest

from amtconnector.credentials.secret_entry import typed
from amtconnector.errors import CredentialsError


class Keyboard:
    """What somebody presses: each text is one key, whose characters come at once."""

    def __init__(self, *keys: str) -> None:
        self._keys = [list(key) for key in keys]

    def next_key(self) -> str:
        """Return the next character."""
        while not self._keys[0]:
            del self._keys[0]
        return self._keys[0].pop(0)

    def is_waiting(self) -> bool:
        """Whether a character is there already."""
        return bool(self._keys[0])

    def line(self) -> str:
        """Return what is typed up to Enter."""
        return typed(self.next_key, self.is_waiting)


def test_what_is_typed_is_the_value() -> None:
    """Letters beyond ASCII, a corrected one, and one that arrows begin with."""
    assert Keyboard("g", "e", "x", "\b", "\u00fc", "\u00e0", " ", "\r").line() == "ge\u00fc\u00e0 "


@pytest.mark.parametrize("key", ["\xe0H", "\xe0K", "\x00;", "\xe0S"])
def test_a_key_without_a_character_is_no_part_of_a_password(key: str) -> None:
    """An arrow is not stored as two characters that nobody has typed."""
    with pytest.raises(CredentialsError, match="no character was pressed"):
        Keyboard("g", key, "\r").line()


def test_ctrl_c_ends_the_entry() -> None:
    """Nothing is encrypted."""
    with pytest.raises(KeyboardInterrupt):
        Keyboard("g", "\x03").line()
