"""The task's messages: fetched while it runs without loading the server, and in full when it has ended.

For each text as many copies are printed as the server has reported at most in one answer. While the list only grows at
its end that is the server's order; a line that is inserted further up is new, and so is a second identical line.
"""

from __future__ import annotations

from array import array
from collections import Counter
from typing import TYPE_CHECKING

from amtconnector.errors import CallFailed, Forbidden, LogonRefused, NotUnderstood, Unauthorized
from amtconnector.named_tuple import NamedTuple
from amtconnector.text import calm

if TYPE_CHECKING:
    from amtconnector.run.context import RunContext
    from amtconnector.task import RequestId

LONGEST_DRAIN_S = 10.0
_FETCH_SHARE = 20.0
_LARGE_LIST = 1_000_000
_BESIDE_TEXT = 3  # quotes and a comma
_LARGE_LIST_PER_S = 500_000 / 60  # so that 200,000 messages in eight hours move less than 30 such lists
_LONGEST_FETCH_PAUSE_S = 600.0
_TELLING_PAUSE_S = 1.0  # what a task writes when it has ended badly can come after its status
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0
_LONGEST_FETCH_S = 30.0  # while the task runs, its status is worth more
_LONGEST_LAST_READ_S = 3600.0
_PATIENCE_S = 2.0
_LAST_PATIENCE_S = 30.0
_LOOK_AGAIN_S = 0.05


class _Read(NamedTuple):
    """One read of the whole list: how many were new, how long all were together, what went wrong if anything did."""

    new: int
    size: int
    failure: CallFailed | None

    @property
    def is_refused(self) -> bool:
        return isinstance(self.failure, Forbidden | Unauthorized | LogonRefused)


class MessageStream:
    """Prints each message of one task once. A failure to read them changes nothing but a line at the end."""

    def __init__(self, context: RunContext, request_id: RequestId) -> None:
        self._amt = context.amt
        self._log = context.log
        self._clock = context.clock
        self._request_id = request_id
        self._printed = PrintedMessages()
        self._due_at = self._clock.monotonic() if context.settings.streams_messages else float("inf")
        self._is_moving = False
        self._says_missing = True

    @property
    def has_printed(self) -> bool:
        """Whether the task has said anything."""
        return len(self._printed) > 0

    def fetch_if_due(self, poll_interval_s: float) -> None:
        """Print what is new, unless it was looked at a short while ago. Failures are silent."""
        begun = self._clock.monotonic()
        if begun < self._due_at:
            return
        read = self._read(_LONGEST_FETCH_S, patience_s=_PATIENCE_S)
        ended = self._clock.monotonic()
        self._due_at = ended + self._pause_s(read, poll_interval_s, ended - begun)

    def drain(self, *, is_good_end: bool) -> None:
        """Print the rest, when the task has ended: until two reads agree, for at most 10 s.

        After a good end with messages the second read comes at once, for every run pays for it. Else it comes when it
        can tell something: the last message, the one that says why, may be written after the status.
        """
        end = self._clock.monotonic() + LONGEST_DRAIN_S
        pause_s = None
        has_read = agreed = False
        oddity = ""
        while True:
            read = self._read(_LONGEST_LAST_READ_S, patience_s=_LAST_PATIENCE_S)
            agreed = read.failure is None and has_read and not read.new
            if isinstance(read.failure, NotUnderstood) and read.failure.message == oddity and not read.new:
                break  # the same answer twice, with the same thing in it that is no message
            oddity = read.failure.message if read.failure else ""
            has_read = has_read or read.failure is None
            pause_s = self._next_pause_s(pause_s, is_quick=is_good_end and self.has_printed)
            if agreed or read.is_refused or self._clock.monotonic() + pause_s > end:
                break
            self._clock.wait(pause_s)
        if not agreed:
            self._log.line(f"The job log may be incomplete: {_reason(read.failure)}.")
        elif self._amt.has_more_messages:
            self._log.line(
                "The job log is incomplete: the server's answer says that there are more messages than it holds. "
                "WIRE_PROFILE can name its pages (messages.pages)."
            )

    def _pause_s(self, read: _Read, poll_interval_s: float, took_s: float) -> float:
        """Return when to fetch again: the longer the list, the later; a list that loses messages, at the next poll."""
        if read.is_refused:
            return float("inf")
        shortest_s = 0.0 if self._is_moving else 2 * poll_interval_s
        size_s = read.size / _LARGE_LIST_PER_S if read.size > _LARGE_LIST else 0.0
        return min(max(shortest_s, _FETCH_SHARE * took_s, size_s), _LONGEST_FETCH_PAUSE_S)

    def _next_pause_s(self, last_s: float | None, *, is_quick: bool) -> float:
        if last_s is None:
            return 0.0 if is_quick else _TELLING_PAUSE_S
        return min(max(_FIRST_PAUSE_S, 2 * last_s), _LONGEST_PAUSE_S)

    def _read(self, limit_s: float, *, patience_s: float) -> _Read:
        """Read the whole list and print what is new. A job log that nobody reads for `patience_s` is a failure, too."""
        new = size = 0
        failure = None
        self._printed.begin()
        try:
            for texts in self._amt.messages(self._request_id, limit_s):
                size += sum(map(len, texts)) + _BESIDE_TEXT * len(texts)
                unprinted = self._printed.unprinted(texts)
                new += len(unprinted)
                self._log.messages(unprinted)
                self._wait_for_reader(patience_s)
        except CallFailed as error:
            failure = error
        finally:
            gone = self._printed.end(is_complete=failure is None)
        self._note_gone(gone)
        return _Read(new, size, failure)

    def _note_gone(self, gone: int) -> None:
        """Say once that the server's list does not hold any more what was printed from it: others may be unread."""
        self._is_moving = gone > 0
        if gone and self._says_missing:
            self._says_missing = False
            self._log.line(
                f"The job log may be incomplete: AMT's list no longer holds {gone} messages that it held before, and "
                "others may have gone before they were read."
            )

    def _wait_for_reader(self, patience_s: float) -> None:
        end = self._clock.monotonic() + patience_s
        while self._log.is_held_up:
            if self._clock.monotonic() >= end:
                raise CallFailed("nobody reads what is printed")
            self._clock.wait(_LOOK_AGAIN_S)


