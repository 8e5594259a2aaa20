"""What the connector moves of a list of messages that gets long, and how old runs go."""

from __future__ import annotations

import pytest

from tests.benchmarks.directory import cleaned
from tests.benchmarks.growth import watched


@pytest.mark.parametrize(("hours", "most_lists"), [(1, 8), (8, 30)])
def test_a_long_list_is_moved_a_bounded_number_of_times(hours: int, most_lists: int) -> None:
    """16.6 MB at its end: 8 such lists at most in an hour, 30 in eight."""
    assert watched(hours * 3600, messages=20_000, length=827).times_moved <= most_lists


def test_a_short_list_is_read_often() -> None:
    """What a person sees stays fresh: half a megabyte in an hour is read at least once in two minutes."""
    assert watched(3600, messages=600, length=827).count("messages") >= 30


def test_old_runs_go_on_a_slow_file_system() -> None:
    """Each pass gets something done: a third of a second a file lets 500 runs go within a week."""
    assert 2 <= cleaned(500, 0.3).passes <= 7
