"""What a run needs to know and whom it works with: values and the Protocols of its collaborators."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from amtconnector.run.messages import MessageSource
from amtconnector.run.monitor import Pace, StatusSource
from amtconnector.run.submit import Submitter

if TYPE_CHECKING:
    from collections.abc import Callable

    from amtconnector.run.retry import Clock
    from amtconnector.statuses import Status
    from amtconnector.task import RequestId


class AmtService(Submitter, StatusSource, MessageSource, Protocol):
    """AMT, as a run needs it."""

    def stop(self, request_id: RequestId) -> None:
        """Ask for an orderly end; raises CallFailed."""

    def kill(self, request_id: RequestId) -> None:
        """Ask for an end at once; raises CallFailed."""

    def close(self) -> None:
        """End the conversation; nothing is raised."""


class Stopping(Protocol):
    """The flag of being told to stop."""

    def serve(self, within_s: float) -> None:
        """Begin to do what was asked for; after so many seconds waits end again."""


class Observers(Protocol):
    """Who wants to know how the run gets on, without a say in it."""

    def task_started(self, request_id: RequestId) -> None:
        """Take note that AMT has the task."""

    def status_changed(self, request_id: RequestId, status: Status, elapsed_s: float) -> None:
        """Take note of another status than before."""


class Plan(NamedTuple):
    """How this installation runs tasks. Times in seconds."""

    server: str
    pace: Pace
    start_timeout_s: float
    streams_messages: bool
    kills_on_interrupt: bool


class Surroundings(NamedTuple):
    """What a run happens in: time, chance, being told to stop, and who looks on."""

    clock: Clock
    chance: Callable[[], float]
    stopping: Stopping
    onlookers: Observers


class Known(NamedTuple):
    """A task that was started before: its request, its name, its age in seconds (None: unknown), "of 02:14" or ""."""

    request_id: RequestId
    name: str
    age_s: float | None
    begun: str
