"""What a run that fails early can still say: that an earlier run of the same OpCon job may have a task running."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from amtconnector.config import expected_path, run_directory_of
from amtconnector.records import RunDirectory
from amtconnector.run.next_steps import NextSteps

if TYPE_CHECKING:
    from amtconnector.config import Config
    from amtconnector.errors import RunError
    from amtconnector.opcon import OpConJob
    from amtconnector.records.record import RunRecord


class EarlierRun(NamedTuple):
    """A sentence that begins with a blank, what to do, and the id that names it; all "" when no earlier run is open."""

    text: str = ""
    hint: str = ""
    name: str = ""

    def is_named_in(self, error: RunError) -> bool:
        """Whether the failure speaks of this run already."""
        return re.search(rf"(?<![\w-]){re.escape(self.name)}(?![\w-])", f"{error.message} {error.subject}") is not None


def open_run_of(opcon: OpConJob | None, config: Config | None, config_path: str) -> EarlierRun:
    """Return the newest open run of an OpCon job; never raises OSError.

    `config` is None when it could not be loaded: then the run directory is guessed from the file as far as it goes.
    """
    if opcon is None:
        return EarlierRun()
    try:
        path = config.path if config else expected_path(config_path)
        directory = RunDirectory(config.run_directory if config else run_directory_of(path))
        records = directory.unfinished_of_opcon_job(opcon.schedule_date, opcon.schedule_name, opcon.name)
    except OSError:
        return EarlierRun()
    return _described(records[0], NextSteps(str(path))) if records else EarlierRun()


def _described(record: RunRecord, advice: NextSteps) -> EarlierRun:
    if record.request_id:
        return EarlierRun(
            f" A task of an earlier run of this OpCon job may be running: request {record.request_id}.",
            advice.ways_on(record.request_id),
            f"request {record.request_id}",
        )
    return EarlierRun(
        f" An earlier run of this OpCon job may have started a task: run {record.run_id}.",
        advice.fate_unknown(record),
        record.run_id,
    )
