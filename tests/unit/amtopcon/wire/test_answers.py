"""The rules of answers: read leniently in form, never in meaning."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amtconnector.amtopcon.wire.answers import Refused, Started, read_start, read_status, read_token
from amtconnector.amtopcon.wire.built_in import load_profile
from amtconnector.amtopcon.wire.reply import Reply, failure_of, retry_after_s, server_words
from amtconnector.errors import (
    AnswerLate,
    Busy,
    CallFailed,
    Forbidden,
    NoAnswer,
    NotFound,
    NotUnderstood,
    Rejected,
    ServerFailed,
    Unauthorized,
    Unsupported,
)
from amtconnector.statuses import AMT_STATUSES, SUCCESS, Status
from amtconnector.task import RequestId

PROFILE = load_profile()
ID = RequestId("2112")
BOM = b"\xef\xbb\xbf"
DEEP = b"[" * 100_000
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["Status", "BatchRequestId"]), inner),
    max_leaves=10,
)
BODIES = st.binary() | JSON.map(lambda value: json.dumps(value).encode())


def reply(body: bytes | str, status: int = 200, retry_after: float | None = None) -> Reply:
    """Return an answer."""
    headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
    return Reply(status, headers, body if isinstance(body, bytes) else body.encode(), retry_after)


def not_understood(body: bytes | str, read: str = "status") -> str:
    """Return the message for an answer that is not understood."""
    with pytest.raises(NotUnderstood) as caught:
        read_as(read, body)
    return caught.value.message


def read_as(read: str, body: bytes | str) -> object:
    """Read an answer to a call."""
    if read == "logon":
        return read_token(reply(body), PROFILE)
    return read_start(reply(body), PROFILE) if read == "start" else read_status(reply(body), PROFILE, ID)


# --- what an HTTP status means ---------------------------------------------------------------------------------------

MAY_HAVE_RUN, NOT_EXECUTED, REFUSED = "may be running", "not executed", "refused"
MEANING: dict[type[CallFailed] | None, str] = {
    None: "an answer to read",
    Unauthorized: NOT_EXECUTED,
    Busy: NOT_EXECUTED,
    Forbidden: REFUSED,
    NotFound: REFUSED,
    Rejected: REFUSED,
    NoAnswer: MAY_HAVE_RUN,
    AnswerLate: MAY_HAVE_RUN,
    ServerFailed: MAY_HAVE_RUN,
    Unsupported: MAY_HAVE_RUN,
    NotUnderstood: MAY_HAVE_RUN,
}


def documented(status: int, *, retry_after: bool) -> str:
    """Return the meaning of the interface's table: what an answer to START means."""
    if 200 <= status < 300:
        return "an answer to read"
    if status in {401, 429} or (status == 503 and retry_after):
        return NOT_EXECUTED
    if status in {408, 409} or status >= 500 or status < 200:
        return MAY_HAVE_RUN
    return REFUSED


@pytest.mark.parametrize("retry_after", [False, True])
@pytest.mark.parametrize("status", range(100, 600))
def test_every_http_status_means_what_the_table_says(status: int, *, retry_after: bool) -> None:
    """All of 100 to 599, with and without Retry-After."""
    failure = failure_of(reply("{}", status, 5.0 if retry_after else None))
    assert MEANING[type(failure) if failure else None] == documented(status, retry_after=retry_after)
    if failure:
        assert str(status) in failure.message
        assert failure.retry_after_s == (5.0 if retry_after else None)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((401, Unauthorized), (403, Forbidden), (404, NotFound), (429, Busy), (400, Rejected), (302, Rejected)),
        *((408, NoAnswer), (409, ServerFailed), (500, ServerFailed), (501, Unsupported), (505, Unsupported)),
    ],
)
def test_refusals_are_told_apart(status: int, kind: type[CallFailed]) -> None:
    """The watch treats each in its own way."""
    assert type(failure_of(reply("", status))) is kind


