"""The task's messages: fetched while it runs without loading the server, and in full when it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from amtconnector.errors import CallFailed, Forbidden, LogonRefused, Unauthorized
from amtconnector.run.printed_messages import PrintedMessages
from amtconnector.text import calm

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from amtconnector.run.retry import Clock
    from amtconnector.task import RequestId

LONGEST_DRAIN_S = 10.0
_FETCH_SHARE = 20.0
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0
_LONGEST_FETCH_S = 30.0  # while the task runs, its status is worth more
_LONGEST_LAST_READ_S = 3600.0
_PATIENCE_S = 2.0
_LAST_PATIENCE_S = 30.0
_LOOK_AGAIN_S = 0.05


class MessageSource(Protocol):
    """Where messages come from."""

    def messages(self, request_id: RequestId, limit_s: float) -> Iterator[list[str]]:
        """Yield all messages of the task for at most so many seconds; raises CallFailed."""


class MessagePrinter(Protocol):
    """Where messages go."""

    def messages(self, texts: Sequence[str]) -> None:
        """Print messages."""

    def line(self, text: str) -> None:
        """Print a line of the connector's own."""

    @property
    def is_held_up(self) -> bool:
        """Whether so much is waiting to be read that no more should be printed for now."""


class MessageStream:
    """Prints each message of one task once. A failure to read them changes nothing but a line at the end."""

    def __init__(
        self, source: MessageSource, printer: MessagePrinter, clock: Clock, request_id: RequestId, *, streams: bool
    ) -> None:
        """Leave everything to the end when `streams` is False."""
        self._source = source
        self._printer = printer
        self._clock = clock
        self._request_id = request_id
        self._ledger = PrintedMessages()
        self._due_at = clock.monotonic() if streams else float("inf")

    def fetch_if_due(self, poll_interval_s: float) -> None:
        """Print what is new, unless it was looked at a short while ago. Failures are silent."""
        begun = self._clock.monotonic()
        if begun < self._due_at:
            return
        refused = self._read(_LONGEST_FETCH_S, patience_s=_PATIENCE_S)[1]
        ended = self._clock.monotonic()
        self._due_at = ended + max(2 * poll_interval_s, _FETCH_SHARE * (ended - begun))
        if isinstance(refused, Forbidden | Unauthorized | LogonRefused):
            self._due_at = float("inf")

    def drain(self) -> None:
        """Print the rest, when the task has ended: until two reads agree, for at most 10 s."""
        end = self._clock.monotonic() + LONGEST_DRAIN_S
        pause_s = 0.0  # every run pays for the second read, so it comes at once; further ones can take their time
        has_read = agreed = False
        while True:
            new, failure = self._read(_LONGEST_LAST_READ_S, patience_s=_LAST_PATIENCE_S)
            agreed = failure is None and has_read and not new
            has_read = has_read or failure is None
            if agreed or isinstance(failure, Forbidden | Unauthorized | LogonRefused):
                break
            if self._clock.monotonic() + pause_s > end:
                break
            self._clock.wait(pause_s)
            pause_s = min(max(_FIRST_PAUSE_S, 2 * pause_s), _LONGEST_PAUSE_S)
        if not agreed:
            self._printer.line(f"The job log may be incomplete: {_reason(failure)}.")

    def _read(self, limit_s: float, *, patience_s: float) -> tuple[int, CallFailed | None]:
        """Read the whole list and print what is new; return how many were new, and what kept it from being read.

        A job log that nobody reads for `patience_s` keeps it from being read, too.
        """
        new = 0
        self._ledger.begin()
        try:
            for texts in self._source.messages(self._request_id, limit_s):
                unprinted = self._ledger.unprinted(texts)
                new += len(unprinted)
                self._printer.messages(unprinted)
                self._wait_for_reader(patience_s)
        except CallFailed as error:
            return new, error
        finally:
            self._ledger.end()
        return new, None

    def _wait_for_reader(self, patience_s: float) -> None:
        end = self._clock.monotonic() + patience_s
        while self._printer.is_held_up:
            if self._clock.monotonic() >= end:
                raise CallFailed("nobody reads what is printed")
            self._clock.wait(_LOOK_AGAIN_S)


def _reason(failure: CallFailed | None) -> str:
    if failure is None:
        return f"no two reads of the messages agreed within {LONGEST_DRAIN_S:g} s"
    return f"the messages could not be read ({calm(failure.message)})"
