"""The rules of wire profiles: the contract as data."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest

from amtconnector.amtopcon.wire import profile_file
from amtconnector.amtopcon.wire.built_in import load_profile
from amtconnector.amtopcon.wire.placeholders import ALLOWED, TASK
from amtconnector.amtopcon.wire.profile import CallName, Profile, TokenPlaces
from amtconnector.errors import ConfigurationError
from amtconnector.statuses import AMT_STATUSES, Status, StatusClass

if TYPE_CHECKING:
    from amtconnector.amtopcon.wire.paths import Path as Place

ROOT = Path(__file__).parents[4]
YAML = importlib.import_module("yaml")  # comes with schemathesis, without types
OPENAPI: dict[str, Any] = YAML.safe_load((ROOT / "docs" / "amtopcon.openapi.yaml").read_text("utf-8"))


def changed(folder: Path, text: str | bytes) -> Profile:
    """Return the built-in profile with the entries of this text in place of its own."""
    path = folder / "site.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_profile(path)


def refusal(folder: Path, text: str | bytes) -> str:
    """Return the message that refuses this text."""
    with pytest.raises(ConfigurationError) as caught:
        changed(folder, text)
    assert str(folder / "site.toml") in caught.value.subject
    assert caught.value.hint
    return caught.value.message


def names(places: tuple[Place, ...]) -> list[str]:
    """Return paths as a profile has them."""
    return [place.text for place in places]


def test_the_built_in_profile_is_the_assumed_contract() -> None:
    """Routes, verbs and names as the interface's description has them."""
    built_in = load_profile()
    assert {name: (call.method, call.path) for name, call in built_in.calls.items()} == {
        "heartbeat": ("GET", "/api/HeartBeat"),
        "logon": ("POST", "/api/Logon"),
        "start": ("POST", "/api/OpConJobAction"),
        "stop": ("POST", "/api/OpConJobAction"),
        "kill": ("POST", "/api/OpConJobAction"),
        "status": ("GET", "/api/MonitorJob"),
        "messages": ("GET", "/api/GetMessages"),
    }
    assert built_in.token == TokenPlaces("X-AMT-LogonToken", "{token}")
    assert names(built_in.members.status) == ["Status", "JobStatus", "State", "CompletionCode"]
    assert names(built_in.members.token) == ["AmtLogonToken"]
    assert names(built_in.members.message_text) == ["Message", "Text"]


def test_the_built_in_profile_is_its_file() -> None:
    """What people read and what every run uses without reading TOML are one."""
    assert profile_file.profile_of({}) == load_profile()


def test_the_description_of_the_interface_and_the_profile_are_one() -> None:
    """Every route and verb of the OpenAPI document is a call of the profile, and the reverse."""
    described = {(verb.upper(), path) for path, item in OPENAPI["paths"].items() for verb in item}
    assert {(call.method, call.path) for call in load_profile().calls.values()} == described


@pytest.mark.parametrize("name", ["status", "messages"])
def test_the_query_is_the_described_one(name: CallName) -> None:
    """The names of query parameters agree as well."""
    call = load_profile().calls[name]
    item = OPENAPI["paths"][call.path][call.method.lower()]
    parameters = [resolved(entry) for entry in item.get("parameters", [])]
    assert set(call.query) == {entry["name"] for entry in parameters if entry["in"] == "query"}


def test_the_token_travels_in_the_described_header() -> None:
    """The security scheme names it."""
    scheme = OPENAPI["components"]["securitySchemes"]["logonToken"]
    assert (scheme["in"], scheme["name"]) == ("header", load_profile().token.header)


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference within the OpenAPI document."""
    while "$ref" in node:
        target: Any = OPENAPI
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def test_a_file_replaces_entry_by_entry(tmp_path: Path) -> None:
    """What it does not name stays built in."""
    site = changed(tmp_path, '[calls.logon]\npath = "/v2/Logon"\n[members]\nstatus = ["Zustand"]\n')
    built_in = load_profile()
    assert (site.calls["logon"].path, site.calls["logon"].body) == ("/v2/Logon", built_in.calls["logon"].body)
    assert names(site.members.status) == ["Zustand"]
    assert site.members.token == built_in.members.token
    assert site.calls["start"] == built_in.calls["start"]


def test_a_body_and_a_query_are_replaced_whole(tmp_path: Path) -> None:
    """A member that the site's server does not know can be left out."""
    site = changed(
        tmp_path,
        '[calls.logon]\nbody = { name = "{user}", secret = "{password}" }\n'
        '[calls.status]\npath = "/jobs/{request_id}"\nquery = {}\n',
    )
    assert site.calls["logon"].body == {"name": "{user}", "secret": "{password}"}
    assert site.calls["status"].query == {}


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    """Nor does one with Notepad's byte-order mark."""
    assert changed(tmp_path, b"\xef\xbb\xbf# nothing yet\r\n").calls == load_profile().calls


