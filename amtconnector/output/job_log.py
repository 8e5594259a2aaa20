"""The job log: everything that a run prints, in the incumbent's wording, because sites search it.

One line each, `2026-05-18 14:00:14.239 : text`, in local time. OpCon shows an operator 64 KB of it by default, half
from its start and half from its end: what matters stands at both ends.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from amtconnector import __version__
from amtconnector.errors import TaskState
from amtconnector.opcon import missing_variables
from amtconnector.text import LONGEST_KEPT, CutText, clock_time, escaped, kept, sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from amtconnector.config import Config
    from amtconnector.errors import RunError
    from amtconnector.opcon import OpConJob
    from amtconnector.run.arguments import Arguments
    from amtconnector.statuses import Status
    from amtconnector.task import OpenRun, RequestId

LONGEST_MESSAGE = LONGEST_KEPT
"""In bytes of UTF-8; of a longer message the rest is left out."""

_RULE = "-" * 71
_LABEL = 24


class Sink(Protocol):
    """Where lines go."""

    def write(self, line: str) -> None:
        """Take one line, without its end."""

    def flush(self) -> None:
        """Hand over what was taken."""

    @property
    def is_held_up(self) -> bool:
        """Whether so much is waiting to be read that no more should be printed for now."""


class JobLog:
    """The wording of a run's output. Lines of the connector's own also go to `copy`, once there is a run log.

    `mask` hides what must not be seen of the task's messages, `copy_messages` gets them as they are printed.
    `exit_code` is the one that the last line names; None until it is printed.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.copy: Callable[[str], None] = lambda _: None
        self.mask: Callable[[str], str] | None = None
        self.copy_messages: Callable[[Sequence[str]], None] | None = None
        self.exit_code: int | None = None
        self._is_inside = False
        self._second = 0
        self._stamp = ""

    def line(self, text: str) -> None:
        """Print one line of the connector's own."""
        self._print(f"[connector] {text}" if self._is_inside else text)

    def rule(self) -> None:
        """Print a rule."""
        self._print(_RULE)

    def field(self, label: str, value: str) -> None:
        """Print one line of the header."""
        self._print(f"{label:<{_LABEL}}: {value}")

    def header(self, arguments: Arguments, opcon: OpConJob | None, environ: Mapping[str, str]) -> None:
        """Print what the command line asks for, and for which OpCon job; `environ` is where that was looked for."""
        self.rule()
        self.field("AMT Connector", __version__)
        self.field("-jt (job type)", arguments.action.value)
        self.field("-an (application Name)", arguments.application or "null")
        self.field("-jn (job name)", arguments.job or "null")
        self.field("-fn (file name)", arguments.script or "null")
        self.field("-pa (Parameters)", ", ".join(arguments.parameters) or "null")
        self.field("-u  (user)", arguments.user or "default")
        self.field("-tv (task value)", ", ".join(arguments.task_values) or "null")
        if arguments.action.value != "START":
            self.field("-id (request id)", str(arguments.request_id or "null"))
        if opcon:
            number = f", number {opcon.number}" if opcon.number else ""
            self.field("OpCon job", f"{opcon.name}, schedule {opcon.schedule_name} of {opcon.schedule_date}{number}")
        elif missing := missing_variables(environ):
            self.field("OpCon job", f"unknown: {', '.join(missing)} missing in the environment")
        self.flush()

    def configuration(self, config: Config) -> None:
        """Print which configuration file counts, the server, and what is odd in the file."""
        self.field("Configuration", f"{config.path} ({config.name})")
        self.field("Server", config.server.base_url)
        for warning in config.warnings:
            self.line(f"Warning: {warning}")
        self.flush()

    def flush(self) -> None:
        """Hand everything over; called before every wait."""
        self._sink.flush()

    @property
    def is_held_up(self) -> bool:
        """Whether so much is waiting to be read that no more should be printed for now."""
        return self._sink.is_held_up

    def started(self, name: str, request_id: RequestId) -> None:
        """Say that AMT has the task."""
        self._print(f"Job '{name}' started in AMT Environment : BatchrequestId '{request_id}'")

    def attached(self, name: str, request_id: RequestId) -> None:
        """Say that a task that AMT has already is taken up."""
        self._print(f"Job '{name}' taken up in AMT Environment : BatchrequestId '{request_id}'")

    def begin_messages(self) -> None:
        """Open the part that holds the task's messages; lines of our own are marked in it."""
        self._is_inside = True
        self._print(f"Job log {'-' * 57}")

    def end_messages(self) -> None:
        """Close the part that holds the task's messages."""
        if self._is_inside:
            self._is_inside = False
            self._print(f"End Job log {'-' * 53}")

    def messages(self, texts: Sequence[str]) -> None:
        """Print messages as they came, one line each: made safe, and cut where they are very long."""
        prefix = self._prefix()
        write = self._sink.write
        if self.mask:
            texts = [self.mask(text) for text in texts]
        if self.copy_messages:
            self.copy_messages([_cut(text) for text in texts])
        for text in texts:
            write(prefix + (text if len(text) < 100_000 and text.isprintable() else escaped(_cut(text))))

    def completed(self, status: Status, elapsed_s: float | None) -> None:
        """Print how the task ended, and how long after its start where that is known."""
        self._print(f"Completion : {status}" + ("" if elapsed_s is None else f" after {clock_time(elapsed_s)}"))

    def failed(self, error: RunError, earlier: OpenRun | None = None) -> None:
        """Print what happened, to what, what to do next, and the outcome in words.

        `earlier` is an open run of the same OpCon job.
        """
        self.end_messages()
        self.rule()
        is_news = earlier is not None and not _is_about(error, earlier)
        states = [task_sentence(error), *([open_run_sentence(earlier)] if earlier and is_news else [])]
        self._block("What happened", ("\n" if "\n" in error.message else " ").join([sentence(error.message), *states]))
        self._block("To what", error.subject)
        self.advice("\n".join(filter(None, (error.hint, earlier.hint if earlier and is_news else ""))))
        self._print(f"Outcome : {error.slug} ({error.exit_code})")

    def advice(self, text: str) -> None:
        """Print what to do next."""
        self._block("What to do next", text)

    def ended(self, exit_code: int) -> None:
        """Print the last lines of a run."""
        self._print(f"Connector completed with return code {exit_code}", _RULE)
        self.flush()
        self.exit_code = exit_code

    def _block(self, label: str, text: str) -> None:
        for number, line in enumerate(text.splitlines()):
            self.field(label if number == 0 else "", line)

    def _print(self, *texts: str) -> None:
        for text in texts:
            self._sink.write(self._prefix() + escaped(text))
        for text in texts:  # afterwards: a copy that can't be written says so in a line of its own
            self.copy(text)

    def _prefix(self) -> str:
        now = time.time()
        second = int(now)
        if second != self._second:
            self._second = second
            self._stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
        return f"{self._stamp}.{int(now * 1000) % 1000:03} : "


