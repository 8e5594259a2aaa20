"""How long to wait, and how long to keep trying. All times are seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from amtconnector.errors import CallFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenacity import RetryCallState

T = TypeVar("T")

LONGEST_PAUSE_S = 30.0
LONGEST_RETRY_AFTER_S = 60.0
_GROWTH = 0.02
_JITTER = 0.1
_FEWEST_FAILURES = 3
_TOLERANCE_S = 0.001


class Clock(Protocol):
    """Time and chance as a run sees them; tests bring one of their own."""

    def monotonic(self) -> float:
        """Return seconds since some fixed moment; never goes back."""

    def wait(self, seconds: float) -> None:
        """Wait; raises StopRequested when the connector is told to stop."""

    def serve_stop(self, within_s: float) -> None:
        """Begin to do what was asked for; after so many seconds waits end again."""

    def chance(self) -> float:
        """Return a random number from 0 to 1."""


def backoff_s(failures: int, first_s: float) -> float:
    """Return the pause after this many failures in a row: `first_s`, doubled each time, up to 30 s."""
    return min(first_s * 2.0 ** min(failures - 1, 20), max(LONGEST_PAUSE_S, first_s))


def poll_interval_s(elapsed_s: float, shortest_s: float, longest_s: float) -> float:
    """Return the interval between two status checks: 2 % of the time since the start, within the two bounds."""
    return max(shortest_s, min(_GROWTH * elapsed_s, longest_s))


def jittered(seconds: float, chance: float) -> float:
    """Return the time, at most 10 % shorter or longer; `chance` is a random number from 0 to 1."""
    return seconds * (1 + _JITTER * (2 * chance - 1))


def honoured(pause_s: float, retry_after_s: float | None) -> float:
    """Return the pause, longer where the server asked for it, up to 60 s."""
    return max(pause_s, min(retry_after_s or 0.0, LONGEST_RETRY_AFTER_S))


class Outage:
    """The time since the last good answer, and whether it has been too long.

    `limit_s` 0 is no limit. It is judged after a failed attempt, and never after fewer than three in a row: a machine
    that was suspended wakes up with its time already over.
    """

    def __init__(self, limit_s: float, clock: Clock) -> None:
        self._limit_s = limit_s
        self._clock = clock
        self._since = clock.monotonic()
        self.failures = 0

    def end(self) -> None:
        """Note a good answer."""
        self._since = self._clock.monotonic()
        self.failures = 0

    def go_on(self) -> bool:
        """Note a failed attempt; return whether it is worth another one."""
        self.failures += 1
        return self._limit_s == 0 or self.failures < _FEWEST_FAILURES or self.lasted_s < self._limit_s

    @property
    def lasted_s(self) -> float:
        """How long ago the last good answer was."""
        return self._clock.monotonic() - self._since

    def shortened(self, pause_s: float, at_least_s: float) -> float:
        """Return the pause, cut so that the next attempt comes when the time is over rather than long after."""
        return min(pause_s, max(self._limit_s - self.lasted_s, at_least_s)) if self._limit_s else pause_s


def persist(
    attempt: Callable[[], T],
    is_repeatable: Callable[[CallFailed], bool],
    limit_s: float,
    clock: Clock,
    before_pause: Callable[[CallFailed], None],
) -> T:
    """Attempt until it succeeds, fails in a way that is not repeatable, or `limit_s` is over.

    Pauses double from 1 s, the last one ends with the limit; a Retry-After beyond it ends the attempts. `before_pause`
    is told each failure that is followed by another attempt. Raises what the last attempt raised.
    """
    end = clock.monotonic() + limit_s
    try:
        return attempt()
    except CallFailed as error:
        if not is_repeatable(error):
            raise
        failed = [error]

    try:
        from tenacity import Retrying, retry_if_exception  # 38 ms that a run without trouble does not pay
    except (ImportError, OSError):  # a process that can open no file any more: the failure itself is what counts
        raise failed[0] from None

    def again() -> T:
        if failed:
            raise failed.pop()
        return attempt()

    def pause_s(state: RetryCallState) -> float:
        asked_s = _failure(state).retry_after_s or 0.0
        own_s = min(jittered(backoff_s(state.attempt_number, 1.0), clock.chance()), end - clock.monotonic())
        return max(own_s, asked_s)

    def is_over(state: RetryCallState) -> bool:
        return clock.monotonic() >= end or clock.monotonic() + state.upcoming_sleep > end + _TOLERANCE_S

    retrying = Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, CallFailed) and is_repeatable(error)),
        wait=pause_s,
        stop=is_over,
        sleep=clock.wait,
        before_sleep=lambda state: before_pause(_failure(state)),
        reraise=True,
    )
    return retrying(again)


def _failure(state: RetryCallState) -> CallFailed:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, CallFailed)  # noqa: S101 - asked only after a failed attempt
    return error
