"""The rules of messages in pages, and of those that are no JSON list."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from amtconnector.amtopcon.wire.pages import PageTurner, oldest_first
from amtconnector.amtopcon.wire.profile_file import profile_of
from amtconnector.errors import CallFailed, NotFound, NotUnderstood, Unauthorized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGED = """
[calls.messages]
query = { id = "{request_id}", p = "{page}", skip = "{offset}" }
[members]
messages = ["Items"]
"""


def turner(text: str) -> PageTurner:
    """Return a turner of this profile's pages."""
    return PageTurner(profile_of(tomllib.loads(text)), "2112", str)


def read(turning: PageTurner, answer: Callable[[int | str, int], Any]) -> list[str]:
    """Return the messages of all pages; `answer` gives the page for its name and the number of messages before it."""
    texts = []
    for _ in range(50):
        if not turning.has_next:
            break
        given = answer(turning.page.name, turning.page.offset)
        body = given if isinstance(given, bytes) else json.dumps(given).encode()
        turning.begin()
        texts += turning.feed(body[:7]) + turning.feed(body[7:]) + turning.turn({})
    assert not turning.has_next
    turning.check()
    return texts


LINES = [f"line {n}" for n in range(7)]


def three(page: Any) -> list[str]:
    """Return the three lines of a page, counted from 1."""
    return LINES[3 * page - 3 : 3 * page]


@pytest.mark.parametrize(
    ("pages", "answer"),
    [
        ('next = "Next"', lambda page, _: {"Items": three(page), "Next": page + 1 if page < 3 else None}),
        (
            'more = "more"\nnext = "last"\nfirst = 0',
            lambda at, _: {"more": at < 6, "Items": LINES[at : at + 3], "last": at + 3},
        ),
        ('more = "Page.HasMore"', lambda page, _: {"Items": three(page), "Page": {"HasMore": page < 3}}),
        ('total = "Total"', lambda _, skip: {"Total": 7, "Items": LINES[skip : skip + 3]}),
        ("", lambda _, skip: {"Items": LINES[skip : skip + 3]}),
        (
            'next = "n"\nfirst = "a"',
            lambda page, _: {"Items": LINES[:4], "n": "b"} if page == "a" else {"Items": LINES[4:]},
        ),
    ],
)
def test_pages_are_read_until_there_are_no_more(pages: str, answer: Callable[[int | str, int], Any]) -> None:
    """By the next page's name, by a flag, by the total, by an empty page: each message once, in the server's order."""
    assert read(turner(f"{PAGED}[messages.pages]\n{pages}\n"), answer) == LINES


def test_pages_that_go_round_are_not_read_for_ever() -> None:
    """What was read before is good."""
    turning = turner(f'{PAGED}[messages.pages]\nnext = "Next"\n')
    assert turning.feed(b'{"Items":["a"],"Next":2}') + turning.turn({}) == ["a"]
    turning.begin()
    assert turning.feed(b'{"Items":["b"],"Next":1}') == ["b"]
    with pytest.raises(NotUnderstood, match="go round"):
        turning.turn({})


def test_a_sequence_ends_where_it_stands_still() -> None:
    """A server that is asked for what follows a number gives that number again when nothing does."""
    call = '[calls.messages]\nquery = { id = "{request_id}", since = "{page}" }\n'
    text = f'{call}[messages.pages]\nnext = "Last"\nfirst = 0\n'

    def page(at: int | str, _: int) -> Any:
        return {"Messages": LINES[int(at) : int(at) + 3], "Last": min(int(at) + 3, 7)}

    assert read(turner(text), page) == LINES


@pytest.mark.parametrize("where", ["header:Link", "@odata.nextLink", "_links.next.href"])
def test_a_server_that_gives_the_next_page_s_address_is_asked_there(where: str) -> None:
    """In a Link header or in the body: until it gives none."""
    turning = turner(f'[members]\nmessages = ["value"]\n[messages.pages]\nnext = "{where}"\n')
    following: dict[str, Any] = {"@odata.nextLink": "/m?skip=1", "_links": {"next": {"href": "/m?skip=1"}}}
    link = {"link": '</m>; rel="first", </m?skip=1>; rel="next"; title="a"'} if where.startswith("header") else {}
    body = {"value": ["a"], **({} if link else following)}
    assert turning.feed(json.dumps(body).encode()) + turning.turn(link) == ["a"]
    assert (turning.has_next, turning.page.address) == (True, "/m?skip=1")
    turning.begin()
    assert turning.feed(b'{"value":["b"]}') + turning.turn({"link": '</m>; rel="first"'}) == ["b"]
    assert not turning.has_next


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("link", '</m?page=2>; rel="next"'),
        ("x-total-count", "7"),
        ("x-has-more", "true"),
        ("x-next-page", "2"),
        ("x-pagination", '{"TotalCount":7,"HasNext":true}'),
    ],
)
def test_a_header_that_says_more_is_seen_without_a_profile(name: str, value: str) -> None:
    """The log is then said to be incomplete."""
    turning = turner("")
    assert turning.feed(b'["a"]') + turning.turn({name: value, "x-request": "9"}) == ["a"]
    assert turning.says_more


