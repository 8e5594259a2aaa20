"""A server that fails: what is repeated, what is not, what the log says, and how the run ends."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.installation import Ended, ended
from tests.end_to_end.workplace import (
    DEFINITIONS,
    SharedSimulator,
    Workplace,
    opcon_job,
    printed_messages,
    start_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Programs
    from tests.end_to_end.patience import PatientRuns

SHORT, LONGER, NEVER_ENDS = start_of("SHORT"), start_of("LONGER"), start_of("NEVER_ENDS")
JOB = opcon_job()
LOST = "[connector] No usable answer from the server"
BACK = re.compile(r"\[connector\] The server answers again, after .* s")


def impatient(site: Workplace, outage_s: float = 0.7, **settings: object) -> None:
    """Let the site give up after a short outage and wait for no answer longer than a second."""
    site.write_config({"STATUS_CHECK_POLL_INTERVAL": 0.1, "STATUS_CHECK_MAX_OUTAGE": outage_s, **settings})
    site.add_to_server(READ_TIMEOUT=0.5, START_TIMEOUT=0.7, CONNECT_TIMEOUT=1)


def lost_and_back(run: Ended) -> tuple[int, int]:
    """Count the lines that say that contact is lost, and that it is back."""
    return sum(LOST in line for line in run.lines), sum(bool(BACK.fullmatch(line)) for line in run.lines)


def test_an_outage_is_one_line_when_it_begins_and_one_when_it_ends(site: Workplace, simulator: SharedSimulator) -> None:
    """The simulator is killed and started again in the middle of a run; the task goes on and so does the watch."""
    process = site.start(*LONGER, environment=JOB)
    simulator.wait_for_call("status", count=2)
    simulator.restart(after_s=0.5)
    run = ended(process)
    assert run.exit_code == 4, run.text
    assert lost_and_back(run) == (1, 1)
    assert "connection refused" in run.text
    assert printed_messages(run.lines) == ["Started", "Half", "Done"]
    assert simulator.summary()["requests"]["start"] == 1


BAD_ANSWERS: dict[str, dict[str, Any]] = {
    "reset-before": {"kind": "reset-before"},
    "close-after": {"kind": "close-after"},
    "500": {"kind": "status", "status": 500},
    "503": {"kind": "status", "status": 503},
    "403": {"kind": "status", "status": 403},
    "404": {"kind": "status", "status": 404},
    "302": {"kind": "status", "status": 302, "headers": {"Location": "/elsewhere"}},
    "html": {"kind": "content", "content": "html"},
    "null": {"kind": "content", "content": "null"},
    "another request": {"kind": "content", "body": '{"BatchRequestId": 1, "Status": 4}'},
    "true": {"kind": "content", "body": '{"Status": true}'},
    "two statuses": {"kind": "content", "body": '{"Status": 2, "State": 4}'},
    "truncated": {"kind": "truncated"},
    "drip": {"kind": "drip", "pause": 0.2},
    "hang": {"kind": "hang-before"},
    "gzip that is none": {"kind": "content", "body": "{}", "headers": {"Content-Encoding": "gzip"}},
}


@pytest.mark.parametrize("case", BAD_ANSWERS)
def test_bad_answers_about_the_status_are_no_verdict(site: Workplace, simulator: SharedSimulator, case: str) -> None:
    """Three in a row, then a good one: the run ends with the task's end and has said twice what happened."""
    impatient(site, outage_s=20)
    simulator.add_fault("status", count=3, after=1, **BAD_ANSWERS[case])
    run = site.run(*SHORT, environment=JOB)
    assert run.exit_code == 4, run.text
    assert lost_and_back(run) == (1, 1), run.text
    assert not re.search(r"\b(error|failed)\b", run.text.replace("server answered 500", ""), re.IGNORECASE) or case in {
        "500",
        "503",
    }


