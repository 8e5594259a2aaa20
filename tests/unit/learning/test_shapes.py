"""Servers of further shapes: each trace is enough for a profile that reads it and rebuilds it."""

from __future__ import annotations

import json
import sys
import tomllib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

import pytest

from amtconnector.amtopcon.wire import profile_file
from amtconnector.learning import har, stand_ins, teacher
from amtconnector.learning.exchange import Exchange
from amtconnector.learning.lesson import learned
from amtconnector.learning.logons import Credentials
from amtconnector.learning.profile_text import profile_text
from amtconnector.learning.proof import Proof
from amtconnector.task import Task

if TYPE_CHECKING:
    from pathlib import Path

    from amtconnector.learning.lesson import Lesson

USER, PASSWORD, TOKEN = "ocadm", "opconxps", "tok-5e0f4a77b1"
TASK = Task("DEMO2", "REPORT", task_values=("25", "26"), parameters=("p1", "p2"))
BEGUN = datetime(2026, 11, 23, 6, 58, 47, tzinfo=UTC)
JSON = ("Content-Type", "application/json")
BEARER = (("Authorization", f"Bearer {TOKEN}"),)
ORDER = {"Application": "DEMO2", "Job": "REPORT", "Script": "", "SubmitUser": "BATCH", "RunAs": "", "Station": "OPCON",
         "Queue": "", "TaskValues": ["25", "26"], "Parameters": ["p1", "p2"]}  # fmt: skip


class Trace:
    """Exchanges, one a second; `headers` go with each request."""

    def __init__(self, *headers: tuple[str, str]) -> None:
        self.headers = headers
        self.exchanges: list[Exchange] = []

    def add(
        self,
        method: str,
        target: str,
        answer: Any,
        *,
        body: Any = None,
        form: Any = None,
        headers: tuple[tuple[str, str], ...] = (),
        answer_headers: tuple[tuple[str, str], ...] = (JSON,),
        status: int = 200,
    ) -> Trace:
        """Add one exchange."""
        sent = json.dumps(body).encode() if body is not None else urlencode(form, doseq=True).encode() if form else None
        kind = (JSON,) if body is not None else (("Content-Type", "application/x-www-form-urlencoded"),) if form else ()
        text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        begun = BEGUN + timedelta(seconds=len(self.exchanges))
        self.exchanges.append(
            Exchange(
                begun,
                "http://amt:1",
                method,
                target,
                (*self.headers, *kind, *headers),
                sent,
                status,
                answer_headers,
                text,
            )
        )
        return self


def logon(trace: Trace, answer: Any = None, **more: Any) -> Trace:
    """Add a logon as it is built in, in lower case."""
    return trace.add(
        "POST",
        "/logon",
        {"token": TOKEN} if answer is None else answer,
        body={"user": USER, "password": PASSWORD},
        **more,
    )


def rest(
    trace: Trace, number: Any, statuses: list[Any], messages: Any, headers: tuple[tuple[str, str], ...] = BEARER
) -> Trace:
    """Add the polls and the messages."""
    for status in statuses:
        trace.add("GET", f"/jobs/{number}", status, headers=headers)
    return trace.add("GET", f"/jobs/{number}/messages", messages, headers=headers)


def session_cookie() -> Trace:
    """Play a session that only a cookie carries."""
    trace = logon(Trace(), {"ok": True}, answer_headers=(JSON, ("Set-Cookie", f"sid={TOKEN}; path=/; HttpOnly")))
    cookie = (("Cookie", f"sid={TOKEN}"),)
    trace.add("POST", "/start", {"id": 77}, body=ORDER, headers=cookie)
    return rest(trace, 77, [{"status": 1}, {"status": 2}, {"status": 4}], ["one"], cookie)


def token_in_a_header() -> Trace:
    """Play the token in a header of the logon's answer, 201 with a Location and no body."""
    trace = logon(Trace(), b"", answer_headers=(("X-Auth-Token", TOKEN),))
    sent = (("X-Auth-Token", TOKEN),)
    trace.add("POST", "/start", b"", body=ORDER, headers=sent, status=201, answer_headers=(("Location", "/jobs/77"),))
    return rest(trace, 77, [{"status": "Running"}, {"status": "Done"}], {"items": [{"seq": 1, "text": "one"}]}, sent)


