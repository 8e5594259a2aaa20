"""The rules of what a profile can say of requests: one small profile a power, and what then goes out."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from amtconnector import __version__
from amtconnector.amtopcon.wire import requests
from amtconnector.amtopcon.wire.profile_file import profile_of
from amtconnector.amtopcon.wire.requests import Page, Request, Sender
from amtconnector.errors import ConfigurationError
from amtconnector.task import RequestId, Task

if TYPE_CHECKING:
    from amtconnector.amtopcon.wire.profile import CallName

ID = RequestId("2112")
TASK = Task("DEMO2", "JOB", task_values=("25", "START=NOW"), parameters=("'PARAM'",))
BARE = Task("DEMO2", "JOB")
START = """
ApplicationName = "{application}"
JobName = "{job}"
ScriptName = "{script}"
SubmitUser = "{submit_user}"
User = "{run_as}"
Station = "{station}"
QueueName = "{queue}"
"""


def sender(text: str, **known: Any) -> Sender:
    """Return who sends with the entries of this profile."""
    return Sender(profile_of(tomllib.loads(text)), **{"run_id": "20261126-0123456789", **known})


def body(request: Request) -> Any:
    """Return the decoded JSON body."""
    assert request.body is not None
    return json.loads(request.body)


def query(request: Request) -> list[tuple[str, str]]:
    """Return the parameters of the target."""
    return parse_qsl(urlsplit(request.target).query, keep_blank_values=True, strict_parsing=True)


def started(lists: str, task: Task = TASK, rest: str = "", part: str = "body") -> Request:
    """Return the start that a profile makes whose lists are these."""
    return requests.start(sender(f"{rest}[calls.start.{part}]\n{START}{lists}"), task)


def test_the_run_travels_in_the_user_agent_of_every_call() -> None:
    """Whether a start arrived can be answered from a server's or a proxy's log."""
    for request in (requests.heartbeat(sender("")), requests.start(sender(""), TASK)):
        assert dict(request.headers)["User-Agent"] == f"amt-connector/{__version__} run 20261126-0123456789"


def test_a_prefix_stands_before_every_path() -> None:
    """One entry moves a whole service."""
    moved = sender('prefix = "/amt/v2"')
    assert requests.heartbeat(moved).target == "/amt/v2/api/HeartBeat"
    assert requests.about(moved, "status", ID).target == "/amt/v2/api/MonitorJob?BatchRequestId=2112"


def test_constants_go_with_every_call_or_with_one() -> None:
    """Headers and query parameters; a call's own replaces the common one."""
    one = sender(
        '[headers]\nX-V = "2"\nAccept = "text/json"\n[query]\nv = "1.0"\n[calls.kill]\nheaders = { x-v = "3" }\n'
    )
    assert dict(requests.heartbeat(one).headers).items() >= {"X-V": "2", "Accept": "text/json"}.items()
    assert query(requests.about(one, "status", ID)) == [("v", "1.0"), ("BatchRequestId", "2112")]
    assert [value for name, value in requests.about(one, "kill", ID).headers if name.lower() == "x-v"] == ["3"]


def test_the_token_can_travel_in_several_places() -> None:
    """Header, query, body and cookie, in calls after the logon only."""
    text = '[token]\nheader = "Authorization"\nvalue = "AMT {token}"\nquery = "sid"\nbody = "Token"\ncookie = "amt"\n'
    known = sender(text, token="t0/ken")
    kill = requests.about(known, "kill", ID)
    assert dict(kill.headers).items() >= {"Authorization": "AMT t0/ken", "Cookie": "amt=t0/ken"}.items()
    assert query(kill) == [("sid", "t0/ken")]
    assert body(kill) == {"Action": "KILL", "BatchRequestId": 2112, "Token": "t0/ken"}
    for request in (requests.heartbeat(known), requests.logon(known, "u", "p")):
        assert "t0" not in f"{request.headers}{request.target}{request.body!r}"


def test_a_token_can_be_in_no_header_at_all() -> None:
    """A session that only a cookie carries."""
    assert [name for name, _ in requests.about(sender('[token]\nheader = ""\n', token="t"), "status", ID).headers] == [
        "User-Agent"
    ]


def test_a_cookie_comes_back_in_a_header_once_the_server_has_set_it() -> None:
    """The antiforgery pattern."""
    text = '[headers]\nX-XSRF-TOKEN = "{cookie:XSRF-TOKEN}"\n'
    assert "X-XSRF-TOKEN" not in dict(requests.heartbeat(sender(text)).headers)
    assert dict(requests.heartbeat(sender(text, cookies={"XSRF-TOKEN": "x1"})).headers)["X-XSRF-TOKEN"] == "x1"