def test_a_server_that_stays_away_is_105(site: Workplace, simulator: SharedSimulator) -> None:
    """The text names the request and the commands; the restarted job attaches."""
    impatient(site)
    process = site.start(*NEVER_ENDS, environment=JOB)
    simulator.wait_for_call("status", count=2)
    simulator.kill()
    try:
        run = ended(process)
    finally:
        simulator.start()
    request = simulator.task_of("NEVER_ENDS")["id"]
    assert run.exit_code == 105, run.text
    assert all(word in run.text for word in (f"request {request}", f"-jt ATTACH -id {request}", "may be running"))
    assert lost_and_back(run) == (1, 0)
    assert site.record()["state"] == "submitted"
    simulator.end_task(request, "DONE")
    assert site.run(*NEVER_ENDS, environment=JOB).exit_code == 4


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"kind": "content", "content": "html"}, 108),
        ({"kind": "status", "status": 403}, 108),
        ({"kind": "status", "status": 400}, 108),
        ({"kind": "status", "status": 404}, 109),
        ({"kind": "status", "status": 500}, 105),
        ({"kind": "status", "status": 503, "headers": {"Retry-After": "0"}}, 105),
        ({"kind": "status", "status": 429}, 105),
        ({"kind": "reset-after"}, 105),
        ({"kind": "hang-before"}, 105),
        ({"kind": "truncated"}, 105),
    ],
)
def test_what_fails_to_the_end_decides_the_code(
    site: Workplace, simulator: SharedSimulator, fault: dict[str, Any], code: int
) -> None:
    """108 for answers that are not understood, 109 for 404, 105 for none; each names the request."""
    impatient(site)
    simulator.add_fault("status", count=0, after=1, **fault)
    run = site.run(*NEVER_ENDS, environment=JOB)
    assert run.exit_code == code, run.text
    request = simulator.task_of("NEVER_ENDS")["id"]
    assert all(word in run.text for word in (f"request {request}", f"-jt ATTACH -id {request}"))
    assert len([entry for entry in simulator.requests("status") if entry["fault"]]) >= 3
    assert site.record()["state"] == "submitted"


def test_a_forgotten_request_is_109(site: Workplace, simulator: SharedSimulator) -> None:
    """AMT answers otherwise and does not know the request: what became of the task is unknown."""
    impatient(site)
    process = site.start(*NEVER_ENDS, environment=JOB)
    simulator.wait_for_call("status", count=2)
    request = simulator.task_of("NEVER_ENDS")["id"]
    simulator.forget_task(request)
    run = ended(process)
    assert run.exit_code == 109, run.text
    assert "does not know the request any more" in run.text
    assert f"request {request}" in run.text


@pytest.mark.parametrize("status", [19, 25])
def test_a_status_that_stays_unknown_is_109(site: Workplace, simulator: SharedSimulator, status: int) -> None:
    """Named once, polled on, and given up with the request id."""
    impatient(site)
    run = site.run(*start_of(f"STAYS_{status}"), environment=JOB)
    assert run.exit_code == 109, run.text
    assert f"({status})" in run.text
    assert f"request {simulator.tasks()[0]['id']}" in run.text
    assert len(simulator.requests("status")) >= 3


def test_an_expired_token_is_renewed_once_for_each_expiry(site: Workplace, simulator: SharedSimulator) -> None:
    """Three expiries, three more logons, nothing in the log, and the credentials read afresh."""
    process = site.start(*NEVER_ENDS, environment=JOB)
    simulator.wait_for_call("status", count=2)
    for expiry in range(3):
        simulator.expire_tokens()
        simulator.wait_for_call("logon", count=2 + expiry)
        seen = len(simulator.requests("status"))
        simulator.wait_for_call("status", count=seen + 2)
    simulator.end_task(simulator.task_of("NEVER_ENDS")["id"], "DONE")
    run = ended(process)
    assert run.exit_code == 4, run.text
    assert lost_and_back(run) == (0, 0)
    assert simulator.summary()["requests"]["logon"] == 4


def test_a_token_that_is_refused_after_a_new_logon_is_24(site: Workplace, simulator: SharedSimulator) -> None:
    """401, one logon, 401 again: 24 with the request id, for the task may be running."""
    simulator.add_fault("status", "unauthorized", count=2, after=1)
    run = site.run(*NEVER_ENDS, environment=JOB)
    assert run.exit_code == 24, run.text
    assert f"request {simulator.task_of('NEVER_ENDS')['id']}" in run.text
    assert "may be running" in run.text
    assert simulator.summary()["requests"]["logon"] == 2