def guid_and_objects() -> Trace:
    """Play an id that is no number, other numbers beside the status, objects with severity and time."""
    number = "3f2b8c1e-9a77-4c11-8d5e-0c9f3a1b2c3d"
    trace = logon(Trace(("X-Api-Version", "2")))
    trace.add("POST", "/applications/DEMO2/jobs/REPORT/runs", {"runId": number}, headers=BEARER,
              body={name: value for name, value in ORDER.items() if name not in {"Application", "Job"}})  # fmt: skip
    statuses = [
        {"runId": number, "progress": at * 50, "seconds": at, "state": word}
        for at, word in enumerate(["Queued", "Running", "Done"])
    ]
    texts = [{"no": 1, "at": "2026-11-23T07:00:00Z", "severity": "Info", "body": "Report started"}]
    return rest(trace, number, statuses, {"entries": texts})


def joined_in_a_form() -> Trace:
    """Play a form, values joined, the token in the form."""
    trace = Trace().add("POST", "/logon", TOKEN, form={"u": USER, "p": PASSWORD, "grant": "password"})
    order = {**ORDER, "TaskValues": "25,26", "Parameters": "p1,p2", "sid": TOKEN}
    trace.add("POST", "/start", 77, form=order)
    for status in ("RUNNING", "DONE"):
        trace.add("POST", "/state", status, form={"id": 77, "sid": TOKEN})
    return trace.add("POST", "/log", ["one"], form={"id": 77, "sid": TOKEN})


def with_heartbeat_and_logoff() -> Trace:
    """Play a browser's headers, a heartbeat, a logoff, and the application's name in a header of every call."""
    trace = Trace(
        ("sec-ch-ua", '"x"'), ("Origin", "http://amt:1"), ("X-App", "DEMO2"), ("Accept", "application/json, */*")
    )
    logon(trace.add("GET", "/alive", "I am alive"))
    trace.add("POST", "/start", {"result": {"id": 77}}, body=ORDER, headers=BEARER)
    rest(
        trace,
        77,
        [{"result": {"id": 77, "status": 2}}, {"result": {"id": 77, "status": 4}}],
        {"result": {"lines": ["one", "two"]}},
    )
    return trace.add("POST", "/logoff", b"", headers=BEARER, status=204)


def expired_token() -> Trace:
    """Play a token that expired while the task ran, and the logon that followed."""
    trace = logon(Trace())
    trace.add("POST", "/start", {"id": 77}, body=ORDER, headers=BEARER)
    trace.add("GET", "/jobs/77", {"status": 2}, headers=BEARER)
    trace.add("GET", "/jobs/77", {"error": "expired"}, headers=BEARER, status=401)
    logon(trace, {"token": "tok-77aa01bc22"})
    return rest(trace, 77, [{"status": 2}, {"status": 4}], ["one"], (("Authorization", "Bearer tok-77aa01bc22"),))


def offsets() -> Trace:
    """Play messages from an offset on, a total."""
    trace = logon(Trace())
    trace.add("POST", "/start", {"id": 77}, body=ORDER, headers=BEARER)
    for status in (2, 4):
        trace.add("GET", "/jobs/77", {"status": status}, headers=BEARER)
    trace.add("GET", "/jobs/77/messages?skip=0", {"rows": ["a", "b"], "total": 3}, headers=BEARER)
    return trace.add("GET", "/jobs/77/messages?skip=2", {"rows": ["c"], "total": 3}, headers=BEARER)


def addresses() -> Trace:
    """Play an id inside a Location, pages by Link headers, the newest message first."""
    trace = logon(Trace())
    place = (("Location", "http://amt:1/odata/Runs(77)/state"),)
    trace.add("POST", "/start", b"", body=ORDER, headers=BEARER, status=204, answer_headers=place)
    for status in (1, 2, 4):
        trace.add("GET", "/odata/Runs(77)", {"Status": status}, headers=BEARER)
    link = (JSON, ("Link", '</odata/Runs(77)/log?page=1>; rel="first", </odata/Runs(77)/log?page=2>; rel="next"'))
    entries = [{"No": number, "Line": f"line {number}"} for number in range(5, 0, -1)]
    trace.add("GET", "/odata/Runs(77)/log", entries[:3], headers=BEARER, answer_headers=link)
    return trace.add("GET", "/odata/Runs(77)/log?page=2", entries[3:], headers=BEARER)


