"""The rules of the conversation with AMTOpCon."""

from __future__ import annotations

import json
import traceback
from typing import TYPE_CHECKING
from unittest.mock import patch

import httpx
import pytest
import respx

from amtconnector.amtopcon import http_connection
from amtconnector.amtopcon.wire.answers import Refused, Started
from amtconnector.errors import (
    Busy,
    CallFailed,
    Forbidden,
    LogonRefused,
    NoAnswer,
    NotFound,
    NotUnderstood,
    Rejected,
    ServerFailed,
    Unauthorized,
)
from amtconnector.task import RequestId, Task
from tests.support.loopback import PASSWORD, SERVER, TOKEN, USER, Conversation, conversation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ID = RequestId("2112")
TASK = Task("DEMO2", "JOB", parameters=("'PARAM'",))
LOGGED_ON = httpx.Response(200, json={"AmtLogonToken": TOKEN})
NOT_NOW = httpx.Response(401)
RUNNING = httpx.Response(200, json={"BatchRequestId": 2112, "Status": 2})


@pytest.fixture
def amt() -> Iterator[respx.MockRouter]:
    """Return a server whose answers a test sets; what it does not set is an error."""
    router = respx.MockRouter(base_url=SERVER.base_url, assert_all_called=False)
    with patch.object(http_connection, "ConnectionPerCall", return_value=httpx.MockTransport(router.handler)):
        router.post("/api/Logon", name="logon").mock(return_value=LOGGED_ON)
        router.post("/api/OpConJobAction", name="action")
        router.get("/api/MonitorJob", name="status").mock(return_value=RUNNING)
        router.get("/api/GetMessages", name="messages")
        router.get("/api/HeartBeat", name="heartbeat")
        yield router


@pytest.fixture
def line(amt: respx.MockRouter) -> Iterator[Conversation]:
    """Return the connector's side."""
    del amt
    with conversation(SERVER) as opened:
        yield opened


@pytest.fixture
def on(line: Conversation) -> Conversation:
    """Return the connector's side after a logon, its notes and traces empty."""
    line.service.log_on()
    line.notes.clear()
    line.traces.clear()
    return line


# --- the logon -------------------------------------------------------------------------------------------------------


def test_a_logon_sends_the_credentials_once_and_notes_that_they_are_good(
    amt: respx.MockRouter, line: Conversation
) -> None:
    """One request, no token in it."""
    line.service.log_on()
    request = amt["logon"].calls.last.request
    assert json.loads(request.content) == {"UserName": USER, "Password": PASSWORD}
    assert "x-amt-logontoken" not in request.headers
    assert (amt["logon"].call_count, line.account.noted) == (1, ["accepted"])


@pytest.mark.parametrize("answer", [NOT_NOW, httpx.Response(403), httpx.Response(200, json={"AmtLogonToken": ""})])
def test_a_rejected_logon_is_noted_and_not_tried_again(
    amt: respx.MockRouter, line: Conversation, answer: httpx.Response
) -> None:
    """AMT locks accounts; 401, 403 and an empty token are rejections."""
    amt["logon"].mock(return_value=answer)
    with pytest.raises(LogonRefused):
        line.service.log_on()
    assert (amt["logon"].call_count, line.account.noted) == (1, ["refused"])


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        *((httpx.Response(status), Rejected) for status in (301, 302, 400, 405, 410, 415, 422)),
        (httpx.Response(408), NoAnswer),
        *((httpx.Response(status), ServerFailed) for status in (409, 500, 502, 503, 504)),
        (httpx.Response(429), Busy),
        (httpx.Response(503, headers={"Retry-After": "1"}), Busy),
        (httpx.Response(200, json={"Token": "x"}), NotUnderstood),
        (httpx.Response(200, html="<html>IIS</html>"), NotUnderstood),
        (httpx.Response(204), NotUnderstood),
    ],
)
def test_any_other_answer_to_a_logon_says_nothing_about_the_credentials(
    amt: respx.MockRouter, line: Conversation, answer: httpx.Response, kind: type[CallFailed]
) -> None:
    """A wrong route must not send anyone to look for a wrong password."""
    amt["logon"].mock(return_value=answer)
    with pytest.raises(CallFailed) as caught:
        line.service.log_on()
    assert type(caught.value) is kind
    assert "refused" not in line.account.noted