def test_credentials_that_are_refused_in_the_middle_of_a_watch_are_24(
    site: Workplace, simulator: SharedSimulator
) -> None:
    """The password was changed while the task ran: 24 with the request id, and one logon only."""
    simulator.add_fault("logon", "status", status=401, after=1, count=0)
    process = site.start(*NEVER_ENDS, environment=JOB)
    simulator.wait_for_call("status", count=2)
    simulator.expire_tokens()
    run = ended(process)
    assert run.exit_code == 24, run.text
    assert f"request {simulator.task_of('NEVER_ENDS')['id']}" in run.text
    assert simulator.summary()["requests"]["logon"] == 2


def test_retry_after_is_honoured(site: Workplace, simulator: SharedSimulator) -> None:
    """A server that asks for 2 s is left alone for 2 s."""
    simulator.add_fault("status", "status", status=503, headers={"Retry-After": "2"}, after=1)
    assert site.run(*SHORT).exit_code == 4
    times = [entry["time"] for entry in simulator.requests("status")]
    assert times[2] - times[1] >= 2
    assert times[1] - times[0] < 1


def test_messages_that_can_not_be_read_change_nothing_but_one_line(site: Workplace, simulator: SharedSimulator) -> None:
    """Silent while the task runs, one line at the end, the exit code is the task's."""
    impatient(site)
    simulator.add_fault("messages", "status", status=500, count=0)
    run = site.run(*start_of("ENDS_12"), environment=JOB)
    assert run.exit_code == 12, run.text
    assert run.text.count("incomplete") == 1
    assert lost_and_back(run) == (0, 0)


def test_messages_that_are_forbidden_are_not_asked_for_again(site: Workplace, simulator: SharedSimulator) -> None:
    """Once while the task runs and once at its end."""
    simulator.add_fault("messages", "status", status=403, count=0)
    run = site.run(*LONGER)
    assert run.exit_code == 4, run.text
    assert len(simulator.requests("messages")) == 2
    assert run.text.count("incomplete") == 1


@pytest.mark.parametrize("kind", ["reset-after", "truncated", "hang-after"])
def test_messages_are_complete_after_passing_trouble(site: Workplace, simulator: SharedSimulator, kind: str) -> None:
    """What was printed before an answer broke off is not printed again."""
    impatient(site, outage_s=20)
    simulator.add_fault("messages", kind, count=2)
    simulator.add_fault("messages", "truncated", count=1, after=1)
    run = site.run(*LONGER)
    assert run.exit_code == 4, run.text
    assert printed_messages(run.lines) == ["Started", "Half", "Done"]
    assert "incomplete" not in run.text


@pytest.mark.parametrize(
    ("fault", "code", "logons"),
    [
        ({"kind": "status", "status": 401}, 24, 1),
        ({"kind": "status", "status": 403}, 24, 1),
        ({"kind": "content", "body": '{"AmtLogonToken": ""}'}, 24, 1),
        ({"kind": "status", "status": 404}, 108, 1),
        ({"kind": "content", "content": "html"}, 108, 1),
        ({"kind": "content", "body": "{}"}, 108, 1),
        ({"kind": "status", "status": 502}, 4, 2),
        ({"kind": "status", "status": 429}, 4, 2),
        ({"kind": "reset-before"}, 4, 2),
        ({"kind": "truncated"}, 4, 2),
        ({"kind": "hang-after"}, 4, 2),
        ({"kind": "status", "status": 503, "headers": {"Retry-After": "61"}}, 23, 1),
    ],
)
def test_a_logon_is_repeated_unless_it_was_refused(
    site: Workplace, simulator: SharedSimulator, fault: dict[str, Any], code: int, logons: int
) -> None:
    """A refusal is never tried again, an answer that fits nothing neither; everything else is."""
    impatient(site)
    simulator.add_fault("logon", **fault)
    run = site.run(*SHORT, environment=JOB)
    assert run.exit_code == code, run.text
    assert len(simulator.requests("logon")) == logons
    if code != 4:
        assert simulator.tasks() == []
        assert "Nothing was started" in run.text
        assert site.record()["state"] == "not started"


