"""The rules of reading an HTTP answer: a meaning that is in doubt is never guessed, and what is wrong is named."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amtconnector.amtopcon.http_answer import LARGEST_HEAD, AnswerReader, AnswerUnclear, Head, NoHttp

OK = b"HTTP/1.1 200 OK\r\n"
BODY = b'{"BatchRequestId":2112}'
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def read(answer: bytes, piece: int = 65536) -> tuple[Head, bytes]:
    """Read an answer that comes in pieces of this size, and then the end of the connection."""
    pieces = [answer[at : at + piece] for at in range(0, len(answer), piece)]
    reader = AnswerReader(lambda: pieces.pop(0) if pieces else b"")
    head = reader.head()
    return head, b"".join(reader.body(head))


@pytest.mark.parametrize("piece", [1, 3, 65536])
@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 23\r\n\r\n" + BODY,
        OK + b"content-length:23\r\n\r\n" + BODY,
        OK + b"Content-Length: 23\r\nContent-Length: 23\r\n\r\n" + BODY,
        OK + b"Content-Length: 23, 23\r\n\r\n" + BODY,
        b"HTTP/1.1 200\r\nContent-Length: 23\r\n\r\n" + BODY,
        b"HTTP/1.0 200 OK\r\nContent-Length: 23\r\n\r\n" + BODY,
        b"HTTP/1.1 200 OK\nContent-Length: 23\n\n" + BODY,
        OK + b"X-Folded: one\r\n  two\r\nContent-Length: 23\r\n\r\n" + BODY,
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        + OK
        + b"Content-Length: 23\r\n\r\n"
        + BODY,
        CHUNKED + b"17\r\n" + BODY + b"\r\n0\r\n\r\n",
        CHUNKED + b"5;name=value\r\n" + BODY[:5] + b"\r\n012\r\n" + BODY[5:] + b"\r\n0\r\nTrailer: x\r\n\r\n",
        CHUNKED + b"17\r\n" + BODY + b"\r\n0\r\n",
        OK + b"Transfer-Encoding: Chunked\r\nContent-Length: 3\r\n\r\n17\r\n" + BODY + b"\r\n0\r\n\r\n",
        OK + b"\r\n" + BODY,
        OK + b"Content-Length: 23\r\n\r\n" + BODY + b"\r\n",
    ],
)
def test_these_are_read(answer: bytes, piece: int) -> None:
    """All forms that mean one thing only, however they are cut into packets."""
    head, body = read(answer, piece)
    assert (head.status, body) == (200, BODY)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (OK + b"Server : IIS\r\n\r\n", "its header line 'Server :' has a blank before its colon"),
        (OK + b"\tServer: IIS\r\n\r\n", "'Server:' has a name that HTTP does not allow"),
        (OK + b"no colon here\r\n\r\n", "its header line 'no colon here' has no colon"),
        (OK + b": nameless\r\n\r\n", "a name that HTTP does not allow"),
        (OK + b"X-Nul: a\0b\r\n\r\n", "its header line 'X-Nul:' holds a control character"),
        (OK + b"X-Return: a\rb\r\n\r\n", "'X-Return:' holds a control character"),
        (OK + b"Content-Length: 21\r\nContent-Length: 2112\r\n\r\n", "its Content-Length is '21, 2112'"),
        (OK + b"Content-Length: -1\r\n\r\n", "its Content-Length is '-1'"),
        (OK + b"Content-Length: +4\r\n\r\n2112", "its Content-Length is '\\+4'"),
        (OK + b"Content-Length: \r\n\r\n2112", "its Content-Length is ''"),
        (OK + b"Content-Length: 2\r\n\r\n2112", "longer than its Content-Length says"),
        (OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n", "its Transfer-Encoding is 'chunked, chunked'"),
        (OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "is 'chunked, chunked'"),
        (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n", "is 'gzip, chunked' instead of 'chunked'"),
        (CHUNKED + b"\r\n2112", "one of its chunks has no size"),
        (CHUNKED + b"0x4\r\n2112\r\n0\r\n\r\n", "one of its chunks has no size"),
        (CHUNKED + b"-4\r\n2112\r\n0\r\n\r\n", "one of its chunks has no size"),
        (CHUNKED + b"2\r\n2112\r\n0\r\n\r\n", "longer than its size says"),
        (CHUNKED + b"4" + b";" * 5000 + b"\r\n2112\r\n0\r\n\r\n", "one of its chunks has no size"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "changes the protocol"),
        (OK + b"X: " + b"x" * LARGEST_HEAD + b"\r\n\r\n", "its header is longer than 64 KiB"),
        (OK + b"X: x\r\n" * LARGEST_HEAD, "its header is longer than 64 KiB"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 9999, "its header is longer than 64 KiB"),
    ],
)
def test_what_is_wrong_is_named(answer: bytes, words: str) -> None:
    """An administrator can find the line; its value, which may be a cookie's, is not in the text."""
    with pytest.raises(AnswerUnclear, match=words):
        read(answer)


