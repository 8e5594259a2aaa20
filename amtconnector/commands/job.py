"""One run's job: builds what it needs, prints how it ended, and says with which code to exit.

The header is printed before anything heavy is imported and before anything can fail.
"""

from __future__ import annotations

import gc
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, TypeVar

from amtconnector.errors import (
    ConfigurationError,
    InternalError,
    Interrupted,
    LostContact,
    RunError,
    SubmissionUnknown,
    TaskFate,
    TaskState,
)
from amtconnector.opcon import OpConJob
from amtconnector.output.job_log import JobLog, task_sentence
from amtconnector.run import swallowed_flags
from amtconnector.run.arguments import Action
from amtconnector.run.context import Invocation
from amtconnector.system.signals import Cause, Interrupt, StopRequested
from amtconnector.text import calm, sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from amtconnector.config import Config
    from amtconnector.output.stdout import Output
    from amtconnector.output.terminal import Terminal
    from amtconnector.run.arguments import Arguments
    from amtconnector.run.session import Session
    from amtconnector.task import OpenRun

_LAST_WORDS_S = 1.0
_EVENTS = (SubmissionUnknown, LostContact, Interrupted)
_OF_THE_SYSTEM = (OSError, MemoryError, ImportError, SystemError)
"""The system gives too little. Where memory runs out, the interpreter makes a SystemError of it here and there."""
_STRANDED: dict[TaskState, type[RunError]] = {
    TaskState.NONE: ConfigurationError,
    TaskState.MAYBE: SubmissionUnknown,
    TaskState.RUNNING: LostContact,
}
_STRANDED_HINT = (
    "Look at this process's limits (ulimit -a) and at the machine's memory and disks, then restart the job."
)
_Failure = TypeVar("_Failure", bound=RunError)


def open_run_left(opcon: OpConJob | None, config: Config | None, config_path: str) -> OpenRun | None:
    """Return the open run that a failure leaves behind; None also where it can't be looked for."""
    with suppress(Exception):
        from amtconnector.run.earlier_run import open_run_of  # only after a failure, and without it there is one, too

        return open_run_of(opcon, config, config_path)
    return None


