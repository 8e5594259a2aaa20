"""What a run that fails early can still say: that an earlier run of the same OpCon job may have a task running."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from amtconnector.config import expected_path, run_directory_of
from amtconnector.config.trust import is_believed
from amtconnector.records import RunDirectory
from amtconnector.run.next_steps import NextSteps
from amtconnector.task import OpenRun

if TYPE_CHECKING:
    from amtconnector.config import Config
    from amtconnector.opcon import OpConJob
    from amtconnector.records.record import RunRecord


def open_run_of(opcon: OpConJob | None, config: Config | None, config_path: str) -> OpenRun | None:
    """Return the newest open run of an OpCon job; never raises, for a failure is about to be told.

    `config` is None when it could not be loaded: then the run directory is guessed from the file as far as it goes.
    """
    if opcon is None:
        return None
    with suppress(Exception):
        path = config.path if config else expected_path(config_path)
        directory = RunDirectory(config.run_directory if config else run_directory_of(path))
        if not is_believed(directory.path, path):
            return None  # anybody could have put a record there
        records = directory.unfinished_of_opcon_job(opcon.schedule_date, opcon.schedule_name, opcon.name)
        if records:
            return _described(records[0], NextSteps(str(path)))
    return None


def _described(record: RunRecord, next_steps: NextSteps) -> OpenRun:
    hint = next_steps.ways_on(record.request_id) if record.request_id else next_steps.fate_unknown(record)
    return OpenRun(record.run_id, record.request_id, hint)
