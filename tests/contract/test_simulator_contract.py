"""The simulator's answers, held against docs/amtopcon.openapi.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import jsonschema_rs
import pytest
import schemathesis.openapi
from hypothesis import HealthCheck, Phase, settings

from amtconnector.simulator.contract import ROUTES
from tests.end_to_end.simulator_process import PASSWORD, USER, SimulatorProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemathesis import Case

DESCRIPTION = Path(__file__).parents[2] / "docs" / "amtopcon.openapi.yaml"
DEFINITIONS = """
[scheduler]
run_as_users = ["BATCH"]
unknown_job = "zero"            # random names are right by the description, so they must not be refused
[users.ocadm]
password = "opconxps"
[users.reader]
password = "reader"
may_not = ["start", "stop", "kill", "status", "messages"]
[users.nobody]
password = "nobody"
may_not = ["logon"]
[applications.DEMO2.jobs.REPORTTEST01]
duration = 0.2
messages = ["Report test 01 is started", { at = 0.1, text = "Done" }]
"""
REPORT = {
    "Action": "START",
    "ApplicationName": "DEMO2",
    "JobName": "REPORTTEST01",
    "ScriptName": "",
    "SubmitUser": "BATCH",
    "User": "",
    "Station": "OPCON",
    "QueueName": "",
    "TaskValues": ["25"],
    "Parameters": [],
}
LOGON, ACTION, MONITOR, MESSAGES = "/api/Logon", "/api/OpConJobAction", "/api/MonitorJob", "/api/GetMessages"
FIRST, UNKNOWN = {"BatchRequestId": 2112}, {"BatchRequestId": 1}

schema = schemathesis.openapi.from_path(DESCRIPTION)


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """Return a running simulator with one task."""
    with SimulatorProcess(tmp_path_factory.mktemp("simulator"), DEFINITIONS) as process:
        httpx.post(process.url + ACTION, json=REPORT, headers=token_of(process, USER, PASSWORD)).raise_for_status()
        yield process


def token_of(simulator: SimulatorProcess, user: str, password: str) -> dict[str, str]:
    """Log on and return the header that carries the token."""
    answer = httpx.post(simulator.url + LOGON, json={"UserName": user, "Password": password})
    return {"X-AMT-LogonToken": answer.json()["AmtLogonToken"]}


@pytest.fixture(scope="module")
def token(simulator: SimulatorProcess) -> dict[str, str]:
    """Return the header that carries a token of a user who may do everything."""
    return token_of(simulator, USER, PASSWORD)


@schema.parametrize()
@settings(
    max_examples=100,
    derandomize=True,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_satisfies_the_description(
    case: Case[Any], simulator: SimulatorProcess, token: dict[str, str]
) -> None:
    """Whatever is sent, right or wrong, the answer is one that the description has for it."""
    case.call_and_validate(base_url=simulator.url, headers=token)


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("GET", "/api/HeartBeat", {}, 200),
        ("POST", LOGON, {"json": {"UserName": USER, "Password": PASSWORD}}, 200),
        ("POST", LOGON, {"json": {"UserName": USER, "Password": "wrong"}}, 401),
        ("POST", LOGON, {"json": {"UserName": "nobody", "Password": "nobody"}}, 403),
        ("POST", LOGON, {"json": {"UserName": USER}}, 400),
        ("POST", LOGON, {"content": b"UserName=ocadm"}, 415),
        ("POST", ACTION, {"json": REPORT}, 200),
        ("POST", ACTION, {"json": {**REPORT, "JobName": "UNKNOWN"}}, 200),
        ("POST", ACTION, {"json": {"Action": "STOP", **FIRST}}, 200),
        ("POST", ACTION, {"json": {"Action": "KILL", **FIRST}}, 200),
        ("POST", ACTION, {"json": {"Action": "KILL", **UNKNOWN}}, 404),
        ("POST", ACTION, {"json": {"Action": "REVIVE", **FIRST}}, 400),
        ("POST", ACTION, {"json": {**REPORT, "Priority": 1}}, 400),
        ("POST", ACTION, {"content": b"{}"}, 415),
        ("GET", MONITOR, {"params": FIRST}, 200),
        ("GET", MONITOR, {"params": UNKNOWN}, 404),
        ("GET", MONITOR, {"params": {"BatchRequestId": "first"}}, 400),
        ("GET", MONITOR, {}, 400),
        ("GET", MESSAGES, {"params": FIRST}, 200),
        ("GET", MESSAGES, {"params": UNKNOWN}, 404),
        ("GET", MESSAGES, {}, 400),
    ],
)
def test_each_documented_answer_is_given(
    simulator: SimulatorProcess, token: dict[str, str], method: str, path: str, sent: dict[str, object], status: int
) -> None:
    """Every status that the description names is reached by the request that deserves it."""
    answer = httpx.request(method, simulator.url + path, headers=token, **sent)  # type: ignore[arg-type]  # a table
    assert answer.status_code == status
    schema[path][method].validate_response(answer)


CALLS = [
    ("POST", ACTION, {"json": REPORT}),
    ("POST", ACTION, {"json": {"Action": "KILL", **FIRST}}),
    ("GET", MONITOR, {"params": FIRST}),
    ("GET", MESSAGES, {"params": FIRST}),
]


@pytest.mark.parametrize(("method", "path", "sent"), CALLS)
def test_a_call_without_a_valid_token_is_401(
    simulator: SimulatorProcess, method: str, path: str, sent: dict[str, object]
) -> None:
    """Every call after the logon needs a token."""
    for headers in ({}, {"X-AMT-LogonToken": "unknown"}):
        answer = httpx.request(method, simulator.url + path, headers=headers, **sent)  # type: ignore[arg-type]  # a table
        assert answer.status_code == 401
        schema[path][method].validate_response(answer)


@pytest.mark.parametrize(("method", "path", "sent"), CALLS)
def test_a_call_without_the_right_to_it_is_403(
    simulator: SimulatorProcess, method: str, path: str, sent: dict[str, object]
) -> None:
    """A user who lacks a right gets no further with a valid token."""
    headers = token_of(simulator, "reader", "reader")
    answer = httpx.request(method, simulator.url + path, headers=headers, **sent)  # type: ignore[arg-type]  # a table
    assert answer.status_code == 403
    schema[path][method].validate_response(answer)


def test_a_wrong_route_is_404_and_a_wrong_method_405(simulator: SimulatorProcess) -> None:
    """What the description does not have, the simulator does not have either."""
    missing = httpx.get(simulator.url + "/api/MonitorJobs")
    wrong = httpx.post(simulator.url + MONITOR, json={})
    assert (missing.status_code, missing.json()["title"]) == (404, "Not Found")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET")


def test_the_description_and_the_contract_name_the_same_routes() -> None:
    """The routes of the description are those that the simulator serves by default."""
    described = {f"{method.upper()} {path}" for path, methods in schema.items() for method in methods}
    assert described == set(ROUTES.values())


def answers_of(description: Any) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Yield each answer that a call may give: the call, its HTTP status and its content, references resolved."""
    for methods in description["paths"].values():
        for call in methods.values():
            for status, answer in call["responses"].items():
                found = (
                    description["components"]["responses"][answer["$ref"].rsplit("/", 1)[1]]
                    if "$ref" in answer
                    else answer
                )
                yield call["operationId"], int(status), next(iter(found["content"].values()))


