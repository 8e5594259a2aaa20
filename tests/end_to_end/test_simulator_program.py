"""The simulator as a program: what arrives on the wire, what outlives a restart, how it starts and ends."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.end_to_end.simulator_process import PASSWORD, USER, SimulatorProcess
from tests.support import processes

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFINITIONS = r"""
[scheduler]
controller_delay = 0
[logon]
lock_after = 3
[users.ocadm]
password = "opconxps"
[users.other]
password = "other"
[applications.A.jobs.NOW]
duration = 0
messages = ["Grüße", { json = '"\ud800"' }]
[applications.A.jobs.ENDLESS]
ends = "never"
messages = ["a"]
[applications.A.jobs.FORMS]
ends = "never"
messages = ["a", "b"]
"""
pytestmark = pytest.mark.source_only  # it is in no built folder

RESET = (httpx.ReadError, httpx.RemoteProtocolError)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """Return a simulator that lives as long as this module's tests."""
    with SimulatorProcess(tmp_path_factory.mktemp("simulator"), DEFINITIONS) as process:
        yield process


@pytest.fixture
def simulator(shared: SimulatorProcess) -> SimulatorProcess:
    """Return that simulator without faults and with an empty log."""
    shared.clear_faults()
    shared.clear_requests()
    return shared


def log_on(simulator: SimulatorProcess, user: str = USER, password: str = PASSWORD) -> httpx.Response:
    """Ask for a token."""
    return httpx.post(f"{simulator.url}/api/Logon", json={"UserName": user, "Password": password})


def client(simulator: SimulatorProcess) -> httpx.Client:
    """Return a client that carries a token and closes after each request."""
    headers = {"X-AMT-LogonToken": log_on(simulator).json()["AmtLogonToken"], "Connection": "close"}
    return httpx.Client(base_url=simulator.url, headers=headers, timeout=5)


def start(user: httpx.Client, job: str, **members: object) -> httpx.Response:
    """Start a job of application A."""
    texts = dict.fromkeys(("ScriptName", "SubmitUser", "User", "Station", "QueueName"), "")
    body = {"Action": "START", "ApplicationName": "A", "JobName": job, **texts, "TaskValues": [], "Parameters": []}
    return user.post("/api/OpConJobAction", json={**body, **members})


def status(user: httpx.Client, request_id: object) -> httpx.Response:
    """Ask for a status."""
    return user.get("/api/MonitorJob", params={"BatchRequestId": str(request_id)})


def test_the_log_tells_what_arrived(simulator: SimulatorProcess) -> None:
    """Every request stands there with its number, connection and body; a password never does."""
    with client(simulator) as user:
        number = start(user, "NOW", Parameters=["'PARAM'"]).json()["BatchRequestId"]
        status(user, number)
    logged = simulator.requests()
    assert [facts["call"] for facts in logged] == ["logon", "start", "status"]
    assert [facts["number"] for facts in logged] == [1, 2, 3]
    assert logged[0]["body"] == {"UserName": USER, "Password": "********"}
    assert logged[1]["body"]["Parameters"] == ["'PARAM'"]
    assert logged[2]["query"] == f"BatchRequestId={number}"
    assert len({facts["connection"] for facts in logged}) == 3
    assert PASSWORD not in str(logged)


def test_the_counts_leave_the_administrators_own_requests_out(simulator: SimulatorProcess) -> None:
    """Looking at the truth does not change it."""
    simulator.requests()
    with client(simulator) as user:
        start(user, "NOW")
        start(user, "NO_JOB")
    counts = simulator.summary()
    assert (counts["connections"], counts["requests"]) == (3, {"logon": 1, "start": 2})
    assert (counts["executed"]["start"], counts["answers"]["start 400"]) == (1, 1)
    assert [(entry["count"], entry["body"]["JobName"]) for entry in counts["starts"]] == [(1, "NOW")]


def test_the_truth_about_a_task_is_what_clients_are_told(simulator: SimulatorProcess) -> None:
    """Status and messages are the same on both sides."""
    with client(simulator) as user:
        number = start(user, "NOW").json()["BatchRequestId"]
        told = user.get("/api/GetMessages", params={"BatchRequestId": number}).json()
        assert status(user, number).json() == {"BatchRequestId": number, "Status": 4}
    assert simulator.messages(number) == told == ["Grüße", "\ud800"]
    assert (simulator.task(number)["status"], simulator.task(number)["job"]) == (4, "NOW")


