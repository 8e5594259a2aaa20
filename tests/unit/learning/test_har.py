"""Archives of other tools are read; what is none is told."""

from __future__ import annotations

import json
import tracemalloc
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest

from amtconnector.learning import har

if TYPE_CHECKING:
    from pathlib import Path


def read(folder: Path, *entries: Any) -> list[Any]:
    """Read an archive with these entries."""
    path = folder / "trace.har"
    path.write_text("\ufeff" + json.dumps({"log": {"entries": entries}}), encoding="utf-8")
    return list(har.read(path))


def test_a_browsers_archive_is_read(tmp_path: Path) -> None:
    """Pseudo headers are left out, base64 is undone, members that are optional may be missing."""
    entry = {
        "request": {
            "method": "post",
            "url": "https://amt:4004/api/Logon?x=1",
            "headers": [{"name": ":method", "value": "POST"}, {"name": "accept", "value": "*/*"}],
            "postData": {"params": [{"name": "a", "value": "b c"}]},
        },
        "response": {"status": 200, "content": {"text": b64encode(b'"t"').decode(), "encoding": "base64"}},
    }
    [one] = read(tmp_path, entry)
    assert (one.origin, one.method, one.target) == ("https://amt:4004", "POST", "/api/Logon?x=1")
    assert (one.headers, one.body, one.answer) == ((("accept", "*/*"),), b"a=b+c", b'"t"')


def test_a_request_without_an_answer_is_read(tmp_path: Path) -> None:
    """Tools write such entries for what was broken off."""
    [one] = read(tmp_path, {"request": {"method": "GET", "url": "http://amt"}})
    assert (one.status, one.target, one.body) == (0, "/", None)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "no JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[]", "no log.entries"),
        (b'{"log":{"entries":[{}]}}', "log.entries[0] can't be read: it has no 'request'"),
        (b'{"log":{"entries":[{"request":{"method":"GET","url":"http://a"},"response":7}]}}', "log.entries[0]"),
    ],
)
def test_what_is_no_archive_is_told(tmp_path: Path, content: bytes, words: str) -> None:
    """The text says what is wrong, and where."""
    path = tmp_path / "trace.har"
    path.write_bytes(content)
    with pytest.raises(har.NoHar, match=words.replace("[", r"\[")):
        har.read(path)


def test_a_small_file_takes_little_memory(tmp_path: Path) -> None:
    """The largest file that is read is no measure for all others."""
    path = tmp_path / "one.har"
    path.write_text('{"log": {"entries": []}}', encoding="utf-8")
    tracemalloc.start()
    try:
        assert har.read(path) == []
        assert tracemalloc.get_traced_memory()[1] < 1024 * 1024
    finally:
        tracemalloc.stop()
