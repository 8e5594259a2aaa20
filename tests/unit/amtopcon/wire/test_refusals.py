"""The rules of answers in other forms: envelopes, refusals that no HTTP status tells, words, shapes."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest

from amtconnector.amtopcon.wire.answers import (
    Refused,
    Started,
    check_accepted,
    check_agreed,
    read_logon,
    read_start,
    read_status,
)
from amtconnector.amtopcon.wire.built_in import load_profile
from amtconnector.amtopcon.wire.document import parsed
from amtconnector.amtopcon.wire.profile_file import profile_of
from amtconnector.amtopcon.wire.reply import Reply
from amtconnector.amtopcon.wire.requests import Request
from amtconnector.amtopcon.wire.shape import exchange_of, shape_of
from amtconnector.errors import Busy, CallFailed, LogonRefused, NotFound, NotUnderstood, Rejected, Unauthorized
from amtconnector.task import RequestId

BUILT_IN = load_profile()
ID = RequestId("2112")
ENVELOPE = profile_of(
    tomllib.loads("""
[members]
token = ["data.result.AmtLogonToken"]
request_id = ["data.result.BatchRequestId"]
status = ["data.result.Status"]
[refused]
when = [{ success = false }, { errorCode = { not = 0 } }]
words = ["errorText"]
token = [{ errorCode = 401 }]
request = [{ errorCode = 404 }]
later = [{ errorCode = 77 }]
[statuses]
4 = ["Finished OK"]
""")
)


def reply(body: Any, status: int = 200, **headers: str) -> Reply:
    """Return an answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, data)


def inside(**result: Any) -> dict[str, Any]:
    """Return a good answer in the envelope."""
    return {"success": True, "errorCode": 0, "data": {"result": result}}


def refusal(code: int, text: str = "No.") -> dict[str, Any]:
    """Return a refusal in the envelope."""
    return {"success": False, "errorCode": code, "errorText": text, "data": {"result": {}}}


# --- the logon -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"error": "invalid_grant", "error_description": "no"}, 400),
        ({"success": False, "errorText": "no"}, 200),
        ({"AmtLogonToken": "", "ErrorCode": 5, "ErrorDescription": "no"}, 200),
        ({"errorcode": "7"}, 200),
        ({"Message": "The user name or password is incorrect"}, 400),
        ({"Message": "Wrong password"}, 500),
        ({"detail": "The account is locked out"}, 423),
        ({}, 401),
        ({}, 403),
        ({"AmtLogonToken": None}, 200),
    ],
)
def test_a_wrong_password_in_any_form_is_a_refusal_of_the_credentials(body: Any, status: int) -> None:
    """It is asked once and remembered: AMT locks accounts."""
    with pytest.raises(LogonRefused):
        read_logon(reply(body, status), BUILT_IN)


@pytest.mark.parametrize(
    "body",
    [
        {"AmtLogonToken": "t0ken", "ErrorCode": 0},
        {"AmtLogonToken": "t0ken", "ErrorCode": None, "success": True},
        {"AmtLogonToken": "t0ken", "ErrorCode": "OK"},
    ],
)
def test_a_good_logon_that_says_so_is_one(body: Any) -> None:
    """No error is no error, in whichever form."""
    assert read_logon(reply(body), BUILT_IN) == "t0ken"


@pytest.mark.parametrize("status", [400, 404, 405, 415, 422])
def test_a_wrong_route_sends_nobody_to_look_for_a_wrong_password(status: int) -> None:
    """Words about a missing member are none about a wrong one."""
    body = {
        "title": "One or more validation errors occurred.",
        "errors": {"Password": ["The Password field is required."]},
    }
    with pytest.raises(Rejected):
        read_logon(reply(body, status), BUILT_IN)


@pytest.mark.parametrize("status", [403, 409, 503])
def test_a_limit_of_sessions_says_nothing_against_the_credentials(status: int) -> None:
    """It is tried again like a busy server, and no other job is kept from trying."""
    with pytest.raises(Busy, match="Maximum number of sessions"):
        read_logon(reply({"Message": "Maximum number of sessions reached"}, status), BUILT_IN)


def test_the_profile_tells_a_refusal_from_a_limit() -> None:
    """In an envelope as well."""
    with pytest.raises(Busy):
        read_logon(reply(refusal(77)), ENVELOPE)
    with pytest.raises(LogonRefused, match="wrong, sorry"):
        read_logon(reply(refusal(5, "wrong, sorry")), ENVELOPE)
    assert read_logon(reply(inside(AmtLogonToken="t0ken")), ENVELOPE) == "t0ken"