@pytest.mark.parametrize(
    ("answer", "noted"),
    [
        (httpx.Response(422, json={"code": "E17"}), ["doubted"]),
        (httpx.Response(200, json={"ok": 0}), ["doubted"]),
        (httpx.Response(200, text="Benutzer gesperrt"), ["doubted"]),
        (httpx.Response(200, html="<html>maintenance</html>"), []),
        (httpx.Response(302, headers={"Location": "/sign-in"}), []),
        (httpx.Response(404), []),
        (httpx.Response(415), []),
        (httpx.Response(407, text="proxy"), []),
        (httpx.Response(426), []),
        (httpx.Response(500), ["failed"]),
        (httpx.Response(500, html="<html>Runtime Error</html>"), ["failed"]),
        (httpx.Response(409, json={"title": "Conflict"}), ["failed"]),
        (httpx.Response(500, json={"ExceptionMessage": "User OPCON is locked."}), ["doubted"]),
        (httpx.Response(500, json={"Message": "Kennwort falsch"}), ["doubted"]),
        (httpx.Response(503, json={"Message": "Access denied"}), ["doubted"]),
        (httpx.Response(429, text="Too many attempts, account locked"), ["doubted"]),
        (httpx.Response(429, json={"Message": "Maximum number of sessions for this account"}), []),
        (httpx.Response(500, json={"Message": "Cannot open database AMT. Login failed for user 'amt'."}), ["failed"]),
        (httpx.Response(503, json={"Message": "Login failed: server is in script upgrade mode"}), []),
        (httpx.Response(502), []),
        (httpx.Response(503, html="<html>Account service is down</html>"), []),
        (httpx.Response(504), []),
        (httpx.Response(408), []),
        (httpx.Response(429), []),
        (httpx.Response(501), []),
    ],
)
def test_an_answer_to_a_logon_that_may_be_a_refusal_is_noted_as_one(
    amt: respx.MockRouter, line: Conversation, answer: httpx.Response, noted: list[str]
) -> None:
    """What comes from somebody else than AMT, or is about the route, is none."""
    amt.post("/api/Logon").mock(return_value=answer)
    with pytest.raises(CallFailed) as caught:
        line.service.log_on()
    assert line.account.noted == noted
    assert caught.value.may_refuse is bool(noted)


@pytest.mark.parametrize("heartbeat", [500, 502, 503, None])
def test_a_logon_that_fails_as_everything_else_does_says_nothing(
    amt: respx.MockRouter, line: Conversation, heartbeat: int | None
) -> None:
    """A server that restarts answers 500 to everything: no job is turned away for that."""
    amt["logon"].mock(return_value=httpx.Response(500))
    amt["heartbeat"].mock(return_value=httpx.Response(heartbeat)) if heartbeat else amt["heartbeat"].mock(
        side_effect=httpx.ConnectError("refused")
    )
    for _ in range(3):
        with pytest.raises(NoAnswer) as caught:
            line.service.log_on()
        assert not caught.value.may_refuse
    assert line.account.noted == []


def test_a_second_logon_that_fails_alone_counts_as_an_answer_that_may_refuse(
    amt: respx.MockRouter, line: Conversation
) -> None:
    """After the first it is tried again, after the second it is not."""
    amt["logon"].mock(return_value=httpx.Response(500, json={"title": "An error has occurred."}))
    with pytest.raises(NoAnswer) as first:
        line.service.log_on()
    with pytest.raises(NotUnderstood, match="500: An error has occurred") as second:
        line.service.log_on()
    assert (first.value.may_refuse, second.value.may_refuse) == (True, True)
    assert "500" in second.value.exchange
    assert "whether it is locked" in second.value.hint
    assert line.account.noted == ["failed", "failed"]


def test_a_404_to_the_logon_is_about_the_route(amt: respx.MockRouter, line: Conversation) -> None:
    """No request is meant, so it is not the 404 of a request that AMT does not know."""
    amt["logon"].mock(return_value=httpx.Response(404))
    with pytest.raises((Rejected, NotFound), match="404"):
        line.service.log_on()
    assert line.account.noted == []


def test_barred_credentials_are_not_sent(amt: respx.MockRouter, line: Conversation) -> None:
    """Nothing new is noted, so the time for which they are barred does not grow."""
    line.account.bar = LogonRefused("not tried again before 12:00:30")
    with pytest.raises(LogonRefused, match="not tried again"):
        line.service.log_on()
    assert (amt["logon"].call_count, line.account.noted) == (0, [])


# --- the start -------------------------------------------------------------------------------------------------------


