"""What OpCon's agent has, or has not, around a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amtconnector.lab.acceptance.verdicts import require

if TYPE_CHECKING:
    from amtconnector.lab.acceptance.stage import Stage


def without_smastatus(stage: Stage) -> str:
    """See that a missing SMAStatus program does not disturb a run that is to publish its status."""
    empty = stage.folder / "agent-without-smastatus"
    empty.mkdir()
    site = stage.site(OPCON={"PUBLISH_STATUS": True})
    site.run(stage.job("ENDS_DONE"), {"SMA_MSLSAM_ROOT_DIRECTORY": str(empty)}).must_exit(4)
    return "exit code 4 all the same"


def outside_opcon(stage: Stage) -> str:
    """See that a run without the agent's variables is one by hand, and says that nothing protects its restart."""
    job = stage.job("ENDS_DONE")
    ended = stage.site().run_bare(*job.arguments).must_exit(4).must_say("Restart protection")
    require("off" in ended.text, "the restart protection is not said to be off", ended.text)
    return "exit code 4, restart protection off"