class PrintedMessages:
    """Tells new messages from printed ones, one answer after another.

    A printed message is remembered as its hash, 8 bytes: Python's own, a keyed SipHash of 64 bits, so that two
    different messages of a run share one with a chance of about 1 in 10^7 when there are a million of them.
    """

    def __init__(self) -> None:
        # The copies that are printed: in the order of the last answer, then those that it no longer had.
        self._printed = array("q")
        self._gone = 0
        self._at = 0
        self._order: array[int] | None = None
        self._rest: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._printed)

    def begin(self) -> None:
        """Begin to read an answer from its start."""
        self._at = 0
        self._order = None

    def unprinted(self, texts: list[str]) -> list[str]:
        """Return the new ones among the next messages of the answer; they count as printed from now on."""
        hashes = array("q", map(hash, texts))
        if self._order is not None:
            return self._sorted_out(texts, hashes)
        known = self._printed[self._at : self._at + len(hashes)]
        if hashes[: len(known)] != known:
            self._order = self._printed[: self._at]  # from here the answer differs: it is gone on by counting
            self._rest = Counter(self._printed[self._at :])
            return self._sorted_out(texts, hashes)
        self._printed.extend(hashes[len(known) :])
        self._at += len(hashes)
        return texts[len(known) :]

    def end(self, *, is_complete: bool) -> int:
        """End the answer; return how many printed messages it has lost since the complete answer before it."""
        missing = len(self._printed) - self._at
        if self._order is not None:
            rest = array("q", self._rest.elements())
            missing = len(rest)
            self._order.extend(rest)
            self._printed, self._order = self._order, None
        if not is_complete:
            return 0
        gone, self._gone = max(0, missing - self._gone), missing
        return gone

    def _sorted_out(self, texts: list[str], hashes: array[int]) -> list[str]:
        new = []
        for text, digest in zip(texts, hashes, strict=True):
            if self._rest[digest] > 0:
                self._rest[digest] -= 1
            else:
                new.append(text)
        if self._order is not None:
            self._order.extend(hashes)
        return new


def _reason(failure: CallFailed | None) -> str:
    if failure is None:
        return f"no two reads of the messages agreed within {LONGEST_DRAIN_S:g} s"
    return f"the messages could not be read ({calm(failure.message)})"