def test_a_start_is_sent_once_with_the_token(amt: respx.MockRouter, on: Conversation) -> None:
    """And its id comes back."""
    amt["action"].mock(return_value=httpx.Response(200, json={"BatchRequestId": 2112}))
    assert on.service.start(TASK) == Started(ID)
    request = amt["action"].calls.last.request
    assert request.headers["X-AMT-LogonToken"] == TOKEN
    assert json.loads(request.content)["Parameters"] == ["'PARAM'"]
    assert amt["action"].call_count == 1


@pytest.mark.parametrize("status", range(200, 600))
def test_a_start_is_never_sent_twice_by_the_service(amt: respx.MockRouter, on: Conversation, status: int) -> None:
    """Whatever is answered, 401 included: the caller decides."""
    amt["action"].mock(return_value=httpx.Response(status, json={"BatchRequestId": 0, "Message": "no"}))
    if status < 300:
        assert on.service.start(TASK) == Refused("no")
    else:
        with pytest.raises(CallFailed) as caught:
            on.service.start(TASK)
        assert isinstance(caught.value, Unauthorized) == (status == 401)
    assert (amt["action"].call_count, amt["logon"].call_count) == (1, 1)


@pytest.mark.parametrize("error", [httpx.ReadTimeout, httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError])
def test_a_start_that_breaks_off_is_sent_once(
    amt: respx.MockRouter, on: Conversation, error: type[httpx.TransportError]
) -> None:
    """It may have been received."""
    amt["action"].mock(side_effect=error("x"))
    with pytest.raises(NoAnswer):
        on.service.start(TASK)
    assert amt["action"].call_count == 1


# --- questions and orders --------------------------------------------------------------------------------------------

CALLS: dict[str, tuple[str, Callable[[Conversation], object]]] = {
    "status": ("status", lambda line: line.service.status(ID)),
    "messages": ("messages", lambda line: list(line.service.messages(ID, 60))),
    "stop": ("action", lambda line: line.service.stop(ID)),
    "kill": ("action", lambda line: line.service.kill(ID)),
}
GOOD = {"status": RUNNING, "messages": httpx.Response(200, json=[]), "action": httpx.Response(202)}


@pytest.mark.parametrize("call", CALLS)
def test_a_call_without_a_token_logs_on_first(amt: respx.MockRouter, line: Conversation, call: str) -> None:
    """An attached run need not care."""
    route, ask = CALLS[call]
    amt[route].mock(return_value=GOOD[route])
    ask(line)
    assert (amt["logon"].call_count, amt[route].call_count) == (1, 1)
    assert amt[route].calls.last.request.headers["X-AMT-LogonToken"] == TOKEN


@pytest.mark.parametrize("call", CALLS)
def test_an_expired_token_is_renewed_once_and_the_call_repeated_once(
    amt: respx.MockRouter, on: Conversation, call: str
) -> None:
    """With the new token."""
    route, ask = CALLS[call]
    amt["logon"].mock(return_value=httpx.Response(200, json={"AmtLogonToken": "second"}))
    amt[route].mock(side_effect=[NOT_NOW, GOOD[route]])
    ask(on)
    assert (amt["logon"].call_count, amt[route].call_count) == (2, 2)
    assert amt[route].calls.last.request.headers["X-AMT-LogonToken"] == "second"


@pytest.mark.parametrize("call", CALLS)
def test_a_token_that_is_refused_again_ends_the_call(amt: respx.MockRouter, on: Conversation, call: str) -> None:
    """After one new logon there is no third attempt."""
    route, ask = CALLS[call]
    amt[route].mock(return_value=NOT_NOW)
    with pytest.raises(Unauthorized):
        ask(on)
    assert (amt["logon"].call_count, amt[route].call_count) == (2, 2)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("status", "kind"), [(403, Forbidden), (404, NotFound), (429, Busy), (500, NoAnswer), (302, Rejected)]
)
def test_other_failures_are_not_repeated(
    amt: respx.MockRouter, on: Conversation, call: str, status: int, kind: type[CallFailed]
) -> None:
    """The service has no loops."""
    route, ask = CALLS[call]
    amt[route].mock(return_value=httpx.Response(status, headers={"Retry-After": "7"}))
    with pytest.raises(kind) as caught:
        ask(on)
    assert (amt[route].call_count, caught.value.retry_after_s) == (1, 7.0)


