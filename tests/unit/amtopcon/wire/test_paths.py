"""The rules of a path into an answer, and of the text around a value."""

from __future__ import annotations

import time

import pytest

from amtconnector.amtopcon.wire.document import Object
from amtconnector.amtopcon.wire.paths import found, next_link, path


@pytest.mark.parametrize(
    ("text", "given", "expected"),
    [
        ("At /requests/{}", "https://amt/API/Requests/21?full=1", ["21"]),
        ("At /requests/{}", "see /requests/21", ["21"]),
        ("At /requests/{}", "/requests/ or /requests/21 then", ["21"]),
        ("At /requests/{}/status", "/requests/21/status", ["21"]),
        ("At /requests/{}/status", "/requests/21/state", []),
        ("At ({})", "Job (21) started", ["21"]),
        ("At {}: started", "21: started", ["21"]),
        ("At /requests/{}", "/requests/", []),
    ],
)
def test_the_text_around_a_value_is_left_out(text: str, given: str, expected: list[str]) -> None:
    """What stands before and behind it is found in any letter case; without either there is no value."""
    assert found(Object([("At", given)]), path(text)) == expected


@pytest.mark.parametrize("text", ["At /requests/{}", "At /requests/{}/status", "At {}: started"])
@pytest.mark.parametrize("piece", ["/requests/", "/requests/ ", " ", "/"])
def test_the_time_for_a_text_grows_with_its_length_alone(text: str, piece: str) -> None:
    """A server that repeats what stands before a value holds nobody up."""
    began = time.process_time()
    found(Object([("At", piece * 50_000)]), path(text))
    assert time.process_time() - began < 2


def test_a_link_header_leads_next_where_it_says_so() -> None:
    """Among several links, in any letter case, quoted or not; a long one holds nobody up."""
    assert next_link('</p/1>; rel="prev", </p/3>; title=x; REL="last Next"') == "/p/3"
    assert next_link("</p/2>;rel=next") == "/p/2"
    assert next_link("</p/2>; rel=nextish; anchor=next") is None
    began = time.process_time()
    assert next_link("<a>" + ";rel=x" * 50_000) is None
    assert time.process_time() - began < 2
