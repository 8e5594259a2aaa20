"""What traces teach: the roles of the calls, what stays open, and what a profile can't say."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from amtconnector.amtopcon.wire import profile_file
from amtconnector.learning import in_effect
from amtconnector.learning.exchange import Exchange
from amtconnector.learning.lesson import Lesson, learned
from amtconnector.learning.logons import Credentials
from amtconnector.learning.profile_text import profile_text
from amtconnector.learning.proof import Proof
from amtconnector.learning.stand_ins import PASSWORD, USER
from amtconnector.task import Task

TASK = Task("DEMO2", "REPORT", task_values=("25", "x|y"), parameters=("p",))
TOKEN = "STANDIN-TEXT-1"
BEGUN = datetime(2026, 11, 23, 6, 58, 47, tzinfo=UTC)


def asked(number: int, target: str, body: Any, answer: Any, **changes: Any) -> Exchange:
    """Return one exchange; a body makes it a POST, all but the first carry the token."""
    headers = (("Content-Type", "application/json"), ("Host", "amt:1"), *((("X-Key", TOKEN),) if number else ()))
    return Exchange(
        begun=BEGUN + timedelta(seconds=number),
        origin="http://amt:1",
        method="GET" if body is None else "POST",
        target=target,
        headers=headers,
        body=None if body is None else json.dumps(body).encode(),
        status=200,
        answer_headers=(("Content-Type", "application/json"),),
        answer=json.dumps(answer).encode(),
    )._replace(**changes)


LOGON = asked(0, "/in", {"u": USER, "p": PASSWORD}, {"key": TOKEN, "kind": "bearer"})
START = asked(1, "/go", {"app": "DEMO2", "job": "REPORT", "tv": ["25", "x|y"], "par": ["p"]}, {"n": 77})


def run_of(*statuses: object, more: tuple[Exchange, ...] = ()) -> list[Exchange]:
    """Return a run whose status takes these values."""
    polls = [asked(2 + at, "/state?n=77", None, {"id": 77, "state": status}) for at, status in enumerate(statuses)]
    messages = asked(40, "/texts?n=77", None, {"texts": ["one", "two"]})
    return [LOGON, START, *polls, *more, messages]


def lesson_of(exchanges: list[Exchange], task: Task = TASK) -> Lesson:
    """Learn from exchanges whose secrets have stand-ins."""
    return learned(exchanges, task, Credentials())


def test_the_roles_are_found_by_what_is_known() -> None:
    """No route and no name helps here: credentials, the token that comes back, the id that returns, the statuses do."""
    lesson = lesson_of(run_of("QUEUED", "RUNNING", "RUNNING", "DONE"))
    calls = {name: (len(group), group[0].path) for name, group in lesson.roles.calls.items()}
    assert calls == {"logon": (1, "/in"), "start": (1, "/go"), "status": (4, "/state"), "messages": (1, "/texts")}
    assert lesson.tree["members"] == {"token": ["key"], "request_id": ["n"], "status": ["state"], "messages": ["texts"]}
    assert lesson.tree["token"] == {"header": "X-Key"}
    assert lesson.tree["calls"]["status"]["query"] == {"n": "{request_id}"}
    assert lesson.calls["status"] == "proven: seen 4 times; walks through AMT's statuses and ends with the polling"
    assert lesson.calls["kill"].startswith("unproven")
    assert (lesson.missing, lesson.unsaid) == ([], [])


def test_the_profile_is_proven_by_the_connectors_own_code() -> None:
    """What is rebuilt equals what was recorded; a request that differs is told with call and member."""
    exchanges = run_of("RUNNING", "DONE")
    lesson = lesson_of(exchanges)
    text = profile_text(lesson, ["trace.har"], ())
    profile = profile_file.profile_of(tomllib.loads(text))
    assert list(Proof(profile, lesson).differences()) == []
    other = profile_file.profile_of(
        tomllib.loads(
            text.replace('app = "{application}"', 'app = "{job}"').replace('job = "{job}"', 'job = "{application}"')
        )
    )
    assert list(Proof(other, lesson).differences()) == [
        'start, request 1 of 1: body.app: "DEMO2" was recorded, "REPORT" would be sent',
        'start, request 1 of 1: body.job: "REPORT" was recorded, "DEMO2" would be sent',
    ]


def test_a_value_without_a_place_is_unused() -> None:
    """A job that gives one is refused by the profile, instead of losing it; a record with it is asked for."""
    lesson = lesson_of(run_of("RUNNING", "DONE"))
    assert lesson.tree["calls"]["start"]["unused"] == ["script", "submit_user", "run_as", "station", "queue"]
    assert any("every argument" in one and "queue" in one for one in lesson.wanted)


def test_a_value_of_the_flags_that_was_not_sent_is_told() -> None:
    """Then a profile made of the trace would lose it."""
    lesson = lesson_of(run_of("RUNNING", "DONE"), TASK._replace(user="SOMEBODY"))
    assert lesson.unsaid == ["calls.start: the run as 'SOMEBODY' of the flags was found nowhere in the start"]


@pytest.mark.parametrize(("end", "is_proven"), [("KILLED", True), ("DONE", False)])
def test_a_kill_is_proven_by_the_status_afterwards(end: str, *, is_proven: bool) -> None:
    """A name alone proves nothing."""
    kill = asked(10, "/killit", {"n": 77}, {"ok": True})
    after = asked(11, "/state?n=77", None, {"id": 77, "state": end})
    lesson = lesson_of(run_of("RUNNING", more=(kill, after)))
    assert lesson.calls["kill"].startswith("proven: seen once" if is_proven else "taken by its name")
    assert lesson.tree["calls"]["kill"]["body"] == {"n": "{request_id}"}


def test_statuses_in_words_are_asked_for() -> None:
    """A success least of all is guessed."""
    lesson = lesson_of(run_of("Busy", "Busy", "All fine"))
    assert lesson.tree["members"]["status"] == ["state"]
    assert [text.partition(":")[0] for text in lesson.unsaid] == ["the status 'Busy'", "the status 'All fine'"]


def test_a_run_without_its_flags_is_told() -> None:
    """The flags of another job find no start."""
    lesson = lesson_of(run_of("RUNNING", "DONE"), TASK._replace(job="OTHER"))
    assert lesson.missing == ["start", "status", "messages"]


def test_the_known_entries_are_those_that_the_built_in_profile_calls_known() -> None:
    """`amt profile show` and the comments of profile.toml say the same."""
    known, section = set(), ""
    for line in profile_file.BUILT_IN_FILE.read_text("utf-8").splitlines():
        section = line.strip("[]") if line.startswith("[") else section
        if line.endswith("# known"):
            known.add(f"{section}.{line.partition(' ')[0]}")
    assert known == in_effect.KNOWN