def test_messages_that_begin_with_the_newest_are_turned_round() -> None:
    """Also those that came before a failure."""

    def lists() -> Iterator[list[str]]:
        yield ["c", "b"]
        yield ["a"]
        raise NotUnderstood("cut")

    turned = oldest_first(lists(), turner(""), list)
    assert next(turned) == ["a", "b", "c"]
    with pytest.raises(NotUnderstood, match="cut"):
        next(turned)


@pytest.mark.parametrize(
    ("pages", "first_again", "texts"),
    [
        ([["e", "d"], ["c", "b"], ["a"]], ["e", "d"], "abcde"),
        ([["e", "d"], ["d", "c"], ["b", "a"]], ["f", "e"], "abcde"),
        ([["e", "d"], ["d", "c"], ["c", "b"], ["a"]], ["g", "f"], "abcde"),
        ([["e", "d"], ["e", "d"], ["c", "b"], ["a"]], ["g", "f"], "abcde"),
        ([["e", "d"], ["c", "b"], ["a"]], ["f", "e"], "abcde"),
        ([["b", "b"], ["b", "b"], ["a"]], ["b", "b"], "abbbb"),
        ([["b", "b"], ["b", "b"], ["b", "a"]], ["c", "b"], "abbbb"),
    ],
    ids=[
        "nothing came",
        "one",
        "one, and one more",
        "two at once",
        "one at the end",
        "all are alike",
        "one after alike",
    ],
)
def test_a_message_that_comes_while_the_newest_are_turned_round_repeats_none(
    pages: list[list[str]], first_again: list[str], texts: str
) -> None:
    """It moves the others on: the last of one page is there again on the next one. What only looks so stays."""
    turning = turner(f"{PAGED}[messages.pages]\nfirst = 1\n")

    def lists() -> Iterator[list[str]]:
        for page in pages:
            turning.begin()
            yield page

    assert turning.is_counted
    assert ["".join(turned) for turned in oldest_first(lists(), turning, lambda: first_again)] == [texts]


def test_an_odd_element_on_one_page_does_not_lose_the_next_page() -> None:
    """It is told at the end."""
    turning = turner(f'{PAGED}[messages.pages]\nnext = "Next"\n')
    assert turning.feed(b'{"Items":["a",5],"Next":2}') + turning.turn({}) == ["a"]
    turning.begin()
    assert turning.feed(b'{"Items":["b"]}') + turning.turn({}) == ["b"]
    with pytest.raises(NotUnderstood, match="1 elements"):
        turning.check()


def test_a_server_without_pages_is_asked_once() -> None:
    """What its answer says of more is known afterwards."""
    turning = turner("")
    assert turning.feed(b'{"Messages":["a"],"HasMore":true}') + turning.turn({}) == ["a"]
    assert (turning.has_next, turning.says_more) == (False, True)


@pytest.mark.parametrize(("code", "kind"), [(401, Unauthorized), (404, NotFound)])
def test_a_refusal_in_place_of_messages_is_one(code: int, kind: type[CallFailed]) -> None:
    """Inside 200, as the profile knows it."""
    turning = turner("[refused]\ntoken = [{ errorCode = 401 }]\nrequest = [{ errorCode = 404 }]\n")
    assert turning.feed(json.dumps({"errorCode": code, "success": False}).encode()) == []
    with pytest.raises(kind):
        turning.turn({})


@pytest.mark.parametrize(
    ("profile", "body", "texts"),
    [
        ('[messages]\nform = "lines"\n', b'"a\\r\\nb\\n\\nc\\n"', ["a", "b", "", "c"]),
        ('[messages]\nform = "lines"\n[members]\nmessages = ["x.Log"]\n', b'{"x":{"Log":"a\\nb"}}', ["a", "b"]),
        ('[messages]\nform = "lines"\n', b'""', []),
        ('[messages]\nform = "text"\n', b"a\r\nb\nc", ["a", "b", "c"]),
        ('[messages]\nform = "text"\n', b"", []),
        ("[messages]\nunescape_html = true\n", b'["a &lt; b &amp;&#39;"]', ["a < b &'"]),
        ('[members]\nmessages = ["d.r.M"]\nmessage_text = ["t.v"]\n', b'{"d":{"r":{"M":[{"t":{"v":"a"}}]}}}', ["a"]),
        (
            '[members]\nmessages = ["J[Id={request_id}].L"]\n',
            b'{"J":[{"Id":1,"L":["x"]},{"Id":2112,"L":["a"]}]}',
            ["a"],
        ),
        ('[answers]\nformat = "xml"\n[members]\nmessages = ["string"]\n', b"<A><string>a</string></A>", ["a"]),
        (
            '[answers]\nformat = "xml"\n[members]\nmessages = ["L.M"]\n',
            b"<A><L><M><Text>a</Text></M><M><Text>b</Text></M></L></A>",
            ["a", "b"],
        ),
        ('[answers]\nformat = "xml"\n[members]\nmessages = ["string"]\n', b"<A/>", []),
    ],
)
def test_messages_in_other_forms_are_read(profile: str, body: bytes, texts: list[str]) -> None:
    """Lines, plain text, escapes of HTML, paths, XML."""
    assert read(turner(profile), lambda _page, _count: body) == texts


def test_a_sign_in_page_is_no_plain_text() -> None:
    """It would stand in the job log as the task's own words."""
    turning = turner('[messages]\nform = "text"\n')
    with pytest.raises(NotUnderstood, match="web page"):
        turning.feed(b"<!DOCTYPE html><html>Sign in</html>")