def test_a_logon_can_be_http_basic_without_a_body() -> None:
    """Also with letters beyond ASCII."""
    text = '[calls.logon]\nbody = false\nheaders = { Authorization = "Basic {basic}" }\n'
    request = requests.logon(sender(text), "ocadm", "pässwort")
    assert (request.body, dict(request.headers)["Authorization"]) == (None, "Basic b2NhZG06cMOkc3N3b3J0")
    assert "b2Nh" not in repr(request)


def test_a_logon_can_be_a_get_and_shows_nothing_of_it() -> None:
    """A GET carries no built-in body, and what may be shown of the target has no query."""
    text = '[calls.logon]\nmethod = "GET"\nquery = { u = "{user}", p = "{password}" }\n'
    request = requests.logon(sender(text), "ocadm", "opcon xps")
    assert (request.method, request.body, query(request)) == ("GET", None, [("u", "ocadm"), ("p", "opcon xps")])
    assert (request.shown_target, "opcon" in repr(request)) == ("/api/Logon", False)


def test_a_form_takes_the_place_of_the_body() -> None:
    """One value of a list is sent once for each."""
    request = started('Value = "{task_value}"\nParameter = "{parameter}"\n', part="form")
    assert dict(request.headers)["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.body is not None
    sent = parse_qsl(request.body.decode(), keep_blank_values=True)
    assert sent[-3:] == [("Value", "25"), ("Value", "START=NOW"), ("Parameter", "'PARAM'")]


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ('V = "{task_values:|}"\nP = "{parameters:text}"\n', {"V": "25|START=NOW", "P": "'PARAM'"}),
        ('"V{n}" = "{task_value}"\n"P{index}" = "{parameter}"\n', {"V1": "25", "V2": "START=NOW", "P0": "'PARAM'"}),
        (
            'V = [{ Name = "TV{n}", Value = "{task_value}" }]\nP = ["x", "{parameter}"]\n',
            {
                "V": [{"Name": "TV1", "Value": "25"}, {"Name": "TV2", "Value": "START=NOW"}],
                "P": ["x", "'PARAM'"],
            },
        ),
        ('V = "{task_values}"\nP = { all = "{parameters}" }\n', {"V": ["25", "START=NOW"], "P": {"all": ["'PARAM'"]}}),
    ],
)
def test_lists_travel_in_every_form(lists: str, expected: dict[str, Any]) -> None:
    """Joined, numbered, as objects, as they are."""
    sent = body(started(lists))
    assert {name: value for name, value in sent.items() if name not in START} == expected


def test_an_empty_list_repeats_nothing() -> None:
    """There is no first value that is empty."""
    assert body(started('"V{n}" = "{task_value}"\nP = [{ v = "{parameter}" }]\n', BARE))["P"] == []


def test_a_value_that_holds_the_separator_is_refused_before_anything_is_sent() -> None:
    """It would arrive as two."""
    with pytest.raises(ConfigurationError, match=r"a\|b"):
        started('V = "{task_values:|}"\nP = "{parameters}"\n', Task("A", "B", task_values=("a|b",)))


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ('send = "null"', {"QueueName": None, "V": None}),
        ('send = "left out"', {}),
        ('send = "left out"\nnull = ["queue"]', {"QueueName": None}),
        ('left_out = ["task_values"]\nwords = { queue = "default" }', {"QueueName": "default"}),
        ('words = { queue = "default", task_values = "none" }', {"QueueName": "default", "V": "none"}),
    ],
)
def test_what_is_not_given_is_sent_as_the_server_wants_it(rules: str, expected: dict[str, Any]) -> None:
    """Empty, null, a word, or not at all."""
    request = started('V = "{task_values}"\nP = "{parameters}"\n', BARE, f"[not_given]\n{rules}\n")
    sent = body(request)
    assert {name: sent[name] for name in ("QueueName", "V") if name in sent} == expected


def test_a_value_without_a_place_is_refused_when_a_job_gives_it() -> None:
    """What every job has without giving it is no reason."""
    text = '[calls.start]\nunused = ["station", "queue"]\n[calls.start.body]\n' + START.replace(
        'Station = "{station}"\nQueueName = "{queue}"\n', 'V = "{task_values}"\nP = "{parameters}"\n'
    )
    assert "Station" not in body(requests.start(sender(text), TASK))
    with pytest.raises(ConfigurationError, match="queue 'SINGLE'"):
        requests.start(sender(text), TASK._replace(queue="SINGLE"))


