"""The rules of where things stand in the answers of servers of other shapes: addresses, plain text, two members."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

import pytest

from amtconnector.amtopcon.wire import answers
from amtconnector.amtopcon.wire.profile_file import profile_of
from amtconnector.amtopcon.wire.reply import Reply
from amtconnector.errors import LogonRefused, NotUnderstood
from amtconnector.task import RequestId

if TYPE_CHECKING:
    from amtconnector.amtopcon.wire.profile import Profile


def of(text: str) -> Profile:
    """Return the profile that these entries make."""
    return profile_of(tomllib.loads(text))


LOCATION = "[members]\nrequest_id = ['header:Location{}']\n"


@pytest.mark.parametrize(
    ("around", "location", "number"),
    [
        ("", "/v1/runs/2112", "2112"),
        (" /runs/{}/state", "http://amt:1/v1/runs/2112/state?x=1", "2112"),
        (" BatchRequests({})", "/odata/BatchRequests(2112)", "2112"),
        ("", "/v1/runs/2112/state", None),
        (" /runs/{}", "/v1/runs/2112/state", None),
        (" /jobs/{}", "/v1/runs/2112", None),
    ],
)
def test_a_request_id_is_taken_out_of_an_address(around: str, location: str, number: str | None) -> None:
    """What is no id, such as the last word of another address, is none: the task may then be running."""
    reply = Reply(202, {"location": location}, b"")
    profile = of(LOCATION.replace("{}", around))
    if number is None:
        with pytest.raises(NotUnderstood):
            answers.read_start(reply, profile)
    else:
        assert answers.read_start(reply, profile) == answers.Started(RequestId(number))


TEXT = """
[members]
token = ["body:text"]
request_id = ["body:text"]
status = ["body:text state: {}"]
[refused]
when = [{ words = "ERR" }]
"""


def test_plain_text_is_read_where_the_profile_says_so() -> None:
    """A token, an id and a status; words in their place are none of them, and a refusal only where the profile says."""
    profile = of(TEXT)
    assert answers.read_logon(Reply(200, {}, b"a0b1/c2==\r\n"), profile) == "a0b1/c2=="
    assert answers.read_start(Reply(200, {}, b"2112\r\n"), profile) == answers.Started(RequestId("2112"))
    assert answers.read_status(Reply(200, {}, b"state: DONE"), profile, RequestId("2112")).code == 4
    assert answers.read_start(Reply(200, {}, b"ERR 7 no such job"), profile) == answers.Refused("ERR 7 no such job")
    for body in (b"Login failed", b"<html>x</html>", b'{"error":"x"}', b""):
        with pytest.raises((NotUnderstood, LogonRefused)):
            answers.read_logon(Reply(200, {}, body), profile)
    for body in (b"queued", b"accepted", b"2112 or so"):
        with pytest.raises(NotUnderstood):
            answers.read_start(Reply(200, {}, body), profile)
    with pytest.raises(NotUnderstood):
        answers.read_status(Reply(200, {}, b"Request is gone"), profile, RequestId("2112"))


@pytest.mark.parametrize("body", [b"state: DONE, not confirmed", b"state: DONE soon", b"state: DONE\nstate: RUNNING"])
def test_words_behind_a_status_make_it_no_success(body: bytes) -> None:
    """A success is said to the end of the text, or not at all."""
    try:
        status = answers.read_status(Reply(200, {}, body), of(TEXT), RequestId("2112"))
    except NotUnderstood:
        return
    assert (status.is_success, status.is_known) == (False, False)


def test_plain_text_that_may_be_cut_is_no_id_and_no_status() -> None:
    """`21` may be what is left of 2112, and another task would be followed."""
    cut = Reply(200, {}, b"21", is_complete_for_sure=False)
    with pytest.raises(NotUnderstood, match="cut"):
        answers.read_start(cut, of(TEXT))
    with pytest.raises(NotUnderstood, match="cut"):
        answers.read_status(cut._replace(body=b"state: DONE"), of(TEXT), RequestId("2112"))


TWO = """
[members]
status = ["outcome", "state"]
[statuses]
4 = ["Successful"]
30 = { name = "Ended", kind = "unknown" }
"""


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"state":"Running","outcome":null}', 2),
        ('{"state":"Running","outcome":""}', 2),
        ('{"state":"Ended","outcome":"Successful"}', 4),
        ('{"state":"Ended","outcome":"Killed"}', 3),
        ('{"state":"Ended","outcome":null}', 30),
    ],
)
def test_an_outcome_counts_beside_a_state_that_says_nothing(body: str, code: int) -> None:
    """A profile's own status of the kind "unknown" contradicts nothing, and is no end."""
    assert answers.read_status(Reply(200, {}, body.encode()), of(TWO), RequestId("2112")).code == code


@pytest.mark.parametrize("state", ["Running", "Rolling back", "UNDEFINED", "Aborted"])
def test_any_other_word_beside_a_done_contradicts_it(state: str) -> None:
    """Also one that nobody knows."""
    body = f'{{"state":"{state}","outcome":"Successful"}}'.encode()
    with pytest.raises(NotUnderstood, match="two different"):
        answers.read_status(Reply(200, {}, body), of(TWO), RequestId("2112"))


def test_json_in_a_json_string_is_read_inside_an_envelope() -> None:
    """An old script service wraps its answer in a text."""
    profile = of('[members]\nstatus = ["d.Status.Value"]\n')
    body = json.dumps({"d": json.dumps({"Status": {"Value": 4}})}).encode()
    assert answers.read_status(Reply(200, {}, body), profile, RequestId("2112")).code == 4


def test_an_object_under_the_name_of_the_request_id_is_no_other_id() -> None:
    """One name can hold the id in one answer, and an object in another."""
    profile = of('[members]\nrequest_id = ["result"]\nstatus = ["result.code"]\n')
    assert answers.read_status(Reply(200, {}, b'{"result":{"code":2}}'), profile, RequestId("2112")).code == 2