def test_statuses_are_added_with_their_class(tmp_path: Path) -> None:
    """Known to the table by number and name; none of them is a success."""
    text = "".join(
        f'[statuses.{code}]\nname = "NEW {code}"\nkind = "{kind.value}"\n' for code, kind in enumerate(StatusClass, 30)
    )
    statuses = changed(tmp_path, text).statuses
    for code, kind in enumerate(StatusClass, 30):
        assert statuses.by_code(code) == statuses.by_name(f"new_{code}") == Status(code, f"NEW {code}", kind)
        assert not statuses.by_code(code).is_success


@pytest.mark.parametrize("status", AMT_STATUSES)
def test_amts_own_statuses_can_not_be_changed(tmp_path: Path, status: Status) -> None:
    """Neither by number nor by name: DONE stays the only success."""
    by_code = refusal(tmp_path, f'[statuses.{status.code}]\nname = "X"\nkind = "terminal"\n')
    assert f"statuses.{status.code}" in by_code
    by_name = refusal(tmp_path, f'[statuses.30]\nname = "{status.name.lower()}"\nkind = "terminal"\n')
    assert "statuses.30.name" in by_name


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("[calls.logn]\n", "calls.logn"),
        ("[call.logon]\n", "call"),
        ("calls = 5\n", "calls"),
        ("token = 5\n", "token"),
        ("[calls]\nlogon = 5\n", "calls.logon"),
        ('[calls.logon]\nverb = "GET"\n', "calls.logon.verb"),
        ('[calls.logon]\nmethod = "FETCH"\n', "calls.logon.method"),
        ("[calls.logon]\nmethod = 5\n", "calls.logon.method"),
        ('[calls.logon]\npath = "api/Logon"\n', "calls.logon.path"),
        ('[calls.logon]\npath = "/api/Logon?x=1"\n', "calls.logon.path"),
        ('[calls.logon]\npath = "/api/Log on"\n', "calls.logon.path"),
        ("[calls.status]\nquery = { BatchRequestId = 5 }\n", "calls.status.query"),
        ('[calls.status]\nquery = "x"\n', "calls.status.query"),
        ('[calls.logon]\nbody = { u = "{user}" }\n', "{password} is used nowhere"),
        ('[calls.logon]\nbody = { u = "{user}", p = "{password}", t = "{token}" }\n', "{token} is no value"),
        ("[calls.status]\nquery = {}\n", "{request_id} is used nowhere"),
        ('[calls.start.body]\nTaskValues = "{task_values}"\n', "{application} is used nowhere"),
        ('[calls.heartbeat]\npath = "/{user}"\n', "{user} is no value of this call; there are: cookie, now, run_id"),
        ('[calls.logon]\nbody = { u = "{user}", p = "{password}", d = 2026-05-18 }\n', "calls.logon.body"),
        ('[calls.logon]\nbody = { u = "{user}", p = "{password}", d = [inf] }\n', "calls.logon.body"),
        ('[calls.logon]\nbody = { u = "{user}", p = "{password}", d = { e = nan } }\n', "calls.logon.body"),
        ('[token]\nheader = "X Token"\n', "token.header"),
        ('[token]\nvalue = "Bearer"\n', "token.value"),
        ('[token]\nvalue = "{token}{token}"\n', "token.value"),
        ('[token]\nvalue = "{tokn}"\n', "token.value"),
        ('[token]\nvalue = "Bearer\\n{token}"\n', "token.value"),
        ('[token]\nvalue = "Schlüssel {token}"\n', "token.value"),
        ('[token]\nname = "x"\n', "token.name"),
        ('[members]\nstatus = "Status"\n', "members.status"),
        ("[members]\nstatus = []\n", "members.status"),
        ('[members]\nstatus = [""]\n', "members.status"),
        ("[members]\nstatus = [1]\n", "members.status"),
        ('[members]\nstate = ["x"]\n', "members.state"),
        ("statuses = 5\n", "statuses"),
        ("[statuses]\n30 = 5\n", "statuses.30"),
        ('[statuses.100]\nname = "X"\nkind = "terminal"\n', "statuses.100"),
        ('[statuses.thirty]\nname = "X"\nkind = "terminal"\n', "statuses.thirty"),
        ('[statuses."-1"]\nname = "X"\nkind = "terminal"\n', "statuses.-1"),
        ('[statuses.30]\nname = "X"\nkind = "success"\n', "statuses.30.kind"),
        ('[statuses.30]\nname = "X"\nkind = ["terminal"]\n', "statuses.30.kind"),
        ('[statuses.30]\nname = "X"\n', "statuses.30.kind"),
        ('[statuses.30]\nkind = "terminal"\n', "statuses.30.name"),
        ('[statuses.30]\nname = "X"\nkind = "terminal"\ncode = 4\n', "statuses.30.code"),
        (
            '[statuses.30]\nname = "A B"\nkind = "running"\n[statuses.31]\nname = "a_b"\nkind = "running"\n',
            "statuses.31.name",
        ),
        ('prefix = "amt"\n', "prefix"),
        ('prefix = "/amt/"\n', "prefix"),
        ('[headers]\nHost = "x"\n', "headers.Host"),
        ('[headers]\nX-A = "ü"\n', "headers.X-A"),
        ('[headers]\nX-A = "{token}"\n', "{token} is no value"),
        ('[headers]\nX-A = "{Now}"\n', "{Now} is no value"),
        ('[query]\nv = "{cookie}"\n', "needs the cookie's name"),
        ("[query]\nv = 5\n", "query"),
        ('[token]\ncookie = "a b"\n', "token.cookie"),
        ('[token]\nquery = "{token}"\n', "token.query"),
        ('[calls.logon]\nbody = ""\n', "calls.logon.body"),
        ("[calls.logon]\nbody = true\n", "calls.logon.body"),
        ('[calls.logon]\nbody = {}\nform = { u = "{user}", p = "{password}" }\n', "not both"),
        ('[calls.logon]\nheaders = { Content-Length = "5" }\n', "calls.logon.headers.Content-Length"),
        ('[calls.logon]\nunused = ["queue"]\n', "calls.logon.unused"),
        ("[calls]\nlogon = false\n", "calls.logon"),
        ("[calls]\nstatus = false\n", "calls.status"),
        ("[calls]\nstop = true\n", "calls.stop"),
        ('[calls.logoff]\nmethod = "POST"\n', "calls.logoff.path"),
        ('[calls.logoff]\npath = "/x"\n', "calls.logoff.method"),
        ('[calls.kill]\nbody = { id = "{request_id:number}" }\n', "{request_id} knows one form"),
        ('[calls.kill]\nbody = { id = "{request_id}", j = "{job:x}" }\n', "{job} takes nothing behind a colon"),
        ('[calls.kill]\nbody = { id = "{request_id}", at = "{now:iso}" }\n', "{now} is"),
        ('[calls.kill]\nbody = { id = "{request_id}", v = "{task_value}" }\n', "{task_value} must stand inside a list"),
        ('[calls.kill]\nbody = { id = "{request_id}", v = ["{n}"] }\n', "{n}"),
        ('[calls.kill]\nquery = { id = "{request_id}", v = "{task_values}" }\n', "{task_values} is a list"),
        ('[calls.kill]\nheaders = { X = "{task_value}" }\n', "{task_value} is one value"),
        ('[calls.kill]\nbody = { id = "{request_id}", v = [["{task_value}", "{parameter}"]] }\n', "counted together"),
        ('[calls.start]\nunused = ["job"]\n', "calls.start.unused: {job} is used"),
        ('[calls.start]\nunused = ["what"]\n', "calls.start.unused"),
        ('[not_given]\nsend = "nothing"\n', "not_given.send"),
        ('[not_given]\nnull = ["password"]\n', "not_given.null"),
        ('[not_given.words]\nqueue = ""\n', "not_given.words.queue"),
        ('[answers]\nformat = "yaml"\n', "answers.format"),
        ('[members]\ntoken = ["data..X"]\n', "members.token"),
        ('[members]\ntoken = ["data[x].X"]\n', "members.token"),
        ('[members]\ntoken = ["Jobs[Id={request_id}].X"]\n', "members.token"),
        ('[members]\nstatus = ["header:X"]\n', "members.status"),
        ('[members]\nstatus = ["Jobs[Id={id}].X"]\n', "members.status"),
        ('[messages]\nform = "csv"\n', "messages.form"),
        ('[messages]\nunescape_html = "yes"\n', "messages.unescape_html"),
        ('[messages.pages]\nmore = "More"\n', "messages.pages"),
        ('[messages.pages]\nnext = "cookie:Next"\n', "messages.pages.next"),
        ('[messages]\nform = "text"\n[messages.pages]\nnext = "header:Link"\n', "messages.form"),
        ('[messages]\norder = "backwards"\n', "messages.order"),
        ('[members]\nmessages = ["Text of {}"]\n', "members.messages"),
        ('[members]\nmessages = ["body:text"]\n', "members.messages"),
        ('[members]\nstatus = ["body:json"]\n', "members.status"),
        ('[members]\nrequest_id = ["header:Location /a/{}/b/{}"]\n', "members.request_id"),
        ('[calls.logon]\nbody = { u = "{user}", p = "{password}", at = "{now:%s}" }\n', "calls.logon"),
        ("[messages.pages]\nfirst = 1.5\n", "messages.pages.first"),
        ('[messages.pages]\nnxt = "Next"\n', "messages.pages.nxt"),
        ("[refused]\nwhen = [{}]\n", "refused.when"),
        ("[refused]\nwhen = { success = false }\n", "refused.when"),
        ("[refused]\nwhen = [{ http = 99 }]\n", "refused.when: http"),
        ('[refused]\nlater = [{ words = "" }]\n', "refused.later: words"),
        ("[refused]\ncredentials = [{ code = { not = [] } }]\n", "refused.credentials: code"),
        ("[statuses]\n4 = []\n", "statuses.4"),
        ('[statuses]\n4 = ["100"]\n', "statuses.4"),
        ('[statuses]\n4 = ["RUNNING"]\n', "statuses.4: another status is called RUNNING"),
        ('[statuses]\n12 = ["Ended"]\n4 = ["ended!"]\n', "statuses.4: another status is called ABORTED"),
        ('[statuses]\n30 = { name = "X", kind = "running", words = ["Done"] }\n', "statuses.30"),
        ("[calls\n", "no TOML"),
        (b"\xff\xfe", "not UTF-8"),
        ("a" + ".04" * 20_000 + "=1\n", "nested too deeply"),
    ],
)
def test_an_entry_that_would_fail_later_is_refused_by_its_name(tmp_path: Path, text: str | bytes, entry: str) -> None:
    """Everything is checked before anything is sent."""
    assert entry in refusal(tmp_path, text)


