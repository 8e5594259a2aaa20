"""A simulator that a module's tests share, and a site for each test."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.patience import PatientRuns
from tests.end_to_end.workplace import DEFINITIONS, SharedSimulator, Workplace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Programs


@pytest.fixture(scope="module")
def shared_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedSimulator]:
    """Serve http as long as this module's tests run."""
    with SharedSimulator(tmp_path_factory.mktemp("amt"), DEFINITIONS) as running:
        yield running


@pytest.fixture
def simulator(shared_simulator: SharedSimulator) -> SharedSimulator:
    """Return the module's simulator as if it were new."""
    shared_simulator.refresh()
    return shared_simulator


@pytest.fixture
def site(tmp_path: Path, programs: Programs, simulator: SharedSimulator) -> Iterator[Workplace]:
    """Install the connector beside it; what is still running at the end of the test is ended."""
    workplace = Workplace(tmp_path / "site", programs, simulator.address, STATUS_CHECK_POLL_INTERVAL=0.1)
    yield workplace
    workplace.close()


@pytest.fixture(scope="session", autouse=True)
def patience_begins(request: pytest.FixtureRequest) -> None:
    """Start what takes a minute before everything else, where a test is going to look at it.

    Of the processes that share the tests the first one has those that begin first.
    """
    is_first = os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0"
    if is_first and any("patient_runs" in getattr(item, "fixturenames", ()) for item in request.session.items):
        request.getfixturevalue("patient_runs")


@pytest.fixture(scope="session")
def patient_runs(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PatientRuns]:
    """Return the runs that wait for the limits of a minute which no setting changes."""
    with PatientRuns(tmp_path_factory.mktemp("patience"), programs) as runs:
        yield runs
