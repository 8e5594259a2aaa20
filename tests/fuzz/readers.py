"""The readers of foreign bytes: examples to begin with, what may leave each of them, and what its judge says."""

from __future__ import annotations

import re
import socket
import tomllib
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

from amtconnector.amtopcon.http_answer import AnswerReader
from amtconnector.amtopcon.httpx_import import httpx
from amtconnector.amtopcon.wire import answers, profile_file
from amtconnector.amtopcon.wire.built_in import load_profile
from amtconnector.amtopcon.wire.message_readers import reader_of
from amtconnector.amtopcon.wire.reply import Reply, retry_after_s
from amtconnector.config import connector_config
from amtconnector.errors import CallFailed, ConfigurationError, NotUnderstood
from amtconnector.learning import har
from amtconnector.output import message_mask
from amtconnector.records import glance, record_format
from amtconnector.task import RequestId
from amtconnector.text import MASK
from tests.fuzz import plain_readers, seeds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from amtconnector.amtopcon.http_answer import Head

REQUEST = RequestId("2112")
_STATUSES = (200, 200, 200, 200, 200, 201, 302, 401, 400, 404, 429, 500, 503)
_HEADERS: tuple[dict[str, str], ...] = ({}, {}, {"content-type": "text/html"}, {"location": "https://[::1", "x": "y"})


class Reader(NamedTuple):
    """One reader. `judged` reads an input, and says what is wrong with what came out, "" for nothing.

    `refusals` are the exceptions that its documentation names; any other one that leaves it is a fault.
    """

    name: str
    examples: tuple[bytes, ...]
    refusals: tuple[type[Exception], ...]
    judged: Callable[[bytes], str]


def readers(folder: Path) -> tuple[Reader, ...]:
    """Return every reader; `folder` takes the files that some of them read."""
    return (
        Reader("status", seeds.STATUSES, (CallFailed,), _status),
        Reader("start", seeds.STARTS, (CallFailed,), _start),
        Reader("logon", seeds.LOGONS, (CallFailed,), _logon),
        Reader("messages", seeds.MESSAGES, (), _messages),
        Reader("http", seeds.HTTP, (httpx.RemoteProtocolError, httpx.DecodingError), _http),
        Reader("record", seeds.RECORDS, (), _record),
        Reader("configuration", seeds.CONFIGURATIONS, (ConfigurationError,), _FileReader(folder).configuration),
        Reader("profile", seeds.PROFILES, (ConfigurationError,), _FileReader(folder).profile),
        Reader("har", seeds.HARS, (har.NoHar,), _FileReader(folder).recording),
        Reader("mask", seeds.MASKS, (ConfigurationError,), _FileReader(folder).mask),
        Reader("retry-after", seeds.RETRY_AFTER, (), _retry_after),
    )


