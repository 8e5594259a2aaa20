"""What everybody in a run works with, as one value that is made once the run's record is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from amtconnector.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from amtconnector.amtopcon.wire.answers import Refused, Started
    from amtconnector.config import Config
    from amtconnector.opcon import OpConJob
    from amtconnector.output.job_log import JobLog
    from amtconnector.run.arguments import Arguments
    from amtconnector.run.next_steps import NextSteps
    from amtconnector.run.observers import Observer
    from amtconnector.run.recorder import RunRecorder
    from amtconnector.run.retry import Clock
    from amtconnector.statuses import Status
    from amtconnector.task import RequestId, Task


class Amt(Protocol):
    """AMT, as a run needs it: one call to the server a method. Each raises CallFailed."""

    @property
    def last_answer(self) -> str:
        """The HTTP status and the shape of the last answer."""

    @property
    def has_more_messages(self) -> bool:
        """Whether the last answer with messages said that it was not all there is."""

    def log_on(self) -> None:
        """Get a token; raises LogonRefused for refused credentials."""

    def start(self, task: Task) -> Started | Refused:
        """Send the start once; the class of the failure says whether it was executed."""

    def status(self, request_id: RequestId) -> Status:
        """Return the status."""

    def messages(self, request_id: RequestId, limit_s: float) -> Iterator[list[str]]:
        """Yield all messages of the task for at most so many seconds."""

    def stop(self, request_id: RequestId) -> None:
        """Ask for an orderly end."""

    def kill(self, request_id: RequestId) -> None:
        """Ask for an end at once."""


class Invocation(NamedTuple):
    """What this process was started for: its command line, its OpCon job (None by hand), and when it began."""

    arguments: Arguments
    opcon: OpConJob | None
    begun_at: datetime


class RunSettings(NamedTuple):
    """How this installation runs tasks. Times in seconds; `max_outage_s` 0 is no limit.

    `server` is the address that texts name.
    """

    server: str
    initial_delay_s: float
    poll_interval_s: float
    max_poll_interval_s: float
    max_outage_s: float
    kill_confirm_s: float
    start_timeout_s: float
    streams_messages: bool
    kills_on_interrupt: bool

    @classmethod
    def of(cls, config: Config) -> RunSettings:
        """Take them from Connector.config."""
        return cls(
            server=config.server.address,
            initial_delay_s=config.initial_poll_delay_s,
            poll_interval_s=config.poll_interval_s,
            max_poll_interval_s=config.max_poll_interval_s,
            max_outage_s=config.max_outage_s,
            kill_confirm_s=config.kill_confirm_timeout_s,
            start_timeout_s=config.server.start_timeout_s,
            streams_messages=config.stream_messages,
            kills_on_interrupt=config.kill_task_on_interrupt,
        )


class RunContext(NamedTuple):
    """One run's settings and collaborators."""

    settings: RunSettings
    amt: Amt
    log: JobLog
    clock: Clock
    recorder: RunRecorder
    next_steps: NextSteps
    observers: Observer


class KnownTask(NamedTuple):
    """A task that was started before: its request, its name, its age in seconds (None: unknown), "of 02:14" or ""."""

    request_id: RequestId
    name: str
    age_s: float | None
    begun: str
