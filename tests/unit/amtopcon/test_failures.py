"""The rules of what an exception of httpx says about a request."""

from __future__ import annotations

import inspect
import socket
import ssl

import httpx
import pytest

from amtconnector.amtopcon.failures import FAILURES, CallOutcome, Progress, converted
from amtconnector.errors import AnswerLate, CertificateRefused, NoAnswer, NotSent, NotUnderstood
from tests.support.loopback import SERVER

LEFT, NOT_LEFT = Progress(request_left=True, had_contact=False), Progress(request_left=False, had_contact=False)

BRANCHES: set[type[Exception]] = {
    httpx.HTTPError,
    httpx.RequestError,
    httpx.TransportError,
    httpx.TimeoutException,
    httpx.NetworkError,
    httpx.ProtocolError,
    httpx.StreamError,
}
"""Classes that httpx itself never raises: it raises their leaves."""


def exported() -> list[type[Exception]]:
    """Return the exceptions that httpx exports, and everything below them."""
    named = [value for value in vars(httpx).values() if inspect.isclass(value) and issubclass(value, Exception)]
    found = {kind: None for kind in named if kind.__module__.startswith("httpx")}
    for kind in list(found):
        found |= dict.fromkeys(below(kind))
    return list(found)


def below(kind: type[Exception]) -> list[type[Exception]]:
    """Return the subclasses of httpx's own, all levels."""
    own = [child for child in kind.__subclasses__() if child.__module__.startswith("httpx")]
    return [leaf for child in own for leaf in (child, *below(child))]


def raised(kind: type[Exception], cause: BaseException | None = None) -> Exception:
    """Return an exception as httpx raises it, its root below."""
    error = kind.__new__(kind)
    Exception.__init__(error, "https://user:pw@host/secret")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize("kind", exported())
def test_every_exception_of_httpx_is_classified(kind: type[Exception]) -> None:
    """A new release that brings another one fails here, not in a bank's night."""
    assert (kind in FAILURES) != (kind in BRANCHES)


def test_nothing_else_is_classified() -> None:
    """The table has no dead rows."""
    assert set(FAILURES) | BRANCHES == set(exported())
    assert len(FAILURES) > 20


def test_a_branch_has_its_leaves_in_the_table() -> None:
    """Nothing that httpx raises can slip through a class that is not listed."""
    for branch in BRANCHES:
        assert any(issubclass(kind, branch) for kind in FAILURES)


@pytest.mark.parametrize(("kind", "fault"), FAILURES.items())
@pytest.mark.parametrize("request_left", [False, True])
def test_only_what_provably_was_not_sent_may_be_sent_again(
    kind: type[Exception], fault: CallOutcome, *, request_left: bool
) -> None:
    """Once a byte of the request was written, no exception whatever means "not sent"."""
    error = raised(kind)
    if fault is CallOutcome.DEFECT:
        with pytest.raises(kind):
            converted(error, SERVER, Progress(request_left=request_left, had_contact=False))
        return
    failure = converted(error, SERVER, Progress(request_left=request_left, had_contact=False))
    expected = {
        CallOutcome.NOT_SENT: NotSent,
        CallOutcome.MAYBE_RECEIVED: NoAnswer,
        CallOutcome.NOT_UNDERSTOOD: NotUnderstood,
    }[fault]
    if request_left and fault is CallOutcome.NOT_SENT:
        expected = NoAnswer
    if expected is NoAnswer and issubclass(kind, httpx.TimeoutException):
        expected = AnswerLate
    assert type(failure) is expected


def test_exactly_these_were_not_sent() -> None:
    """Reset, time-out and write error after the start began to go out are in doubt for ever."""
    assert {kind.__name__ for kind, fault in FAILURES.items() if fault is CallOutcome.NOT_SENT} == {
        "ConnectError",
        "ConnectTimeout",
        "PoolTimeout",
        "ProxyError",
        "UnsupportedProtocol",
        "LocalProtocolError",  # it is refused before it is sent; where a byte has left, `request_left` says so
        "InvalidURL",
    }


