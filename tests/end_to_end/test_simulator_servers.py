"""The servers in `tests/support/servers`: each speaks the wire that its page of the README describes."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.end_to_end.simulator_process import SimulatorProcess
from tests.support import server_clients as clients

SERVERS = Path(__file__).parents[1] / "support" / "servers"
pytestmark = pytest.mark.source_only
JOBS = """
[scheduler]
controller_delay = 0
[applications.A.jobs.GOOD]
duration = 0.3
messages = ["Started <A & B>", "one", "two", { at = 0.2, text = "Done" }]
[applications.A.jobs.BAD]
duration = 0.1
ends = "ABORTED"
[applications.A.jobs.ENDLESS]
ends = "never"
kill_delay = 0
messages = ["Started"]
"""
TEXTS = ["Started <A & B>", "one", "two", "Done"]
VALUES, PARAMETERS = ["25", "START=NOW"], ["'PARAM'", "x"]


class Server(NamedTuple):
    """One server: its client, how it says done, aborted and killed, and how it refuses."""

    client: type[clients.Client]
    done: Any
    aborted: Any
    killed: Any
    logon_status: int = 401
    start_status: int = 400


NUMBERS = (4, 12, 3)
WORDS = ("DONE", "ABORTED", "KILLED")
CSHARP = ("Done", "Aborted", "Killed")
SERVED = {
    "rest": Server(clients.Rest, *CSHARP),
    "function": Server(clients.Function, *CSHARP, 200, 200),
    "query": Server(clients.Query, *WORDS),
    "form": Server(clients.Form, "4", "12", "3", 400, 422),
    "basic": Server(clients.Basic, *WORDS),
    "cookie": Server(clients.Cookie, "Finished OK", "Finished, aborted", "Cancelled by force"),
    "wrapped": Server(clients.Wrapped, *NUMBERS, 200, 200),
    "joblist": Server(clients.JobList, *CSHARP),
    "pages": Server(clients.Pages, *NUMBERS),
    "double": Server(clients.Double, *NUMBERS),
    "xml": Server(clients.Xml, *WORDS),
    "plugin": Server(clients.Plugin, *NUMBERS),
    "sessions": Server(clients.Sessions, *CSHARP),
    "cursor": Server(clients.Cursor, *WORDS),
    "links": Server(clients.Links, *NUMBERS, 400, 400),
    "odata": Server(clients.OData, *WORDS),
    "text": Server(clients.Text, *WORDS, 200, 200),
}


def running(name: str, folder: Path) -> SimulatorProcess:
    """Return a server of the folder, to be entered."""
    return SimulatorProcess(folder, JOBS, options=("--server", str(SERVERS / f"{name}.toml")))


def logged_on_and_started(client: clients.Client) -> None:
    """Log on and start a job."""
    client.log_on()
    client.start("GOOD", VALUES, PARAMETERS)


def end_of(client: clients.Client, number: Any) -> Any:
    """Ask until the status is that of an end; return it and the words before."""
    waiting = {0, 1, 2, "1", "2", "QUEUED", "RUNNING", "Queued", "Running", "Active", "Waiting in queue"}
    deadline = time.monotonic() + 20
    while (status := client.status(number)) in waiting:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return status


def test_every_server_has_a_client_and_a_page() -> None:
    """The folder, this table and the README name the same servers."""
    names = {path.stem for path in SERVERS.glob("*.toml")}
    readme = (SERVERS / "README.md").read_text(encoding="utf-8")
    assert names == set(SERVED)
    assert [name for name in sorted(names) if f"## {name}\n" not in readme] == []


@pytest.mark.parametrize("name", SERVED)
def test_a_server_of_another_shape_plays_every_part_of_a_run(name: str, tmp_path: Path) -> None:
    """Runs with values and messages, an abort, a kill, a refused start and logon: all in the server's own form."""
    server = SERVED[name]
    with running(name, tmp_path) as simulator, closing(server.client(simulator.url)) as client:
        with pytest.raises(clients.Refused) as wrong:
            client.log_on(password="wr0ng")
        client.log_on()
        number = client.start("GOOD", VALUES, PARAMETERS)
        assert end_of(client, number) == server.done
        assert client.messages(number) == TEXTS
        assert end_of(client, client.start("BAD", [], [])) == server.aborted
        endless = client.start("ENDLESS", [], [])
        client.kill(endless)
        assert end_of(client, endless) == server.killed
        with pytest.raises(clients.Refused, match="NO_JOB") as refused:
            client.start("NO_JOB", [], [])
        client.log_off()
        first, log = simulator.tasks()[0], str(simulator.requests())
    assert (wrong.value.status, refused.value.status) == (server.logon_status, server.start_status)
    joined = [" ".join(PARAMETERS)] if name == "plugin" else PARAMETERS
    assert (first["task_values"], " ".join(first["parameters"]).split()) == (VALUES, " ".join(joined).split())
    assert clients.PASSWORD not in log
    assert "wr0ng" not in log


