"""Who looks on while a task runs, without a say in it: a person, OpCon, monitoring, and the cleaning of old records."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from amtconnector.opcon import StatusPublisher, status_text
from amtconnector.text import clock_time

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from amtconnector.records import RunDirectory
    from amtconnector.records.attention import AttentionFile
    from amtconnector.run.next_steps import NextSteps
    from amtconnector.statuses import Status
    from amtconnector.task import RequestId

_LONGEST_CLEANING_S = 60.0


class Observer:
    """One who looks on, and takes an interest in what it overrides; whatever it raises is noted and forgotten."""

    def task_started(self, request_id: RequestId) -> None:
        """Take note that AMT has the task."""

    def status_changed(self, request_id: RequestId, status: Status, elapsed_s: float) -> None:
        """Take note of another status than before, so many seconds after the start."""

    def run_ended(self) -> None:
        """Take note that nothing more comes."""


class RunObservers(Observer):
    """All of them."""

    def __init__(self, observers: Sequence[Observer], note: Callable[[str], None]) -> None:
        """`note` gets a line where one of them fails."""
        self._observers = observers
        self._note = note

    def task_started(self, request_id: RequestId) -> None:
        """Tell that AMT has the task."""
        self._tell(lambda observer: observer.task_started(request_id))

    def status_changed(self, request_id: RequestId, status: Status, elapsed_s: float) -> None:
        """Tell another status than before."""
        self._tell(lambda observer: observer.status_changed(request_id, status, elapsed_s))

    def run_ended(self) -> None:
        """Tell that nothing more comes, however the run ended."""
        self._tell(lambda observer: observer.run_ended())

    def _tell(self, news: Callable[[Observer], None]) -> None:
        """Tell each of them; whatever goes wrong there is kept from a run whose task is running."""
        for observer in self._observers:
            try:
                news(observer)
            except Exception as error:  # noqa: BLE001 - a defect of an onlooker must not end the watch
                self._note(f"an onlooker failed: {type(error).__name__}")


class LiveLine(Observer):
    """Shows a person at a terminal the status and the time since the start."""

    def __init__(self, show_live: Callable[[str, float], None]) -> None:
        self._show_live = show_live

    def task_started(self, request_id: RequestId) -> None:
        """Show the start."""
        self._show_live(f"started, request {request_id}", 0.0)

    def status_changed(self, request_id: RequestId, status: Status, elapsed_s: float) -> None:
        """Show the status."""
        self._show_live(f"{status}, request {request_id}", elapsed_s)


class StatusColumn(Observer):
    """Shows the AMT status as the job's status in OpCon."""

    def __init__(self, publisher: StatusPublisher) -> None:
        self._publisher = publisher

    def status_changed(self, request_id: RequestId, status: Status, _elapsed_s: float) -> None:
        """Show the status."""
        self._publisher.show(status_text(status.name, request_id.text))

    def run_ended(self) -> None:
        """Leave no program behind."""
        self._publisher.close()


class Cleaning(Observer):
    """Removes old records: for a moment before the first status check, and beside the watch where that is not enough.

    What is not done by the end of the run is left to the next one.
    """

    def __init__(self, directory: RunDirectory, retain_days: float) -> None:
        self._directory = directory
        self._retain_days = retain_days
        self._is_over = False

    def task_started(self, request_id: RequestId) -> None:
        """Use the time until the first status check."""
        del request_id
        self._clean(1.0)
        if self._directory.needs_cleaning(datetime.now(UTC)):
            # It touches nothing of this run, and the process may end at any file.
            threading.Thread(target=self._go_on, name="cleaning", daemon=True).start()

    def run_ended(self) -> None:
        """Stop after the file that is just removed."""
        self._is_over = True

    def _go_on(self) -> None:
        with suppress(Exception):  # nobody would hear of it, and what is left over is tomorrow's
            self._clean(_LONGEST_CLEANING_S)

    def _clean(self, seconds: float) -> None:
        now = datetime.now(UTC)
        self._directory.clean(self._retain_days, now=now, deadline_s=seconds, is_over=lambda: self._is_over)


class Attention(Observer):
    """Makes it visible to monitoring that the task waits for an operator: a file as long as it does, and an event."""

    def __init__(
        self, file: AttentionFile, job: str, next_steps: NextSteps, report: Callable[[int, str], None] | None
    ) -> None:
        """`job` says in words which one it is; `report` takes an event, None where none are wanted."""
        self._file = file
        self._job = job
        self._next_steps = next_steps
        self._report = report
        self._may_be_there = True  # an earlier run that was killed can have left it

    def status_changed(self, request_id: RequestId, status: Status, elapsed_s: float) -> None:
        """Show that an operator is waited for, or that none is any more."""
        if not status.needs_operator:
            self._remove()
            return
        what = f"{self._job}: request {request_id} waits for an operator in AMT: {status}"
        since = f"{clock_time(elapsed_s)} after its start, {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        self._may_be_there = True
        if self._report:
            self._report(status.code, what)
        self._file.show([what, f"since {since}", *self._next_steps.ways_on(request_id.text).splitlines()])

    def run_ended(self) -> None:
        """Leave no file behind."""
        self._remove()

    def _remove(self) -> None:
        if self._may_be_there:
            self._file.remove()
            self._may_be_there = False