@pytest.mark.parametrize("call", ["stop", "kill"])
@pytest.mark.parametrize("status", [200, 202, 204])
def test_any_2xx_accepts_an_order(amt: respx.MockRouter, on: Conversation, call: str, status: int) -> None:
    """Whatever its body says."""
    amt["action"].mock(return_value=httpx.Response(status, text="<ok>"))
    CALLS[call][1](on)
    assert json.loads(amt["action"].calls.last.request.content) == {"Action": call.upper(), "BatchRequestId": 2112}


def test_messages_come_in_the_servers_order(amt: respx.MockRouter, on: Conversation) -> None:
    """As lists, never empty ones."""
    amt["messages"].mock(return_value=httpx.Response(200, json=["b", "a", "b"]))
    lists = list(on.service.messages(ID, 60))
    assert [text for texts in lists for text in texts] == ["b", "a", "b"]
    assert all(lists)


def test_messages_that_came_before_a_fault_are_kept(amt: respx.MockRouter, on: Conversation) -> None:
    """A list that is cut short gives what it had."""
    amt["messages"].mock(return_value=httpx.Response(200, content=b'["a","b",'))
    lists = on.service.messages(ID, 60)
    assert next(lists) == ["a", "b"]
    with pytest.raises(NotUnderstood):
        next(lists)


def test_a_probe_returns_whatever_is_answered_and_needs_no_token(amt: respx.MockRouter, line: Conversation) -> None:
    """The check judges it."""
    amt["heartbeat"].mock(return_value=httpx.Response(500, text="down"))
    assert line.service.probe().status == 500
    assert amt["logon"].call_count == 0
    assert "x-amt-logontoken" not in amt["heartbeat"].calls.last.request.headers


# --- notes, traces, secrets ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("answer", [httpx.Response(500, text="down"), httpx.ReadTimeout("x")])
def test_each_failure_is_noted_once(
    amt: respx.MockRouter, on: Conversation, call: str, answer: httpx.Response | Exception
) -> None:
    """With the call's name and the reason, for the run's log."""
    route, ask = CALLS[call]
    amt[route].mock(side_effect=[answer])
    with pytest.raises(NoAnswer) as caught:
        ask(on)
    assert len(on.notes) == 1
    assert on.notes[0].startswith(f"{call}: {caught.value.message}")


@pytest.mark.parametrize("body", ["<html>", "{}", '{"BatchRequestId":1,"Status":4}'])
def test_an_answer_that_is_not_understood_is_noted(amt: respx.MockRouter, on: Conversation, body: str) -> None:
    """The run's log says why a poll did not count."""
    amt["status"].mock(return_value=httpx.Response(200, text=body))
    with pytest.raises(NotUnderstood) as caught:
        on.service.status(ID)
    assert on.notes == [f"status: {caught.value.message}"]


def test_a_good_call_is_not_noted_but_traced(amt: respx.MockRouter, on: Conversation) -> None:
    """Both directions, for DEBUG=ON."""
    del amt
    on.service.status(ID)
    assert on.notes == []
    assert on.traces == [
        "-> GET /api/MonitorJob?BatchRequestId=2112",
        '<- 200 {"BatchRequestId":2112,"Status":2}',
    ]


def test_a_logon_is_traced_without_what_is_in_it(amt: respx.MockRouter, line: Conversation) -> None:
    """Neither the credentials nor the token."""
    del amt
    line.service.log_on()
    assert line.traces == [
        "-> POST /api/Logon (credentials not shown)",
        '<- 200 {"AmtLogonToken":"<text of 9>"}',
    ]


EVERY_CALL: dict[str, tuple[str, Callable[[Conversation], object]]] = {
    "log_on": ("logon", lambda line: line.service.log_on()),
    "start": ("action", lambda line: line.service.start(TASK)),
    **CALLS,
}


def every_form(secret: str) -> list[str]:
    """Return what a server could make of a secret: as it is, as JSON has it, as .NET escapes it, as a URL has it."""
    net = json.dumps(secret)[1:-1].replace("+", "\\u002B").replace("/", "\\u002F")
    return [secret, json.dumps(secret)[1:-1], net, str(httpx.QueryParams({"x": secret}))[2:]]