def test_a_rejected_logon_keeps_the_fleet_from_locking_the_account(site: Workplace, simulator: SharedSimulator) -> None:
    """While the credentials are unchanged further runs end with 24 without asking; changed ones are tried."""
    simulator.add_fault("logon", "status", status=401)
    assert site.run(*SHORT, environment=JOB).exit_code == 24
    for number in range(3):
        barred = site.run(*SHORT, environment=opcon_job(f"Job {number}"))
        assert barred.exit_code == 24
        assert "not tried again" in barred.text
    assert len(simulator.requests("logon")) == 1
    assert site.encrypt("--set", "PASSWORD", "--config", str(site.config), "-v", "opconxps").exit_code == 0
    assert site.run(*SHORT, environment=JOB).exit_code == 4


REACHES_NOBODY = {
    "nobody listens": "connection refused",
    "TLS to a plain server": "did not answer in TLS",
    "plain to a TLS server": "SERVER_USES_TLS=True",
    "always busy": "busy",
}
"""What each patient run that reaches nobody says."""
BUSY = {"kind": "status", "status": 503, "headers": {"Retry-After": "0"}}
STARTS: dict[str, tuple[dict[str, Any], int, int]] = {
    "reset before": ({"kind": "reset-before"}, 104, 0),
    "reset after": ({"kind": "reset-after"}, 104, 1),
    "close before": ({"kind": "close-before"}, 104, 0),
    "close after": ({"kind": "close-after"}, 104, 1),
    "hang before": ({"kind": "hang-before"}, 104, 0),
    "hang after": ({"kind": "hang-after"}, 104, 1),
    "truncated": ({"kind": "truncated"}, 104, 1),
    "drip": ({"kind": "drip", "pause": 0.2}, 104, 1),
    "html": ({"kind": "content", "content": "html"}, 104, 1),
    "empty": ({"kind": "content", "content": "empty"}, 104, 1),
    "null": ({"kind": "content", "content": "null"}, 104, 1),
    "no JSON": ({"kind": "content", "content": "not-json"}, 104, 1),
    "other members": ({"kind": "content", "body": '{"Result": "queued"}'}, 104, 1),
    "true for an id": ({"kind": "content", "body": '{"BatchRequestId": true}'}, 104, 1),
    "two ids": ({"kind": "content", "body": '{"BatchRequestId": 5, "batchrequestid": 6}'}, 104, 1),
    "gzip that is none": ({"kind": "content", "body": "{}", "headers": {"Content-Encoding": "gzip"}}, 104, 1),
    "too big": ({"kind": "big"}, 104, 1),
    **{f"{n}": ({"kind": "status", "status": n}, 104, 0) for n in (408, 409, 500, 502, 503, 504, 599)},
    "500 after it": ({"kind": "status", "status": 500, "executed": True}, 104, 1),
    **{f"{n}": ({"kind": "status", "status": n}, 106, 0) for n in (301, 302, 307, 400, 403, 404, 405, 415, 422, 451)},
    "id 0": ({"kind": "status", "status": 200, "body": '{"BatchRequestId": 0}'}, 106, 0),
    "id -1": ({"kind": "status", "status": 201, "body": "-1"}, 106, 0),
    "id 0 and 99": ({"kind": "status", "status": 200, "body": '{"BatchRequestId": 0, "Status": 99}'}, 99, 0),
    "no id and 24": ({"kind": "status", "status": 200, "body": '{"Status": 24, "Message": "no"}'}, 24, 0),
    "token refused twice": ({"kind": "unauthorized", "count": 2}, 24, 0),
    "busy for long": ({"kind": "status", "status": 429, "headers": {"Retry-After": "61"}}, 23, 0),
    "503 for long": ({"kind": "status", "status": 503, "headers": {"Retry-After": "3600"}}, 23, 0),
    "token refused": ({"kind": "unauthorized"}, 4, 1),
    "429": ({"kind": "status", "status": 429}, 4, 1),
    "503 with Retry-After": (BUSY, 4, 1),
}


