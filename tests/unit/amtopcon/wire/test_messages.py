"""The rules of reading messages as they arrive."""

from __future__ import annotations

import json
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amtconnector.amtopcon.wire.built_in import load_profile
from amtconnector.amtopcon.wire.messages import MessageReader
from amtconnector.errors import NotUnderstood
from amtconnector.text import LONGEST_KEPT, CutText

PROFILE = load_profile()
ANY_TEXT = st.text(st.characters(exclude_categories=[]))
MESSAGES = st.lists(ANY_TEXT, max_size=8)
BODIES = st.one_of(
    st.binary(max_size=60),
    st.text('[]{}",: \\ntrue0-1\u2028"MesagTx', max_size=40).map(lambda text: text.encode()),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["Messages", "text", "Message", "x"]), inner),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
)


def reader() -> MessageReader:
    """Return a reader of the built-in contract."""
    return MessageReader(PROFILE)


def outcome(pieces: list[bytes]) -> tuple[list[str], str]:
    """Return the texts that these pieces give, and the fault that the reader finds in the end, "" for none."""
    fed, texts = reader(), []
    try:
        for piece in pieces:
            texts += fed.feed(piece)
        texts += fed.feed(b"", is_last=True)
        fed.check()
    except NotUnderstood as error:
        return texts, error.message
    return texts, ""


def read(body: bytes | str) -> list[str]:
    """Return the messages of an answer that is understood."""
    texts, fault = outcome([body if isinstance(body, bytes) else body.encode()])
    assert fault == ""
    return texts


def cut(body: bytes, size: int) -> list[bytes]:
    """Return the body in pieces of a size."""
    return [body[at : at + size] for at in range(0, len(body), size)]


@given(MESSAGES, st.booleans(), st.integers(min_value=1, max_value=70))
def test_an_array_of_texts_is_read_whole_in_pieces_of_every_size(texts: list[str], ascii_only: bool, size: int) -> None:  # noqa: FBT001 - hypothesis passes it
    """For all texts, lone surrogates included; escaped or not."""
    has_surrogates = any("\ud800" <= character <= "\udfff" for text in texts for character in text)
    body = json.dumps(texts, ensure_ascii=ascii_only or has_surrogates).encode()
    assert outcome(cut(body, size)) == (json.loads(body), "")


@given(MESSAGES, st.sampled_from(["Message", "text", "TEXT"]), st.sampled_from(["", "Messages", "messages"]))
def test_every_form_gives_the_same_messages(texts: list[str], member: str, wrapper: str) -> None:
    """Objects with a text member, and either form wrapped in an object."""
    expected = json.loads(json.dumps(texts))
    for elements in (texts, [{"Id": 1, member: text, "Nested": [{"Text": "x"}]} for text in texts]):
        document = {"Count": 5, "x": [{}], wrapper: elements, "After": None} if wrapper else elements
        assert read(json.dumps(document)) == read(json.dumps(document, indent=3)) == expected


@given(BODIES, st.integers(min_value=1, max_value=70))
def test_pieces_give_what_the_whole_gives(body: bytes, size: int) -> None:
    """For all answers, also those that are no list: the same texts and the same verdict, wherever the network cuts."""
    whole_texts, whole_fault = outcome([body])
    texts, fault = outcome(cut(body, size))
    assert texts == whole_texts
    assert bool(fault) == bool(whole_fault)


@pytest.mark.parametrize(
    "body", ["", " \r\n", "null", " null ", "[]", " [ ] ", '{"Messages":null}', '{"Messages":[]}', "\ufeff", "\ufeff[]"]
)
def test_no_messages_are_no_messages(body: str) -> None:
    """Null, nothing, an empty list: after some kills there are none."""
    assert read(body) == []


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        ('["Done","Done","",null,"Done"]', ["Done", "Done", "", "Done"]),
        (b'\xef\xbb\xbf["a"]', ["a"]),
        ('["\\ud83d"]', ["\ud83d"]),
        ('["\\ud83d\\ude00"]', ["\U0001f600"]),
        (b'["gr\xfcn"]', ["gr\udcfcn"]),
        ('["a\tb\nc\x01"]', ["a\tb\nc\x01"]),
        ('[{"Message":"a"},"b",{"Text":"c","Message":"c"},{"Message":null}]', ["a", "b", "c", ""]),
        ('{"a\\"b":"]","MESSAGES":["x"]}', ["x"]),
    ],
)
def test_odd_but_clear_answers_are_read(body: bytes | str, texts: list[str]) -> None:
    """Repeated lines are legitimate, a lone surrogate and bytes that are no UTF-8 are kept for the job log to show."""
    assert read(body) == texts


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        ('["a",5,"b",true,[],{},{"Id":1},1.5]', ["a", "b"]),
        ('["a",{"Message":"x","Text":"y"},"b"]', ["a", "b"]),
        ('["a",{"Message":5},"b"]', ["a", "b"]),
        ('["a","b"', ["a"]),
        ('["a","b', ["a"]),
        ('["a",', ["a"]),
        ('["a",]', ["a"]),
        ('["a" "b"]', []),
        ('["a"]["b"]', ["a"]),
        ('["a"]x', ["a"]),
        ('["a",' + "[" * 100_000, ["a"]),
        ('{"Messages":["a"]', ["a"]),
        ('{"Messages":["a"],"messages":["b"]}', ["a"]),
        ('{"Messages":["a"],"Tot\\al":2}', ["a"]),
        ('{"\\q":1,"Messages":["a"]}', ["a"]),
        ('{"Note":"\\q","Messages":["a"]}', ["a"]),
    ],
)
def test_what_came_before_a_fault_is_not_lost(body: str, texts: list[str]) -> None:
    """Nothing that AMT has said is kept from the job log, and the fault is told."""
    got, fault = outcome([body.encode()])
    assert got == texts
    assert fault