# --- the server's own words ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"title":"Bad","detail":"No such job"}', "Bad; No such job"),
        (
            '{"title":"Invalid","errors":{"JobName":["is required","is short"]}}',
            "JobName: is required; JobName: is short",
        ),
        ('{"Message":"locked"}', "locked"),
        ('{"ERRORMESSAGE":"locked"}', "locked"),
        ('{"ErrorDescription":"locked","Other":"x"}', "locked"),
        ('{"title":"  ","detail":null,"errors":5}', '{"title":" ","detail":null,"errors":5}'),
        ('{"error":"unsupported_grant_type"}', "unsupported_grant_type"),
        ('{"fault":{"code":7}}', '{"fault":{"code":7}}'),
        ('{"data":{"result":{"errorText":"locked"}},"success":false}', "locked"),
        ("<Error><Code>400</Code><Message>locked</Message></Error>", "locked"),
        ('"locked"', "locked"),
        ("locked\r\n  out", "locked out"),
        ("<h1>\x1b[2JNo</h1>", r"<h1>\x1b[2JNo</h1>"),
        ("", ""),
        ("[]", ""),
        ("null", ""),
        (BOM + b'{"title":"Bad"}', "Bad"),
        (BOM + b"Bad", "Bad"),
        (b"gr\xfcn", "gr\ufffdn"),
        ("x" * 500, "x" * 197 + "..."),
    ],
)
def test_the_servers_words_are_one_short_safe_line(body: str | bytes, words: str) -> None:
    """Problem details, an error member, or the body."""
    said = server_words(reply(body, 400))
    assert said.endswith(words) if words else said == ""
    assert len(said) <= 200


@given(BODIES, st.sampled_from([400, 401, 404, 500, 503]))
def test_any_body_of_a_refusal_gives_one_line(body: bytes, status: int) -> None:
    """For all bodies: no exception, no line break."""
    failure = failure_of(reply(body, status))
    assert failure is not None
    assert len(failure.message.splitlines()) == 1


@pytest.mark.parametrize("body", [DEEP, b'{"errors":' * 400 + b"1" + b"}" * 400, b'{"a":' * 100_000])
def test_an_answer_that_is_nested_deeply_is_no_defect(body: bytes) -> None:
    """Neither in a refusal nor in an answer that is read."""
    assert failure_of(reply(body, 400)) is not None
    for read in ("logon", "start", "status"):
        not_understood(body, read)


def test_secrets_are_taken_out_before_the_words_are_cut() -> None:
    """Half a password is none of anybody's business either."""
    body = "x" * 190 + "opconxps"
    said = server_words(Reply(400, {}, body.encode(), None, lambda text: text.replace("opconxps", "*")))
    assert said == "x" * 190 + "*"


def test_an_answer_does_not_show_body_and_headers_in_its_repr() -> None:
    """A token or a cookie can be in them."""
    assert repr(Reply(200, {"set-cookie": "s3cret"}, b"t0ken", 5)) == "Reply(status=200, retry_after_s=5)"


# --- the token -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        '{"AmtLogonToken":"t0ken"}',
        '{"amtlogontoken":"t0ken","Expires":5,"Nested":{"AmtLogonToken":"other"}}',
        '"t0ken"',
        BOM + b'{"AmtLogonToken":"t0ken"}',
        '{"AmtLogonToken":" t0ken\\n"}',
        '{"AmtLogonToken":"t0ken","AMTLOGONTOKEN":"t0ken"}',
    ],
)
def test_a_token_is_read_in_every_form(body: str | bytes) -> None:
    """Member names in any case, unknown members, a bare text, a byte-order mark."""
    assert read_as("logon", body) == "t0ken"


