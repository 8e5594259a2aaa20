"""What httpx's exceptions mean: whether the request can have reached the server, and what to do about it.

This is the one place where they are converted. `FAILURES` names each of them; a test fails when httpx grows a new one.
"""

from __future__ import annotations

import socket
import ssl
from enum import Enum
from typing import TYPE_CHECKING

from amtconnector.amtopcon.addresses import NotResolvedInTime
from amtconnector.amtopcon.http_answer import AnswerUnclear, NoHttp, SpeaksTls
from amtconnector.amtopcon.http_connection import HANDSHAKE
from amtconnector.amtopcon.httpx_import import httpx
from amtconnector.amtopcon.tls_failures import NO_TLS_HINT, SPEAKS_TLS, Explanation, explain, is_of_tls
from amtconnector.errors import AnswerLate, CallFailed, CertificateRefused, NoAnswer, NotSent, NotUnderstood
from amtconnector.named_tuple import NamedTuple

if TYPE_CHECKING:
    from amtconnector.config import Server


class CallOutcome(Enum):
    """What an exception of httpx says about the request."""

    NOT_SENT = "it provably never reached the server"
    MAYBE_RECEIVED = "it may have been received"
    NOT_UNDERSTOOD = "it was answered, in a form that can't be read"
    DEFECT = "it can't happen here unless the connector is wrong"


BROKEN_HTTP = (
    "AMT's web server, or something before it (a proxy, a load balancer), writes an answer that is no sound HTTP.\n"
    "Show this line to its administrator; neither SERVER_USES_TLS nor WIRE_PROFILE is the cause."
)

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


class Progress(NamedTuple):
    """How far a call came: whether a byte of its request was written; whether the server has ever answered in HTTP."""

    request_left: bool
    had_contact: bool


def converted(error: Exception, server: Server, progress: Progress) -> CallFailed:
    """Return the failed call that an exception of httpx stands for.

    A server that has answered before is not reached by another port or by TLS, so no hint says so then.

    Raises the exception itself when it can only come from a defect of the connector.
    """
    outcome = next(FAILURES[kind] for kind in type(error).__mro__ if kind in FAILURES)
    if outcome is CallOutcome.DEFECT:
        raise error
    if isinstance(error, AnswerUnclear):
        return NotUnderstood(f"the answer breaks the rules of HTTP: {error}", hint=BROKEN_HTTP)
    if outcome is CallOutcome.NOT_UNDERSTOOD:
        return NotUnderstood("the answer's encoding can't be read")
    what, hint = _cause(error, server)
    root = _root(error)
    hint = "" if progress.had_contact and not is_of_tls(root) else hint
    if outcome is CallOutcome.MAYBE_RECEIVED or progress.request_left:
        return (AnswerLate if isinstance(error, httpx.TimeoutException) else NoAnswer)(what, hint=hint)
    refused = is_of_tls(root) and isinstance(root, ssl.SSLCertVerificationError)
    return (CertificateRefused if refused else NotSent)(what, hint=hint)


def _root(error: BaseException) -> BaseException:
    """Return the operating system's or OpenSSL's own exception below httpx's, else the deepest one."""
    while not isinstance(error, OSError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _cause(error: Exception, server: Server) -> Explanation:
    """Return what a failed call means in words, without a URL, and what can be done about it."""
    root = _root(error)
    if is_of_tls(root):
        return explain(root, server)
    if isinstance(error, httpx.ConnectTimeout):
        late = root if isinstance(root, TimeoutError) else TimeoutError()
        return (not_secured if HANDSHAKE in str(error) else not_connected)(late, server)
    if isinstance(error, httpx.ConnectError) and isinstance(root, OSError):
        return (not_secured if HANDSHAKE in str(error) else not_connected)(root, server)
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time", ""
    return _cut(error, root, server)


_NO_SUCH_NAME = "Check the spelling in SERVER_ADDRESS. If it is right, ask the network's administrator about DNS."
_NO_DNS = (
    "Ask the network's administrator about DNS: the name servers of this machine do not answer.\n"
    "If they do for other names, check the spelling in SERVER_ADDRESS."
)


def not_connected(error: OSError, server: Server) -> Explanation:
    """Explain why no connection to the server came about; `amt check` asks here too."""
    if isinstance(error, socket.gaierror):
        return (
            f"the name {server.host} can't be resolved ({_spoken(error)})",
            _NO_DNS if error.errno == socket.EAI_AGAIN else _NO_SUCH_NAME,
        )
    if isinstance(error, NotResolvedInTime):
        return f"the name {server.host} was not resolved within {server.connect_timeout_s:g} s", _NO_DNS
    if isinstance(error, TimeoutError):
        return (
            f"no connection within {server.connect_timeout_s:g} s",
            "Check SERVER_ADDRESS, and whether a firewall lets this machine through to that port.",
        )
    if isinstance(error, ConnectionRefusedError):
        return "connection refused", "Check the port in SERVER_ADDRESS, and whether the AMT web server is running."
    return _spoken(error), "Check SERVER_ADDRESS, and this machine's network."


def not_secured(error: OSError, server: Server, missing: str = "") -> Explanation:
    """Explain why a connection that stands could not be secured by TLS; `missing` is as in `tls.explain`."""
    if is_of_tls(error):
        return explain(error, server, missing)
    if isinstance(error, TimeoutError):
        return "the connection stands, but the TLS handshake is not answered", NO_TLS_HINT
    port = "Check that the port in SERVER_ADDRESS is that of the AMT web server."
    return f"the server cut the TLS handshake ({_spoken(error)})", port


def _cut(error: Exception, root: BaseException, server: Server) -> Explanation:
    if isinstance(error, SpeaksTls):
        return SPEAKS_TLS
    if isinstance(error, NoHttp):
        return (
            f"what listens there does not answer in HTTP: it begins with '{error}'",
            "Check the port in SERVER_ADDRESS: another service may listen on it.",
        )
    hint = "" if server.uses_tls else "If the server expects TLS on this port: SERVER_USES_TLS=True."
    if isinstance(root, OSError) and root.strerror:
        return _spoken(root), hint
    if isinstance(error, httpx.RemoteProtocolError):
        return "the server closed the connection before its answer was complete", hint
    return f"the connection broke ({type(error).__name__})", hint


def _spoken(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