@pytest.mark.parametrize(
    "answer",
    [
        b"\r\n" + OK + b"\r\n",
        b"garbage\r\n" + OK + b"\r\n",
        b"<html>HTTP/0.9 had no status line</html>",
        b"http/1.1 200 OK\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 99 Low\r\n\r\n",
        b"HTTP/1.1 099 Low\r\n\r\n",
        b"HTTP/1.1 1000 High\r\n\r\n",
        b"HTTP/1.1 2x0 Odd\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
        b"HTTP/1.1 -200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH_9",
        b"\x15\x03\x01\x00\x02\x02\x46",
    ],
)
def test_what_does_not_begin_as_http_is_none(answer: bytes) -> None:
    """At once: a server that greets and then waits is not waited for."""
    with pytest.raises(NoHttp):
        read(answer)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP",
        OK,
        OK + b"Content-Le",
        OK + b"Content-Length: 100\r\n\r\n2112",
        CHUNKED + b"4\r\n21",
        CHUNKED + b"4\r\n2112",
        CHUNKED + b"4\r\n2112\r\n",
        CHUNKED + b"4\r\n2112\r\n0",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
def test_a_cut_answer_is_told_from_a_whole_one(answer: bytes) -> None:
    """A piece of a request id is never taken for one."""
    with pytest.raises(httpx.RemoteProtocolError) as caught:
        read(answer)
    assert not isinstance(caught.value, NoHttp)


@pytest.mark.parametrize(
    ("header", "is_known"),
    [(b"Content-Length: 4\r\n", True), (b"Transfer-Encoding: chunked\r\n", True), (b"", False)],
)
def test_whether_a_cut_could_be_seen_is_told(header: bytes, *, is_known: bool) -> None:
    """An answer that ends with its connection may always be the half of one."""
    reader = AnswerReader(iter([OK + header + b"\r\n"]).__next__)
    assert reader.head().has_known_end is is_known


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_has_no_body_has_none(status: int) -> None:
    """What follows is not read as one, whatever its header says."""
    head, body = read(f"HTTP/1.1 {status} Reason\r\nContent-Length: 4\r\n\r\n2112".encode())
    assert (head.status, body) == (status, b"")


@given(st.binary(max_size=300), st.integers(0, 80), st.integers(1, 40))
def test_whatever_comes_is_read_or_refused_and_never_more(noise: bytes, at: int, piece: int) -> None:
    """Nothing but the known refusals leaves the reader, and a body is never made up."""
    answer = CHUNKED + b"17\r\n" + BODY + b"\r\n0\r\n\r\n"
    try:
        head, body = read(answer[:at] + noise + answer[at:], piece)
    except (httpx.RemoteProtocolError, AnswerUnclear):
        return
    assert 200 <= head.status <= 999
    assert len(body) <= len(answer) + len(noise)


@given(st.integers(0, 100))
def test_no_beginning_of_an_answer_is_a_whole_one(length: int) -> None:
    """Cut anywhere before its last chunk, it is no answer."""
    answer = CHUNKED + b"4\r\n2112\r\n0\r\n"
    if length < len(answer):
        with pytest.raises(httpx.RemoteProtocolError):
            read(answer[:length])