@pytest.mark.parametrize("body", ['{"AmtLogonToken":""}', '{"AmtLogonToken":null}', '""', '{"AmtLogonToken":"  "}'])
def test_an_empty_token_is_a_refusal(body: str) -> None:
    """A 200 with an empty token is the server's way to say no."""
    assert read_as("logon", body) == ""


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "{}",
        "[]",
        '["t0ken"]',
        "true",
        "2112",
        '{"Token":"t0ken"}',
        '{"AmtLogonToken":"t0ken","AmtLogonToken":"t0ken2"}',
        '{"AmtLogonToken":"t0ken","amtlogontoken":""}',
        '{"AmtLogonToken":5}',
        '{"AmtLogonToken":false}',
        '{"AmtLogonToken":0}',
        '{"AmtLogonToken":["t0ken"]}',
        '{"AmtLogonToken":{"value":"t0ken"}}',
        '{"AmtLogonToken":"t0ken t0ken"}',
        '{"AmtLogonToken":"t0ken\\r\\nX-Evil: 1"}',
        '{"AmtLogonToken":"t0kén"}',
        '{"AmtLogonToken":"t0ken"',
        "t0ken",
        "<LogonAnswer><AmtLogonToken>t0ken</AmtLogonToken></LogonAnswer>",
        '  <?xml version="1.0"?><AmtLogonToken>t0ken</AmtLogonToken>',
        "AmtLogonToken=t0ken",
        b"\xff\xfet\x000\x00k\x00e\x00n\x00",
        DEEP + b'"t0ken',
    ],
)
def test_an_answer_without_a_token_is_not_understood_and_not_quoted(body: str | bytes) -> None:
    """A wrong route must not send anyone to look for a wrong password, and a value could be the token."""
    assert "t0k" not in not_understood(body, "logon")


def test_the_names_of_the_members_that_did_come_are_told() -> None:
    """They show how the contract differs."""
    assert "Token, Expires" in not_understood('{"Token":"t0ken","Expires":5}', "logon")


@pytest.mark.parametrize("page", ["<!DOCTYPE html>\n<p>IIS</p>", " <html><p>IIS</p>", "\ufeff<HTML><p>IIS</p>"])
def test_a_web_page_in_place_of_a_token_is_quoted(page: str) -> None:
    """It says which other program answers there."""
    assert "IIS" in not_understood(page, "logon")


# --- the start -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('{"BatchRequestId":2112}', "2112"),
        ('{"batchrequestid":"2112"}', "2112"),
        ('{"BatchRequestId":2112,"Status":99}', "2112"),
        ('{"BatchRequestId":2112,"BATCHREQUESTID":"2112"}', "2112"),
        ('{"BatchRequestId":2112,"batchRequestId":null}', "2112"),
        ('{"Other":{"BatchRequestId":1},"BatchRequestId":2112}', "2112"),
        ("2112", "2112"),
        ('"2112"', "2112"),
        (BOM + b"2112", "2112"),
        ('{"BatchRequestId":"0d9e-AB"}', "0d9e-AB"),
        ('{"BatchRequestId":' + "9" * 64 + "}", "9" * 64),
    ],
)
def test_an_id_above_0_or_of_letters_means_started(body: str | bytes, text: str) -> None:
    """In every form that the contract allows."""
    assert read_as("start", body) == Started(RequestId(text))


