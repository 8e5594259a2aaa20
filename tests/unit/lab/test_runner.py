"""Every check gets a verdict, and the report says what was found and no secret."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import pytest

from amtconnector.lab.acceptance import report as reports
from amtconnector.lab.acceptance.check import Check, Failed, NotTried, Outcome, Result
from amtconnector.lab.acceptance.runner import results_of

if TYPE_CHECKING:
    from pathlib import Path

    from amtconnector.lab.acceptance.stage import Stage


class NoStage:
    """Stands for the stage where a check does not use it."""

    secrets = ("hunter2",)


STAGE = cast("Stage", NoStage())


def well(_stage: Stage) -> str:
    """Find all well."""
    return "4 with hunter2"


def failing(_stage: Stage) -> str:
    """Find something wrong."""
    raise Failed("exit code 0, expected 4", "the password is hunter2\n<script>")


def impossible(_stage: Stage) -> str:
    """Find nothing out."""
    raise NotTried("POSIX has none")


def broken(_stage: Stage) -> str:
    """Meet what nobody expected."""
    raise OSError(8, "Exec format error")


CHECKS = tuple(Check(check.__name__, "Title", check) for check in (well, failing, impossible, broken))


def report(*results: Result) -> reports.Report:
    """Return a report of these results."""
    return reports.Report("amt", "amt 1", "me", "", datetime.now(UTC), 1.5, results)


def test_each_check_has_a_verdict() -> None:
    """Whatever happens in one, the others are performed."""
    outcomes = {result.name: result.outcome for result in results_of(CHECKS, STAGE)}
    failed = Outcome.FAILED
    assert outcomes == {"well": Outcome.OK, "failing": failed, "impossible": Outcome.NOT_TRIED, "broken": failed}


def test_no_secret_leaves_a_check() -> None:
    """Neither in what was found nor in what the program printed."""
    results = list(results_of(CHECKS, STAGE))
    written = reports.as_json(report(*results)) + reports.as_page(report(*results))
    assert "hunter2" not in written
    assert "4 with ********" in written


def test_a_patient_check_begins_first_and_is_told_last() -> None:
    """It waits for a limit of a minute; the others don't wait for it."""
    begun, may_end = threading.Event(), threading.Event()

    def patient(_stage: Stage) -> str:
        begun.set()
        return "waited" if may_end.wait(10) else "not told"

    def quick(_stage: Stage) -> str:
        assert begun.wait(10)
        may_end.set()
        return "quick"

    checks = (Check("patient", "", patient, is_patient=True), Check("quick", "", quick))
    assert [result.finding for result in results_of(checks, STAGE)] == ["quick", "waited"]


@pytest.mark.parametrize(
    ("outcomes", "is_well"),
    [
        ((Outcome.OK,), True),
        ((Outcome.OK, Outcome.NOT_TRIED), True),
        ((Outcome.OK, Outcome.FAILED), False),
        ((Outcome.NOT_TRIED,), False),
        ((), False),
    ],
)
def test_nothing_tried_is_not_well(outcomes: tuple[Outcome, ...], *, is_well: bool) -> None:
    """What can't be tried here is no failure; where nothing could be, nothing is accepted."""
    results = (Result("name", "Title", outcome, "", 0) for outcome in outcomes)
    assert report(*results).is_well is is_well


def test_the_report_is_for_programs_and_for_people(tmp_path: Path) -> None:
    """JSON with each outcome, and one page that needs nothing else and shows output as text."""
    written = reports.write(report(*results_of(CHECKS, STAGE)), tmp_path / "report")
    assert (
        [path.name for path in written] == ["report.html", "report.json"] == sorted(p.name for p in tmp_path.iterdir())
    )
    facts = json.loads(written[1].read_text("utf-8"))
    assert (facts["is_well"], facts["counts"]) == (False, {"ok": 1, "failed": 2, "not tried": 1})
    assert [check["outcome"] for check in facts["checks"]] == ["ok", "failed", "not tried", "failed"]
    page = written[0].read_text("utf-8")
    assert "&lt;script&gt;" in page
    assert not any(word in page for word in ("<script", "http://", "https://", "<link", "<img"))
