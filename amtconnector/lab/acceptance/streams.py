"""Where the job log goes: whatever the agent has made of stdout, and in which encoding."""

from __future__ import annotations

import locale
import sys
from typing import TYPE_CHECKING

from amtconnector.lab.acceptance.agent import Surroundings
from amtconnector.lab.acceptance.verdicts import Failed, require

if TYPE_CHECKING:
    from amtconnector.lab.acceptance.stage import Stage

_LETTERS = "caf\u00e9 \u2603"


def pipe(stage: Stage) -> str:
    """See that the job log comes through a pipe, in the encoding that the agent expects."""
    return _letters_arrive(stage, Surroundings("pipe"))


def file(stage: Stage) -> str:
    """See that the job log comes into a file."""
    return _letters_arrive(stage, Surroundings("file"))


def null(stage: Stage) -> str:
    """See that without a job log (NUL, /dev/null) the exit code is the same."""
    return _ends_silently(stage, Surroundings("null"))


def none(stage: Stage) -> str:
    """See that without standard handles the exit code is the same."""
    return _ends_silently(stage, Surroundings("none"))


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


def _letters_arrive(stage: Stage, surroundings: Surroundings) -> str:
    ended = stage.site().run(stage.job("LETTERS"), surroundings=surroundings).must_exit(4)
    wanted = _LETTERS.encode(code_page(), "backslashreplace")
    if wanted not in ended.output:
        raise Failed(f"the output is not {code_page()}: {_LETTERS!r} did not arrive", ended.text)
    require(ended.output.count(b" : twice") == 2, "of two equal messages one is missing", ended.text)
    return f"exit code 4, letters in {code_page()}"


def _ends_silently(stage: Stage, surroundings: Surroundings) -> str:
    job = stage.job("ENDS_ABORTED")
    exit_code = stage.site().run(job, surroundings=surroundings).exit_code
    require(exit_code == 12, f"exit code {exit_code}, expected 12")
    require(stage.amt.starts(job.marker) == 1, "the task was not started once")
    return "exit code 12 all the same"
