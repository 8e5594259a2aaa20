"""The steps of `amt check` from this machine to the AMT server, but for TLS."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from amtconnector.amtopcon.failures import not_connected
from amtconnector.amtopcon.wire.document import UNREADABLE
from amtconnector.amtopcon.wire.reply import answered, failure_of, hint_of, is_page, server_words
from amtconnector.amtopcon.wire.strangers import LATER
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
from amtconnector.system.command_line import credentials_commands

if TYPE_CHECKING:
    from pathlib import Path

    from amtconnector.amtopcon.client import AmtClient
    from amtconnector.amtopcon.wire.reply import Reply
    from amtconnector.amtopcon.wire.shape import Exchange
    from amtconnector.config import Server
    from amtconnector.errors import RunError

CLOCK_TOLERANCE_S = 60.0
"""A difference between the clocks that is worth a warning."""


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


def heartbeat(reply: Reply, exchange: Exchange | None) -> Finding:
    """Judge the answer to a HeartBeat; `exchange` is what was asked and answered, in words."""
    shown = exchange.lines.splitlines() if exchange else ()
    if failure := failure_of(reply):
        failure.exchange = "\n".join(shown)
        end = AuthenticationRefused if is_page(reply) and reply.status in {401, 403} else end_of(failure)
        return unanswered(Step.HEARTBEAT, failure, end)
    if is_page(reply):
        return failed(Step.HEARTBEAT, ReplyNotUnderstood, answered(reply), hint_of(reply), *shown)
    words = server_words(reply)
    return ok(Step.HEARTBEAT, f"the server answered {reply.status}" + (f": {words}" if words else ""), *shown)


def unanswered(step: Step, failure: CallFailed, end: type[RunError] | None = None) -> Finding:
    """Judge a call that did not succeed; `end` is how a run would end, where the failure alone does not say it."""
    hint = failure.hint or (LATER if isinstance(failure, NoAnswer | Busy) else _CONTRACT)
    return failed(step, end or end_of(failure), failure.message, hint, *failure.exchange.splitlines())


def end_of(failure: CallFailed) -> type[RunError]:
    """Return how a run would end whose logon fails so."""
    return ServerUnreachable if isinstance(failure, NotSent | NoAnswer | Busy) else ReplyNotUnderstood


_CONTRACT = (
    "Check SERVER_ADDRESS first: is it AMTOpCon that answers there?\n"
    "If it is, its interface differs from the built-in one: see WIRE_PROFILE in docs/wire-profile.md."
)


_MAY_REFUSE = (
    "It may be the server's way to refuse the account: look in AMT Control Center at its name, its password, and "
    "whether it is locked."
)


def may_log_on(reply: Reply) -> bool:
    """Return whether the answer to a HeartBeat leaves it possible that it is AMT to whom credentials would be sent."""
    failure = failure_of(reply)
    return not is_page(reply) and (failure is None or end_of(failure) is ReplyNotUnderstood)


def clock(reply: Reply, now: datetime) -> Finding:
    """Compare this machine's clock with the server's, as its Date header gives it."""
    text = reply.headers.get("date", "")
    try:
        there = parsedate_to_datetime(text)
        ahead_s = (there.replace(tzinfo=there.tzinfo or UTC) - now).total_seconds()
    except UNREADABLE:
        return skipped(Step.CLOCK, "the server's answer has no Date that could be compared")
    if abs(ahead_s) <= CLOCK_TOLERANCE_S:
        return ok(Step.CLOCK, f"this machine and the server agree within {max(1, round(abs(ahead_s)))} s")
    side = "ahead of" if ahead_s > 0 else "behind"
    return warning(
        Step.CLOCK,
        f"the server's clock is {abs(ahead_s):.0f} s {side} this machine's",
        "Have both synchronised: times in job logs and in AMT differ, and certificates may seem expired.",
    )


def logon(service: AmtClient, config: Path) -> Finding:
    """Log on once; `config` is the Connector.config that holds the credentials."""
    try:
        service.log_on()
    except LogonRefused as failure:
        return failed(
            Step.LOGON,
            AuthenticationRefused,
            f"AMT refused the credentials: {failure.message}",
            "Check the account in AMT Control Center: its name, its password, whether it is locked.\n"
            "If it is locked, it suffices to unlock it. If the credentials have changed, encrypt both again:\n"
            f"{credentials_commands(config)}",
            *failure.exchange.splitlines(),
        )
    except CallFailed as failure:
        finding = unanswered(Step.LOGON, failure)
        said = f"{_MAY_REFUSE}\n{finding.next_step}"
        return finding._replace(next_step=said) if failure.may_refuse else finding
    shown = service.last_exchange.lines.splitlines() if service.last_exchange else ()
    return ok(Step.LOGON, "AMT accepted the account", *shown)
