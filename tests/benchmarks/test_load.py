"""The load that the connector's pace puts on an AMT server."""

from __future__ import annotations

import pytest

from tests.benchmarks.load import simulated


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_eight_hours_with_500_jobs_ask_for_less_than_half_of_a_fixed_poll(seed: int) -> None:
    """At most 0.30 of the status requests and 0.50 of all; at most 2 % late in the median and 10 % at the 95th."""
    load = simulated(seed)
    assert load.status_ratio <= 0.30
    assert load.request_ratio <= 0.50
    assert load.median_delay <= 0.02
    assert load.late_delay <= 0.10