ECHOES: list[Callable[[str], httpx.Response]] = [
    lambda said: httpx.Response(400, json={"title": "Bad", "detail": f"no {said}", "errors": {said: [said]}}),
    lambda said: httpx.Response(401, json={"Message": said}),
    lambda said: httpx.Response(500, text=f"<html>stack: {said}</html>"),
    lambda said: httpx.Response(500, text="x" * 195 + said),
    lambda said: httpx.Response(404, text=said),
    lambda said: httpx.Response(200, text=f"<html>{said}</html>"),
    lambda said: httpx.Response(200, json={said: 1, "Message": said}),
    lambda said: httpx.Response(200, json={"Status": said, "BatchRequestId": True}),
    lambda said: httpx.Response(200, json=said),
    lambda said: httpx.Response(200, text=said),
    lambda said: httpx.Response(200, json={"Messages": said}),
    lambda said: httpx.Response(302, headers=[(b"Location", said.encode()), (b"Set-Cookie", b"x=" + said.encode())]),
]


def shown(line: Conversation, error: BaseException | None, result: object) -> str:
    """Return everything that anybody could print: notes, traces, the exception with its causes, the result."""
    said = [*line.notes, *line.traces, repr(result), str(result), repr(line.service), repr(line.account.credentials())]
    while error is not None:
        said += [str(error), repr(error), *traceback.format_exception_only(error)]
        said += [getattr(error, "hint", "")]
        error = error.__cause__
    return "\n".join(said)


@pytest.mark.parametrize("call", EVERY_CALL)
@pytest.mark.parametrize("echo", range(len(ECHOES)))
@pytest.mark.parametrize("which", ["password", "token"])
def test_no_secret_is_shown_whatever_the_server_repeats(
    amt: respx.MockRouter, line: Conversation, call: str, echo: int, which: str
) -> None:
    """Neither in a text, a repr, a note nor a trace, in no form that it can come back in, not even the half of it."""
    secret = {"password": PASSWORD, "token": TOKEN}[which]
    half = secret[:6]
    for said in every_form(secret):
        amt["logon"].mock(return_value=LOGGED_ON)
        line.service.log_on()
        route, ask = EVERY_CALL[call]
        amt[route].mock(return_value=ECHOES[echo](said))
        error: CallFailed | None = None
        result: object = None
        try:
            result = ask(line)
        except CallFailed as failure:
            error = failure
        everything = shown(line, error, None if call == "messages" else result)  # messages are printed as they came
        for form in every_form(half):
            assert form not in everything


@pytest.mark.parametrize(
    "body",
    [
        '{"Token":"n3wtoken"}',
        '{"AmtLogonToken":"n3wtoken","amtlogontoken":"n3wtoken2"}',
        '{"AmtLogonToken":["n3wtoken"]}',
        '{"AmtLogonToken":"n3wtoken n3wtoken"}',
        '{"AmtLogonToken":"n3wtoken\\u0000"}',
        '{"AmtLogonToken":"n3wtoken"',
        "<LogonAnswer><AmtLogonToken>n3wtoken</AmtLogonToken></LogonAnswer>",
        '"n3wtoken',
    ],
)
def test_a_token_in_a_malformed_answer_to_a_logon_is_not_shown(
    amt: respx.MockRouter, line: Conversation, body: str
) -> None:
    """It is not known yet, so nothing of such an answer is."""
    amt["logon"].mock(return_value=httpx.Response(200, text=body))
    with pytest.raises(NotUnderstood) as caught:
        line.service.log_on()
    assert "n3wtoken" not in shown(line, caught.value, None)


def test_a_token_of_before_is_still_a_secret(amt: respx.MockRouter, on: Conversation) -> None:
    """A server may speak of the one that has expired."""
    amt["logon"].mock(return_value=httpx.Response(200, json={"AmtLogonToken": "second"}))
    amt["status"].mock(side_effect=[NOT_NOW, httpx.Response(500, text=f"{TOKEN} has expired, second has not")])
    with pytest.raises(NoAnswer) as caught:
        on.service.status(ID)
    assert caught.value.message.endswith("******** has expired, ******** has not")


def test_the_configured_times_are_asked_of_the_client(amt: respx.MockRouter) -> None:
    """The start waits for as long as START_TIMEOUT, everything else for READ_TIMEOUT."""
    server = SERVER._replace(connect_timeout_s=1, read_timeout_s=3, start_timeout_s=5)
    amt["action"].mock(return_value=httpx.Response(200, json=2112))
    with conversation(server) as line:
        line.service.log_on()
        line.service.start(TASK)
    timeouts = [call.request.extensions["timeout"] for call in amt.calls]
    assert [(timeout["connect"], timeout["read"], timeout["write"]) for timeout in timeouts] == [(1, 3, 3), (1, 5, 5)]
