"""What a job says while it runs: the entries of its definition, and the JSON that they become.

Every entry becomes JSON text exactly once, in pieces of at most `LINES_PER_PIECE` messages, so that a job with a
million messages is answered from bytes that lie ready.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from amtconnector.simulator.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LINES_PER_PIECE = 10_000
COUNTER = "{n}"
COUNTER_DIGITS = 7


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of a job's messages.

    `at` and `until` are seconds after the job's start: the entry is shown from the one (inclusive) to the other.
    `position` is how many entries stand before it when it comes; None puts it at the end, as most messages are.
    It is `repeat` messages, each filled up to `length` characters; `{n}` in its text is the number of the copy.
    """

    at: float
    text: str
    is_literal: bool = False
    position: int | None = None
    until: float = math.inf
    repeat: int = 1
    length: int = 0

    @property
    def is_large(self) -> bool:
        """Whether its JSON is made once and kept."""
        return self.repeat > LINES_PER_PIECE


@dataclass(frozen=True, slots=True)
class Wrapping:
    """What stands around each message text in the answer: nothing, or an object with one member."""

    member: str = ""

    @property
    def before(self) -> str:
        """What stands before a text."""
        return f'{{"{self.member}":' if self.member else ""

    @property
    def after(self) -> str:
        """What stands behind it."""
        return "}" if self.member else ""


def read_messages(table: Table, key: str) -> tuple[Message, ...]:
    """Read a list of messages; a plain text comes at the same time as the entry before it."""
    found: list[Message] = []
    for number, item in enumerate(table.items(key), 1):
        at = found[-1].at if found else 0.0
        place = f"{table.where}.{key}[{number}]"
        found.append(
            Message(at, item) if isinstance(item, str) else _read_entry(Table(item, place, table.problems), at)
        )
    return tuple(found)


def _read_entry(table: Table, at: float) -> Message:
    message = Message(
        at=table.seconds("at", at),
        text=_json_text(table) if "json" in table else table.text("text"),
        is_literal="json" in table,
        position=table.whole("position", 0) if "position" in table else None,
        until=table.seconds("until", math.inf),
        repeat=table.whole("repeat", 1, least=1),
        length=table.whole("length", 0),
    )
    table.finish()
    return message


def _json_text(table: Table) -> str:
    """Read a message that is given as JSON, which can say what TOML can't: a lone surrogate."""
    try:
        text = json.loads(table.text("json", '""'))
    except ValueError:
        text = None
    if isinstance(text, str):
        return text
    table.problem("json", "expected a JSON string, its quotation marks included")
    return ""


def shown(messages: Iterable[Message], elapsed_s: float) -> list[Message]:
    """Return the entries that a job shows so long after its start, in the order in which the server lists them."""
    listed: list[Message] = []
    for message in sorted((entry for entry in messages if entry.at <= elapsed_s), key=lambda entry: entry.at):
        listed.insert(len(listed) if message.position is None else message.position, message)
    return [message for message in listed if elapsed_s < message.until]


def pieces(messages: Iterable[Message], words: Mapping[str, str], wrapping: Wrapping) -> list[bytes]:
    """Return the messages as pieces of a JSON array's inside, commas included.

    `words` are the placeholders that a text may hold, such as `{parameters}`.
    """
    found: list[bytes] = []
    for message in messages:
        text = _filled_in(message, words)
        rendered = _kept_pieces_of if message.is_large else _pieces_of
        for piece in rendered(text, message.repeat, message.length, wrapping):
            found += [b",", piece] if found else [piece]
    return found


def last_texts(messages: Sequence[Message], words: Mapping[str, str], limit: int) -> tuple[list[str], int]:
    """Return the last `limit` messages as texts, and how many there are in all."""
    found: list[str] = []
    for message in reversed(messages):
        missing = limit - len(found)
        if missing <= 0:
            break
        numbers = range(message.repeat, max(message.repeat - missing, 0), -1)
        copies = (_filled_in(message, words).replace(COUNTER, f"{n:0{COUNTER_DIGITS}d}", 1) for n in numbers)
        found += [copy.ljust(message.length, ".") for copy in copies]
    return found[::-1], sum(message.repeat for message in messages)


def _filled_in(message: Message, words: Mapping[str, str]) -> str:
    text = message.text
    if not message.is_literal and "{" in text:
        for placeholder, word in words.items():
            text = text.replace(placeholder, word)
    return text


def _pieces_of(text: str, repeat: int, length: int, wrapping: Wrapping) -> list[bytes]:
    head, counter, tail = text.partition(COUNTER)
    width = len(head) + len(tail) + (COUNTER_DIGITS if counter else 0)
    tail += "." * (length - width)
    before = wrapping.before + json_text(head)[:-1].decode()
    after = json_text(tail)[1:].decode() + wrapping.after
    found = []
    for first in range(0, repeat, LINES_PER_PIECE):
        numbers = range(first + 1, min(first + LINES_PER_PIECE, repeat) + 1)
        lines = [f"{before}{n:07d}{after}" for n in numbers] if counter else [before + after] * len(numbers)
        found.append(",".join(lines).encode())
    return found


_kept_pieces_of = lru_cache(maxsize=4)(_pieces_of)


def json_text(value: object) -> bytes:
    """Return a value as JSON in UTF-8; a text that UTF-8 can't hold (a lone surrogate) is escaped."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()