@pytest.mark.parametrize("case", STARTS)
def test_what_becomes_of_a_start_is_what_the_answer_proves(
    site: Workplace, simulator: SharedSimulator, case: str
) -> None:
    """Repeated only where it was provably not executed; in doubt 104, and the record keeps the doubt."""
    impatient(site)
    fault, code, tasks = STARTS[case]
    simulator.add_fault("start", **fault)
    run = site.run(*SHORT, environment=JOB)
    assert run.exit_code == code, run.text
    assert len(simulator.tasks()) == tasks
    repeated = code == 4 or case == "token refused twice"
    assert len(simulator.requests("start")) == 1 + repeated
    state = {4: "finished", 104: "intended"}.get(code, "not started")
    assert site.record()["state"] == state
    if code == 104:
        assert all(word in run.text for word in ("may be running", "-jt ATTACH -id N", "--release")), run.text
    elif code != 4:
        assert "not start" in run.text or "Nothing was started" in run.text, run.text


def test_the_servers_words_and_the_wire_profile_are_named(site: Workplace, simulator: SharedSimulator) -> None:
    """A refusal shows what the server said; an answer that fits nothing names its members and WIRE_PROFILE."""
    simulator.add_fault("start", "status", status=400, body='{"title": "No", "detail": "Station OPCON is locked"}')
    assert "Station OPCON is locked" in site.run(*SHORT, environment=JOB).text
    simulator.add_fault("start", "content", body='{"Result": "queued", "Number": 5}')
    odd = site.run(*SHORT, environment=JOB)
    assert all(word in odd.text for word in ("Result, Number", "WIRE_PROFILE"))


def test_a_job_that_does_not_exist_is_106(site: Workplace) -> None:
    """With the server's words."""
    run = site.run(*start_of("NO_SUCH_JOB"), environment=JOB)
    assert run.exit_code == 106, run.text
    assert "NO_SUCH_JOB" in run.text
    assert run.exit_code == site.run(*start_of("NO_SUCH_JOB")).exit_code


def test_a_handshake_cut_short_is_repeated(tmp_path: Path, programs: Programs) -> None:
    """Over TLS a connection that is reset before the handshake has carried nothing: the start is sent again."""
    with SharedSimulator(tmp_path / "amt", DEFINITIONS, tls=True) as simulator:
        site = Workplace(tmp_path / "site", programs, simulator.address, ca_file=simulator.ca_file)
        simulator.add_fault("connection", "reset-before", after=1, count=1)
        run = site.run(*SHORT, environment=JOB)
        assert run.exit_code == 4, run.text
        assert len(simulator.tasks()) == len(simulator.requests("start")) == 1


@pytest.mark.begins_as(3)  # one test, not four: another process would have to wait for a minute of its own
@pytest.mark.posix_only
def test_what_reaches_nobody_is_tried_for_a_minute_and_is_23(patient_runs: PatientRuns) -> None:
    """Nothing was started, and the record says so."""
    for name, words in REACHES_NOBODY.items():
        run, site = patient_runs.end_of(name)
        assert run.exit_code == 23, run.text
        assert words in run.text
        assert "Nothing was started" in run.text
        assert site.record()["state"] == "not started"
        assert run.text.count("trying for up to 60 s") == 1


@pytest.mark.begins_as(1)
@pytest.mark.posix_only
def test_a_start_on_the_wire_is_waited_for_20_s_after_a_signal(patient_runs: PatientRuns) -> None:
    """Then 107, and the record keeps the doubt, for AMT may have received it."""
    run, site = patient_runs.end_of("start unanswered")
    assert run.exit_code == 107, run.text
    assert "may be running" in run.text
    assert f"--release {site.record()['run_id']}" in run.text
    assert site.record()["state"] == "intended"
    stamps = re.findall(r" (\d\d):(\d\d):(\d\d)\.\d{3} : ", run.text)
    first, last = (int(h) * 3600 + int(m) * 60 + int(s) for h, m, s in (stamps[0], stamps[-1]))
    assert 19 <= (last - first) % 86400 <= 26
