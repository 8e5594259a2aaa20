"""Requests held against the templates of a contract."""

from __future__ import annotations

from typing import Any

import pytest

from amtconnector.simulator import definitions
from amtconnector.simulator.contract.filling import fill
from amtconnector.simulator.contract.matching import Reading, path_values, speaks_of
from amtconnector.simulator.table import DefinitionError


def read(template: Any, value: Any, empty: dict[str, str] | None = None) -> tuple[dict[str, Any], list[str]]:
    """Return the values that a body holds and the places of its problems."""
    reading = Reading(empty or {})
    reading.match(template, value, "")
    return reading.values, sorted(reading.errors)


@pytest.mark.parametrize(
    ("template", "body", "values"),
    [
        ({"app": "{ApplicationName}"}, {"app": "A"}, {"ApplicationName": "A"}),
        ({"a": {"b": "{JobName}"}}, {"a": {"b": "J"}}, {"JobName": "J"}),
        ({"tv": "{TaskValues}"}, {"tv": ["1", ""]}, {"TaskValues": ("1", "")}),
        ({"tv": "{TaskValues:;}"}, {"tv": "1;2"}, {"TaskValues": ("1", "2")}),
        ({"tv": "{TaskValues:;}"}, {"tv": ""}, {"TaskValues": ()}),
        ({"tv{n}": "{TaskValues}"}, {"tv1": "a", "tv2": "b"}, {"TaskValues": ("a", "b")}),
        ({"tv": [{"n": "V{n}", "v": "{TaskValues}"}]}, {"tv": [{"n": "V1", "v": "a"}]}, {"TaskValues": ("a",)}),
        ({"id": "{BatchRequestId}"}, {"id": 7}, {"BatchRequestId": 7}),
        ({"id": "{BatchRequestId:text}"}, {"id": "7"}, {"BatchRequestId": 7}),
        ({"by": "{SubmitUser}@{Station}"}, {"by": "B@O"}, {"SubmitUser": "B", "Station": "O"}),
        ({"auth": "Basic {Credentials}"}, {"auth": "Basic dTpwOnE="}, {"UserName": "u", "Password": "p:q"}),
        ({"at": "{Now}", "on": "{Now:%d.%m.%Y}"}, {"at": "2026-05-18T14:00:14Z", "on": "18.05.2026"}, {}),
        ({"x": "{Any}", "k": "const", "n": 1, "t": True}, {"x": "y", "k": "const", "n": 1, "t": True}, {}),
    ],
)
def test_values_are_found_where_the_template_has_them(template: Any, body: Any, values: dict[str, Any]) -> None:
    """Every kind of placeholder, constants beside them."""
    assert read(template, body) == (values, [])


@pytest.mark.parametrize(
    ("template", "body", "places"),
    [
        ({"app": "{ApplicationName}"}, {}, ["app"]),
        ({"app": "{ApplicationName}"}, {"app": 1}, ["app"]),
        ({"app": "{ApplicationName}"}, {"app": "A", "more": 1}, ["more"]),
        ({"a": {"b": "{JobName}"}}, {"a": {}}, ["a.b"]),
        ({"a": {"b": "{JobName}"}}, {"a": "J"}, ["a"]),
        ({"tv": "{TaskValues}"}, {"tv": "1"}, ["tv"]),
        ({"id": "{BatchRequestId}"}, {"id": "7"}, ["id"]),
        ({"id": "{BatchRequestId}"}, {"id": True}, ["id"]),
        ({"id": "{BatchRequestId:text}"}, {"id": 7}, ["id"]),
        ({"at": "{Now}"}, {"at": "yesterday"}, ["at"]),
        ({"uid": "{UniqueId}"}, {"uid": ""}, ["uid"]),
        ({"auth": "Basic {Credentials}"}, {"auth": "Basic nonsense"}, ["auth"]),
        ({"k": "const"}, {"k": "other"}, ["k"]),
        ({"a": "{JobName}", "b": "{JobName}"}, {"a": "J", "b": "K"}, ["b"]),
    ],
)
def test_what_does_not_fit_is_named_by_its_place(template: Any, body: Any, places: list[str]) -> None:
    """Missing, unknown, wrong in kind, or contradictory."""
    assert read(template, body)[1] == places


@pytest.mark.parametrize(
    ("rule", "right", "wrong"),
    [("sent", "", None), ("absent", ..., ""), ("null", None, ""), ("=default", "default", "")],
)
def test_a_value_that_is_not_given_has_one_form(rule: str, right: object, wrong: object) -> None:
    """The form of the contract is taken, another one is refused."""
    template, empty = {"q": "{QueueName}"}, {"QueueName": rule}
    values, places = read(template, {} if right is ... else {"q": right}, empty)
    assert (values.get("QueueName", ""), places) == ("", [])
    assert read(template, {"q": wrong}, empty)[1] == ["q"]
    assert read(template, {"q": "NORMAL"}, empty) == ({"QueueName": "NORMAL"}, [])


def test_calls_on_one_route_are_told_apart_by_their_constants() -> None:
    """However deep the constant stands."""
    start, kill = {"task": {"act": "start", "job": "{JobName}"}}, {"task": {"act": "kill"}}
    body = {"task": {"act": "start", "job": "J"}}
    assert (speaks_of(start, body), speaks_of(kill, body)) == (True, False)


def test_a_path_gives_its_values_still_quoted() -> None:
    """A quoted slash is part of a value."""
    assert path_values("/a/{ApplicationName}/{JobName}/x", "/a/D%2FE/J/x") == ("D%2FE", "J")
    assert path_values("/a/{JobName}", "/a/b/c") is None


def test_an_answer_is_filled_with_values_as_they_are() -> None:
    """A placeholder alone stays a number or list; within a text it becomes text."""
    values = {"BatchRequestId": 7, "Messages": ["a"]}
    template = {"id": "{BatchRequestId}", "at": "/jobs/{BatchRequestId}", "m": ["{Messages}"], "ok": True}
    assert fill(template, values) == {"id": 7, "at": "/jobs/7", "m": [["a"]], "ok": True}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[contract.routes]\nstatus = "GET"', "contract.routes.status: expected a method and a path"),
        ('[contract.routes]\nstate = "GET /x"', "contract.routes.state: unknown key"),
        ('[contract]\nempty = "none"', "contract.empty: expected"),
        (
            '[contract.calls.start.body]\nx = "{Aplication}"',
            "contract.calls.start: {Aplication} is no value of a request",
        ),
        ('[contract.calls.status]\nanswer = "{State}"', "contract.calls.status: {State} is no value of an answer"),
        ("[contract.calls.finish]", "contract.calls.finish: unknown key"),
        ('[contract.refusals.any]\nanswer = "{Why}"', "contract.refusals.any.answer: {Why} is no value of a refusal"),
        ("[contract.refusals.late]", "contract.refusals.late: unknown key"),
        ('[answers]\nenvelope = "{Token}"', "answers.envelope: {Token} is no value here"),
        ('[answers.status_words]\nFINE = "x"', "answers.status_words.FINE: expected an AMT status"),
    ],
)
def test_a_contract_that_can_not_be_kept_is_refused_by_name(text: str, problem: str) -> None:
    """What is misspelled never plays another server in silence."""
    with pytest.raises(DefinitionError) as caught:
        definitions.parse(text)
    assert problem in str(caught.value)