@pytest.mark.parametrize(
    "body",
    [
        "5",
        "true",
        '"Done"',
        "nul",
        "nullx",
        "{}",
        '{"Message":"x"}',
        '{"Messages":"x"}',
        '{"Messages":{}}',
        '{"Messages":5}',
        '{"Messages"',
        "<html>no</html>",
        "Done",
        "]",
        "[[[",
        '{"a":' * 100_000,
    ],
)
def test_anything_else_is_not_understood(body: str) -> None:
    """A web page is no list of messages."""
    assert outcome([body.encode()])[1]


def test_a_page_is_quoted_without_secrets_and_the_rest_of_it_is_not_read() -> None:
    """The next piece already raises: an endless page does not keep anybody busy."""
    fed = MessageReader(PROFILE, lambda text: text.replace("opconxps", "***"))
    assert fed.feed(b"<html>opconxps \x1b") == []
    for _ in range(2):
        with pytest.raises(NotUnderstood, match=r"<html>\*\*\*"):
            fed.feed(b"more")


def test_messages_are_given_as_soon_as_they_are_whole() -> None:
    """An operator sees them while the answer is still on its way."""
    fed = reader()
    assert fed.feed(b'["a","b') == ["a"]
    assert fed.feed(b'c",') == ["bc"]
    assert fed.feed(b'"d"]') == ["d"]


def seconds(pieces: list[bytes]) -> float:
    """Return how long an answer in these pieces takes."""
    begun = time.process_time()
    outcome(pieces)
    return time.process_time() - begun


@pytest.mark.parametrize(
    ("before", "repeated"),
    [
        (b"{", b" "),
        (b"", b" "),
        (b"[", b" "),
        (b'["', b"x"),
        (b'["', b"\\"),
        (b'["', b"\\q"),
        (b'["a"', b" "),
        (b'["a",', b"["),
        (b"[", b'{"a":'),
        (b"[", b'"a" "b",'),
        (b"[", b"]"),
        (b"[1", b"1"),
        (b'{"', b"x"),
        (b'{"a":"', b"x"),
        (b'{"a":', b"1"),
        (b'{"a":[', b"1,"),
        (b'"', b"\\u005b"),
        (b'"[', b"1,"),
        (b"[", b'"\\ud83d'),
        (b"[", b"nul,"),
        (b"[", b'"xxxxxxxxxxxxxxxxxxxxxxxx\\q",'),
        (b"[", b'{"\\q":"xxxxxxxxxxxxxxxx"},'),
    ],
)
@pytest.mark.parametrize("size", [1, 4096, 1 << 30])
def test_every_answer_is_read_in_linear_time(before: bytes, repeated: bytes, size: int) -> None:
    """Four times as much takes about four times as long, wherever the network cuts."""
    count = 16_000 // len(repeated)
    short = cut(before + repeated * count, size)
    of_long = seconds(cut(before + repeated * 4 * count, size))
    assert of_long < 0.2 or of_long < 10 * max(seconds(short), seconds(short))


def test_a_malformed_element_is_counted_and_what_follows_it_is_read() -> None:
    """A path with backslashes that somebody pasted into JSON costs one element nothing but its form."""
    body = b'["before","C:\\data\\x","after"]'
    expected = (["before", "C:\\data\\x", "after"], "1 elements of the list of messages are no messages")
    for size in (1, 7, len(body)):
        assert outcome(cut(body, size)) == expected


