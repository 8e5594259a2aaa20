"""AMT's statuses and the connector's own outcomes, as data.

The statuses are those of AMT's published table. A terminal status is the connector's exit code, unchanged; a status
that is not terminal never is. The connector's own outcomes use 23 and 24 as published, else 100 to 109: a band that
AMT, Python and the OpCon agent (31000 and up) leave free. `docs/operations.md` explains both tables to operators.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from amtconnector.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SUCCESS = 4
"""DONE, the only successful end of a run."""
KILLED = 3
"""What a kill job wants to see."""


class StatusClass(Enum):
    """What a status means for the one who waits."""

    WAITING = "waiting"
    OPERATOR = "waiting for an operator"
    RUNNING = "running"
    TERMINAL = "terminal"
    UNKNOWN = "unknown"


class Status(NamedTuple):
    """One status of an AMT task: its number, its name and its class."""

    code: int
    name: str
    kind: StatusClass

    @property
    def is_terminal(self) -> bool:
        """Whether the task has ended."""
        return self.kind is StatusClass.TERMINAL

    @property
    def is_success(self) -> bool:
        """Whether the task has ended well: DONE and nothing else."""
        return self.code == SUCCESS

    @property
    def is_known(self) -> bool:
        """Whether the status tells anything about the task."""
        return self.kind is not StatusClass.UNKNOWN

    @property
    def needs_operator(self) -> bool:
        """Whether the task goes on only when somebody does something in AMT."""
        return self.kind is StatusClass.OPERATOR

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"


AMT_STATUSES = (
    Status(0, "IDLE", StatusClass.WAITING),
    Status(1, "QUEUED", StatusClass.WAITING),
    Status(2, "RUNNING", StatusClass.RUNNING),
    Status(KILLED, "KILLED", StatusClass.TERMINAL),
    Status(SUCCESS, "DONE", StatusClass.TERMINAL),
    Status(5, "SUSPENDED", StatusClass.OPERATOR),
    Status(6, "SKIPPED_BY_OPS", StatusClass.TERMINAL),
    Status(7, "RUN_MANUAL", StatusClass.RUNNING),
    Status(8, "RUN_FORCED", StatusClass.RUNNING),
    Status(9, "RUN_DEBUG", StatusClass.RUNNING),
    Status(10, "DEL_QUEUE", StatusClass.TERMINAL),
    Status(11, "ERROR", StatusClass.TERMINAL),
    Status(12, "ABORTED", StatusClass.TERMINAL),
    Status(13, "WAIT FOR FILE", StatusClass.WAITING),
    Status(14, "WAIT FOR INPUT REQUEST", StatusClass.OPERATOR),
    Status(15, "WAIT FOR JOB", StatusClass.WAITING),
    Status(16, "WAIT FOR REPORT", StatusClass.WAITING),
    Status(18, "RECOVER_CP", StatusClass.RUNNING),
    Status(19, "UNDEFINED", StatusClass.UNKNOWN),
    Status(20, "WAIT_FOR QUEUE", StatusClass.WAITING),
    Status(21, "WAIT_FOR_DEBUGGER", StatusClass.WAITING),
    Status(22, "ABORTED_WITH_RECOVER", StatusClass.TERMINAL),
    Status(23, "WEB_SERVER_ERROR", StatusClass.TERMINAL),
    Status(24, "AUTHENTICATION_ERROR", StatusClass.TERMINAL),
    Status(99, "INVALID AMT USER", StatusClass.TERMINAL),
)

_READ = "Read the messages above."
_UNREAD = "AMT has given no message of it: look at the request in AMT Control Center."
_NEXT_STEPS = {
    KILLED: "The task was killed: in AMT, by a kill job, or because the connector was told to stop. Find out why "
    "before it is run again.",
    6: "Operators skipped the task in AMT. Run it again only if it is still needed.",
    10: "The task was deleted from the AMT queue before it ran. Run it again if it is still needed.",
    11: f"{_READ} With -fn, check first that the script file exists on the AMT server.",
    12: f"The business logic of the job stopped it on purpose. {_READ}",
    22: "The task stopped and can be recovered. Decide in AMT Control Center whether to recover it or to run it again.",
    23: "AMT itself reported this for the task: look at the web server of the AMT environment.",
    24: "AMT itself reported this for the task: look at the rights of its user in AMT Control Center.",
    99: "Correct -u: the user that the task should run as does not exist in AMT.",
}


def next_step_after(status: Status, *, requested: str = "", has_messages: bool = True) -> str:
    """Return what to do next after an unsuccessful terminal status, for the operator.

    `requested` is what this run asked AMT for, STOP or KILL, "" for neither.
    """
    if requested:
        return f"This is how the task ended after the {requested}. Run it again if it is still needed."
    advice = _NEXT_STEPS.get(status.code, "Look at the request in AMT Control Center.")
    return advice if has_messages else advice.replace(_READ, _UNREAD)


class StatusTable:
    """The statuses that one installation knows: AMT's, and the statuses and words that its wire profile adds."""

    def __init__(self, added: Iterable[Status] = (), words: Mapping[str, int] | None = None) -> None:
        statuses = (*AMT_STATUSES, *added)
        self._by_code = {status.code: status for status in statuses}
        self._by_name = {folded(word): self._by_code[code] for word, code in (words or {}).items()}
        self._by_name |= {folded(status.name): status for status in statuses}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StatusTable) and self._by_name == other._by_name

    __hash__ = None  # type: ignore[assignment]  # a table is no key

    def __iter__(self) -> Iterator[Status]:
        return iter(self._by_code.values())

    def by_code(self, code: int) -> Status:
        """Return the status with this number; an unlisted number is a status of class UNKNOWN."""
        return self._by_code.get(code) or Status(code, "UNKNOWN STATUS", StatusClass.UNKNOWN)

    def by_name(self, name: str) -> Status | None:
        """Return the status with this name in any spelling, such as `WaitForFile`; None when there is none."""
        return self._by_name.get(folded(name))

    def says_nothing(self, status: Status) -> bool:
        """Return whether a profile has declared this status to tell nothing, such as "Ended" beside an outcome."""
        is_declared = self._by_code.get(status.code) == status and status not in AMT_STATUSES
        return is_declared and status.kind is StatusClass.UNKNOWN


def folded(name: str) -> str:
    """Return a status's name without what its spellings differ in: letter case, and all but letters and digits.

    A question mark stays: a question is no answer.
    """
    return "".join(character for character in name.casefold() if character.isalnum() or character == "?")
