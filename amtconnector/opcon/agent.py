"""The OpCon agent's surroundings: which OpCon job this process is, and the status that OpCon shows for it.

The OpCon Windows Agent describes the job that it starts in environment variables, and puts a program beside itself that
shows up to 20 characters as the job's status (both from the agent's published documentation).
"""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from amtconnector.named_tuple import NamedTuple

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping

STATUS_LIMIT = 20
"""Characters of a status that OpCon shows."""

_PREFIX = "SMA_MSLSAM_"
_IDENTITY = (f"{_PREFIX}SCHEDULE_DATE", f"{_PREFIX}SCHEDULE_NAME", f"{_PREFIX}JOB_NAME")
_NUMBER_LENGTH = 10
_FILLERS = {"FOR", "WITH", "BY"}


class OpConJob(NamedTuple):
    """The OpCon job that this process is, as the agent describes it; "" and None for what the agent left out.

    `schedule_date` is YYYYMMDD. `name` is the job's name without the number that the agent appends; `number` is that
    number, 10 digits, another one at each restart. `machine` is the agent's name in OpCon.
    """

    schedule_date: str
    schedule_name: str
    name: str
    number: str = ""
    machine: str = ""
    root_directory: Path | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> OpConJob | None:
        """Read the job from the agent's variables; None when one that identifies the job is missing or empty."""
        date, schedule, full_name = (_value(environ, variable) for variable in _IDENTITY)
        if not (date and schedule and full_name):
            return None
        name, number = _name_and_number(full_name)
        root = _value(environ, f"{_PREFIX}ROOT_DIRECTORY")
        return cls(
            schedule_date=date,
            schedule_name=schedule,
            name=name,
            number=number or _number_in(_value(environ, f"{_PREFIX}SAM_JOB_ID")),
            machine=_value(environ, f"{_PREFIX}LSAM_NAME"),
            root_directory=Path(root) if root else None,
        )


def missing_variables(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Name the variables that keep an agent's job from being identified; () when it can be or no agent is there."""
    if not any(name.upper().startswith(_PREFIX) for name in environ):
        return ()
    return tuple(variable for variable in _IDENTITY if not _value(environ, variable))


def _value(environ: Mapping[str, str], variable: str) -> str:
    text = environ.get(variable, "").strip()
    is_quoted = len(text) > 1 and text[0] == text[-1] == '"' and '"' not in text[1:-1]
    return text[1:-1].strip() if is_quoted else text


def _name_and_number(full_name: str) -> tuple[str, str]:
    name, *number = full_name.rsplit(maxsplit=1)
    return (name, number[0]) if number and number[0] == _number_in(number[0]) else (full_name, "")


def _number_in(job_id: str) -> str:
    number = job_id[-_NUMBER_LENGTH:]
    return number if len(number) == _NUMBER_LENGTH and number.isascii() and number.isdigit() else ""


def status_text(name: str, request_id: str) -> str:
    """Say a status and its request in at most 20 characters, such as `QUEUED 2112`.

    A name that leaves no room for the id loses its filler words, then its last ones, but never all that tells it from
    others; rather the id is left out.
    """
    words = name.replace("_", " ").split()
    short = [word for word in words if word not in _FILLERS]
    for shown in (name, " ".join(short), " ".join(short[:2])):
        text = f"{shown} {request_id}".strip()
        if len(text) <= STATUS_LIMIT:
            return text
    return (name if len(name) <= STATUS_LIMIT else " ".join(short))[:STATUS_LIMIT].rstrip()


class StatusPublisher:
    """Shows texts as the job's status in OpCon without ever delaying or failing the run.

    A thread of its own starts the agent's program, one at a time, kills it after `time_limit_s` seconds and reaps it;
    meanwhile only the newest text is kept. It does nothing when `root_directory` is None.
    """

    def __init__(self, root_directory: Path | None, *, time_limit_s: float = 10.0) -> None:
        self._program = _program_in(root_directory) if root_directory else None
        self._time_limit_s = time_limit_s
        self._waiting: list[str] = []
        self._shown = ""
        self._child: subprocess.Popen[bytes] | None = None
        self._is_closed = False
        self._is_working = False
        self._lock = threading.Lock()

    def show(self, text: str) -> None:
        """Show the first 20 characters of a text soon; returns at once and never raises."""
        if not self._program:
            return
        with self._lock:
            self._waiting = [_shown_as(text)]
            if self._is_working or self._is_closed:
                return
            self._is_working = True
        self._start_worker()

    def close(self) -> None:
        """Show nothing more and leave no program behind; returns at once and never raises."""
        if not self._program:
            return
        with self._lock:
            self._is_closed = True
            child = self._child
        if child:
            _end(child)

    def _start_worker(self) -> None:
        try:
            threading.Thread(target=self._work, name="opcon-status", daemon=True).start()
        except RuntimeError:  # no thread to be had: the status is a courtesy
            self._is_working = False

    def _work(self) -> None:
        while (text := self._next_text()) is not None:
            child = self._started(text)
            if child:
                self._see_off(child)

    def _next_text(self) -> str | None:
        with self._lock:
            self._child = None
            text = self._waiting.pop() if self._waiting else ""
            if self._is_closed or text in ("", self._shown):
                self._is_working = False
                return None
            self._shown = text
            return text

    def _started(self, text: str) -> subprocess.Popen[bytes] | None:
        child = _start(str(self._program), text)
        with self._lock:
            self._child = child
            is_too_late = self._is_closed
        if child and is_too_late:
            _end(child)
        return child

    def _see_off(self, child: subprocess.Popen[bytes]) -> None:
        import subprocess

        try:
            child.wait(self._time_limit_s)
        except subprocess.TimeoutExpired:
            _end(child)
            child.wait()


def _shown_as(text: str) -> str:
    # A quote or a control character would break out of the quotes that the agent's program demands.
    return "".join(c for c in text if c.isprintable() and c != '"')[:STATUS_LIMIT].rstrip("\\ ")


def _end(child: subprocess.Popen[bytes]) -> None:
    with suppress(OSError):
        child.kill()


def _start(program: str, text: str) -> subprocess.Popen[bytes] | None:
    import subprocess

    nowhere = subprocess.DEVNULL
    with suppress(OSError, ValueError), _own_libraries_hidden():
        return subprocess.Popen(
            _command(program, text), stdin=nowhere, stdout=nowhere, stderr=nowhere, close_fds=True, creationflags=_FLAGS
        )
    return None


if sys.platform == "win32":
    _FLAGS = 0x08000000  # CREATE_NO_WINDOW, without importing subprocess for it

    def _program_in(root_directory: Path) -> Path:
        return root_directory / "SMAStatus.exe"

    def _command(program: str, text: str) -> str:
        # The agent's documentation demands the quotes, which a list would give only to a text with blanks.
        return f'"{program}" "{text}"'

    @contextmanager
    def _own_libraries_hidden() -> Iterator[None]:
        # A frozen program's folder of libraries is inherited as a place to search, and ours may be of another bitness.
        if not getattr(sys, "frozen", False):
            yield
            return
        from amtconnector.system import windows_api  # where a status is published

        windows_api.SetDllDirectory(None)
        try:
            yield
        finally:
            windows_api.SetDllDirectory(getattr(sys, "_MEIPASS", None))

else:
    _FLAGS = 0

    def _program_in(root_directory: Path) -> Path:
        return root_directory / "SMAStatus"

    def _command(program: str, text: str) -> list[str]:
        return [program, text]

    def _own_libraries_hidden() -> nullcontext[None]:
        return nullcontext()