@pytest.mark.parametrize(
    ("body", "texts", "odd"),
    [
        (b'["a",{"Message":"C:\\data"},"b"]', ["a", "C:\\data", "b"], 1),
        (b'["a" "x","b"]', ["b"], 1),
        (b'["a",,"b"]', ["a", "b"], 1),
        (b'["a",nope,"b"]', ["a", "b"], 1),
        (b'["a",{"Message" "x"},"b"]', ["a", "b"], 1),
        (b'["a",{"Message":"x"],"b"]', ["a", "b"], 1),
        (b'["a",{"x":[1,2 3],"Message":"y"},"b"]', ["a", "b"], 1),
        (b'["a",' + b"9" * 6000 + b',"b"]', ["a", "b"], 1),
        (b'["a",' + b"[" * 200 + b"]" * 200 + b',"b"]', ["a", "b"], 1),
        (b'["a","\\ud83d\\q","b"]', ["a", "\ud83d\\q", "b"], 1),
    ],
)
@pytest.mark.parametrize("size", [1, 1000000])
def test_no_malformed_element_loses_another(body: bytes, texts: list[str], odd: int, size: int) -> None:
    """It is told how many they were."""
    assert outcome(cut(body, size)) == (texts, f"{odd} elements of the list of messages are no messages")


@pytest.mark.parametrize("repeated", [b",", b", ", b"tru,", b'"a" "b",'])
def test_a_list_of_nothing_but_malformed_elements_is_given_up_early(repeated: bytes) -> None:
    """What isn't JSON at all costs no time in which a signal waits; the messages before it are kept."""
    reading = reader()
    assert reading.feed(b'["before",' + repeated * 1100) == ["before"]
    with pytest.raises(NotUnderstood, match="more than 1000 elements"):
        reading.feed(repeated)


def test_of_a_huge_message_only_its_beginning_is_kept() -> None:
    """A quarter of a gigabyte in one message needs a few megabytes, and it is known how much was left out."""
    fed = reader()
    fed.feed(b'["before",{"Message":"')
    tracemalloc.start()
    try:
        piece = b"x" * 65536
        for _ in range(400):
            assert fed.feed(piece) == []
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * 1024 * 1024
    (message, after) = fed.feed(b'"},"after"]', is_last=True)
    fed.check()
    assert isinstance(message, CutText)
    assert (len(message), message.left_out, after) == (LONGEST_KEPT, 400 * 65536 - LONGEST_KEPT, "after")


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        (json.dumps(json.dumps(["a", "b"])), ["a", "b"]),
        (json.dumps(json.dumps({"messages": [{"message": "a"}]})), ["a"]),
        (json.dumps(json.dumps(json.dumps(["a\n"]))), ["a\n"]),
        (json.dumps("null"), []),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_json_in_a_json_string_is_read(body: str, texts: list[str], size: int) -> None:
    """Double encoding needs no profile."""
    assert outcome(cut(body.encode(), size)) == (texts, "")


@pytest.mark.parametrize(
    ("body", "is_more"),
    [
        ('{"Messages":["a"],"HasMore":true}', True),
        ('{"Messages":["a"],"HasMore":false,"Next":null,"Total":1}', False),
        ('{"Total":2,"Messages":["a"]}', True),
        ('{"Page":{"NextPage":2},"Messages":["a"]}', True),
        ('{"Messages":["a"],"@odata.nextLink":"/x"}', True),
        ('{"Messages":["a",null],"Count":5}', False),
        ('["a"]', False),
    ],
)
def test_a_wrapper_that_says_that_there_is_more_is_believed(body: str, is_more: bool) -> None:  # noqa: FBT001 - a table
    """Lines that stay on the server are not lost in silence."""
    fed = reader()
    fed.feed(body.encode(), is_last=True)
    fed.check()
    assert fed.says_more is is_more


def test_the_memory_for_messages_does_not_grow_with_their_number() -> None:
    """What was given is forgotten: a list is never in memory as a whole."""
    fed = reader()
    piece = (b'"' + b"x" * 80 + b'",') * 100
    fed.feed(b"[")
    tracemalloc.start()
    try:
        for _ in range(5):
            fed.feed(piece)
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(200):
            fed.feed(piece)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak - before < 10 * len(piece)


@pytest.mark.parametrize("separator", [",", ", ", ",\n  "])
@pytest.mark.parametrize("element", ['"Message {n}"', '{{"Id":{n},"Message":"x"}}'])
def test_good_elements_are_decoded_by_the_fast_scanner(separator: str, element: str) -> None:
    """Only the one that the network cuts goes another way: a million messages take seconds."""
    body = "[" + separator.join(element.format(n=n) for n in range(2000)) + "]"
    fed = reader()
    slow = 0
    real = fed._element

    def counted() -> object:
        nonlocal slow
        slow += 1
        return real()

    fed._element = counted  # type: ignore[assignment,method-assign]
    pieces = cut(body.encode(), 4096)
    assert sum(len(fed.feed(piece)) for piece in pieces) + len(fed.feed(b"", is_last=True)) == 2000
    assert slow <= 2 * len(pieces)
