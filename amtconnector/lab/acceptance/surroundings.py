"""What OpCon's agent has, or has not, around a job: streams for the job log, its status program, its variables."""

from __future__ import annotations

import locale
import sys
from typing import TYPE_CHECKING

from amtconnector.lab.acceptance.agent import Surroundings
from amtconnector.lab.acceptance.check import Failed, require

if TYPE_CHECKING:
    from amtconnector.lab.acceptance.stage import Stage

_LETTERS = "caf\u00e9 \u2603"


def letters_arrive(stdout: str, stage: Stage) -> str:
    """See that the job log comes through a pipe or into a file, in the encoding that the agent expects."""
    ended = stage.site().run(stage.job("LETTERS"), surroundings=Surroundings(stdout)).must_exit(4)
    wanted = _LETTERS.encode(code_page(), "backslashreplace")
    if wanted not in ended.output:
        raise Failed(f"the output is not {code_page()}: {_LETTERS!r} did not arrive", ended.text)
    require(ended.output.count(b" : twice") == 2, "of two equal messages one is missing", ended.text)
    return f"exit code 4, letters in {code_page()}"


def ends_silently(stdout: str, stage: Stage) -> str:
    """See that without a job log (NUL, /dev/null), or without standard handles, the exit code is the same."""
    job = stage.job("ENDS_ABORTED")
    exit_code = stage.site().run(job, surroundings=Surroundings(stdout)).exit_code
    require(exit_code == 12, f"exit code {exit_code}, expected 12")
    require(stage.amt.starts(job.marker) == 1, "the task was not started once")
    return "exit code 12 all the same"


def reader_gone(stage: Stage) -> str:
    """See that a reader that closes the pipe does not change the exit code."""
    started = stage.site().start(stage.job("ENDS_ABORTED"))
    if started.process.stdout:
        started.process.stdout.close()
        started.process.stdout = None
    exit_code = started.ended().exit_code
    require(exit_code == 12, f"exit code {exit_code}, expected 12")
    return "exit code 12 all the same"


def code_page() -> str:
    """Return the encoding of a redirected stdout: the ANSI code page, as the Java connector's; else UTF-8."""
    return locale.getencoding() if sys.platform == "win32" else "utf-8"


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
