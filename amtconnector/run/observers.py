"""Who looks on while a task runs: OpCon's status column, the run's log, and the cleaning of old records."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from amtconnector.opcon import StatusPublisher, status_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from amtconnector.records import RunDirectory
    from amtconnector.statuses import Status
    from amtconnector.task import RequestId


class RunObservers:
    """They learn of the run's progress and have no say in it."""

    def __init__(
        self,
        publisher: StatusPublisher,
        directory: RunDirectory,
        *,
        retain_days: float,
        show_live: Callable[[str, float], None],
        note: Callable[[str], None],
    ) -> None:
        """Let `show_live` know each status and the time since the start, for a person at a terminal.

        `note` gets a line where one of them fails.
        """
        self._publisher = publisher
        self._directory = directory
        self._retain_days = retain_days
        self._show_live = show_live
        self._note = note

    def task_started(self, request_id: RequestId) -> None:
        """Use the time until the first status check to remove old records."""
        with self._without_a_say():
            self._show_live(f"started, request {request_id}", 0.0)
            self._directory.clean(self._retain_days, now=datetime.now(UTC))

    def status_changed(self, request_id: RequestId, status: Status, elapsed_s: float) -> None:
        """Show the status in OpCon and on the terminal."""
        with self._without_a_say():
            self._show_live(f"{status}, request {request_id}", elapsed_s)
            self._publisher.show(status_text(status.name, request_id.text))

    @contextmanager
    def _without_a_say(self) -> Iterator[None]:
        """Keep whatever goes wrong here from a run whose task is running."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - a defect of an onlooker must not end the watch
            self._note(f"an onlooker failed: {type(error).__name__}")
