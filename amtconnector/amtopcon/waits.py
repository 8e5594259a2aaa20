"""Waits that a signal can end: one call's time limits, and work that may be left where the system won't be hurried.

All times are seconds on the monotonic clock.
"""

from __future__ import annotations

import time
from threading import Thread
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

SLICE_S = 0.2
"""No wait is longer before it is asked whether to go on."""


def go_on() -> None:
    """Let a wait go on: what is done while waiting where nobody wants to end it."""


class CallLimits:
    """What the waits of one call share: until when it may last, what is done while waiting, whether anything was sent.

    `while_waiting` is called before and during every wait, at least every 0.2 s; what it raises ends the call.
    """

    def __init__(self, while_waiting: Callable[[], None] = go_on) -> None:
        self.while_waiting = while_waiting
        self.request_left = False
        self._deadline = float("inf")

    def begin(self, limit_s: float, while_waiting: Callable[[], None]) -> None:
        """Begin a call that may last `limit_s` in all."""
        self.while_waiting = while_waiting
        self.request_left = False
        self._deadline = time.monotonic() + limit_s

    def until(self, timeout_s: float | None) -> float:
        """Return when a step that may take `timeout_s` has to be done; never later than the call itself."""
        return self._deadline if timeout_s is None else min(self._deadline, time.monotonic() + timeout_s)

    def next_wait_s(self, until: float, longest_s: float = SLICE_S) -> float:
        """Return how long to wait before asking again; raises TimeoutError when it is past `until`."""
        self.while_waiting()
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return max(0.001, min(longest_s, left))


class Background(Generic[T]):
    """Work in a thread of its own: name resolution and some handshakes end only when the system wants them to."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._result: T | None = None
        self._error: Exception | None = None
        self._thread = Thread(target=self._run, daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # the account may have no more threads: then it is done here
            self._run()

    def result(self, limits: CallLimits, until: float) -> T:
        """Wait for the result, or raise what the work raised; raises TimeoutError when it is past `until`."""
        while self._thread.is_alive():
            self._thread.join(limits.next_wait_s(until))
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # there is one where there is no error

    def _run(self) -> None:
        try:
            self._result = self._work()
        except Exception as error:  # noqa: BLE001 - raised again by `result`
            self._error = error