def plain_text() -> Trace:
    """Play text/plain for all, and a constant with braces."""
    plain = (("Content-Type", "text/plain"),)
    trace = Trace()
    trace.add("GET", f"/logon?u={USER}&p={PASSWORD}&f=%7Bx%7D", f"{TOKEN}\r\n".encode(), answer_headers=plain)
    sent = urlencode({**ORDER, "tok": TOKEN}, doseq=True)
    trace.add("GET", f"/start?{sent}", b"77\r\n", answer_headers=plain)
    for status in (b"QUEUED", b"RUNNING", b"DONE"):
        trace.add("GET", f"/status?id=77&tok={TOKEN}", status, answer_headers=plain)
    return trace.add("GET", f"/messages?id=77&tok={TOKEN}", b"one\r\ntwo", answer_headers=plain)


def cursors() -> Trace:
    """Play pages whose first request names none, and whose answers name the next."""
    trace = logon(Trace())
    trace.add("POST", "/start", {"id": 77}, body=ORDER, headers=BEARER)
    for status in (2, 4):
        trace.add("GET", "/jobs/77", {"status": status}, headers=BEARER)
        trace.add("GET", "/jobs/77/messages", {"rows": ["a", "b"], "nextPageToken": "p2"}, headers=BEARER)
        trace.add("GET", "/jobs/77/messages?token=p2", {"rows": ["c"], "nextPageToken": None}, headers=BEARER)
    return trace


def both_lists_in_one() -> Trace:
    """Play task values and parameters as objects of one list."""
    trace = logon(Trace())
    arguments = [
        {"kind": kind, "value": value}
        for kind, name in (("tv", "TaskValues"), ("pa", "Parameters"))
        for value in ORDER[name]
    ]
    body = {**{name: value for name, value in ORDER.items() if isinstance(value, str)}, "Arguments": arguments}
    trace.add("POST", "/start", {"id": 77}, body=body, headers=BEARER)
    return rest(trace, 77, [{"status": 2}, {"status": 4}], ["one"])


def json_in_an_envelope() -> Trace:
    """Play JSON in a JSON string under one member, and the client's own id without hyphens."""
    trace = logon(Trace(), {"d": json.dumps({"token": TOKEN})})
    body = {**ORDER, "ref": "3a9f9b7904b6461ebdba123a89e75fe6"}
    trace.add("POST", "/start", {"d": json.dumps({"id": 77})}, body=body, headers=BEARER)
    states = [{"d": json.dumps({"state": {"code": code}})} for code in (1, 2, 4)]
    return rest(trace, 77, states, {"d": ["one", "two"]})


SHAPES = (
    addresses,
    plain_text,
    json_in_an_envelope,
    both_lists_in_one,
    cursors,
    session_cookie,
    token_in_a_header,
    guid_and_objects,
    joined_in_a_form,
    with_heartbeat_and_logoff,
    expired_token,
    offsets,
)


def lesson_of(trace: Trace) -> Lesson:
    """Learn from a trace that holds its secrets, as other tools write it."""
    return learned(trace.exchanges, TASK, Credentials((USER,), (PASSWORD,)))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: str(shape.__name__))
def test_a_trace_makes_a_proven_profile(shape: Any) -> None:
    """Every recorded request is rebuilt, every answer read, nothing is left unsaid."""
    lesson = lesson_of(shape())
    assert (lesson.missing, lesson.unsaid) == ([], [])
    profile = profile_file.profile_of(tomllib.loads(profile_text(lesson, ["trace.har"], ())))
    assert list(Proof(profile, lesson).differences()) == []


def test_addresses_and_the_order_of_messages_are_learned() -> None:
    """The text around the id, where the next page is told, and which message comes first."""
    tree = lesson_of(addresses()).tree
    assert tree["members"]["request_id"] == ["header:Location /Runs({})/state"]
    assert tree["calls"]["status"]["path"] == "/odata/Runs({request_id})"
    assert tree["messages"] == {"order": "newest first", "pages": {"next": "header:Link"}}
    assert "{run_id}" in str(lesson_of(json_in_an_envelope()).tree["calls"]["start"])


def test_a_refused_start_of_another_job_is_learned() -> None:
    """Its words where no usual name has them, and what tells it from a good answer."""
    trace = logon(Trace())
    trace.add("POST", "/start", {"nummer": 77, "fout": None}, body=ORDER, headers=BEARER)
    rest(trace, 77, [{"nummer": 77, "status": 2}, {"nummer": 77, "status": 4}], ["one"])
    refusal = {"nummer": None, "fout": {"code": 55, "uitleg": "Job NOSUCH does not exist"}}
    trace.add("POST", "/start", refusal, body={**ORDER, "Job": "NOSUCH"}, headers=BEARER)
    lesson = lesson_of(trace)
    assert lesson.tree["refused"] == {"when": [{"fout.code": {"not": ""}}], "words": ["fout.uitleg"]}
    profile = profile_file.profile_of(tomllib.loads(profile_text(lesson, ["trace.har"], ())))
    assert list(Proof(profile, lesson).differences()) == []


