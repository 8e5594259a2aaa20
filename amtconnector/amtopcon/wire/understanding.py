"""The edge of every reader of the server's bytes: whatever fails in it is an answer that is not understood."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from amtconnector.amtopcon.wire.document import UNREADABLE
from amtconnector.errors import NotUnderstood

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")


def understanding(reader: Callable[P, T]) -> Callable[P, T]:
    """Turn every failure to read into NotUnderstood, its cause kept. CallFailed and what ends a wait pass."""

    @wraps(reader)
    def reads(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return reader(*args, **kwargs)
        except UNREADABLE as error:
            raise NotUnderstood(f"the answer can't be read ({type(error).__name__})") from error

    return reads
