"""The short form of the chaos test; docs/chaos.md tells of the long one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.chaos.plan import plan_of
from tests.end_to_end.chaos.report import Theatre, summary

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Programs

SEED, RUNS = 2112, 40


def test_a_plan_is_made_from_its_seed_and_number_alone() -> None:
    """So a run that fails can be played again."""
    assert plan_of(SEED, 5) == plan_of(SEED, 5)
    assert plan_of(SEED, 5) != plan_of(SEED, 6) != plan_of(SEED + 1, 6)


@pytest.mark.begins_as(1, process=1)
def test_in_random_trouble_nothing_is_started_twice_and_nothing_is_lost(programs: Programs, tmp_path: Path) -> None:
    """Faults, restarts, kills and signals at random: one task, the right code, the right lines, a true text."""
    report = Theatre(tmp_path, programs, at_once=6, say=lambda _text: None).play(SEED, range(RUNS))
    assert not report.failures, "\n\n".join([*report.failures, summary(report)])
    assert report.runs == RUNS
    assert len({code for code in report.codes if code > 0}) >= 8