def test_a_list_is_a_whole_value_of_the_body(tmp_path: Path) -> None:
    """Inside another text it would lose its form."""
    body = {name: f"{{{name}}}" for name in sorted(TASK)}
    entries = ", ".join(f'{name} = "{value}"' for name, value in body.items())
    changed(tmp_path, f"[calls.start]\nbody = {{ {entries} }}\n")
    broken = entries.replace('"{parameters}"', '"x {parameters}"')
    assert "{parameters} is a list" in refusal(tmp_path, f"[calls.start]\nbody = {{ {broken} }}\n")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The path is in the message's subject, the reason in its text."""
    with pytest.raises(ConfigurationError, match="can't be read") as caught:
        load_profile(tmp_path / "nowhere.toml")
    assert "nowhere.toml" in caught.value.subject


def test_every_call_of_the_type_is_in_the_file() -> None:
    """The names of calls are written twice, as a type and as data; nobody knows that there is a logoff."""
    assert (*load_profile().calls, "logoff") == get_args(CallName) == tuple(ALLOWED)


def test_the_contract_is_in_the_profile_alone() -> None:
    """No other module of the connector knows a route or a member's name."""
    package = ROOT / "amtconnector"
    others = [path for path in package.rglob("*.py") if not {"simulator", "built_in.py"} & set(path.parts)]
    for word in ("/api/", "BatchRequestId", "AmtLogonToken", "JobStatus", "X-AMT-LogonToken", "TaskValues"):
        assert [path.name for path in others if f'"{word}' in path.read_text("utf-8")] == []


def test_reading_a_profile_needs_no_http_client() -> None:
    """The wire knows data, not sockets."""
    code = "import sys; from amtconnector.amtopcon.wire import built_in; built_in.load_profile(); print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert "httpx" not in result.stdout.split()
