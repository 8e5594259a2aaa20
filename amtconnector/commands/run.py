"""One run in this process: builds what it needs, prints how it ended, and says with which code to exit.

The header is printed before anything heavy is imported and before anything can fail.
"""

from __future__ import annotations

import gc
import os
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from amtconnector import __version__
from amtconnector.errors import (
    ConfigurationError,
    CredentialsError,
    InternalError,
    Interrupted,
    RunError,
    UsageError,
)
from amtconnector.opcon import OpConJob, missing_variables
from amtconnector.output.job_log import JobLog
from amtconnector.output.stdout import Output, occupy_standard_streams
from amtconnector.run.arguments import Action, Arguments, parse
from amtconnector.system.signals import Cause, Interrupt, StopRequested

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amtconnector.config import Config
    from amtconnector.output.terminal import Terminal
    from amtconnector.run.session import Session

_LAST_WORDS_S = 1.0
_Failure = TypeVar("_Failure", bound=RunError)


def run(tokens: Sequence[str]) -> int:
    """Do what the command line asks for; returns the exit code and never raises."""
    gc.disable()  # what is made while the program starts is needed to its end
    occupy_standard_streams()
    try:
        arguments = parse(tokens)
    except UsageError as error:
        return _refused(error, tokens, Output())
    output = _output(arguments)
    try:
        return Job(arguments, output).run()
    finally:
        output.close()


def _output(arguments: Arguments) -> Output | Terminal:
    """Return the stream for the job log; a person at a terminal gets a live line, everything else plain lines."""
    if not os.isatty(1):
        return Output()
    from amtconnector.output.terminal import Terminal  # for people, who don't mind the time that rich takes

    return Terminal(arguments.name or f"request {arguments.request_id}")


def _refused(error: UsageError, tokens: Sequence[str], output: Output) -> int:
    from amtconnector.run.earlier_run import open_run_of  # only after a mistake

    opcon = OpConJob.from_environment(os.environ)
    config_path = next((value for flag, value in pairwise(tokens) if flag == "--config"), "")
    earlier = open_run_of(opcon, None, config_path)
    output.write(f"amt: {error.slug} ({error.exit_code}): {error.message}. Nothing was started.{earlier.text}")
    output.close()
    return error.exit_code


class Job:
    """The run that a command line asks for."""

    def __init__(self, arguments: Arguments, output: Output | Terminal) -> None:
        self._arguments = arguments
        self._output = output
        self._log = JobLog(output)
        self._opcon = OpConJob.from_environment(os.environ)
        self._interrupt = Interrupt(self._end_at_once)
        self._config: Config | None = None
        self._session: Session | None = None
        self._is_ending = False
        self._begun_at = datetime.now(UTC)

    def run(self) -> int:
        """Run to the end; returns the exit code."""
        try:
            self._interrupt.install()
            self._print_header()
            return self._run()
        except RunError as error:
            return self._failed(error)
        except (StopRequested, KeyboardInterrupt):
            return self._failed(Interrupted("The connector was told to stop before anything was started."))
        except Exception as error:  # noqa: BLE001 - the edge of the program
            return self._failed(self._defect(error))

    def _run(self) -> int:
        from amtconnector import config  # after the first line of the log

        self._config = config.load(config.find(self._arguments.config))
        self._output.use(self._config.output_encoding)
        self._print_configuration(self._config)
        self._interrupt.check()

        from amtconnector.run.session import Session  # imports the HTTP client

        self._session = Session(
            self._arguments,
            self._config,
            self._opcon,
            self._log,
            self._interrupt,
            self._output.show_live,
            self._begun_at,
        )
        gc.freeze()
        gc.enable()
        return self._session.run()

    def _print_header(self) -> None:
        arguments, field = self._arguments, self._log.field
        self._log.rule()
        field("AMT Connector", __version__)
        field("-jt (job type)", arguments.action.value)
        field("-an (application Name)", arguments.application or "null")
        field("-jn (job name)", arguments.job or "null")
        field("-fn (file name)", arguments.script or "null")
        field("-pa (Parameters)", ", ".join(arguments.parameters) or "null")
        field("-u  (user)", arguments.user or "default")
        field("-tv (task value)", ", ".join(arguments.task_values) or "null")
        if arguments.action is not Action.START:
            field("-id (request id)", str(arguments.request_id or "null"))
        if self._opcon:
            number = f", number {self._opcon.number}" if self._opcon.number else ""
            schedule = f"{self._opcon.schedule_name} of {self._opcon.schedule_date}"
            field("OpCon job", f"{self._opcon.name}, schedule {schedule}{number}")
        elif missing := missing_variables(os.environ):
            field("OpCon job", f"unknown: {', '.join(missing)} missing in the environment")
        self._log.flush()

    def _print_configuration(self, config: Config) -> None:
        self._log.field("Configuration", f"{config.path} ({config.name})")
        self._log.field("Server", config.server.base_url)
        for warning in config.warnings:
            self._log.line(f"Warning: {warning}")
        self._log.flush()

    def _failed(self, error: RunError) -> int:
        """Print the failure, with the open run that it leaves behind, and return its exit code."""
        from amtconnector.run.earlier_run import open_run_of  # only after a failure

        if isinstance(error, ConfigurationError | CredentialsError) and "othing was " not in error.message:
            error.message += "\nNothing was started."
        earlier = open_run_of(self._opcon, self._config, self._arguments.config)
        if not earlier.is_named_in(error):
            error.message += earlier.text
            error.hint = "\n".join(filter(None, (error.hint, earlier.hint)))
        self._log.failed(error)
        self._log.ended(error.exit_code)
        return error.exit_code

    def _defect(self, error: Exception) -> InternalError:
        """Describe a defect without its words, which could hold a secret; its places go to the run's log."""
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = f"{Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place else "an unknown place"
        if self._session:
            self._session.keep_traceback(error)
        what = f"A defect of the connector: {type(error).__name__} at {where}; report it with the run's log."
        return self._ended_in_its_midst(InternalError, what)

    def _ended_in_its_midst(self, kind: type[_Failure], what: str) -> _Failure:
        """Return a failure that says whether a task may be running, and what to do then."""
        session = self._session
        return kind(
            f"{what} {session.state if session else 'Nothing was started.'}",
            subject=f"Job '{self._arguments.name}'" + (f", run {session.run_id}" if session else ""),
            hint=session.next_step if session else "",
        )

    def _end_at_once(self, cause: Cause) -> None:
        """End the process where it stands, on any thread: a second signal came, or the session closes."""
        if self._is_ending:
            os._exit(Interrupted.exit_code if self._log.exit_code is None else self._log.exit_code)
        self._is_ending = True
        if self._log.exit_code is not None:
            return  # the log has named another code, and all that is left to do is to mark the record
        from threading import Timer  # only here

        last_moment = Timer(_LAST_WORDS_S, os._exit, (Interrupted.exit_code,))  # stdout may be one that nobody reads
        last_moment.daemon = True
        last_moment.start()
        try:
            why = "told to stop a second time" if cause is Cause.TOLD else cause.value
            self._log.failed(self._ended_in_its_midst(Interrupted, f"The connector was {why}, and ended at once."))
            self._log.ended(Interrupted.exit_code)
            self._output.close()
        finally:
            os._exit(Interrupted.exit_code)
