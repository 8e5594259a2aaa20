"""What httpx's exceptions mean: whether the request can have reached the server, and what to do about it.

This is the one place where they are converted. `FAILURES` names each of them; a test fails when httpx grows a new one.
"""

from __future__ import annotations

import socket
import ssl
from enum import Enum
from typing import TYPE_CHECKING

from amtconnector.amtopcon.sockets import HANDSHAKE, httpx
from amtconnector.errors import CallFailed, CertificateRefused, NoAnswer, NotSent, NotUnderstood

if TYPE_CHECKING:
    from amtconnector.config import Server


class CallOutcome(Enum):
    """What an exception of httpx says about the request."""

    NOT_SENT = "it provably never reached the server"
    MAYBE_RECEIVED = "it may have been received"
    NOT_UNDERSTOOD = "it was answered, in a form that can't be read"
    DEFECT = "it can't happen here unless the connector is wrong"


FAILURES: dict[type[Exception], CallOutcome] = {
    httpx.ConnectError: CallOutcome.NOT_SENT,
    httpx.ConnectTimeout: CallOutcome.NOT_SENT,
    httpx.PoolTimeout: CallOutcome.NOT_SENT,
    httpx.ProxyError: CallOutcome.NOT_SENT,
    httpx.UnsupportedProtocol: CallOutcome.NOT_SENT,
    httpx.InvalidURL: CallOutcome.NOT_SENT,
    httpx.ReadTimeout: CallOutcome.MAYBE_RECEIVED,
    httpx.WriteTimeout: CallOutcome.MAYBE_RECEIVED,
    httpx.ReadError: CallOutcome.MAYBE_RECEIVED,
    httpx.WriteError: CallOutcome.MAYBE_RECEIVED,
    httpx.CloseError: CallOutcome.MAYBE_RECEIVED,
    httpx.RemoteProtocolError: CallOutcome.MAYBE_RECEIVED,
    httpx.LocalProtocolError: CallOutcome.NOT_SENT,
    httpx.DecodingError: CallOutcome.NOT_UNDERSTOOD,
    httpx.TooManyRedirects: CallOutcome.DEFECT,
    httpx.HTTPStatusError: CallOutcome.DEFECT,
    httpx.CookieConflict: CallOutcome.DEFECT,
    httpx.StreamConsumed: CallOutcome.DEFECT,
    httpx.StreamClosed: CallOutcome.DEFECT,
    httpx.ResponseNotRead: CallOutcome.DEFECT,
    httpx.RequestNotRead: CallOutcome.DEFECT,
}


def converted(error: Exception, server: Server, *, request_left: bool) -> CallFailed:
    """Return the failed call that an exception of httpx stands for; `request_left` when a byte of it was written.

    Raises the exception itself when it can only come from a defect of the connector.
    """
    fault = next(FAILURES[kind] for kind in type(error).__mro__ if kind in FAILURES)
    if fault is CallOutcome.DEFECT:
        raise error
    if fault is CallOutcome.NOT_UNDERSTOOD:
        return NotUnderstood("the answer's encoding can't be read")
    what, hint = _cause(error, server)
    if fault is CallOutcome.MAYBE_RECEIVED or request_left:
        return NoAnswer(what, hint=hint)
    refused = isinstance(_root(error), ssl.SSLCertVerificationError)
    return (CertificateRefused if refused else NotSent)(what, hint=hint)


def _root(error: BaseException) -> BaseException:
    """Return the operating system's or OpenSSL's own exception below httpx's and httpcore's, else the deepest one."""
    while not isinstance(error, OSError) and (below := _below(error)) is not None:
        error = below
    return error


def _below(error: BaseException) -> BaseException | None:
    # httpcore tells some of its causes as context only. Any other context can be an earlier failure, in whose handling
    # this call was made.
    return error.__cause__ or (error.__context__ if isinstance(error.__context__, OSError) else None)


def _cause(error: Exception, server: Server) -> tuple[str, str]:
    """Return what a failed call means in words, without a URL, and what can be done about it."""
    root = _root(error)
    if isinstance(root, ssl.SSLError):
        from amtconnector.amtopcon.tls import explain  # truststore is needed for https only

        return explain(root, server.tls_server_name or server.host)
    if isinstance(root, socket.gaierror):
        return f"the name {server.host} can't be resolved", "Check SERVER_ADDRESS and this machine's name resolution."
    if isinstance(error, httpx.ConnectTimeout):
        return _not_connected(error, server)
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time", ""
    if isinstance(root, ConnectionRefusedError):
        return "connection refused", "Check the port in SERVER_ADDRESS, and whether the AMT web server is running."
    return _cut(error, root, server)


def _not_connected(error: httpx.ConnectTimeout, server: Server) -> tuple[str, str]:
    if HANDSHAKE in str(error):
        from amtconnector.amtopcon.tls import NO_TLS_HINT  # truststore is needed for https only

        return "the connection stands, but the TLS handshake is not answered", NO_TLS_HINT
    return (
        f"no connection within {server.connect_timeout_s:g} s",
        "Check SERVER_ADDRESS, and whether a firewall lets this machine through to that port.",
    )


def _cut(error: Exception, root: BaseException, server: Server) -> tuple[str, str]:
    hint = "" if server.uses_tls else "If the server expects TLS on this port: SERVER_USES_TLS=True."
    if isinstance(root, OSError) and root.strerror:
        return root.strerror.lower(), hint
    if isinstance(error, httpx.RemoteProtocolError):
        return "the server closed the connection before its answer was complete, or did not answer in HTTP", hint
    return f"the connection broke ({type(error).__name__})", hint
