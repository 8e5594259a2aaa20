"""The rules of requests: sent strictly, whatever the values are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amtconnector.amtopcon.wire import profile, requests
from amtconnector.amtopcon.wire.built_in import load_profile
from amtconnector.amtopcon.wire.requests import Sender
from amtconnector.task import RequestId, Task

if TYPE_CHECKING:
    from pathlib import Path

    from amtconnector.amtopcon.wire.profile import CallName, Profile

BUILT_IN = load_profile()
SENDER = Sender(BUILT_IN)
VALUES = st.one_of(st.text(), st.sampled_from(["{job}", "{user}", '"', "\\", "\u2028", "\ud800", "{{job}}"]))


def body_of(request: requests.Request) -> object:
    """Return the decoded body."""
    assert request.body is not None
    return json.loads(request.body)


@given(st.builds(Task, *[VALUES] * 7, st.lists(VALUES).map(tuple), st.lists(VALUES).map(tuple)))
def test_a_start_carries_every_member_as_given(task: Task) -> None:
    """For all values: no member is left out, no value changed, no placeholder in a value filled."""
    request = requests.start(SENDER, task)
    assert (request.call, request.method, request.target) == ("start", "POST", "/api/OpConJobAction")
    assert body_of(request) == {
        "Action": "START",
        "ApplicationName": task.application,
        "JobName": task.job,
        "ScriptName": task.script,
        "SubmitUser": task.submit_user,
        "User": task.user,
        "Station": task.station,
        "QueueName": task.queue,
        "TaskValues": list(task.task_values),
        "Parameters": list(task.parameters),
    }


def test_the_documented_start_is_built_to_the_letter() -> None:
    """The example of the interface's description."""
    task = Task("DEMO2", "REPORTTEST01", task_values=("25",))
    assert requests.start(SENDER, task).body == (
        b'{"Action":"START","ApplicationName":"DEMO2","JobName":"REPORTTEST01","ScriptName":"","SubmitUser":"BATCH",'
        b'"User":"","Station":"OPCON","QueueName":"","TaskValues":["25"],"Parameters":[]}'
    )


@given(VALUES, VALUES)
def test_a_logon_carries_user_and_password_and_does_not_show_them(user: str, password: str) -> None:
    """For all of them, in ASCII; the repr keeps the body to itself."""
    request = requests.logon(SENDER, user, password)
    assert body_of(request) == {"UserName": user, "Password": password}
    assert request.body is not None
    assert request.body.isascii()
    assert repr(request) == "Request(call='logon', method='POST', target='/api/Logon')"


def test_a_heartbeat_has_neither_query_nor_body() -> None:
    """Nothing but a question."""
    assert requests.heartbeat(SENDER) == requests.Request("heartbeat", "GET", "/api/HeartBeat", None)


@pytest.mark.parametrize("name", ["status", "messages"])
@pytest.mark.parametrize("text", ["2112", "a-1b", "0d9e3f6e-7f5e-4a69-8f0e-6b2a8f3f5b11"])
def test_a_question_names_its_request_in_the_query(name: CallName, text: str) -> None:
    """A number and a word alike."""
    request = requests.about(SENDER, name, RequestId(text))
    assert request.body is None
    assert parse_qs(urlsplit(request.target).query) == {"BatchRequestId": [text]}


@pytest.mark.parametrize("name", ["stop", "kill"])
@pytest.mark.parametrize(("text", "value"), [("2112", 2112), ("a-1", "a-1")])
def test_an_order_names_its_request_in_the_body(name: CallName, text: str, value: int | str) -> None:
    """A number travels as a JSON number, anything else as a JSON string."""
    request = requests.about(SENDER, name, RequestId(text))
    assert body_of(request) == {"Action": name.upper(), "BatchRequestId": value}


def test_the_token_is_put_into_the_header_as_it_is() -> None:
    """Also one that looks like a placeholder."""
    request = requests.about(SENDER._replace(token="{token}"), "status", RequestId("7"))
    assert request.headers == (("X-AMT-LogonToken", "{token}"),)


@pytest.fixture
def site(tmp_path: Path) -> Profile:
    """Return a profile of a site that differs in every way that a profile can."""
    path = tmp_path / "site.toml"
    path.write_text(
        """\
[token]
header = "Authorization"
value = "Bearer {token}"
[calls.logon]
method = "put"
path = "/sessions/{user}"
query = { mode = "as {user}" }
body = [{ secret = "x{password}x", n = 1, yes = true, f = 1.5 }]
[calls.status]
path = "/jobs/{request_id}/state"
query = {}
[calls.kill]
method = "DELETE"
path = "/jobs/{request_id}"
body = { id = "no {request_id}" }
""",
        "utf-8",
    )
    return load_profile(path)


@given(user=st.text(st.characters(codec="utf-8")), password=VALUES)
def test_values_in_a_path_or_a_query_can_not_change_their_form(user: str, password: str) -> None:
    """For all values: slashes, question marks and blanks are escaped."""
    call = profile.Call("logon", "PUT", "/sessions/{user}/x", {"mode": "as {user}"}, {"secret": "x{password}x"})
    built_in = load_profile()
    own = built_in._replace(calls={**built_in.calls, "logon": call})
    request = requests.logon(Sender(own), user, password)
    path, _, query = request.target.partition("?")
    assert path.count("/") == 3
    assert parse_qs(query, keep_blank_values=True) == {"mode": [f"as {user}"]}
    assert body_of(request) == {"secret": f"x{password}x"}


def test_a_profile_can_change_every_part_of_a_request(site: Profile) -> None:
    """Verb, path, query, body and header; other kinds of values in a body stay what they are."""
    logon = requests.logon(Sender(site), "o/c adm", "p")
    assert (logon.method, logon.target) == ("PUT", "/sessions/o%2Fc%20adm?mode=as+o%2Fc+adm")
    assert body_of(logon) == [{"secret": "xpx", "n": 1, "yes": True, "f": 1.5}]
    assert requests.about(Sender(site), "status", RequestId("7")).target == "/jobs/7/state"
    kill = requests.about(Sender(site), "kill", RequestId("7"))
    assert (kill.method, kill.target, body_of(kill)) == ("DELETE", "/jobs/7", {"id": "no 7"})
    assert ("Authorization", "Bearer t") in requests.about(Sender(site, token="t"), "kill", RequestId("7")).headers
