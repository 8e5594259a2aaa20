"""The rules of waiting and of trying again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amtconnector.errors import Busy, CallFailed, CertificateRefused, NoAnswer, NotSent
from amtconnector.run.retry import Outage, backoff_s, honoured, jittered, persist, poll_interval_s
from amtconnector.system.signals import StopRequested
from tests.support.fakes import FakeClock

SECONDS = st.floats(0, 1e7, allow_nan=False)


@given(st.integers(1, 10_000), st.floats(0.1, 3600))
def test_backoff_doubles_from_its_first_pause_up_to_half_a_minute(failures: int, first_s: float) -> None:
    """The first pause is `first_s`; none is shorter than the one before, none longer than 30 s or `first_s`."""
    assert backoff_s(1, first_s) == first_s
    assert backoff_s(failures, first_s) <= backoff_s(failures + 1, first_s) <= max(30.0, first_s)
    assert backoff_s(2, first_s) == min(2 * first_s, max(30.0, first_s))


@given(SECONDS, st.floats(0.1, 600), st.floats(0, 600))
def test_the_poll_interval_is_2_percent_of_the_age_within_its_bounds(age_s: float, low_s: float, high_s: float) -> None:
    """It never falls below STATUS_CHECK_POLL_INTERVAL, whatever the upper bound says."""
    interval = poll_interval_s(age_s, low_s, high_s)
    assert low_s <= interval <= max(low_s, high_s)
    if low_s < 0.02 * age_s < high_s:
        assert interval == pytest.approx(0.02 * age_s)


@given(SECONDS, st.floats(0, 1))
def test_jitter_is_at_most_a_tenth(seconds: float, chance: float) -> None:
    """Nothing is shortened or prolonged by more than 10 %."""
    assert 0.9 * seconds - 1e-6 <= jittered(seconds, chance) <= 1.1 * seconds + 1e-6
    assert jittered(10, 0) == 9
    assert jittered(10, 1) == 11


@pytest.mark.parametrize(("asked", "expected"), [(None, 5), (0.0, 5), (7.0, 7), (60.0, 60), (61.0, 60), (86400.0, 60)])
def test_retry_after_is_honoured_up_to_a_minute(asked: float | None, expected: float) -> None:
    """A server's wish prolongs a pause and never shortens it."""
    assert honoured(5, asked) == expected


def test_an_outage_is_judged_after_three_failures_and_its_time() -> None:
    """A machine that was suspended wakes up with its time over, and still tries three times."""
    clock = FakeClock()
    outage = Outage(900, clock)
    clock.now += 10_000
    assert [outage.go_on() for _ in range(3)] == [True, True, False]
    outage.end()
    assert [outage.go_on() for _ in range(50)] == [True] * 50
    clock.now += 899.9
    assert outage.go_on()
    clock.now += 0.1
    assert not outage.go_on()


def test_an_outage_without_a_limit_never_ends() -> None:
    """STATUS_CHECK_MAX_OUTAGE=0 means never."""
    clock = FakeClock()
    outage = Outage(0, clock)
    clock.now += 1e9
    assert all(outage.go_on() for _ in range(1000))
    assert outage.shortened(30, 5) == 30


def test_the_last_pause_is_cut_to_the_end_of_the_outage() -> None:
    """The last attempt comes when the time is over, not up to half a minute later, yet never at once."""
    clock = FakeClock()
    outage = Outage(100, clock)
    clock.now += 90
    assert outage.shortened(30, 5) == 10
    clock.now += 9
    assert outage.shortened(30, 5) == 5


class Attempt:
    """An action that fails in the given ways, then returns "done"."""

    def __init__(self, clock: FakeClock, *failures: CallFailed, takes_s: float = 0.0, for_ever: bool = False) -> None:
        self.clock, self.failures, self.takes_s, self.for_ever = clock, list(failures), takes_s, for_ever
        self.count = 0
        self.heard: list[str] = []

    def __call__(self) -> str:
        """Try once."""
        self.count += 1
        self.clock.now += self.takes_s
        if self.failures:
            raise self.failures[0] if self.for_ever else self.failures.pop(0)
        return "done"

    def persist(self, chance: float = 0.5) -> str:
        """Try as a start is tried."""
        self.clock.odds = chance
        return persist(self, is_repeatable, 60, self.clock, lambda error: self.heard.append(error.message))


def is_repeatable(error: CallFailed) -> bool:
    """Whether a start that failed so is sent again."""
    return isinstance(error, NotSent | Busy) and not isinstance(error, CertificateRefused)


def test_success_at_once_waits_for_nothing() -> None:
    """A run without trouble pays for no retry."""
    attempt = Attempt(FakeClock())
    assert attempt.persist() == "done"
    assert (attempt.count, attempt.clock.waits, attempt.heard) == (1, [], [])


def test_what_may_be_repeated_is_repeated_with_doubling_pauses() -> None:
    """Pauses are 1, 2, 4 s; each failure that is followed by another attempt is told."""
    attempt = Attempt(FakeClock(), NotSent("a"), Busy("b"), NotSent("c"))
    assert attempt.persist() == "done"
    assert attempt.clock.waits == [1, 2, 4]
    assert attempt.heard == ["a", "b", "c"]


@given(st.floats(0, 1), st.floats(0, 90))
def test_nothing_is_begun_after_the_limit(chance: float, takes_s: float) -> None:
    """No attempt is begun more than 60 s after the first, and the last failure is what is raised."""
    attempt = Attempt(FakeClock(), NotSent("nobody there"), takes_s=takes_s, for_ever=True)
    with pytest.raises(NotSent, match="nobody there"):
        attempt.persist(chance)
    assert attempt.clock.now - takes_s - 1000 <= 60
    assert attempt.count == len(attempt.clock.waits) + 1 == len(attempt.heard) + 1


@pytest.mark.parametrize("failure", [CertificateRefused("expired"), NoAnswer("reset")])
@pytest.mark.parametrize("trouble", [(), (NotSent("first"),)])
def test_what_is_final_is_tried_once(failure: CallFailed, trouble: tuple[CallFailed, ...]) -> None:
    """A refused certificate, and all that may have been received, is never repeated."""
    attempt = Attempt(FakeClock(), *trouble, failure)
    with pytest.raises(type(failure)):
        attempt.persist()
    assert attempt.count == len(trouble) + 1


def test_retry_after_prolongs_the_pause_and_ends_the_trying_when_it_is_too_long() -> None:
    """A server that wants to be left alone for longer than what is left of the minute gets no further attempt."""
    attempt = Attempt(FakeClock(), Busy("b", retry_after_s=20), Busy("b", retry_after_s=41))
    with pytest.raises(Busy):
        attempt.persist()
    assert attempt.clock.waits == [20]


def test_being_told_to_stop_ends_the_trying() -> None:
    """A pause between two attempts ends with the signal, and no further attempt is made."""
    attempt = Attempt(FakeClock(), NotSent("a"), NotSent("b"))
    attempt.clock.stops_at = attempt.clock.now + 2
    with pytest.raises(StopRequested):
        attempt.persist()
    assert attempt.count == 2
