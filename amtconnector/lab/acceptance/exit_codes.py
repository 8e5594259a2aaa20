"""AMT's end of a task and the connector's own outcomes, as exit codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amtconnector.lab.acceptance.check import Failed, require
from amtconnector.lab.acceptance.stage import unused_address

if TYPE_CHECKING:
    from amtconnector.lab.acceptance.stage import Stage


def answers(stage: Stage) -> str:
    """See that `amt --version` says which version it is."""
    ended = stage.site().run_bare("--version").must_exit(0).must_say("amt ")
    return ended.text.strip().splitlines()[0]


def encrypts(stage: Stage) -> str:
    """See that the program encrypts credentials, with a key file that it makes."""
    require(not stage.encryption_problem, stage.encryption_problem)
    require(stage.account.key_file.is_file(), "no key file was made")
    return "USER and PASSWORD encrypted, a key file made for its owner"


def done(stage: Stage) -> str:
    """See that a task that ends well is exit code 4, and its messages are in the job log."""
    job = stage.job("ENDS_DONE")
    stage.site().run(job).must_exit(4).must_say("Started", "Done", "Connector completed with return code 4")
    return "4, with the task's messages in the job log"


def aborted(stage: Stage) -> str:
    """See that a task that aborts is exit code 12."""
    stage.site().run(stage.job("ENDS_ABORTED")).must_exit(12).must_say("ABORTED", "return code 12")
    return "12, named ABORTED"


def unreachable(stage: Stage) -> str:
    """See that a server that is not there is exit code 23, after a minute of trying."""
    with unused_address() as address:
        site = stage.site(server={"SERVER_ADDRESS": address, "SERVER_USES_TLS": False})
        ended = site.run(stage.job("ENDS_DONE")).must_exit(23).must_say("server-unreachable")
    return f"23 after {ended.seconds:.0f} s of trying"


def unknown_fate(stage: Stage) -> str:
    """See that a start whose answer is cut off is exit code 104, and so is each restart: nothing is started twice."""
    job, site = stage.job("ENDS_DONE"), stage.site()
    stage.amt.add_fault("start", "reset-after")
    try:
        site.run(job).must_exit(104).must_say("submission-unknown")
    finally:
        stage.amt.clear_faults()
    site.run(job.restarted()).must_exit(104).must_say("--release")
    starts = stage.amt.starts(job.marker)
    if starts != 1:
        raise Failed(f"the start was sent {starts} times")
    return "104, and 104 again after a restart: sent once"