def test_a_token_can_stand_in_a_header_or_a_cookie() -> None:
    """Of the logon's answer."""
    header = profile_of({"members": {"token": ["header:X-Token"]}})
    cookie = profile_of({"members": {"token": ["cookie:AMT"]}})
    assert read_logon(reply(b"", x_token="t0ken"), header) == "t0ken"
    assert read_logon(reply(b"", 204, set_cookie="a=b; path=/, AMT=t0ken; httponly"), cookie) == "t0ken"
    with pytest.raises(NotUnderstood):
        read_logon(reply(b""), header)


# --- the start -------------------------------------------------------------------------------------------------------


def test_a_start_in_an_envelope_is_started_or_refused() -> None:
    """With the server's words."""
    assert read_start(reply(inside(BatchRequestId=2112)), ENVELOPE) == Started(ID)
    assert read_start(reply(refusal(17, "No such job")), ENVELOPE) == Refused("No such job")


def test_a_start_that_is_refused_and_has_an_id_may_be_running() -> None:
    """It is never taken for "not started"."""
    body = {**inside(BatchRequestId=2112), "success": False}
    with pytest.raises(NotUnderstood, match="2112"):
        read_start(reply(body), ENVELOPE)


def test_a_refused_token_in_an_envelope_is_a_refused_token() -> None:
    """Log on once more, as after a 401."""
    with pytest.raises(Unauthorized):
        read_start(reply(refusal(401)), ENVELOPE)
    with pytest.raises(Unauthorized):
        read_status(reply(refusal(401)), ENVELOPE, ID)


def test_a_request_id_can_stand_in_the_location() -> None:
    """Of an answer without a body."""
    own = profile_of({"members": {"request_id": ["header:Location"]}})
    assert read_start(reply(b"", 202, location="https://amt:1/requests/2112/?x=1"), own) == Started(ID)


@pytest.mark.parametrize("body", [b"2112", b"2"])
def test_a_bare_number_that_may_have_been_cut_is_not_believed(body: bytes) -> None:
    """`21` may be what is left of 2112."""
    cut = reply(body)._replace(is_complete_for_sure=False)
    with pytest.raises(NotUnderstood, match="cut"):
        read_start(cut, BUILT_IN)
    with pytest.raises(NotUnderstood, match="cut"):
        read_status(cut, BUILT_IN, ID)


# --- the status ------------------------------------------------------------------------------------------------------


def test_a_path_picks_the_requests_own_entry() -> None:
    """From a list of all jobs, its id a number or a text."""
    own = profile_of({"members": {"status": ["Jobs[Id={request_id}].State"]}})
    jobs = [{"Id": "2111", "State": "Done"}, {"Id": 2112, "State": "AbortedWithRecover"}]
    assert read_status(reply({"Jobs": jobs}), own, ID).code == 22
    with pytest.raises(NotUnderstood):
        read_status(reply({"Jobs": jobs[:1]}), own, ID)


def test_the_first_name_counts_and_nothing_contradicts_a_done() -> None:
    """A completion code of 0 beside RUNNING is no second status; beside DONE it is."""
    assert read_status(reply({"Status": 2, "CompletionCode": 0}), BUILT_IN, ID).code == 2
    assert read_status(reply({"CompletionCode": 0, "Status": 12}), BUILT_IN, ID).code == 12
    for body in ({"Status": 4, "CompletionCode": 0}, {"Status": 2, "CompletionCode": 4}):
        with pytest.raises(NotUnderstood, match=r"Status is .*, CompletionCode is"):
            read_status(reply(body), BUILT_IN, ID)


@pytest.mark.parametrize(
    ("word", "code"),
    [("AbortedWithRecover", 22), ("WaitForFile", 13), ("SkippedByOps", 6), ("DelQueue", 10), ("InvalidAmtUser", 99)],
)
def test_statuses_in_c_sharp_spelling_need_no_profile(word: str, code: int) -> None:
    """Everything that is no letter or digit is folded, and letter case."""
    assert read_status(reply({"Status": word}), BUILT_IN, ID).code == code


def test_a_success_in_another_word_needs_the_profiles_own_word() -> None:
    """No other word ever is one."""
    assert read_status(reply(inside(Status="finished ok")), ENVELOPE, ID).is_success
    for word in ("Finished", "OK", "Success", "Completed"):
        assert not read_status(reply({"Status": word}), BUILT_IN, ID).is_known


def test_an_unknown_request_in_an_envelope_is_one() -> None:
    """As a 404 is."""
    with pytest.raises(NotFound):
        read_status(reply(refusal(404)), ENVELOPE, ID)


