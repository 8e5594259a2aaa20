"""The worked example of docs/wire-profile.md: a server that plays the page's trace, a connector with its profile."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any, cast

import pytest

from amtconnector.amtopcon.wire import profile_file
from amtconnector.amtopcon.wire.built_in import load_profile
from amtconnector.amtopcon.wire.placeholders import ALLOWED
from tests.end_to_end.installation import Ended, Installation
from tests.support.configfile import ROOT
from tests.support.doc_pages import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from amtconnector.amtopcon.wire.profile import CallName
    from tests.conftest import Programs

pytestmark = pytest.mark.source_only

PAGE = ROOT / "docs" / "wire-profile.md"
(TRACE,) = blocks(PAGE, "http")
PROFILE = next(text for text in blocks(PAGE, "toml") if "accessKey" in text)
(LOG,) = [text for text in blocks(PAGE, "text") if "WAIT_FOR_LICENCE" in text]
OPEN = ("alive", "session")
"""The ends of the paths that are asked for without a token."""


@dataclass
class Exchange:
    """One request of the trace, its body as JSON (None: none), and its answers: each once, the last one for ever."""

    method: str
    target: str
    body: object
    answers: list[tuple[int, bytes]]
    seen: int = 0

    def answer(self) -> tuple[int, bytes]:
        """Return the next answer."""
        self.seen += 1
        return self.answers[min(self.seen, len(self.answers)) - 1]


@dataclass
class Foreign:
    """The server of the trace; `surprises` are the requests that are not in it."""

    exchanges: list[Exchange]
    surprises: list[str] = field(default_factory=list)
    address: str = ""

    def seen(self, method: str, target: str) -> int:
        """Return how often a request came."""
        return sum(one.seen for one in self.exchanges if (one.method, one.target) == (method, target))

    def respond(self, method: str, target: str, authorization: str | None, body: bytes) -> tuple[int, bytes]:
        """Answer as the trace does."""
        given = json.loads(body) if body else None
        is_allowed = target.endswith(OPEN) or authorization == "Bearer k-7f3e"
        for one in self.exchanges:
            if is_allowed and (one.method, one.target, one.body) == (method, target, given):
                return one.answer()
        self.surprises.append(f"{method} {target} {given}")
        return 404, b""


def exchanges() -> list[Exchange]:
    """Read the trace of the page."""
    found = []
    for text in TRACE.strip().split("\n\n"):
        request, *answers = text.splitlines()
        method, target, body = [*request.split(" ", 2), ""][:3]
        replies = [(int(line[:3]), line[4:].encode()) for line in answers]
        found.append(Exchange(method, target, json.loads(body) if body else None, replies))
    return found


@pytest.fixture
def server() -> Iterator[Foreign]:
    """Serve the trace on a free port."""
    foreign = Foreign(exchanges())

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            """Answer a request of any method."""
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, answer = foreign.respond(self.command, self.path, self.headers.get("Authorization"), body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        foreign.address = f"127.0.0.1:{listener.server_port}"
        thread = Thread(target=listener.serve_forever, args=(0.05,))
        thread.start()
        yield foreign
        listener.shutdown()
        thread.join()


@pytest.fixture
def site(tmp_path: Path, programs: Programs, server: Foreign) -> Installation:
    """Return an installation with the profile of the page."""
    (tmp_path / "wire.toml").write_text(PROFILE, "utf-8")
    return Installation(tmp_path, programs, server.address, WIRE_PROFILE="wire.toml")


def started(site: Installation) -> Ended:
    """Run the job of the page."""
    return site.run("-jt", "START", "-an", "DEMO2", "-jn", "REPORTTEST01", "-tv", "25")


def timeless(lines: list[str]) -> list[str]:
    """Return lines without their durations."""
    return [re.sub(r" after [\d:]+$", "", line) for line in lines]


def entries(tree: dict[str, Any], before: str = "") -> set[str]:
    """Return the names of all entries of the built-in profile, as the page has them."""
    found: set[str] = set()
    for name, value in tree.items():
        is_table = (
            isinstance(value, dict) and name not in {"headers", "query", "words", "statuses"} and before != "calls."
        )
        found |= entries(value, f"{before}{name}.") if is_table else {f"{before}{name}"}
    return found


def test_the_page_names_every_entry() -> None:
    """Each entry of the built-in profile and of a call has its row, and no row is about anything else."""
    text = PAGE.read_text("utf-8").partition("## Every entry")[2]
    named = set(re.findall(r"^\| `([a-z_.]+N?)` \|", text, re.MULTILINE))
    tree = tomllib.loads(profile_file.BUILT_IN_FILE.read_text("utf-8"))
    of_a_call = {"method", "path", "query", "headers", "body", "form", "unused"}
    assert named == (entries(tree) - {"statuses"}) | {"statuses.N"} | of_a_call


def test_the_page_names_every_placeholder() -> None:
    """Each with the calls that know it: what a profile can say of requests is there in one table."""
    text = PAGE.read_text("utf-8").partition("### Placeholders")[2].partition("\n\n")[2].partition("\n\n")[0]
    assert set(re.findall(r"\{([a-z_]+)[}:]", text)) == {name for names in ALLOWED.values() for name in names}


@pytest.mark.parametrize("entry", ["calls.start", "calls.kill", "calls.status"])
def test_the_page_tells_what_is_built_in(entry: str) -> None:
    """Verb and path of each call."""
    (row,) = (line for line in PAGE.read_text("utf-8").splitlines() if line.startswith(f"| `{entry}` |"))
    call = load_profile().calls[cast("CallName", entry.partition(".")[2])]
    assert f"`{call.method} {call.path}`" in row


@pytest.mark.parametrize("text", blocks(PAGE, "toml"))
def test_every_profile_of_the_page_is_one(text: str) -> None:
    """It loads as it stands."""
    profile_file.profile_of(tomllib.loads(text))


def test_the_job_runs_with_the_profile(site: Installation, server: Foreign) -> None:
    """The log is the one that the page shows, the messages come, the job ends with 4."""
    done = started(site)
    assert (done.exit_code, server.surprises) == (4, [])
    lines = timeless(done.lines)
    begin = lines.index("Authentication successful")
    shown = timeless(LOG.splitlines())
    assert lines[begin : begin + len(shown)] == shown
    assert lines.index("Report test 01 is started") < lines.index("Done")


def test_the_check_understands_the_server(site: Installation, server: Foreign) -> None:
    """`amt check` finds nothing wrong."""
    done = site.run("check")
    assert (done.exit_code, server.surprises) == (0, []), done.text


@pytest.mark.parametrize(("action", "method"), [("KILL", "DELETE"), ("STOP", "PUT")])
def test_the_task_can_be_ended(site: Installation, server: Foreign, action: str, method: str) -> None:
    """Stop and kill go out as the trace has them."""
    done = site.run("-jt", action, "-id", "2112")
    assert (done.exit_code, server.surprises) == (4, [])  # the trace's task ends by itself
    assert server.seen(method, "/amt/v2/requests/2112") == 1


def test_without_the_profile_the_text_names_the_cure(site: Installation, server: Foreign) -> None:
    """The built-in contract does not fit this server, and the connector says where to look."""
    text = site.config.read_text("utf-8")
    site.config.write_text(text.replace("WIRE_PROFILE=wire.toml\n", ""))
    done = started(site)
    assert (done.exit_code, len(server.surprises)) == (108, 1)
    assert "WIRE_PROFILE" in done.text