def first_example(content: dict[str, Any]) -> Any:
    """Return what a mock server answers."""
    return content["example"] if "example" in content else next(iter(content["examples"].values()))["value"]


def test_a_mock_server_made_of_the_description_plays_a_good_run() -> None:
    """The first example of each answer is that of one task that is started, watched and ends as DONE."""
    answers = {(call, status): first_example(content) for call, status, content in answers_of(schema.raw_schema)}
    assert len(answers[LOGON.rsplit("/", 1)[1], 200]["AmtLogonToken"]) > 16
    assert answers["OpConJobAction", 200] == {"BatchRequestId": 2112}
    assert answers["MonitorJob", 200] == {"BatchRequestId": 2112, "Status": 4}
    assert answers["GetMessages", 200]


def test_every_example_of_an_answer_is_right() -> None:
    """Each answer has one, and it satisfies the schema beside it."""
    definitions = {"components": schema.raw_schema["components"]}
    for call, status, content in answers_of(schema.raw_schema):
        examples = [entry["value"] for entry in content.get("examples", {}).values()] or [content["example"]]
        rules = jsonschema_rs.validator_for({**content["schema"], **definitions})
        for example in examples:
            problems = [error.message for error in rules.iter_errors(example)]
            assert (call, status, problems) == (call, status, [])
            assert status == 200 or example["status"] == status
