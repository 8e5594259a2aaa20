"""A run: its command line is read, or refused in one line; the rest is its `Job`.

What the end of a run needs is imported with this module and `job`: at the end, nothing may be missing.
"""

from __future__ import annotations

import gc
import os
from itertools import pairwise
from typing import TYPE_CHECKING

from amtconnector.commands.job import Job, open_run_left
from amtconnector.errors import UsageError
from amtconnector.opcon import OpConJob
from amtconnector.output.job_log import open_run_sentence, task_sentence
from amtconnector.output.stdout import Output, occupy_standard_streams
from amtconnector.run import swallowed_flags
from amtconnector.run.arguments import Arguments, parse
from amtconnector.text import sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amtconnector.output.terminal import Terminal


def run(tokens: Sequence[str]) -> int:
    """Do what the command line asks for; returns the exit code and never raises."""
    gc.disable()  # what is made while the program starts is needed to its end
    occupy_standard_streams()
    try:
        arguments = parse(tokens)
    except UsageError as error:
        return _refused(error, tokens)
    return Job(arguments, _output(arguments)).run()


def _output(arguments: Arguments) -> Output | Terminal:
    """Return the stream for the job log; a person at a terminal gets a live line, everything else plain lines."""
    if not os.isatty(1):
        return Output()
    from amtconnector.output.terminal import Terminal  # for people, who don't mind the time that rich takes

    return Terminal(arguments.name or f"request {arguments.request_id}")


def _refused(error: UsageError, tokens: Sequence[str]) -> int:
    opcon = OpConJob.from_environment(os.environ)
    config_path = next((value for flag, value in pairwise(tokens) if flag == "--config"), "")
    earlier = open_run_left(opcon, None, config_path)
    said = [sentence(error.message), task_sentence(error), *([open_run_sentence(earlier)] if earlier else [])]
    if warning := swallowed_flags.from_process():
        said.append(f"Warning: {warning}")
    output = Output()
    output.write(f"amt: {error.slug} ({error.exit_code}): {' '.join(said)}")
    output.close()
    return error.exit_code