def test_a_wrong_password_under_a_name_of_its_own_is_a_refused_logon() -> None:
    """It is the same request as the good logon but for the credentials."""
    trace = logon(Trace(), {"token": TOKEN, "error": None})
    trace.add("POST", "/start", {"id": 77}, body=ORDER, headers=BEARER)
    rest(trace, 77, [{"status": 2}, {"status": 4}], ["one"])
    trace.add(
        "POST", "/logon", {"token": None, "error": {"code": "BAD"}}, body={"user": USER, "password": "STANDIN-TEXT-4"}
    )
    assert lesson_of(trace).tree["refused"]["credentials"] == [{"error.code": {"not": ""}}]


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        (({"mode": "S"}, {"mode": "K"}), {}),
        (({"force": False}, {"force": True}), {"stop": {"force": False}, "kill": {"force": True}}),
        (({"mode": "orderly stop"}, {"mode": "now"}), {"stop": {"mode": "orderly stop"}, "kill": {"mode": "now"}}),
    ],
)
def test_a_stop_is_never_taken_for_a_kill(bodies: tuple[Any, Any], expected: Any) -> None:
    """Where both end the task on one route and no word tells them apart, neither is taken."""
    trace = logon(Trace())
    for number, body in enumerate(bodies, 77):
        trace.add("POST", "/start", {"id": number}, body=ORDER, headers=BEARER)
        trace.add("GET", f"/jobs/{number}", {"status": 2}, headers=BEARER)
        trace.add("POST", f"/jobs/{number}/end", {"id": number}, body=body, headers=BEARER)
        rest(trace, number, [{"status": 2}, {"status": 3}], ["one"])
    calls = lesson_of(trace).tree["calls"]
    assert {name: calls[name]["body"] for name in ("stop", "kill") if name in calls} == expected


def test_the_total_ends_the_offsets() -> None:
    """The last page is known without asking for an empty one."""
    assert lesson_of(offsets()).tree["messages"]["pages"] == {"total": "total"}


def test_no_secret_of_another_tools_trace_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its trace holds password and token; neither the profile nor the report of differences does."""
    monkeypatch.setattr(teacher, "_credentials", lambda _: Credentials((USER,), (PASSWORD,)))
    monkeypatch.setattr(teacher, "_statuses", lambda _: {})
    trace = session_cookie()
    trace.add("GET", f"/jobs/77?echo={TOKEN}-{PASSWORD}", {"status": 4}, headers=(("X-Odd", f"{PASSWORD} {TOKEN}"),))
    path = tmp_path / "trace.har"
    path.write_bytes(har.written(trace.exchanges))
    result = teacher.taught([path], TASK, cast("Any", None))
    everything = "\n".join([result.text, *result.report])
    assert PASSWORD not in everything
    assert TOKEN not in everything


def test_a_user_that_is_called_like_the_station_is_no_hindrance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its stand-in stands in both places, and is found in both."""
    monkeypatch.setattr(
        teacher, "_credentials", lambda _: Credentials(("OPCON", stand_ins.USER), (PASSWORD, stand_ins.PASSWORD))
    )
    monkeypatch.setattr(teacher, "_statuses", lambda _: {})
    monkeypatch.setattr(sys.modules[__name__], "USER", "OPCON")
    hidden = stand_ins.StandIns("OPCON", PASSWORD)
    path = tmp_path / "trace.har"
    path.write_bytes(har.written([hidden.without_secrets(one) for one in expired_token().exchanges]))
    result = teacher.taught([path], TASK, cast("Any", None))
    assert result.is_usable, result.report
    assert 'Station = "{station}"' in result.text


def test_an_encoded_password_is_told() -> None:
    """A profile has no entry for it, and the learner says so."""
    trace = Trace().add("POST", "/logon", {"token": TOKEN}, body={"user": USER, "password": PASSWORD.encode().hex()})
    trace.add("POST", "/start", {"id": 77}, body=ORDER, headers=BEARER)
    lesson = lesson_of(rest(trace, 77, [{"status": 2}, {"status": 4}], ["one"]))
    assert lesson.unsaid == ["calls.logon: the password travels encoded (Base64 or hex) in password"]