@pytest.mark.parametrize("name", sorted(set(SERVED) - {"pages", "xml", "sessions"}))
def test_no_server_takes_the_documented_wire(name: str, tmp_path: Path) -> None:
    """A connector without a profile must not get through by luck: neither log on, nor start."""
    with running(name, tmp_path) as simulator, closing(clients.Client(simulator.url)) as client:
        with pytest.raises((clients.Refused, ValueError, KeyError, TypeError)):
            logged_on_and_started(client)
        assert simulator.tasks() == []


def test_a_token_must_stand_in_both_places(tmp_path: Path) -> None:
    """Two places are two places: one of them missing or different is no token."""
    with running("sessions", tmp_path) as simulator, closing(clients.Sessions(simulator.url)) as client:
        client.log_on()
        client.http.params = httpx.QueryParams(sid="another")
        with pytest.raises(clients.Refused, match="token") as refused:
            client.status(2112)
        assert refused.value.status == 401


def test_sessions_have_a_limit_that_a_logoff_makes_room_under(tmp_path: Path) -> None:
    """The limit is no matter of the credentials: it is no rejected logon."""
    with running("sessions", tmp_path) as simulator, closing(clients.Sessions(simulator.url)) as client:
        client.log_on()
        with (
            closing(clients.Sessions(simulator.url)) as second,
            pytest.raises(clients.Refused, match="Maximum number of sessions") as refused,
        ):
            second.log_on()
        client.log_off()
        client.log_on()
        assert (refused.value.status, simulator.summary()["rejected_logons"]) == (403, {"ocadm": 0})


def test_a_required_header_is_required(tmp_path: Path) -> None:
    """A missing version is 400, an Accept that does not fit is 406."""
    with running("rest", tmp_path) as simulator:
        assert httpx.get(f"{simulator.url}/amtopcon/v2/health").status_code == 400
    with running("pages", tmp_path / "pages") as simulator:
        answer = httpx.get(f"{simulator.url}/api/HeartBeat", headers={"Accept": "text/html"})
        assert answer.status_code == 406


def test_the_antiforgery_cookie_has_to_be_echoed(tmp_path: Path) -> None:
    """Calls that change something need it, others do not."""
    with running("cookie", tmp_path) as simulator, closing(clients.Cookie(simulator.url)) as client:
        client.log_on()
        number = client.start("ENDLESS", [], [])
        del client.http.headers["X-XSRF-TOKEN"]
        with pytest.raises(clients.Refused, match="XSRF-TOKEN"):
            client.kill(number)
        assert client.status(number) in {"Waiting in queue", "Active"}


def test_a_value_that_is_not_given_must_be_left_out(tmp_path: Path) -> None:
    """Where the server wants it absent, an empty text or list is refused."""
    with running("basic", tmp_path) as simulator, closing(clients.Basic(simulator.url)) as client:
        client.log_on()
        body = {"Action": "START", "ApplicationName": "A", "JobName": "GOOD", "QueueName": ""}
        with pytest.raises(clients.Refused, match="not given"):
            client.call("POST", "/api/OpConJobAction", json=body)


def test_the_task_definition_of_a_later_call_is_that_of_the_start(tmp_path: Path) -> None:
    """A status that is asked with another unique id is refused."""
    with running("plugin", tmp_path) as simulator, closing(clients.Plugin(simulator.url)) as client:
        client.log_on()
        number = client.start("ENDLESS", [], [])
        client.task["uniqueId"] = "another"
        with pytest.raises(clients.Refused, match="another UniqueId"):
            client.status(number)


def test_messages_can_be_held_back_until_the_end(tmp_path: Path) -> None:
    """Before it the list is empty."""
    with running("joblist", tmp_path) as simulator, closing(clients.JobList(simulator.url)) as client:
        client.log_on()
        number = client.start("ENDLESS", [], [])
        assert client.messages(number) == []
        simulator.end_task(int(number), "DONE")
        assert client.messages(number) == ["Started"]


def test_an_answer_can_be_a_text_of_another_type(tmp_path: Path) -> None:
    """A token as text/plain has no quotation marks around it."""
    plain = '[contract.calls.logon]\nanswer = "{Token}"\nanswer_type = "text/plain"'
    with SimulatorProcess(tmp_path, f"{JOBS}\n{plain}") as simulator:
        body = {"UserName": clients.USER, "Password": clients.PASSWORD}
        answer = httpx.post(f"{simulator.url}/api/Logon", json=body)
    assert (answer.headers["content-type"], len(answer.text)) == ("text/plain; charset=utf-8", 32)
