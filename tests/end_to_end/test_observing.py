"""What a run shows beside its job log: an attention file, messages that are kept or masked, and its log's trouble."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.installation import ended
from tests.end_to_end.workplace import SharedSimulator, Workplace, opcon_job, start_of

if TYPE_CHECKING:
    from pathlib import Path

SHORT = start_of("RUN_PARAMETERTESTA")


def attention_file(site: Workplace, within_s: float = 20.0) -> Path:
    """Return the attention file as soon as there is one."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        for path in site.runs.glob("*.attention"):
            return path
        time.sleep(0.02)
    raise AssertionError("no attention file")


def attention_files(site: Workplace) -> list[Path]:
    """Return every attention file."""
    return list(site.runs.glob("*.attention"))


def test_a_task_that_waits_for_an_operator_has_an_attention_file_for_as_long(site: Workplace) -> None:
    """It is there while the status is 5, and gone when the task goes on."""
    job = site.start(*start_of("SUSPENDED"), environment=opcon_job())
    text = attention_file(site).read_text("utf-8")
    assert "waits for an operator in AMT: SUSPENDED (5)" in text
    assert "OpCon job End of day 0000012345" in text
    assert ended(job).exit_code == 4
    assert attention_files(site) == []


@pytest.mark.posix_only
def test_the_attention_file_goes_with_a_run_that_is_told_to_stop_and_with_the_restart_after_a_kill(
    site: Workplace,
) -> None:
    """SIGTERM ends the task and the file; after a hard kill the restarted job removes what was left."""
    job = site.start(*start_of("STAYS_5"), environment=opcon_job())
    attention_file(site)
    job.kill()
    job.wait()
    [left_behind] = attention_files(site)
    written_at = left_behind.stat().st_mtime_ns
    again = site.start(*start_of("STAYS_5"), environment=opcon_job())
    end = time.monotonic() + 20
    while left_behind.stat().st_mtime_ns == written_at:
        assert time.monotonic() < end
        time.sleep(0.02)
    again.terminate()
    assert ended(again).exit_code == 3
    assert attention_files(site) == []


def test_messages_are_kept_and_masked_where_that_is_wanted(site: Workplace) -> None:
    """The same in the job log and in the run's own log."""
    (site.folder / "mask.txt").write_text("; versions\n#.#.#####\n", "utf-8")
    site.write_config({"KEEP_MESSAGES": "True", "MASK_MESSAGES": "mask.txt", "DEBUG": "ON"})
    run = site.run(*SHORT, environment=opcon_job())
    assert run.exit_code == 4
    assert "Started Rev: 1.1 AMT: ********.50. Params" in run.text
    logs = site.logs()
    assert "> Started Rev: 1.1 AMT: ********.50. Params" in logs
    assert "8.0.16351" not in run.text + logs


def test_messages_are_not_kept_by_default(site: Workplace) -> None:
    """They may hold what only the job log should."""
    assert site.run(*SHORT, environment=opcon_job()).exit_code == 4
    assert "Started Rev" not in site.logs()


def test_a_mask_that_can_not_be_read_is_102_before_anything_is_sent(
    site: Workplace, simulator: SharedSimulator
) -> None:
    """Rather no run than one that shows what was to be hidden."""
    (site.folder / "mask.txt").write_bytes(b"\xff\xfe\x00")
    site.write_config({"MASK_MESSAGES": "mask.txt"})
    run = site.run(*SHORT, environment=opcon_job())
    assert run.exit_code == 102
    assert "MASK_MESSAGES" in run.text
    assert "Nothing was started" in run.text
    assert simulator.requests() == []


@pytest.mark.parametrize("debug", ["ON", "OFF"])
def test_a_run_log_that_can_not_be_written_is_mentioned_once(site: Workplace, debug: str) -> None:
    """And the run goes well."""
    site.write_config({"DEBUG": debug})
    site.runs.mkdir()
    (site.runs / "logs").write_text("a file is in the way", "utf-8")
    run = site.run(*SHORT, environment=opcon_job())
    assert run.exit_code == 4
    assert run.text.count("Warning: the run's log can't be written") == 1
