"""How answers reach the client, and all the ways in which they do not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from amtconnector.simulator.answer import Answer, Refusal
from amtconnector.simulator.faults import CONTENTS
from amtconnector.simulator.transport import reset, transport_of, until_gone

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from amtconnector.simulator.faults import Fault

    Asgi = tuple[Scope, Receive, Send]

SLOW_PIECE = 1
BIG = 2 * 1024 * 1024


async def send(answer: Answer, asgi: Asgi) -> int:
    """Send an answer as it should be; return its status."""
    await _send_head(answer, asgi)
    for piece in answer.body:
        await asgi[2]({"type": "http.response.body", "body": piece, "more_body": True})
    await asgi[2]({"type": "http.response.body", "body": b""})
    return answer.status


async def end_early(fault: Fault, unauthorized: Answer, asgi: Asgi) -> int | None:
    """Answer a request that is not executed; return the status, or None when there is no answer."""
    if fault.kind == "unauthorized":
        return await send(unauthorized, asgi)
    if fault.kind == "status":
        return await send(_status_answer(fault), asgi)
    await _break(fault.kind, asgi)
    return None


async def deliver(fault: Fault, answer: Answer, asgi: Asgi) -> int | None:
    """Deliver the answer of a request that was executed; return the status, or None when there is no answer."""
    match fault.kind:
        case "delay":
            return await send(answer, asgi)
        case "status":
            return await send(_status_answer(fault), asgi)
        case "content":
            return await send(_wrong_content(fault), asgi)
        case "big":
            blanks = b" " * (fault.bytes or BIG)  # which JSON allows
            return await send(replace(answer, body=(*answer.body, blanks), is_chunked=False), asgi)
        case "drip":
            return await _drip(fault, answer, asgi)
        case "truncated":
            await _truncate(fault, answer, asgi)
        case kind:
            await _break(kind, asgi)
    return None


def _status_answer(fault: Fault) -> Answer:
    """Return an answer with another status: problem details, unless the fault has a body of its own."""
    plain = Refusal(fault.status, "A fault was switched on in the simulator.").answer()
    body = plain.body if fault.body is None else (fault.body.encode(),)
    if fault.status in (204, 304):
        body = ()
    return Answer(fault.status, body, fault.content_type or plain.content_type, tuple(fault.headers.items()))


def _wrong_content(fault: Fault) -> Answer:
    content_type, body = CONTENTS[fault.content]
    if fault.body is not None:
        body = fault.body.encode()
    return Answer(200, (body,), fault.content_type or content_type, tuple(fault.headers.items()))


async def _drip(fault: Fault, answer: Answer, asgi: Asgi) -> int:
    """Send the answer `bytes` bytes at a time, with a pause after each."""
    body, size = b"".join(answer.body), fault.bytes or SLOW_PIECE
    await _send_head(answer, asgi)
    for start in range(0, len(body), size):
        if transport_of(asgi[0]).is_closing():
            break
        await asgi[2]({"type": "http.response.body", "body": body[start : start + size], "more_body": True})
        await asyncio.sleep(fault.pause)
    await asgi[2]({"type": "http.response.body", "body": b""})
    return answer.status


async def _truncate(fault: Fault, answer: Answer, asgi: Asgi) -> None:
    """Promise the whole answer, send `bytes` of it (half, if not given) and end the connection."""
    body = b"".join(answer.body)
    sent = len(body) // 2 if fault.bytes is None else fault.bytes
    await _send_head(answer, asgi)
    await asgi[2]({"type": "http.response.body", "body": body[: min(sent, len(body) - 1)], "more_body": True})
    await _break(f"{fault.ends_with}-after", asgi)


async def _break(kind: str, asgi: Asgi) -> None:
    """End the connection without (the rest of) an answer."""
    if kind.startswith("reset"):
        reset(transport_of(asgi[0]))
    elif kind.startswith("close"):
        transport_of(asgi[0]).close()
    await until_gone(asgi[1])


async def _send_head(answer: Answer, asgi: Asgi) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    if answer.body:
        headers.append((b"content-type", answer.content_type.encode("latin-1")))
    if not answer.is_chunked:
        headers.append((b"content-length", str(answer.length).encode()))
    await asgi[2]({"type": "http.response.start", "status": answer.status, "headers": headers})