@pytest.mark.parametrize(
    ("body", "words", "code"),
    [
        ('{"BatchRequestId":0}', "", None),
        ('{"BatchRequestId":-1,"Message":"no such job"}', "no such job", None),
        ('{"BatchRequestId":"0"}', "", None),
        ("0", "", None),
        ('"-5"', "", None),
        ('{"BatchRequestId":0,"Status":99}', "", 99),
        ('{"BatchRequestId":0,"Status":2}', "", None),
        ('{"BatchRequestId":0,"Status":4}', "", None),
        ('{"Status":99}', "", 99),
        ('{"Status":"24"}', "", 24),
        ('{"State":"INVALID_AMT_USER","BatchRequestId":null}', "", 99),
        ('{"Status":11,"BatchRequestId":""}', "", 11),
        ('{"Status":99,"State":null,"JobStatus":"invalid amt user"}', "", 99),
    ],
)
def test_an_id_of_0_or_below_or_an_unsuccessful_end_means_refused(body: str, words: str, code: int | None) -> None:
    """AMT answered, and nothing was started."""
    answer = read_as("start", body)
    assert isinstance(answer, Refused)
    assert (answer.words, answer.status.code if answer.status else None) == (words, code)


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "null",
        "{}",
        "[]",
        "[2112]",
        "true",
        "2112.0",
        "NaN",
        '"not an id"',
        '{"Id":2112}',
        '{"BatchRequestId":null}',
        '{"BatchRequestId":""}',
        '{"BatchRequestId":true}',
        '{"BatchRequestId":false}',
        '{"BatchRequestId":false,"Status":99}',
        '{"BatchRequestId":2112.5}',
        '{"BatchRequestId":[2112]}',
        '{"BatchRequestId":{"Value":2112}}',
        '{"BatchRequestId":2112,"BatchRequestId":2113}',
        '{"BatchRequestId":2112,"batchrequestid":0}',
        '{"BatchRequestId":"a b"}',
        '{"BatchRequestId":' + "9" * 65 + "}",
        '{"BatchRequestId":-' + "9" * 5000 + "}",
        '{"BatchRequestId":"' + "a" * 65 + '"}',
        '{"Status":2}',
        '{"Status":4}',
        '{"Status":25}',
        '{"Status":99,"State":11}',
        '{"Status":true}',
        '{"Result":"ok"}',
        '{"BatchRequestId":21',
        "<html>ok</html>",
        b"\xff\xfe",
        DEEP,
    ],
)
def test_any_other_answer_to_a_start_may_mean_that_it_runs(body: str | bytes) -> None:
    """It is never taken for "not started"."""
    not_understood(body, "start")


@pytest.mark.parametrize("body", ['{"Id":1,"State":"ok"}', '{"Id":1,"BatchRequestId":true,"State":"ok"}'])
def test_the_members_of_an_answer_without_a_fitting_id_are_named(body: str) -> None:
    """Whoever adapts the contract needs them."""
    message = not_understood(body, "start")
    assert "Id" in message
    assert "State" in message


@given(BODIES)
def test_a_start_is_started_refused_or_not_understood(body: bytes) -> None:
    """For all bodies, and a refusal never carries a status that is a success or goes on."""
    try:
        answer = read_start(reply(body), PROFILE)
    except NotUnderstood:
        return
    if isinstance(answer, Refused) and answer.status:
        assert answer.status.is_terminal
        assert not answer.status.is_success


# --- the status ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", AMT_STATUSES)
def test_a_status_is_read_by_number_and_by_name_in_every_form(status: Status) -> None:
    """Bare or as a member of any of the known names, in quotes or not."""
    for value in (str(status.code), f'"{status.code}"', f'" {status.code} "', f'"{status.name.lower()}"'):
        assert read_as("status", value) == status
        for name in ("Status", "JobStatus", "state", "COMPLETIONCODE"):
            assert read_as("status", f'{{"BatchRequestId":"2112","{name}":{value},"x":[{{}}]}}') == status
    assert read_as("status", BOM + str(status.code).encode()) == status


@pytest.mark.parametrize(
    "body",
    [
        '{"Status":4,"State":"DONE"}',
        '{"Status":4,"Status":"4"}',
        '{"Status":4,"CompletionCode":null}',
        '{"BatchRequestId":null,"Status":4}',
        '{"BatchRequestId":2112,"batchRequestId":"02112","Status":4}',
    ],
)
def test_names_that_agree_are_one_status(body: str) -> None:
    """A member that is null says nothing."""
    assert read_as("status", body) == PROFILE.statuses.by_code(SUCCESS)


