"""The simulator's page without a browser: what it shows, who may press its buttons, how fast it is."""

from __future__ import annotations

import re
from itertools import pairwise
from threading import Thread
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from amtconnector.simulator.page.presets import PRESETS
from tests.end_to_end.simulator_process import PASSWORD, USER, SimulatorProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.source_only

DEFINITIONS = """
[scheduler]
controller_delay = 0
[logon]
lock_after = 2
[users.ocadm]
password = "opconxps"
[users.other]
password = "other"
[queues.SINGLE]
limit = 1
[applications.A.jobs.ENDLESS]
ends = "never"
kill_delay = 0
stop_delay = 0
messages = ["<b>first</b>", "bell \\u0007", { text = "copy {n}", repeat = 1000 }]
[applications.A.jobs.SHORT]
duration = 0.2
"""


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """Return a simulator that lives as long as this module's tests."""
    with SimulatorProcess(tmp_path_factory.mktemp("simulator"), DEFINITIONS) as process:
        yield process


@pytest.fixture(scope="module")
def user(simulator: SimulatorProcess) -> Iterator[httpx.Client]:
    """Return a client of the simulator."""
    with httpx.Client(base_url=simulator.url, timeout=30) as client:
        yield client


def started(user: httpx.Client, job: str = "ENDLESS", **members: object) -> int:
    """Start a task; return its request id."""
    token = user.post("/api/Logon", json={"UserName": USER, "Password": PASSWORD}).json()["AmtLogonToken"]
    texts = dict.fromkeys(("ScriptName", "SubmitUser", "User", "Station", "QueueName"), "")
    body = {"Action": "START", "ApplicationName": "A", "JobName": job, **texts, "TaskValues": [], "Parameters": []}
    answer = user.post("/api/OpConJobAction", json={**body, **members}, headers={"X-AMT-LogonToken": token})
    return int(answer.json()["BatchRequestId"])


def page_of(user: httpx.Client, query: str = "") -> str:
    """Return the page's HTML."""
    answer = user.get(f"/{query}")
    assert "set-cookie" not in answer.headers
    return answer.raise_for_status().text


def token_of(user: httpx.Client) -> str:
    """Return the token of the page's forms."""
    found = re.search(r'name="token" value="([^"]+)"', page_of(user))
    assert found
    return found[1]


def pressed(user: httpx.Client, headers: Any = None, **form: object) -> httpx.Response:
    """Press a button of the page."""
    sent = {"token": token_of(user), **form}
    own = {"Origin": str(user.base_url)}
    return user.post("/simulator/page", data=sent, headers=own if headers is None else headers)


def notice_of(user: httpx.Client, answer: httpx.Response) -> str:
    """Follow the way back to the page and return what it says."""
    assert answer.status_code == 303
    found = re.search(r'id="notice" role="status">([^<]*)<', page_of(user, answer.headers["location"].lstrip("/")))
    assert found
    return found[1]


def test_a_task_is_shown_with_everything_that_was_sent(user: httpx.Client) -> None:
    """What a start carries is text, whatever it looks like: markup is escaped, control characters are shown."""
    number = started(user, TaskValues=["<script>x</script>", "bell\u0007"], SubmitUser="BATCH", Station="OPCON")
    html = page_of(user, f"?task={number}")
    for shown in (f'id="t{number}"', "&lt;script&gt;x&lt;/script&gt;", "bell\\x07", "2 RUNNING", "OPCON"):
        assert shown in html
    assert "<script>x" not in html
    assert "\u0007" not in html


def test_the_last_messages_of_a_task_are_shown_and_counted(user: httpx.Client) -> None:
    """A thousand messages are no thousand lines: the last 200, and how many there are."""
    html = page_of(user, f"?task={started(user)}")
    assert "the last 200 of 1002" in html
    assert "copy 0001000" in html
    assert "copy 0000800" not in html


@pytest.mark.parametrize(
    ("button", "status"), [({"kill": ""}, 3), ({"stop": ""}, 12), ({"end": "", "status": "99"}, 99)]
)
def test_a_button_ends_a_task(
    simulator: SimulatorProcess, user: httpx.Client, button: dict[str, str], status: int
) -> None:
    """As a kill, a stop, or an operator in the Control Center would."""
    number = started(user)
    form = {name: value or str(number) for name, value in button.items()}
    assert str(number) in notice_of(user, pressed(user, **form))
    simulator.wait_for(lambda running: running.task(number)["status"] == status)


def test_a_task_can_be_forgotten(simulator: SimulatorProcess, user: httpx.Client) -> None:
    """From then on the server does not know it, the page still does."""
    number = started(user)
    assert "forgotten" in notice_of(user, pressed(user, forget=number))
    assert simulator.task(number)["is_forgotten"]
    assert "forgotten" in page_of(user)


def test_tokens_expire_and_accounts_are_unlocked(user: httpx.Client) -> None:
    """The page says which account is locked, and the button helps."""
    body = {"UserName": "other", "Password": "wrong"}
    for _ in range(2):
        user.post("/api/Logon", json=body)
    assert "locked" in page_of(user)
    notice_of(user, pressed(user, unlock="other"))
    assert user.post("/api/Logon", json={**body, "Password": "other"}).status_code == 200
    notice_of(user, pressed(user, expire="all"))
    assert "0 valid tokens" in page_of(user)


@pytest.mark.parametrize("key", [preset.key for preset in PRESETS])
def test_every_preset_switches_its_fault_on_and_off(simulator: SimulatorProcess, user: httpx.Client, key: str) -> None:
    """It is then one of the faults of the administrators' interface."""
    simulator.clear_faults()
    notice_of(user, pressed(user, fault=key))
    [fault] = simulator.faults()
    notice_of(user, pressed(user, **{"fault-off": fault["number"]}))
    assert simulator.faults() == []


