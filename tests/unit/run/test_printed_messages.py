"""The rule of the messages: each text as often as the server has reported it at most in one answer."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amtconnector.run.messages import PrintedMessages

ANSWERS = st.lists(st.lists(st.sampled_from(["a", "b", "c", "d", "\ud800", ""]), max_size=9), max_size=7)
CHUNK = st.integers(1, 4)


def printed(answers: list[list[str]], chunk: int = 3) -> list[list[str]]:
    """Return what is printed after each answer, given in pieces. A cut answer is a shorter one."""
    ledger = PrintedMessages()
    result = []
    for answer in answers:
        new: list[str] = []
        ledger.begin()
        for start in range(0, len(answer), chunk):
            new += ledger.unprinted(answer[start : start + chunk])
        ledger.end(is_complete=True)
        result.append(new)
    return result


def expected(answers: list[list[str]]) -> list[list[str]]:
    """Return the same by the plainest means: of each text, the copies beyond the printed ones, where they stand."""
    done: Counter[str] = Counter()
    result = []
    for answer in answers:
        seen: Counter[str] = Counter()
        new = []
        for text in answer:
            seen[text] += 1
            if seen[text] > done[text]:
                new.append(text)
        done |= seen
        result.append(new)
    return result


@given(ANSWERS, CHUNK)
def test_each_text_is_printed_as_often_as_the_server_reported_it_at_most(answers: list[list[str]], chunk: int) -> None:
    """Nothing is lost and nothing repeated, whatever the server answers and wherever an answer is cut."""
    total = Counter(text for new in printed(answers, chunk) for text in new)
    most: Counter[str] = Counter()
    for answer in answers:
        most |= Counter(answer)
    assert total == most


@given(ANSWERS, CHUNK)
def test_new_copies_come_with_the_answer_that_has_them(answers: list[list[str]], chunk: int) -> None:
    """Each answer brings exactly the copies that none before it had."""
    assert [Counter(new) for new in printed(answers, chunk)] == [Counter(new) for new in expected(answers)]


@given(ANSWERS, CHUNK)
def test_new_ones_are_in_the_order_of_their_answer(answers: list[list[str]], chunk: int) -> None:
    """What an answer adds is a subsequence of that answer."""
    for answer, new in zip(answers, printed(answers, chunk), strict=True):
        rest = iter(answer)
        assert all(any(text == other for other in rest) for text in new)


@given(st.lists(st.text(max_size=3), max_size=30), st.lists(st.integers(0, 30), max_size=6), CHUNK)
def test_a_list_that_only_grows_is_printed_in_its_order(full: list[str], lengths: list[int], chunk: int) -> None:
    """While the list grows at its end alone, and reads may be cut short, the order is the server's."""
    answers = [full[:length] for length in lengths] + [full]
    assert [text for new in printed(answers, chunk) for text in new] == full


@pytest.mark.parametrize(
    ("answers", "new"),
    [
        ([["a"], ["a", "a"]], [["a"], ["a"]]),  # a second identical line
        ([["a", "c"], ["a", "b", "c"]], [["a", "c"], ["b"]]),  # a child's line further up
        ([["a", "b"], ["b"], ["a", "b"]], [["a", "b"], [], []]),  # one that vanished and came back
        ([["a", "b"], ["a", "x"]], [["a", "b"], ["x"]]),  # one that changed
        ([["a", "b"], [], ["a", "b", "c"]], [["a", "b"], [], ["c"]]),  # an empty answer between
    ],
)
def test_lists_that_change_in_other_ways(answers: list[list[str]], new: list[list[str]]) -> None:
    """What came once stays printed, what is new comes once."""
    assert printed(answers) == new


def test_an_answer_that_is_begun_anew_was_ended_before() -> None:
    """A read that is cut between two pieces leaves the ledger ready for the next."""
    ledger = PrintedMessages()
    ledger.begin()
    assert ledger.unprinted(["x", "a"]) == ["x", "a"]
    ledger.end(is_complete=True)
    ledger.begin()
    assert ledger.unprinted(["a"]) == []
    ledger.end(is_complete=True)
    ledger.begin()
    assert ledger.unprinted(["x", "a", "a"]) == ["a"]