@pytest.mark.parametrize("value", ["17", "25", "-1", '"NEW STATUS"', "100", "999999999", '"12345678901"'])
def test_a_status_that_nobody_knows_is_unknown_and_no_end(value: str) -> None:
    """It is named and polled on."""
    status = read_as("status", value)
    assert isinstance(status, Status)
    assert (status.is_known, status.is_terminal) == (False, False)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "{}",
        "[]",
        "[4]",
        "true",
        "4.0",
        "1e1",
        "Infinity",
        "9999999999",
        '""',
        '"  "',
        '{"Status":null}',
        '{"Status":true}',
        '{"Status":[4]}',
        '{"Status":{"Code":4}}',
        '{"Status":""}',
        '{"Status":4,"State":2}',
        '{"Status":4,"status":"RUNNING"}',
        '{"Status":4,"State":true}',
        '{"BatchRequestId":2113,"Status":4}',
        '{"BatchRequestId":"x","Status":4}',
        '{"BatchRequestId":true,"Status":4}',
        '{"BatchRequestId":2112,"BatchRequestId":2113,"Status":4}',
        '{"BatchRequestId":"","Status":4}',
        '{"BatchRequestId":2112}',
        '{"Result":{"Status":4}}',
        '{"BatchRequestId":2112,"Status":4',
        '{"Status":4} {"Status":4}',
        "<html>4</html>",
        DEEP,
    ],
)
def test_anything_else_is_never_a_status(body: str) -> None:
    """A wrong end would be worse than none."""
    not_understood(body)


@given(BODIES)
def test_a_status_comes_from_no_other_answer(body: bytes) -> None:
    """For all bodies: a status or NotUnderstood."""
    try:
        assert isinstance(read_status(reply(body), PROFILE, ID), Status)
    except NotUnderstood as error:
        assert len(error.message.splitlines()) == 1  # noqa: PT017 - either outcome is right


def test_a_page_in_place_of_a_status_is_quoted_in_200_characters() -> None:
    """Control characters are escaped."""
    message = not_understood("<html>\x1b[2J" + "x" * 1000)
    assert r"<html>\x1b[2Jxxx" in message
    assert len(message) < 280


@pytest.mark.parametrize("read", ["logon", "start", "status"])
def test_a_page_with_a_good_status_says_what_answers_instead_of_amt(read: str) -> None:
    """The sentence and the hint are those of the check; no wire profile would help."""
    with pytest.raises(NotUnderstood) as caught:
        read_as(read, "<html><title>Welcome</title></html>")
    assert caught.value.message == "the server answered 200 with a web page instead of AMT's answer: Welcome"
    assert "Something else than AMTOpCon" in caught.value.hint


# --- Retry-After -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(None, None), ("0", 0.0), ("120", 120.0), (" 5 ", 5.0), ("\x1c7", 7.0), ("1" * 9, 111111111.0)],
)
def test_retry_after_in_seconds(value: str | None, seconds: float | None) -> None:
    """The usual form."""
    assert retry_after_s(value) == seconds


def test_retry_after_as_a_date() -> None:
    """The rare form; a date in the past is no wait."""
    now = datetime.now(UTC)
    wait_s = retry_after_s(format_datetime(now + timedelta(seconds=30), usegmt=True))
    assert wait_s is not None
    assert 20 < wait_s <= 30
    assert retry_after_s(format_datetime(now - timedelta(days=1), usegmt=True)) == 0.0


@pytest.mark.parametrize("value", ["", "soon", "-5", "1.5", "\u0665", "Mon, 01 Jan 99999999999 00:00:00 GMT", "1" * 10])
def test_a_retry_after_without_sense_is_none(value: str) -> None:
    """It is not guessed."""
    assert retry_after_s(value) is None


@given(st.text())
def test_any_retry_after_is_a_time_or_none(value: str) -> None:
    """For all texts: no exception, and never a negative time."""
    assert (retry_after_s(value) or 0.0) >= 0.0