@pytest.mark.parametrize(
    ("form", "notice"),
    [
        ({"kill": "1"}, "There is no such task."),
        ({"kill": "x"}, "There is no such task."),
        ({"fault": "explode"}, "There is no such fault."),
        ({"fault-off": "99"}, "This fault is off already."),
        ({"unlock": "nobody"}, "There is no such account."),
        ({}, "This form names nothing to do."),
    ],
)
def test_a_button_whose_thing_is_gone_says_so(user: httpx.Client, form: dict[str, str], notice: str) -> None:
    """No error page: the page as it is, and one sentence."""
    assert notice_of(user, pressed(user, **form)) == notice


@pytest.mark.parametrize(
    ("headers", "form"),
    [
        ({}, {}),
        ({"Origin": "https://example.org"}, {}),
        ({"Origin": "null"}, {}),
        ({"Origin": "http://127.0.0.1:1"}, {}),
        ({"Origin": "{url}"}, {"token": "guessed"}),
        ({"Origin": "{url}"}, {"token": "é"}),
        ({"Origin": "http://example.org:{port}", "Host": "example.org:{port}"}, {}),
    ],
)
def test_another_sites_page_can_not_press_a_button(
    simulator: SimulatorProcess, user: httpx.Client, headers: dict[str, str], form: dict[str, str]
) -> None:
    """Without the page's own origin, its own name and its token nothing is done."""
    number = started(user)
    sent = {name: text.format(url=simulator.url, port=simulator.port) for name, text in headers.items()}
    answer = pressed(user, sent, kill=number, **form)
    assert answer.status_code == 403
    assert simulator.task(number)["cut_by"] == ""


@pytest.mark.parametrize("path", ["/", "/simulator/page/page.js"])
def test_a_name_that_another_site_points_here_shows_nothing(
    simulator: SimulatorProcess, user: httpx.Client, path: str
) -> None:
    """DNS rebinding: the Host header is not this machine's."""
    for host in ("example.org", f"127.0.0.1.example.org:{simulator.port}", "", "[::1"):
        assert user.get(path, headers={"Host": host}).status_code in {400, 403}
    for host in ("localhost", f"127.0.0.1:{simulator.port}", "[::1]:4004"):
        assert user.get(path, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.org"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_another_sites_page_can_not_use_the_administrators_interface(
    simulator: SimulatorProcess, user: httpx.Client, headers: dict[str, str]
) -> None:
    """A simple POST from a browser needs no permission to be sent; it is refused here. Programs are not browsers."""
    simulator.clear_faults()
    refused = user.post("/simulator/faults", content=b'{"kind":"delay"}', headers=headers)
    assert (refused.status_code, simulator.faults()) == (403, [])
    assert user.get("/simulator/tasks", headers={"Sec-Fetch-Site": "none"}).status_code == 200


def test_looking_at_the_page_changes_no_count(simulator: SimulatorProcess, user: httpx.Client) -> None:
    """It is no request of AMTOpCon, and no connection."""
    simulator.clear_requests()
    page_of(user)
    assert (simulator.summary()["connections"], simulator.requests()) == (0, [])


def test_without_the_administrators_interface_there_is_no_page(tmp_path: Path) -> None:
    """--no-admin leaves nothing but AMTOpCon."""
    with SimulatorProcess(tmp_path, DEFINITIONS, options=("--no-admin",)) as bare:
        assert httpx.get(f"{bare.url}/").status_code == 404


def test_the_page_answers_within_100_ms_with_500_tasks(tmp_path: Path) -> None:
    """All of them changing from one look to the next; the quickest of many looks, for other tests run beside it."""
    with SimulatorProcess(tmp_path, DEFINITIONS) as busy, httpx.Client(base_url=busy.url, timeout=30) as client:
        for _ in range(500):
            started(client)
        assert "100 of 500" in client.get("/").text
        times = [client.get("/").elapsed.total_seconds() for _ in range(21)]
    assert min(times) < 0.1


def test_the_page_tells_the_truth_while_a_hundred_clients_are_busy(tmp_path: Path) -> None:
    """Whenever one looks, no task is missing or shown twice; in the end every one is shown with its own status."""
    no_idle_connections = httpx.Limits(max_keepalive_connections=0)  # a pool closes them while other threads read
    with (
        SimulatorProcess(tmp_path, DEFINITIONS) as busy,
        httpx.Client(base_url=busy.url, timeout=60, limits=no_idle_connections) as client,
    ):

        def work(job: str) -> None:
            number, watched = started(client, job), 0
            while watched < 5 or (job == "SHORT" and busy.task(number)["status"] != 4):
                client.get("/api/MonitorJob", params={"BatchRequestId": number})
                watched += 1

        workers = [Thread(target=work, args=(("SHORT", "ENDLESS")[n % 2],)) for n in range(100)]
        for worker in workers:
            worker.start()
        shown = [shown_on(page_of(client)) for _ in range(20)]
        for worker in workers:
            worker.join()
        last = shown_on(page_of(client))
        truth = {task["id"]: f"{task['status']} {task['status_name']}" for task in busy.tasks()}
    assert all(set(earlier) <= set(later) for earlier, later in pairwise(shown))
    assert (len(last), last) == (100, truth)


def shown_on(html: str) -> dict[int, str]:
    """Return the status of each task in the page's table, which must have each of them once."""
    found = re.findall(r'<tr id="t(\d+)".*?<span class="pill \w+">([^<]+)</span>', html, re.DOTALL)
    assert len(found) == len(dict(found))
    return {int(number): status for number, status in found}
