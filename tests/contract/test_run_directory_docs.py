"""The pages name every file that a run directory can hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from amtconnector.records import RunDirectory, RunKey, RunRecord, RunState
from amtconnector.records.logon_notes import LogonNotes
from amtconnector.records.retention import Countdown, clean
from tests.support.configfile import ROOT
from tests.unit.records.test_retention import NOW, ticking

if TYPE_CHECKING:
    from pathlib import Path

OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")


@pytest.fixture
def names(tmp_path: Path) -> set[str]:
    """Return the names of all kinds of files that a run directory can hold, their digests and ids made general."""
    directory = RunDirectory(tmp_path / "runs")
    key = RunKey("20261123", "Nightly", "POST", "amt:4004", "DEMO2", "POST")
    record = RunRecord(key, "20261123-a1b2c3d4e5", RunState.SUBMITTED, request_id="2112", submitted_at=NOW)
    log = directory.open_log(record.run_id)
    notes = LogonNotes(directory.path, "digest")
    with directory.claim(key, record.run_id) as claim:
        claim.save(record)
    log.write("a line")
    log.close()
    directory.attention_file(record).show(["a line"])
    notes.note_refusal(NOW)
    slot = notes.slot()
    assert slot
    slot.note_silence(NOW)
    notes.note_failure(NOW)
    clean(directory.path, 30, now=NOW, countdown=Countdown(1, clock=ticking()))
    found = {path.name for path in directory.path.rglob("*") if path.is_file()}
    slot.give_back()
    return {_general(name) for name in found}


def _general(name: str) -> str:
    if name == "20261123-a1b2c3d4e5.log":
        return "<run id>.log"
    name = re.sub(r"[0-9a-f]{32}", "<digest>", name)
    return re.sub(r".*-[0-9a-f]{16}-[0-9a-f]{16}\.", "<name>.", name)


def test_the_page_names_every_file_of_a_run_directory(names: set[str]) -> None:
    """Whoever looks into the folder finds each name in the table of where things lie."""
    table = OPERATIONS.partition("## Where things lie")[2].partition("\n## ")[0]
    assert len(names) == 11
    assert {name for name in names if f"`{name}`" not in table} == set()
