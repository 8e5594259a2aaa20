"""The rules of text on one line of a job log."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amtconnector.text import escaped, excerpt

ANY_TEXT = st.text(st.characters(exclude_categories=[]))


@given(ANY_TEXT)
def test_no_control_character_and_no_line_break_is_left(text: str) -> None:
    """For all texts: category Cc other than tab, U+2028 and U+2029 are shown, not sent."""
    left = [c for c in escaped(text) if (unicodedata.category(c) == "Cc" and c != "\t") or c in "\u2028\u2029"]
    assert left == []
    assert len(escaped(text).splitlines()) <= 1


@given(ANY_TEXT.filter(lambda text: not any(unicodedata.category(c) in {"Cc", "Zl", "Zp"} for c in text)))
def test_every_other_text_stays_as_it_is(text: str) -> None:
    """For all texts without such characters, lone surrogates included."""
    assert escaped(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("a\tb", "a\tb"),
        ("a\r\nb", r"a\x0d\x0ab"),
        ("\x7f\x9b\x85", r"\x7f\x9b\x85"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("\x00", r"\x00"),
    ],
)
def test_escapes_look_like_this(text: str, shown: str) -> None:
    """The form that operators see."""
    assert escaped(text) == shown


@given(ANY_TEXT, st.integers(min_value=3, max_value=50))
def test_an_excerpt_is_one_line_of_limited_length(text: str, limit: int) -> None:
    """For all texts."""
    assert len(excerpt(text, limit)) <= limit
    assert len(excerpt(text, limit).splitlines()) <= 1


def test_an_excerpt_says_that_it_was_cut() -> None:
    """200 characters, the last three of them dots; one that fits is whole."""
    assert excerpt("x" * 200) == "x" * 200
    assert excerpt("x" * 201) == "x" * 197 + "..."
    assert excerpt(" a \n\n b ") == "a b"