def test_the_tasks_definition_travels_with_every_call_about_it() -> None:
    """With the id of the run that started it, whoever asks now."""
    entries = 'id = "{request_id:text}", run = "{run_id}", a = "{application}", v = "{task_values}"'
    text = f"[calls.kill]\nbody = {{ {entries} }}\n"
    known = sender(text, task=TASK, started_by="20261125-aaaaaaaaaa")
    assert body(requests.about(known, "kill", ID)) == {
        "id": "2112",
        "run": "20261125-aaaaaaaaaa",
        "a": "DEMO2",
        "v": ["25", "START=NOW"],
    }
    for unknown in (sender(text), sender(text, task=TASK)):
        with pytest.raises(ConfigurationError, match="not known"):
            requests.about(unknown, "kill", ID)


@pytest.mark.parametrize(
    ("form", "pattern"),
    [
        ("{now}", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d"),
        ("{now:utc}", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"),
        ("at {now:%d.%m.%Y}", r"at \d\d\.\d\d\.\d{4}"),
    ],
)
def test_the_time_can_be_sent(form: str, pattern: str) -> None:
    """In the form that the server wants."""
    text = f'[calls.kill]\nbody = {{ id = "{{request_id}}", at = "{form}" }}\n'
    assert re.fullmatch(pattern, body(requests.about(sender(text), "kill", ID))["at"])


def test_a_page_is_asked_for() -> None:
    """The first one where nothing else is known."""
    text = '[calls.messages]\nquery = { id = "{request_id}", page = "{page}", skip = "{offset}" }\n'
    assert query(requests.about(sender(text), "messages", ID)) == [("id", "2112"), ("page", "1"), ("skip", "0")]
    later = requests.about(sender(text), "messages", ID, Page("c-7", 40))
    assert query(later)[1:] == [("page", "c-7"), ("skip", "40")]


def test_a_first_page_that_is_nothing_is_left_out() -> None:
    """A cursor is there from the second request on."""
    call = '[calls.messages]\nquery = { id = "{request_id}", token = "{page}" }\n'
    text = f'{call}[messages.pages]\nnext = "n"\nfirst = ""\n'
    assert query(requests.about(sender(text), "messages", ID)) == [("id", "2112")]
    assert query(requests.about(sender(text), "messages", ID, Page("p2")))[1:] == [("token", "p2")]


@pytest.mark.parametrize("call", ["heartbeat", "stop", "messages"])
def test_a_call_that_the_server_does_not_have_is_never_made(call: CallName) -> None:
    """Who asks for it is told so."""
    own = sender(f"[calls]\n{call} = false\n")
    with pytest.raises(ConfigurationError, match=f"calls.{call} = false"):
        requests.about(own, call, ID)


def test_a_brace_that_is_written_twice_stands_for_itself() -> None:
    """A query in a language of its own is a constant, whatever its words are called."""
    constant = "mutation{{logon(user:$u){{token}}}}"
    text = f'[calls.logon.body]\nquery = "{constant}"\nvariables = {{ u = "{{user}}", p = "{{password}}" }}\n'
    sent = body(requests.logon(sender(text), "ocadm", "pw"))
    assert sent == {"query": "mutation{logon(user:$u){token}}", "variables": {"u": "ocadm", "p": "pw"}}


def test_a_cookie_of_the_token_goes_beside_those_that_the_server_has_set() -> None:
    """A load balancer's cookie must not be lost by it; the token's own name is replaced."""
    own = sender('[token]\nheader = ""\ncookie = "sid"\n', token="T1", cookies={"node": "7", "sid": "old"})
    assert dict(requests.about(own, "status", ID).headers)["Cookie"] == "node=7; sid=T1"


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("/m?page=2", "/m?page=2&tok=T1"),
        ("?page=2&tok=T9", "/api/GetMessages?page=2&tok=T9"),
        ("http://internal:5000/x/m?skip=a%20b+c%2Fd", "/x/m?skip=a%20b+c%2Fd&tok=T1"),
        ("more", "/api/more?tok=T1"),
        ("//elsewhere/m", "/m?tok=T1"),
    ],
)
def test_of_the_next_pages_address_path_and_query_count(address: str, target: str) -> None:
    """The token goes to SERVER_ADDRESS alone, and also to a next page."""
    own = sender('[token]\nheader = ""\nquery = "tok"\n[calls.messages]\nquery = {}\npath = "/api/GetMessages"\n'
                 '[members]\nmessages = ["M[Id={request_id}].T"]\n', token="T1")  # fmt: skip
    assert requests.about(own, "messages", ID, Page(1, address=address)).target == target


def test_a_header_carries_no_line_break() -> None:
    """A value could otherwise bring headers of its own."""
    text = '[calls.kill]\nheaders = { X-Job = "{job}" }\n'
    with pytest.raises(ConfigurationError, match="X-Job"):
        requests.about(sender(text, task=Task("A", "x\r\nEvil: 1")), "kill", ID)