def test_a_task_can_be_ended_and_forgotten_from_outside(simulator: SimulatorProcess) -> None:
    """A test plays the operator."""
    with client(simulator) as user:
        number = start(user, "ENDLESS").json()["BatchRequestId"]
        simulator.end_task(number, "SKIPPED_BY_OPS")
        assert status(user, number).json()["Status"] == 6
        simulator.forget_task(number)
        assert status(user, number).status_code == 404


@pytest.mark.parametrize("kind", ["reset-before", "close-before", "reset-after", "close-after"])
def test_a_broken_connection_executes_the_start_only_when_it_breaks_after_it(
    simulator: SimulatorProcess, kind: str
) -> None:
    """The client sees the same; only the simulator's truth tells the difference."""
    with client(simulator) as user:
        known = len(simulator.tasks())
        simulator.add_fault("start", kind)
        with pytest.raises(RESET):
            start(user, "NOW")
    [logged] = simulator.requests("start")
    assert logged["executed"] is kind.endswith("after")
    assert len(simulator.tasks()) - known == kind.endswith("after")
    assert (logged["status"], logged["fault"].split()[1]) == (None, kind)


def test_a_reset_is_a_reset_and_a_close_a_close(simulator: SimulatorProcess) -> None:
    """RST and FIN are told apart on the wire."""
    for kind, expected in (("reset-before", "reset"), ("close-before", "closed")):
        simulator.add_fault("heartbeat", kind)
        with socket.create_connection((simulator.host, simulator.port), timeout=5) as connection:
            connection.sendall(b"GET /api/HeartBeat HTTP/1.1\r\nHost: x\r\n\r\n")
            try:
                seen = "closed" if connection.recv(1) == b"" else "answered"
            except ConnectionResetError:
                seen = "reset"
        assert seen == expected


@pytest.mark.skipif(sys.platform == "win32", reason="asyncio on Windows accepts connections without asking")
def test_a_connection_can_be_cut_before_any_request(simulator: SimulatorProcess) -> None:
    """What never got through is counted as a connection and nothing else."""
    simulator.add_fault("connection", "reset-before")
    with pytest.raises((httpx.NetworkError, httpx.RemoteProtocolError)):
        httpx.get(f"{simulator.url}/api/HeartBeat")
    assert simulator.faults()[0]["fired"] == 1


def test_a_hanging_call_gives_no_answer(simulator: SimulatorProcess) -> None:
    """The client has to give up by itself."""
    simulator.add_fault("heartbeat", "hang-before")
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{simulator.url}/api/HeartBeat", timeout=0.2)


def test_a_truncated_answer_promises_more_than_it_sends(simulator: SimulatorProcess) -> None:
    """Content-Length is that of the whole answer."""
    simulator.add_fault("heartbeat", "truncated", bytes=3)
    with pytest.raises(httpx.RemoteProtocolError, match=r"received 3 bytes, expected 28"):
        httpx.get(f"{simulator.url}/api/HeartBeat")


def test_a_status_comes_with_its_headers_and_body(simulator: SimulatorProcess) -> None:
    """A busy server, a redirect and the like; the request is not executed unless the fault says so."""
    known = len(simulator.tasks())
    with client(simulator) as user:
        simulator.add_fault(
            "start", "status", status=503, headers={"Retry-After": "7"}, body="busy", content_type="text/x"
        )
        answer = start(user, "NOW")
        simulator.add_fault("start", "status", status=500, executed=True)
        assert start(user, "NOW").json()["title"] == "Internal Server Error"
    assert (answer.status_code, answer.headers["retry-after"], answer.text) == (503, "7", "busy")
    assert answer.headers["content-type"] == "text/x"
    assert len(simulator.tasks()) == known + 1


