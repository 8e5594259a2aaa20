"""The steps of `amt check` from this machine to the AMT server, but for TLS."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from amtconnector.amtopcon.failures import not_connected
from amtconnector.amtopcon.wire.reply import failure_of, server_words
from amtconnector.check.connections import addresses_of, opened
from amtconnector.check.findings import Finding, Step, failed, ok, skipped, warning
from amtconnector.errors import (
    AuthenticationRefused,
    Busy,
    CallFailed,
    LogonRefused,
    NoAnswer,
    NotSent,
    ReplyNotUnderstood,
    ServerUnreachable,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amtconnector.amtopcon.client import Service
    from amtconnector.amtopcon.wire.reply import Reply
    from amtconnector.config import Server

CLOCK_TOLERANCE_S = 60.0
"""A difference between the clocks that is worth a warning."""

_NOT_AMT = (
    "Something else than AMTOpCon answers at this address: a proxy, a load balancer or another web site.\n"
    "Compare SERVER_ADDRESS with the AMT installation, and ask the network's administrator for a direct way there."
)


def resolve(server: Server) -> Finding:
    """Look up the server's addresses."""
    try:
        found = addresses_of(server)
    except OSError as error:
        return failed(Step.NAME, ServerUnreachable, *not_connected(error, server))
    listed = [str(address[0]) for _, address in found]
    if listed == [server.host]:
        return ok(Step.NAME, f"{server.host} is an address, there is no name to look up")
    return ok(Step.NAME, f"{server.host} is {', '.join(listed)}")


def connect(server: Server) -> Finding:
    """Open a TCP connection and close it again."""
    try:
        with opened(server) as connection:
            peer = connection.getpeername()[0]
    except OSError as error:
        text, hint = not_connected(error, server)
        return failed(Step.CONNECTION, ServerUnreachable, f"{server.address}: {text}", hint)
    return ok(Step.CONNECTION, f"{peer}, port {server.port}, accepts the connection")


def heartbeat(reply: Reply) -> Finding:
    """Judge the answer to a HeartBeat."""
    failure = failure_of(reply)
    if _is_page(reply.headers, reply.body):
        text = f"the server answered {reply.status} with a web page instead of AMT's answer: {server_words(reply)}"
        return failed(Step.HEARTBEAT, _end(failure), text, _NOT_AMT)
    if failure:
        return unanswered(Step.HEARTBEAT, failure)
    return ok(Step.HEARTBEAT, f"the server answered {reply.status}" + _quoted(server_words(reply)))


def unanswered(step: Step, failure: CallFailed) -> Finding:
    """Judge a call that did not succeed."""
    return failed(step, _end(failure), failure.message, failure.hint or _HINTS.get(type(failure), _CONTRACT))


def _end(failure: CallFailed | None) -> type[ServerUnreachable | ReplyNotUnderstood]:
    return ServerUnreachable if isinstance(failure, NotSent | NoAnswer | Busy) else ReplyNotUnderstood


_CONTRACT = (
    "Check SERVER_ADDRESS first: is it AMTOpCon that answers there?\n"
    "If it is, its interface differs from the built-in one: see WIRE_PROFILE in docs/wire-profile.md."
)
_LATER = "The server is there and can't serve now. Look at the AMT web server and its log, then check again."
_HINTS: dict[type[CallFailed], str] = {NoAnswer: _LATER, Busy: _LATER}


def may_log_on(reply: Reply) -> bool:
    """Return whether the answer to a HeartBeat leaves it possible that it is AMT to whom credentials would be sent."""
    return not _is_page(reply.headers, reply.body) and _end(failure_of(reply)) is ReplyNotUnderstood


def _is_page(headers: Mapping[str, str], body: bytes) -> bool:
    return "text/html" in headers.get("content-type", "").lower() or body.lstrip()[:1] == b"<"


def _quoted(words: str) -> str:
    return f": {words}" if words else ""


def clock(reply: Reply, now: datetime) -> Finding:
    """Compare this machine's clock with the server's, as its Date header gives it."""
    text = reply.headers.get("date", "")
    try:
        there = parsedate_to_datetime(text)
    except ValueError:
        return skipped(Step.CLOCK, "the server's answer has no Date that could be compared")
    ahead_s = (there.replace(tzinfo=there.tzinfo or UTC) - now).total_seconds()
    if abs(ahead_s) <= CLOCK_TOLERANCE_S:
        return ok(Step.CLOCK, f"this machine and the server agree within {max(1, round(abs(ahead_s)))} s")
    side = "ahead of" if ahead_s > 0 else "behind"
    return warning(
        Step.CLOCK,
        f"the server's clock is {abs(ahead_s):.0f} s {side} this machine's",
        "Have both synchronised: times in job logs and in AMT differ, and certificates may seem expired.",
    )


def logon(service: Service) -> Finding:
    """Log on once."""
    try:
        service.log_on()
    except LogonRefused as failure:
        return failed(
            Step.LOGON,
            AuthenticationRefused,
            f"AMT refused the credentials: {failure.message}",
            "Check the account in AMT Control Center: its name, its password, whether it is locked.\n"
            "Then encrypt both again with 'Encrypt --set USER' and 'Encrypt --set PASSWORD'.",
        )
    except CallFailed as failure:
        return unanswered(Step.LOGON, failure)
    return ok(Step.LOGON, "AMT accepted the account")
