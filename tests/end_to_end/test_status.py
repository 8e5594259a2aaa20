"""`amt status`: one look, no waiting."""

from __future__ import annotations

import json

import pytest

from tests.end_to_end.workplace import SharedSimulator, Workplace, opcon_job, start_of

NEVER = start_of("NEVER_ENDS")


def running_request(site: Workplace, simulator: SharedSimulator) -> str:
    """Start a job that does not end, and return its request id as soon as its connector has noted it."""
    job = site.start(*NEVER, environment=opcon_job())
    assert job.stdout is not None
    while b"BatchrequestId" not in job.stdout.readline():
        assert job.poll() is None
    return str(simulator.task_of("NEVER_ENDS")["id"])


def test_one_look_tells_the_status_and_waits_for_nothing(site: Workplace, simulator: SharedSimulator) -> None:
    """By id, and by application and job from the records on this machine; nothing of the task is touched."""
    request = running_request(site, simulator)
    by_id = site.run("status", "-id", request)
    assert (by_id.exit_code, f"Request {request}: RUNNING (2), running" in by_id.text) == (0, True)
    assert "OpCon job End of day" in by_id.text
    by_name = site.run("status", "-an", "DEMO2", "-jn", "NEVER_ENDS", "--json")
    assert by_name.exit_code == 0
    told = json.loads(by_name.text)
    assert (told["request_id"], told["status"], told["code"], told["is_terminal"]) == (request, "RUNNING", 2, False)
    assert simulator.task_of("NEVER_ENDS")["status"] == 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 101, "Name the request"),
        (("-an", "DEMO2"), 101, "Name the request"),
        (("-id", "nonsense"), 1, "AMT does not tell the status"),
        (("-an", "DEMO2", "-jn", "UNKNOWN"), 101, "No open run"),
        (("-id", "999999999"), 1, "AMT does not tell the status"),
        (("-id", "1", "--config", "missing"), 1, "missing"),
    ],
)
def test_what_can_not_be_told_is_no_0(
    site: Workplace, simulator: SharedSimulator, arguments: tuple[str, ...], code: int, words: str
) -> None:
    """101 for a wrong command line, 1 for everything else."""
    del simulator
    names_config = "--config" not in arguments
    process = site.start("status", *arguments, names_config=names_config)
    output = process.communicate(timeout=60)[0].decode()
    assert (process.returncode, words in output) == (code, True), output