def task_sentence(error: RunError) -> str:
    """Say whether a task may be running: the one place that does."""
    state, request_id, run_id = error.fate
    if state is TaskState.NONE:
        return "Nothing was started."
    is_named = request_id or run_id or state is TaskState.RUNNING
    return f"{'The' if is_named else 'A'} task may be running{_name(request_id, run_id)}."


def open_run_sentence(earlier: OpenRun) -> str:
    """Say that an earlier run of the same OpCon job may have a task running."""
    name = _name(earlier.request_id, earlier.run_id)
    if earlier.request_id:
        return f"A task of an earlier run of this OpCon job may be running{name}."
    return f"An earlier run of this OpCon job may have started a task{name}."


def _name(request_id: str, run_id: str) -> str:
    return f": request {request_id}" if request_id else f": run {run_id}" if run_id else ""


def _is_about(error: RunError, earlier: OpenRun) -> bool:
    _, request_id, run_id = error.fate
    return earlier.run_id == run_id or (earlier.request_id != "" and earlier.request_id == request_id)


def _cut(text: str) -> str:
    text = kept(text) if len(text) > LONGEST_MESSAGE // 4 and not isinstance(text, CutText) else text
    if not isinstance(text, CutText):
        return text
    return f"{text} [connector] {text.left_out} bytes of this message are left out"