@pytest.mark.parametrize(
    ("content", "begin"),
    [
        ("html", b"<!DOCTYPE"), ("empty", b""), ("null", b"null"), ("bom", b"\xef\xbb\xbfnull"), ("text", b"Service"),
        ("not-json", b"{"), ("not-utf-8", b'{"Status":"\xff'),
    ],
)  # fmt: skip
def test_an_answer_can_be_something_else(simulator: SimulatorProcess, content: str, begin: bytes) -> None:
    """200, and a body that is not what was expected."""
    simulator.add_fault("heartbeat", "content", content=content)
    answer = httpx.get(f"{simulator.url}/api/HeartBeat")
    assert (answer.status_code, answer.content[: len(begin) or 1]) == (200, begin)


def test_an_answer_can_be_big_and_can_drip(simulator: SimulatorProcess) -> None:
    """Its content stays right."""
    simulator.add_fault("heartbeat", "big", bytes=3_000_000)
    simulator.add_fault("heartbeat", "drip", bytes=7, pause=0.05)
    big = httpx.get(f"{simulator.url}/api/HeartBeat")
    began = time.monotonic()
    slow = httpx.get(f"{simulator.url}/api/HeartBeat")
    assert len(big.content) == 3_000_028
    assert big.json() == slow.json() == "AMT OpCon service is alive"
    assert time.monotonic() - began >= 0.14


def test_a_delay_comes_before_or_after_the_execution(simulator: SimulatorProcess) -> None:
    """A client that gives up early has started a task in both cases; the difference is when."""

    def started() -> int:
        return int(simulator.summary()["executed"].get("start", 0))

    with client(simulator) as user:
        simulator.add_fault("start", "delay", delay_after=8)
        began = time.monotonic()
        with pytest.raises(httpx.ReadTimeout):
            user.post("/api/OpConJobAction", json=START_NOW, timeout=0.5)
        simulator.wait_for(lambda _running: started() == 1)
        assert time.monotonic() - began < 8
        simulator.add_fault("start", "delay", delay=4)
        with pytest.raises(httpx.ReadTimeout):
            user.post("/api/OpConJobAction", json=START_NOW, timeout=0.5)
        assert started() == 1
    simulator.wait_for(lambda _running: started() == 2)


START_NOW = {
    "Action": "START", "ApplicationName": "A", "JobName": "NOW", "ScriptName": "", "SubmitUser": "", "User": "",
    "Station": "", "QueueName": "", "TaskValues": [], "Parameters": [],
}  # fmt: skip


def test_tokens_expire(simulator: SimulatorProcess) -> None:
    """After an expiry a call is 401 and takes no effect."""
    with client(simulator) as user:
        assert start(user, "NOW").status_code == 200
        simulator.expire_tokens()
        assert start(user, "NOW").status_code == 401
    assert simulator.summary()["executed"]["start"] == 1


def test_an_account_is_locked_after_rejected_logons(simulator: SimulatorProcess) -> None:
    """From then on the right password is refused too."""
    assert log_on(simulator, "other", "other").status_code == 200
    assert [log_on(simulator, "other", "wrong").status_code for _ in range(3)] == [401] * 3
    assert log_on(simulator, "other", "other").status_code == 401


def test_a_wrong_fault_is_refused_with_the_reason(simulator: SimulatorProcess) -> None:
    """A test that misspells a fault does not silently test nothing."""
    with pytest.raises(RuntimeError, match=r"faults\[1\]\.kind: expected one of delay, "):
        simulator.add_fault("start", "explode")
    with pytest.raises(RuntimeError, match="cuont: unknown key"):
        simulator.add_fault("start", "delay", cuont=3)


