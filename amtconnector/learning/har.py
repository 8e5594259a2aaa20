"""HAR 1.2, the HTTP archive: the form that the recorder, Fiddler, mitmproxy, Charles and browsers write."""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from amtconnector import __version__
from amtconnector.learning.exchange import Exchange, Pairs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LARGEST_FILE = 256 * 1024 * 1024
"""In bytes; a trace of one job is a thousandth of it."""

_FORM = "application/x-www-form-urlencoded"


class NoHar(ValueError):
    """A file that is no HTTP archive, or a broken one; its text says what is wrong and where."""


def read(path: Path) -> list[Exchange]:
    """Return the exchanges of a file in their order; raises NoHar and OSError."""
    with path.open("rb") as file:  # a limit alone would be taken from memory for the smallest file
        content = file.read(min(LARGEST_FILE, os.fstat(file.fileno()).st_size) + 1)
    if len(content) > LARGEST_FILE:
        raise NoHar("it is larger than 256 MiB; record one job only")
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise NoHar("it is not UTF-8, as a HAR file is") from error
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise NoHar(f"it is no JSON, as a HAR file is{where}: cut short, or of another kind") from error
    log = document.get("log") if isinstance(document, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        raise NoHar("it has no log.entries, as a HAR file has: export it as HAR 1.2")
    exchanges = [_exchange(entry, f"log.entries[{at}]") for at, entry in enumerate(entries)]
    return sorted(exchanges, key=lambda one: one.begun)


def written(exchanges: Sequence[Exchange]) -> bytes:
    """Return the file that holds these exchanges."""
    creator = {"name": "amt-connector", "version": __version__}
    log = {"version": "1.2", "creator": creator, "entries": [_entry(one) for one in exchanges]}
    return (json.dumps({"log": log}, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def _exchange(entry: Any, where: str) -> Exchange:
    try:
        return _read(entry)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        what = f"it has no {error}" if isinstance(error, KeyError) else "its members are not those of HAR 1.2"
        raise NoHar(f"{where} can't be read: {what}") from error


def _read(entry: dict[str, Any]) -> Exchange:
    request, response = entry["request"], entry.get("response") or {}
    content = response.get("content") or {}
    url = urlsplit(str(request["url"]))
    headers = _pairs(request.get("headers"))
    if "cookie" not in {name.lower() for name, _ in headers} and request.get("cookies"):
        cookies = "; ".join(f"{name}={value}" for name, value in _pairs(request["cookies"]))
        headers = (*headers, ("Cookie", cookies))
    query = url.query or urlencode(_pairs(request.get("queryString")))
    path = url.path or "/"
    return Exchange(
        begun=_moment(entry.get("startedDateTime")),
        origin=f"{url.scheme}://{url.netloc.rpartition('@')[2]}",
        method=str(request["method"]).upper(),
        target=f"{path}?{query}" if query else path,
        headers=headers,
        body=_posted(request.get("postData")),
        status=max(0, int(response.get("status") or 0)),
        answer_headers=_answer_headers(response),
        answer=_bytes(content.get("text") or "", content.get("encoding")),
        took_s=float(entry.get("time") or 0) / 1000,
        note=str(entry.get("comment") or ""),
    )


def _moment(text: Any) -> datetime:
    if not text:
        return datetime.fromtimestamp(0, UTC)
    moment = datetime.fromisoformat(str(text))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _pairs(given: Any) -> Pairs:
    """Return names and values, without the pseudo headers of HTTP/2 (`:method`)."""
    pairs = ((str(one["name"]), str(one.get("value") or "")) for one in given or [])
    return tuple((name, value) for name, value in pairs if not name.startswith(":"))


def _answer_headers(response: dict[str, Any]) -> Pairs:
    headers = _pairs(response.get("headers"))
    names = {name.lower() for name, _ in headers}
    if "set-cookie" not in names:
        headers += tuple(("Set-Cookie", f"{name}={value}") for name, value in _pairs(response.get("cookies")))
    kind = (response.get("content") or {}).get("mimeType")
    if "content-type" not in names and kind:
        headers = (*headers, ("Content-Type", str(kind)))
    if "location" not in names and response.get("redirectURL"):
        headers = (*headers, ("Location", str(response["redirectURL"])))
    return headers


def _posted(data: Any) -> bytes | None:
    if not data:
        return None
    if text := data.get("text"):
        return _bytes(text, data.get("encoding") or data.get("_encoding"))
    if params := _pairs(data.get("params")):
        return urlencode(params).encode()
    return b"" if "text" in data else None


def _bytes(text: Any, encoding: Any) -> bytes:
    if encoding == "base64":
        return b64decode(text)
    return str(text).encode("utf-8", "surrogatepass")


def _entry(one: Exchange) -> dict[str, Any]:
    took_ms = round(one.took_s * 1000, 3)
    request = {
        "method": one.method,
        "url": one.origin + one.target,
        "httpVersion": "HTTP/1.1",
        "cookies": _cookies(one.header("cookie").split(";")),
        "headers": _named(one.headers),
        "queryString": _named(one.query),
        **_post_data(one),
        "headersSize": -1,
        "bodySize": len(one.body or b""),
    }
    kind = one.answer_header("content-type")
    response = {
        "status": one.status,
        "statusText": _phrase(one.status),
        "httpVersion": "HTTP/1.1",
        "cookies": _cookies([value for name, value in one.answer_headers if name.lower() == "set-cookie"]),
        "headers": _named(one.answer_headers),
        "content": {"size": len(one.answer), "mimeType": kind, **_text(one.answer)},
        "redirectURL": one.answer_header("location"),
        "headersSize": -1,
        "bodySize": len(one.answer),
    }
    return {
        "startedDateTime": one.begun.isoformat(timespec="milliseconds"),
        "time": took_ms,
        "request": request,
        "response": response,
        "cache": {},
        "timings": {"send": 0, "wait": took_ms, "receive": 0},
        **({"comment": one.note} if one.note else {}),
    }


def _phrase(status: int) -> str:
    return next((one.phrase for one in HTTPStatus if one == status), "")


def _named(pairs: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def _cookies(texts: list[str]) -> list[dict[str, str]]:
    pairs = (text.partition(";")[0].partition("=") for text in texts if "=" in text)
    return [{"name": name.strip(), "value": value.strip()} for name, _, value in pairs]


def _post_data(one: Exchange) -> dict[str, Any]:
    if one.body is None:
        return {}
    kind = one.header("content-type")
    data: dict[str, Any] = {"mimeType": kind, **_text(one.body)}
    if kind.startswith(_FORM) and "encoding" not in data:
        data["params"] = _named(parse_qsl(data["text"], keep_blank_values=True))
    return {"postData": data}


def _text(content: bytes) -> dict[str, str]:
    try:
        return {"text": content.decode()}
    except UnicodeDecodeError:
        return {"text": b64encode(content).decode("ascii"), "encoding": "base64"}