class Job:
    """The run that a command line asks for."""

    def __init__(self, arguments: Arguments, output: Output | Terminal) -> None:
        self._invocation = Invocation(arguments, OpConJob.from_environment(os.environ), datetime.now(UTC))
        self._output = output
        self._log = JobLog(output)
        self._interrupt = Interrupt(self._end_at_once)
        self._config: Config | None = None
        self._session: Session | None = None
        self._report_event: Callable[..., None] | None = None
        self._is_ending = False

    def run(self) -> int:
        """Run to the end; returns the exit code. Once the outcome is known nothing that fails replaces it."""
        exit_code = self._outcome()
        for last_act in self._last_acts():
            with suppress(Exception):
                last_act()
        return exit_code

    def _last_acts(self) -> Iterator[Callable[[], None]]:
        """Yield what is left to do: the record says "finished" only when the job log is out."""
        if self._session:
            yield self._session.close
        yield self._output.close
        if self._session:
            yield self._session.finish
            yield self._output.close  # what finishing had to say

    def _outcome(self) -> int:
        try:
            self._interrupt.install()
            self._log.header(self._invocation.arguments, self._invocation.opcon, os.environ)
            if warning := swallowed_flags.from_process():
                self._log.line(f"Warning: {warning}")
            return self._run()
        except RunError as error:
            return self._failed(error)
        except (StopRequested, KeyboardInterrupt):
            text = "The connector was told to stop before anything was started."
            return self._failed(Interrupted(text, fate=TaskFate(TaskState.NONE)))
        except Exception as error:  # noqa: BLE001 - the edge of the program
            if self._log.exit_code is not None:
                return self._log.exit_code
            is_defect = not isinstance(error, _OF_THE_SYSTEM)
            return self._failed(self._defect(error) if is_defect else self._stranded(error))

    def _run(self) -> int:
        from amtconnector import config  # after the first line of the log

        self._config = config.load(config.find(self._invocation.arguments.config))
        if self._config.event_log:
            from amtconnector.system import event_log  # for those who want it, and not at the end of the run

            self._report_event = event_log.report
        self._output.use(self._config.output_encoding)
        self._log.configuration(self._config)
        self._look_at_rights(self._config)
        self._interrupt.check()

        from amtconnector.system import seldom_used

        seldom_used.import_when_used()
        from amtconnector.run.session import Session  # imports the HTTP client

        self._session = Session(self._invocation, self._config, self._log, self._interrupt, self._output.show_live)
        gc.freeze()
        gc.enable()
        return self._session.run()

    def _look_at_rights(self, config: Config) -> None:
        """Refuse a run directory that others may change; warn once of what people made and others may change."""
        from amtconnector.config import trust  # after the first line of the log

        is_made = self._invocation.arguments.action is Action.START
        warnings = (
            *_runs_elsewhere(config),
            trust.ensure_run_directory(config.run_directory, config.path, is_made=is_made),
            trust.warning(list(trust.made_by_people(config)), config.path),
        )
        for warning in filter(None, warnings):
            self._log.line(f"Warning: {calm(warning)}")
        self._log.flush()

    def _failed(self, error: RunError) -> int:
        """Print the failure, with the open run that it leaves behind, and return its exit code."""
        earlier = open_run_left(self._invocation.opcon, self._config, self._invocation.arguments.config)
        self._log.failed(error, earlier)
        self._log.ended(error.exit_code)
        self._report(error)
        return error.exit_code

    def _report(self, error: RunError) -> None:
        """Tell the log of the operating system of an end after which somebody has to look; never raises."""
        if self._report_event is None or not isinstance(error, _EVENTS):
            return
        arguments, opcon = self._invocation.arguments, self._invocation.opcon
        job = f"Job '{arguments.name}'" + (f" of OpCon job {opcon.name} {opcon.number}".rstrip() if opcon else "")
        said = f"{sentence(error.message)} {task_sentence(error)}"
        with suppress(Exception):
            self._report_event(error.exit_code, f"{job}: {error.slug} ({error.exit_code}): {said}", is_error=True)

    def _defect(self, error: Exception) -> InternalError:
        """Describe a defect without its words, which could hold a secret; its places go to the run's log."""
        places = _places(error)
        if self._session:
            for place in places:
                self._session.note(f"{type(error).__name__} at {place}")
        where = places[-1] if places else "an unknown place"
        what = f"A defect of the connector: {type(error).__name__} at {where}; report it with the run's log."
        return self._ended_in_its_midst(InternalError, what)

    def _stranded(self, error: Exception) -> RunError:
        """Describe that the system does not give the connector what it needs: descriptors, memory, its own files."""
        reason = getattr(error, "strerror", None) or type(error).__name__
        what = f"The system does not let the connector work here: {reason}."
        state = self._session.fate.state if self._session else TaskState.NONE
        failure = self._ended_in_its_midst(_STRANDED[state], what)
        failure.hint = failure.hint or _STRANDED_HINT
        return failure

    def _ended_in_its_midst(self, kind: type[_Failure], what: str) -> _Failure:
        """Return a failure that says whether a task may be running, and what to do then."""
        session = self._session
        if session is None:
            return kind(what, subject=f"Job '{self._invocation.arguments.name}'", fate=TaskFate(TaskState.NONE))
        return kind(
            what,
            subject=f"Job '{self._invocation.arguments.name}', run {session.run_id}",
            hint=session.next_step,
            fate=session.fate,
        )

    def _end_at_once(self, cause: Cause) -> None:
        """End the process where it stands, on any thread: a second signal came, or the session closes."""
        if self._is_ending:
            os._exit(Interrupted.exit_code if self._log.exit_code is None else self._log.exit_code)
        self._is_ending = True
        if self._log.exit_code is not None:
            return  # the log has named another code, and all that is left to do is to mark the record
        last_moment = Timer(_LAST_WORDS_S, os._exit, (Interrupted.exit_code,))  # stdout may be one that nobody reads
        last_moment.daemon = True
        last_moment.start()
        try:
            why = "told to stop a second time" if cause is Cause.TOLD else cause.value
            error = self._ended_in_its_midst(Interrupted, f"The connector was {why}, and ended at once.")
            self._log.failed(error)
            self._log.ended(Interrupted.exit_code)
            self._output.close()
            self._report(error)
            if self._session:
                self._session.take_back_signs()
        finally:
            os._exit(Interrupted.exit_code)


def _runs_elsewhere(config: Config) -> tuple[str, ...]:
    """Warn of open runs that this run can't find: those of a version in another folder, say."""
    from amtconnector.records import RunDirectory

    if RunDirectory(config.run_directory).has_runs:
        return ()
    from amtconnector.config.installation_id import open_runs_elsewhere  # only the first run of an installation

    return open_runs_elsewhere(config)


def _places(error: Exception) -> list[str]:
    """Return the places that an exception went through, innermost last, without reading any source."""
    places, place = [], error.__traceback__
    while place is not None:
        code = place.tb_frame.f_code
        places.append(f"{Path(code.co_filename).name}:{place.tb_lineno} in {code.co_name}")
        place = place.tb_next
    return places