ALTERNATE_FORMS: list[tuple[str, Any, Any]] = [
    ('messages = "objects"', [{"Message": "a"}, {"Message": "b"}], {"BatchRequestId": 2112, "Status": 2}),
    ('messages = "text-objects"', [{"Text": "a"}, {"Text": "b"}], {"BatchRequestId": 2112, "Status": 2}),
    ('messages = "wrapped"', {"Messages": ["a", "b"]}, {"BatchRequestId": 2112, "Status": 2}),
    ('messages = "null"\nstatus = "quoted"', None, {"BatchRequestId": 2112, "Status": "2"}),
    ('messages = "nothing"\nstatus = "name"', "", {"BatchRequestId": 2112, "Status": "RUNNING"}),
    ('status = "bare"', ["a", "b"], 2),
    ('status = "bare-quoted"', ["a", "b"], "2"),
    ('status = "bare-name"', ["a", "b"], "RUNNING"),
    ('status_member = "JobStatus"', ["a", "b"], {"BatchRequestId": 2112, "JobStatus": 2}),
    ('letter_case = "camel"\nmessages = "wrapped"', {"messages": ["a", "b"]}, {"batchRequestId": 2112, "status": 2}),
    ('letter_case = "upper"\nrequest_id = "quoted"', ["a", "b"], {"BATCHREQUESTID": "2112", "STATUS": 2}),
    ('request_id = "word"\nbyte_order_mark = true', ["a", "b"], {"BatchRequestId": "AMT-2112", "Status": 2}),
    ('has_bare_token = true\nrequest_id = "bare"', ["a", "b"], {"BatchRequestId": 2112, "Status": 2}),
    ("chunked = true\ncookie = true", ["a", "b"], {"BatchRequestId": 2112, "Status": 2}),
]


@pytest.mark.parametrize(("forms", "messages", "state"), ALTERNATE_FORMS)
def test_answers_can_take_other_forms(tmp_path: Path, forms: str, messages: Any, state: Any) -> None:
    """Every form of lenient reading can be tried."""

    def value(answer: httpx.Response) -> Any:
        text = answer.raise_for_status().content.decode()
        assert text.startswith("\ufeff") is ("byte_order_mark" in forms)
        return json.loads(text.removeprefix("\ufeff")) if text else ""

    with SimulatorProcess(tmp_path, f"{DEFINITIONS}\n[answers]\n{forms}") as simulator, httpx.Client() as user:
        user.base_url = httpx.URL(simulator.url)
        token = value(user.post("/api/Logon", json={"UserName": USER, "Password": PASSWORD}))
        user.headers["X-AMT-LogonToken"] = token if isinstance(token, str) else next(iter(token.values()))
        answer = value(start(user, "FORMS"))
        number = next(iter(answer.values())) if isinstance(answer, dict) else answer
        assert value(status(user, number)) == state
        assert value(user.get("/api/GetMessages", params={"BatchRequestId": number})) == messages


def test_a_refused_start_can_carry_a_status(tmp_path: Path) -> None:
    """A server may answer 200, no request id, and why."""
    refusing = '[scheduler]\nunknown_user = "refused"\n[applications.A.jobs.NOW]'
    with SimulatorProcess(tmp_path, refusing) as simulator, client(simulator) as user:
        answer = start(user, "NOW", User="NOBODY").raise_for_status().json()
        assert answer == {"BatchRequestId": 0, "Status": 99, "ErrorMessage": "User 'NOBODY' does not exist."}
        assert simulator.tasks() == []


def test_a_contract_of_its_own_is_served(tmp_path: Path) -> None:
    """Routes, token header and member names can be those of another server."""
    other = """
        [contract]
        token_header = "Authorization"
        [contract.routes]
        logon = "PUT /v2/session"
        status = "GET /v2/state"
        [contract.members]
        UserName = "user"
        Password = "secret"
        AmtLogonToken = "ticket"
        BatchRequestId = "Request"
        Status = "Code"
    """
    with SimulatorProcess(tmp_path, DEFINITIONS + other) as simulator:
        ticket = httpx.put(f"{simulator.url}/v2/session", json={"user": USER, "secret": PASSWORD}).json()["ticket"]
        with httpx.Client(base_url=simulator.url, headers={"Authorization": ticket}) as user:
            assert start(user, "NOW").json() == {"Request": 2112}
            assert user.get("/v2/state", params={"Request": 2112}).json() == {"Request": 2112, "Code": 4}
        assert simulator.requests("logon")[0]["body"] == {"user": USER, "secret": "********"}
        assert httpx.get(f"{simulator.url}/api/MonitorJob").status_code == 404


