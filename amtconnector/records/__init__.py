"""Run records, run logs and notes on disk, behind the locks of the operating system."""

from amtconnector.records.claim import Claim, ClaimedElsewhere
from amtconnector.records.directory import RunDirectory
from amtconnector.records.record import RunKey, RunRecord, RunState, new_run_id

__all__ = ["Claim", "ClaimedElsewhere", "RunDirectory", "RunKey", "RunRecord", "RunState", "new_run_id"]
