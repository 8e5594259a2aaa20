"""The simulator's messages: when they show, in which order, and as which JSON."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from amtconnector.simulator import definitions
from amtconnector.simulator.messages import LINES_PER_PIECE, Message, Wrapping, pieces, shown

NO_WORDS: dict[str, str] = {}


def rendered(*messages: Message, wrapping: Wrapping | None = None) -> list[object]:
    """Return what a client reads."""
    return list(json.loads(b"[%s]" % b"".join(pieces(messages, NO_WORDS, wrapping or Wrapping()))))


def test_a_message_shows_from_its_time_on() -> None:
    """At its second it is there."""
    entries = [Message(1, "a"), Message(2, "b")]
    assert [len(shown(entries, now)) for now in (0.9, 1, 1.9, 2)] == [0, 1, 1, 2]


def test_a_message_with_a_position_is_inserted_there() -> None:
    """A child's line comes between lines that were there before."""
    entries = [Message(0, "a"), Message(1, "b"), Message(2, "child", position=1), Message(3, "c")]
    assert [entry.text for entry in shown(entries, 3)] == ["a", "child", "b", "c"]


def test_a_message_may_vanish() -> None:
    """`until` takes it away again."""
    assert [len(shown([Message(0, "a", until=2)], now)) for now in (1.9, 2)] == [1, 0]


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=())), max_size=5))
def test_any_text_arrives_as_it_is(texts: list[str]) -> None:
    """Control characters, lone surrogates and the like are no reason to lose a letter."""
    assert rendered(*(Message(0, text, is_literal=True) for text in texts)) == texts


def test_a_text_is_sent_in_utf_8_where_it_can_be() -> None:
    """Only what UTF-8 can't hold is escaped."""
    [piece] = pieces([Message(0, "東京")], NO_WORDS, Wrapping())
    assert piece == '"東京"'.encode()
    [piece] = pieces([Message(0, "\ud800")], NO_WORDS, Wrapping())
    assert piece == rb'"\ud800"'


def test_copies_are_counted_and_filled_up() -> None:
    """`{n}` is the number of the copy, and every copy has the same length."""
    lines = rendered(Message(0, "Line {n} ", repeat=3, length=20))
    assert lines == ["Line 0000001 .......", "Line 0000002 .......", "Line 0000003 ......."]


def test_a_million_messages_lie_ready_after_the_first_time() -> None:
    """A large answer is made once: the second request gets the same bytes without any work."""
    message = Message(0, "Line {n} ", repeat=3 * LINES_PER_PIECE, length=80)
    first, second = (pieces([message], NO_WORDS, Wrapping()) for _ in range(2))
    assert first[0] is second[0]
    assert len(rendered(message)) == 3 * LINES_PER_PIECE


def test_messages_can_be_objects() -> None:
    """Each text becomes the member of an object."""
    wrapping = Wrapping("Text")
    assert rendered(Message(0, "a", repeat=2), Message(0, "b"), wrapping=wrapping) == [
        {"Text": "a"},
        {"Text": "a"},
        {"Text": "b"},
    ]


def test_json_says_what_toml_cannot() -> None:
    """A lone surrogate is written as JSON."""
    parsed = definitions.parse(r"""[applications.A.jobs.J]
messages = [{ json = '"x\ud800\u2028"' }]""")
    assert parsed.applications["A"]["J"].messages[0].text == "x\ud800\u2028"