def test_everything_outlives_a_crash(tmp_path: Path) -> None:
    """Tasks, tokens and the log are there again, on the same port; request ids go on."""
    with SimulatorProcess(tmp_path, DEFINITIONS) as simulator, client(simulator) as user:
        number = start(user, "ENDLESS").json()["BatchRequestId"]
        before, logged, port = simulator.tasks(), simulator.requests(), simulator.port
        simulator.restart()
        assert (simulator.tasks(), simulator.requests(), simulator.port) == (before, logged, port)
        assert status(user, number).json()["Status"] == 2
        assert start(user, "NOW").json()["BatchRequestId"] == number + 1


def test_tls_is_served_with_a_certificate_that_its_ca_vouches_for(tmp_path: Path) -> None:
    """A client that trusts the CA file connects by name and by address, one that does not is refused."""
    with SimulatorProcess(tmp_path, DEFINITIONS, tls=True) as simulator:
        trusting = ssl.create_default_context(cafile=simulator.ca_file)
        for host in ("localhost", "127.0.0.1"):
            answer = httpx.get(f"https://{host}:{simulator.port}/api/HeartBeat", verify=trusting)
            assert answer.status_code == 200
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"{simulator.url}/api/HeartBeat", verify=ssl.create_default_context())
        assert simulator.summary()["requests"] == {"heartbeat": 2}


def program(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Start the program itself."""
    command = [sys.executable, "-m", "amtconnector.simulator", *arguments]
    environment = processes.clean_environment(Path())
    return processes.start(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", **options
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    """It prints no traceback and ends with 0, a request that hangs notwithstanding."""
    with program() as process:
        assert process.stdout
        address = process.stdout.readline().split()[-1]
        httpx.post(f"{address}/simulator/faults", json={"call": "heartbeat", "kind": "hang-before"})
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{address}/api/HeartBeat", timeout=0.1)
        process.send_signal(number)
        _, errors = process.communicate(timeout=10)
        assert (process.returncode, errors) == (0, "")


def test_it_ends_with_its_parent_when_asked_to() -> None:
    """A test that is killed leaves no server behind."""
    with program("--until-stdin-closes", stdin=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline().startswith("AMT simulator listening on http://127.0.0.1:")
        assert process.poll() is None
        _, errors = process.communicate(timeout=10)
        assert (process.returncode, errors) == (0, "")


def test_it_says_what_it_serves(tmp_path: Path) -> None:
    """Address first, on a line of its own; then users, jobs and faults."""
    path = tmp_path / "jobs.toml"
    path.write_text(DEFINITIONS + '[[faults]]\ncall = "status"\nkind = "drip"', encoding="utf-8")
    folder = tmp_path / "tls"
    with program(str(path), "--self-signed", str(folder), "--until-stdin-closes", stdin=subprocess.PIPE) as process:
        said, _ = process.communicate(timeout=10)
    assert said.startswith("AMT simulator listening on https://127.0.0.1:")
    for part in (str(folder / "ca.pem"), "ocadm / opconxps", "Application A", "ENDLESS", "status: drip, the next 1"):
        assert part in said


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--tls-cert", __file__], "Give --tls-cert and --tls-key together"),
        (["--port", "x"], "Invalid value for '--port'"),
        (["missing.toml"], "does not exist"),
        ([__file__], "this is not TOML"),
        (["--host", "192.0.2.1"], "can't listen on 192.0.2.1"),
    ],
)
def test_a_wrong_command_line_is_one_clear_message(arguments: list[str], reason: str) -> None:
    """No traceback, and an exit code above 0."""
    with program(*arguments) as process:
        said, errors = process.communicate(timeout=10)
    assert process.returncode > 0
    assert reason in errors
    assert "Traceback" not in errors
    assert said == ""


def test_without_the_extra_it_says_how_to_install_it() -> None:
    """A plain installation has no uvicorn."""
    code = "import sys; sys.modules['uvicorn'] = None; from amtconnector.simulator.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 1
    assert "In a clone of the project: pip install '.[simulator]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_example_can_be_saved_and_used(tmp_path: Path) -> None:
    """What --example prints is a definitions file."""
    with program("--example") as process:
        text, _ = process.communicate(timeout=10)
    with SimulatorProcess(tmp_path, text) as simulator:
        assert simulator.summary()["connections"] == 0
