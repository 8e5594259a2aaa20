"""What an entry of a wire profile has to be; each raises ValueError, which names the entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


def table(value: Any, where: str) -> dict[str, Any]:
    """Return a table."""
    if not isinstance(value, dict):
        raise ValueError(f"{where}: expected a table")  # noqa: TRY004 - a fault of the file
    return value


def only(value: Any, known: Iterable[str], where: str) -> dict[str, Any]:
    """Return a table that has no other entries than the known ones."""
    for key in table(value, where.rstrip(".")):
        if key not in known:
            raise ValueError(f"{where}{key}: there is no such entry; expected one of {', '.join(known)}")
    return value  # type: ignore[no-any-return]  # table() has looked


def text(value: Any, where: str) -> str:
    """Return a text that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"{where}: expected a text")
    return value


def truth(value: Any, where: str) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"{where}: expected true or false")  # noqa: TRY004 - a fault of the file
    return value


def one_of(value: Any, known: Iterable[str], where: str) -> str:
    """Return one of the known words."""
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{where}: expected one of {', '.join(known)}")
    return value