def test_a_kill_that_is_refused_inside_200_is_not_accepted() -> None:
    """The words are the server's."""
    with pytest.raises(Rejected, match="You may not"):
        check_accepted(reply(refusal(9, "You may not")), ENVELOPE)


def test_xml_is_read_where_the_profile_says_so() -> None:
    """Paths begin below the root; a document type is not read at all."""
    own = profile_of({"answers": {"format": "xml"}})
    body = (
        b'<?xml version="1.0"?><StatusResult xmlns="urn:x">'
        b"<BatchRequestId>2112</BatchRequestId><Status>RUNNING</Status></StatusResult>"
    )
    assert read_status(reply(body), own, ID).code == 2
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaa">]><x><Status>&a;</Status></x>'
    for bad in (bomb, b"<x><Status>4</Status>", b"{}", b"<x>" * 100_000):
        with pytest.raises(CallFailed):
            read_status(reply(bad), own, ID)


@pytest.mark.parametrize(
    "body",
    [
        b'{"Status":' + b"9" * 5000 + b"}",
        b'{"BatchRequestId":1e400,"Status":2}',
        b'{"\\q":1}',
        b'{"Status":"\\ud800"}',
        b"\xff\xfe{}",
        b"[" * 100_000,
        b'"' + b"\\" * 1001,
    ],
)
def test_no_bytes_are_a_defect(body: bytes) -> None:
    """Every reader of the server's bytes turns every failure into an answer that is not understood."""
    for read in (
        lambda answer: read_logon(answer, BUILT_IN),
        lambda answer: read_start(answer, BUILT_IN),
        lambda answer: read_status(answer, BUILT_IN, ID),
        lambda answer: read_status(answer, ENVELOPE, ID),
    ):
        try:
            result = read(reply(body))
        except CallFailed:
            continue
        assert not getattr(result, "is_known", False)


# --- what is shown ---------------------------------------------------------------------------------------------------


def test_a_logons_answer_is_shown_as_its_shape() -> None:
    """Names and lengths, for any text could be the token."""
    request = Request("logon", "POST", "/session?p=opconxps", b"opconxps", (), "/session")
    answer = reply({"data": {"result": {"AmtLogonToken": "x" * 25}}, "success": True})
    shown = exchange_of(request, answer, str).lines
    assert shown == (
        'Asked : POST /session\nAnswer: 200 {"data":{"result":{"AmtLogonToken":"<text of 25>"}},"success":true}'
    )


def test_other_answers_are_shown_with_short_values_and_without_secrets() -> None:
    """Lists by their first entry."""
    request = Request("status", "GET", "/x?sid=s3cret", None)
    answer = reply({"Jobs": [{"Id": 1}, {"Id": 2}], "Note": "s3cret", "Long": "x" * 100})
    conceal = lambda text: text.replace("s3cret", "***")  # noqa: E731 - one line
    assert exchange_of(request, answer._replace(conceal=conceal), conceal).lines == (
        'Asked : GET /x?sid=***\nAnswer: 200 {"Jobs":[{"Id":1},"<1 more>"],"Note":"***","Long":"<text of 100>"}'
    )


def test_the_shape_of_anything_is_short() -> None:
    """Deep, wide, or huge."""
    for text in ("[" * 200 + "]" * 200, json.dumps({f"m{n}": [1] * n for n in range(1000)}), "9" * 4000):
        assert len(shape_of(parsed(text), hides_texts=False)) < 1000


@pytest.mark.parametrize(("body", "kind"), [(b"<html>x</html>", "a web page"), (b"<a><b>", "XML"), (b"x", "no JSON")])
def test_what_is_no_json_is_named(body: bytes, kind: str) -> None:
    """XML is AMT with another contract, and no proxy."""
    assert f"200 {kind}, " in exchange_of(Request("status", "GET", "/x", None), reply(body), str).lines


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (reply({"success": False, "message": "You may not"}), Rejected),
        (Reply(200, {}, b"<html><title>Sign in</title></html>"), NotUnderstood),
    ],
)
def test_a_kill_that_a_success_denies_is_not_accepted_without_a_profile(
    answer: Reply, failure: type[CallFailed]
) -> None:
    """A success that says of itself that it is none, or that is somebody else's page, ends no task."""
    with pytest.raises(failure, match=r"You may not|web page"):
        check_agreed(answer, BUILT_IN)
    check_agreed(reply({"success": True}), BUILT_IN)
    check_agreed(Reply(204, {}, b""), BUILT_IN)
