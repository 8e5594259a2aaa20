"""The rules of masking messages: simple patterns, found in time that grows with the text and no faster."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amtconnector.errors import ConfigurationError
from amtconnector.output import message_mask
from amtconnector.output.message_mask import Pattern, masked

if TYPE_CHECKING:
    from pathlib import Path

HIDDEN = "********"


@pytest.mark.parametrize(
    ("pattern", "text", "shown"),
    [
        ("secret", "a secret, Secret", "a ********, Secret"),
        ("##-####", "12-3456 1-2345 112-34567", "******** 1-2345 1********7"),
        ("DE##*", "IBAN DE89370400440532013000, DEX", "IBAN ******** DEX"),
        ("a*z", "abczz az a z a-z.", "******** ******** a z ********."),
        ("*@bank", "write to joe.doe@bank.example", "write to ********.example"),
        ("Konto ####*", "Konto 12345678 Konto x", "******** Konto x"),
        ("a*b c*d", "axb cxd a b c", "******** a b c"),
        ("a*b*c", "a1b2b3c4c5 abc acb", "********5 ******** acb"),
        ("**1**", "x1y 2", "******** 2"),
        (r"\#\*\;\\#", r"#*;\7", HIDDEN),
        (r"C:\x", r"C:\x", HIDDEN),
        ("#", "\u0661", "\u0661"),
        ("aa", "aaaaa", "****************a"),
        ("a*b", "b a", "b a"),
        ("b*b", "bb b", "******** b"),
    ],
)
def test_a_pattern_hides_what_it_describes(pattern: str, text: str, shown: str) -> None:
    """Literals, a digit for each #, and * within a word, the farthest end it can reach."""
    assert masked(text, [Pattern.of(pattern)]) == shown


def test_what_several_patterns_match_is_hidden_as_one() -> None:
    """No end of an account number is left over because another pattern took its beginning."""
    assert masked("x1234y", [Pattern.of("12#"), Pattern.of("#34y")]) == f"x{HIDDEN}"


signs = st.text("ab #1*", min_size=1, max_size=8).filter(lambda text: text.strip("* "))


@given(signs.map(str.strip).filter(lambda text: text.strip("*")), st.text("ab 1", max_size=30))
def test_it_finds_a_match_exactly_where_there_is_one(pattern: str, text: str) -> None:
    """The judge is a regular expression that may take its time."""
    parts = {"*": r"\S*", "#": "[0-9]"}
    anchor = r"(?<!\S)(?=\S)" if pattern.startswith("*") else ""
    judge = re.compile(anchor + "".join(parts.get(sign) or re.escape(sign) for sign in pattern))
    assert (masked(text, [Pattern.of(pattern)]) != text) == (judge.search(text) is not None)


@pytest.mark.parametrize("pattern", ["a*b", "a*a*a*a*b", "*a*b", "a*a b", "#*#*#*x", "aa a*b"])
@pytest.mark.parametrize("text", ["a" * 400_000, "a " * 200_000, "1" * 400_000, "aa a" * 100_000])
def test_no_pattern_and_no_message_make_it_slow(pattern: str, text: str) -> None:
    """A message of a task is foreign input."""
    began_at = time.process_time()
    masked(text, [Pattern.of(pattern)])
    assert time.process_time() - began_at < 5


def test_a_file_holds_a_pattern_a_line(tmp_path: Path) -> None:
    """Comments and empty lines are left out; a mark at its beginning is an editor's."""
    path = tmp_path / "mask.txt"
    path.write_bytes(b"\xef\xbb\xbf; account numbers\r\n\r\n  ####\r\nname *\r\n")
    mask = message_mask.load(path)
    assert mask("1234 name Smith; 12") == f"{HIDDEN} {HIDDEN} 12"


@pytest.mark.parametrize(
    ("content", "why"), [(None, "can't be read"), (b"\xff\xfe", "not UTF-8"), (b"ok\n **\n", "line 2 would hide every")]
)
def test_a_file_that_can_not_be_used_ends_the_run_before_it_starts_anything(
    tmp_path: Path, content: bytes | None, why: str
) -> None:
    """Rather no run than one that shows what was to be hidden."""
    path = tmp_path / "mask.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=why):
        message_mask.load(path)
