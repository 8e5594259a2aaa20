"""The rules of request ids and tasks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amtconnector.task import RequestId, Task


@given(st.integers(min_value=1, max_value=10**64 - 1))
def test_a_number_above_0_is_an_id_and_travels_as_a_number(number: int) -> None:
    """For all of at most 64 digits."""
    parsed = RequestId.parse(str(number))
    assert parsed is not None
    assert (parsed.json_value, str(parsed)) == (number, str(number))


@given(st.integers(max_value=0))
def test_a_number_of_0_or_below_is_no_id(number: int) -> None:
    """For all of them: AMT says so that nothing was started."""
    assert RequestId.parse(str(number)) is None


@given(st.from_regex(r"[A-Za-z0-9-]{0,31}[A-Za-z][A-Za-z0-9-]{0,32}", fullmatch=True))
def test_a_word_is_an_id_and_travels_as_a_text(word: str) -> None:
    """For all of 1 to 64 letters, digits and hyphens that are no number."""
    parsed = RequestId.parse(word)
    assert parsed is not None
    assert parsed.json_value == word


@given(st.text())
def test_whatever_is_parsed_has_the_form_of_an_id(text: str) -> None:
    """For all texts: nothing else gets into a URL."""
    parsed = RequestId.parse(text)
    if parsed is not None:
        assert parsed.text.isascii()
        assert parsed.text.replace("-", "a").isalnum()
        assert 1 <= len(parsed.text) <= 64


@pytest.mark.parametrize("text", ["", " ", "a b", "a/b", "ä", "\u0661", "1.5", "+5", "9" * 65, "a" * 65, "a\n1"])
def test_nothing_else_is_an_id(text: str) -> None:
    """Neither a number with decorations nor a path nor digits of another script."""
    assert RequestId.parse(text) is None


def test_blanks_and_leading_zeros_do_not_make_another_id() -> None:
    """Two ways to write one id are equal."""
    assert RequestId.parse(" 002112\n") == RequestId.parse("2112")


def test_a_task_is_called_by_its_script_else_its_job() -> None:
    """The script overrides the stored job."""
    assert Task("DEMO2", "JOB").name == "JOB"
    assert Task("DEMO2", "JOB", script=r"\\host\run.ps1").name == r"\\host\run.ps1"