def _reply(content: bytes) -> Reply:
    """Return an answer; its HTTP status and headers follow from the bytes, so that an input says all."""
    mark = zlib.crc32(content)
    headers = {**_HEADERS[mark // 16 % len(_HEADERS)], "retry-after": content[:30].decode("latin-1")}
    return Reply(_STATUSES[mark % len(_STATUSES)], headers if mark % 2 else {}, content)


def _seen(content: bytes) -> set[str]:
    """Return every scalar that a plain reader sees, numbers and texts alike, without blanks around them."""
    is_json, value = plain_readers.json_of(content)
    return {str(entry).strip() for entry in plain_readers.scalars(value)} if is_json else set()


def _status(content: bytes) -> str:
    status = answers.read_status(_reply(content), load_profile(), REQUEST)
    seen = _seen(content)
    folded = {re.sub(r"[\W_]", "", text).casefold() for text in seen}
    if not status.is_known:
        return ""
    is_number = any(re.fullmatch(r"-?[0-9]+", text) and int(text) == status.code for text in seen if len(text) < 20)
    if not is_number and re.sub(r"[\W_]", "", status.name).casefold() not in folded:
        return f"status {status}, which is not in the answer"
    own = plain_readers.named(plain_readers.json_of(content)[1], "status")
    if status.is_success and len({str(entry).strip().casefold() for entry in own if entry is not None}) > 1:
        words = {re.sub(r"[\W_]", "", str(entry)).casefold() for entry in own if entry is not None}
        if words - {"4", "04", "004", "done"}:
            return f"{status}, and another status stands beside it: {own}"
    return ""


def _start(content: bytes) -> str:
    meaning = answers.read_start(_reply(content), load_profile())
    if isinstance(meaning, answers.Started):
        seen = {text.lstrip("0") if text.isdigit() else text for text in _seen(content)}
        return "" if meaning.request_id.text in seen else f"request {meaning.request_id}, which is not in the answer"
    return ""


def _logon(content: bytes) -> str:
    reply = _reply(content)
    token = answers.read_logon(reply, load_profile())
    if not token or reply.status not in range(200, 300):
        return f"a token {token!r} of an answer {reply.status}"
    return "" if token in _seen(content) else "a token that is not in the answer"


def _messages(content: bytes) -> str:
    whole, is_whole_good = _texts(content, (content,))
    step = zlib.crc32(content) % 37 + 1
    pieces = [content[at : at + step] for at in range(0, min(len(content), 4000), step)] + [
        content[4000 // step * step + step :]
    ]
    if len(content) > 4000:
        pieces = [content[:1], content[1:3999], content[3999:]]
    cut, is_cut_good = _texts(content, tuple(pieces)) if b"".join(pieces) == content else (whole, is_whole_good)
    if (whole, is_whole_good) != (cut, is_cut_good):
        return f"other messages when the answer comes in pieces of {step} bytes"
    is_json, value = plain_readers.json_of(content)
    if is_whole_good and content.strip(b"\xef\xbb\xbf \t\r\n") and not is_json:
        return "an answer that is no JSON was taken for a whole list"
    plain = plain_readers.messages_of(value) if is_json else None
    if plain is not None and (not is_whole_good or whole != plain):
        return f"{len(whole)} messages instead of {len(plain)}, {'good' if is_whole_good else 'not good'}"
    return ""


def _texts(content: bytes, pieces: tuple[bytes, ...]) -> tuple[list[str], bool]:
    del content
    reader = reader_of(load_profile(), str, REQUEST.text)
    texts: list[str] = []
    try:
        for piece in pieces:
            texts += reader.feed(piece)
        texts += reader.feed(b"", is_last=True)
        reader.check()
    except NotUnderstood:
        return texts, False
    return texts, True


def _http(content: bytes) -> str:
    head, body = _received(content)
    if head.status not in plain_readers.http_statuses(content) or head.status < 200:
        return f"status {head.status}, which is not in the answer"
    if not head.is_chunked and body not in content[len(b"HTTP/1.1 200") :]:
        return "a body that is not in the answer"
    if head.length is not None and len(body) != head.length and head.status not in {204, 304}:
        return f"{len(body)} bytes instead of {head.length}"
    return ""


def _received(content: bytes) -> tuple[Head, bytes]:
    """Read an answer from a real socket, which is written to its end before."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for end, option in ((theirs, socket.SO_SNDBUF), (ours, socket.SO_RCVBUF)):
            end.setsockopt(socket.SOL_SOCKET, option, 4 * len(content) + 65536)
        ours.settimeout(10)
        theirs.settimeout(10)
        theirs.sendall(content)
        theirs.shutdown(socket.SHUT_WR)
        size = zlib.crc32(content) % 3000 + 1
        reader = AnswerReader(lambda: ours.recv(size))
        head = reader.head()
        return head, b"".join(reader.body(head))


def _record(content: bytes) -> str:
    record = record_format.loaded(content, run_id="20261127-0123456789", written_at=None)
    ended = glance.end_at_a_glance(content)
    if ended and (record.is_damaged or (ended.run_id, ended.exit_code) != (record.run_id, record.exit_code)):
        return f"at a glance it has ended as {ended}, and read in full it is {record.state}"
    if record.is_damaged:
        return "" if record.state.value == "intended" else f"damaged, and {record.state}"
    is_json, value = plain_readers.json_of(content)
    if not is_json:
        return "what is no JSON was taken for a whole record"
    told = dict(value)
    if (told["state"], told["run_id"]) != (record.state.value, record.run_id):
        return f"{record.state} of {record.run_id}, which is not what it says"
    return "" if told.get("request_id", "") == record.request_id else "another request id than it says"


def _retry_after(content: bytes) -> str:
    text = content.decode("latin-1")
    seconds = retry_after_s(text)
    if seconds is None:
        return ""
    if not 0 <= seconds < 1e12:
        return f"{seconds} s"
    plain = text.strip()
    return "" if not re.fullmatch("[0-9]+", plain) or float(plain) == seconds else f"{seconds} s instead of {plain}"


class _FileReader:
    """The readers of files: an input is written to one and read."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "input"

    def configuration(self, content: bytes) -> str:
        self._file.write_bytes(content)
        config = connector_config.load(self._file)
        text = _as_text(content).casefold()
        host = config.server.host.strip("[]").casefold()
        is_seen = host in text or "xn--" in host  # a name in other letters travels in ASCII
        return "" if host and is_seen else f"server {config.server.host!r}, which is not in the file"

    def profile(self, content: bytes) -> str:
        self._file.write_bytes(content)
        read = profile_file.read(self._file)
        try:
            text = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")  # as files are read
            told: dict[str, Any] = tomllib.loads(text)
        except (ValueError, RecursionError):
            return "what is no TOML was taken for a profile"
        prefix = told.get("prefix", "")
        return (
            "" if all(call.path.startswith(prefix) for call in read.calls.values()) else "another prefix than it says"
        )

    def recording(self, content: bytes) -> str:
        self._file.write_bytes(content)
        exchanges = har.read(self._file)
        is_json, value = plain_readers.json_of(content)
        if not is_json:
            return "what is no JSON was taken for a recording"
        seen = {str(entry) for entry in plain_readers.scalars(value)}
        unseen = [exchange.method for exchange in exchanges if exchange.method.upper() not in {s.upper() for s in seen}]
        return f"the method {unseen[0]}, which is not in the recording" if unseen else ""

    def mask(self, content: bytes) -> str:
        patterns, _, rest = content.partition(b"\n---\n")
        self._file.write_bytes(patterns)
        message = rest.decode("utf-8", "replace")
        shown = message_mask.load(self._file)(message)
        if "*" in message:  # beside a mask it can't be told from the mask
            return ""
        at = 0
        for part in shown.split(MASK):
            found = message.find(part, at)
            if found < 0:
                return "the masked message has what the message has not"
            at = found + len(part)
        return self._left(patterns, shown)

    @staticmethod
    def _left(patterns: bytes, shown: str) -> str:
        """See that no pattern of digits and plain characters alone fits anywhere between the masks."""
        for line in patterns.decode("utf-8-sig").splitlines():
            words = line.strip()
            if not words or words.startswith(";") or "*" in words or "\\" in words:
                continue
            plain = re.compile("".join("[0-9]" if sign == "#" else re.escape(sign) for sign in words))
            if any(plain.search(part) for part in shown.split(MASK)):
                return f"the pattern {words!r} is left in the message"
        return ""


def _as_text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")