@pytest.mark.parametrize("kind", [kind for kind, fault in FAILURES.items() if fault is not CallOutcome.DEFECT])
def test_no_text_holds_the_words_of_an_exception(kind: type[Exception]) -> None:
    """The client puts whole URLs into them."""
    for cause in (None, OSError(5, "Input/output error"), ssl.SSLError(1, "https://user:pw@host")):
        failure = converted(raised(kind, cause), SERVER, LEFT)
        assert "pw" not in failure.message + failure.hint
        assert failure.message


@pytest.mark.parametrize(
    ("kind", "cause", "message"),
    [
        (httpx.ConnectError, ConnectionRefusedError(111, "Connection refused"), "connection refused"),
        (httpx.ConnectError, OSError(113, "No route to host"), "no route to host"),
        (httpx.ConnectError, socket.gaierror(-2, "unknown"), "the name 127.0.0.1 can't be resolved"),
        (httpx.ConnectTimeout, TimeoutError("timed out"), "no connection within 2 s"),
        (httpx.ReadTimeout, None, "no answer in time"),
        (httpx.WriteTimeout, None, "no answer in time"),
        (httpx.ReadError, ConnectionResetError(104, "Connection reset by peer"), "connection reset by peer"),
        (httpx.WriteError, BrokenPipeError(32, "Broken pipe"), "broken pipe"),
        (httpx.CloseError, None, "(CloseError)"),
        (httpx.RemoteProtocolError, None, "before its answer was complete"),
    ],
)
def test_the_cause_is_told_in_words(kind: type[Exception], cause: Exception | None, message: str) -> None:
    """Taken from the operating system's exception below httpx's."""
    assert message in converted(raised(kind, cause), SERVER, NOT_LEFT).message


@pytest.mark.parametrize(("code", "begin"), [(socket.EAI_NONAME, "Check the spelling"), (socket.EAI_AGAIN, "Ask the")])
def test_a_name_server_that_does_not_answer_is_asked_about_before_the_spelling(code: int, begin: str) -> None:
    """A name that it does not know may be misspelt, and so may one for which none answers."""
    failure = converted(raised(httpx.ConnectError, socket.gaierror(code, "no")), SERVER, NOT_LEFT)
    assert failure.hint.startswith(begin)
    assert "about DNS" in failure.hint
    assert "the spelling in SERVER_ADDRESS" in failure.hint


def test_a_certificate_that_fails_is_told_from_other_trouble_of_a_handshake() -> None:
    """It is permanent; a handshake that was cut short may be tried again."""
    unverified = raised(httpx.ConnectError, ssl.SSLCertVerificationError(1, "no"))
    cut = raised(httpx.ConnectError, ssl.SSLEOFError(8, "EOF"))
    assert type(converted(unverified, SERVER, NOT_LEFT)) is CertificateRefused
    assert type(converted(cut, SERVER, NOT_LEFT)) is NotSent


def test_an_earlier_failure_in_whose_handling_a_call_was_made_is_not_its_cause() -> None:
    """The second call's trouble is told, not the first one's certificate."""
    error = raised(httpx.RemoteProtocolError)
    error.__context__ = raised(httpx.ConnectError, ssl.SSLCertVerificationError(1, "an earlier one"))
    failure = converted(error, SERVER, NOT_LEFT)
    assert "before its answer was complete" in failure.message


@pytest.mark.parametrize("kind", [httpx.ConnectTimeout, httpx.RemoteProtocolError, httpx.ReadError])
def test_a_server_that_has_answered_before_is_not_looked_for_elsewhere(kind: type[Exception]) -> None:
    """Hours of success prove the port and the choice of TLS."""
    before = converted(raised(kind), SERVER, Progress(request_left=False, had_contact=False))
    after = converted(raised(kind), SERVER, Progress(request_left=False, had_contact=True))
    assert (before.message, bool(before.hint), after.hint) == (after.message, True, "")
