"""The rules of cookies: sent back within a run, bounded, and as secret as a token."""

from __future__ import annotations

import pytest

from amtconnector.amtopcon.cookies import MOST_BYTES, MOST_COOKIES
from amtconnector.errors import Rejected
from amtconnector.task import RequestId
from tests.support.loopback import conversation, http, listening, scripted

ID = RequestId("2112")
SESSION = "s3ss10n-of-a-run"


def sets(name: str, value: str) -> str:
    """Return the header that sets a cookie."""
    return f"Set-Cookie: {name}={value}; path=/"


def test_the_value_of_a_cookie_is_masked_where_the_server_repeats_it() -> None:
    """In any form in which a token would be."""
    answers = scripted(http(200, {"AmtLogonToken": "t"}, sets("session", SESSION)), http(400, f"bad {SESSION}"))
    with listening(answers) as served, conversation(served.server) as line:
        line.service.log_on()
        with pytest.raises(Rejected) as caught:
            line.service.kill(ID)
    assert SESSION.encode() in served.received[1]
    shown = caught.value.message + "".join(line.notes + line.traces)
    assert SESSION not in shown
    assert "bad ********" in caught.value.message


def test_a_new_name_in_each_answer_does_not_grow_the_requests() -> None:
    """The first ones stay, that of the session among them; there is room for as many as browsers keep."""
    answers = [http(200, {"AmtLogonToken": "t"}, sets("session", SESSION))]
    answers += [http(200, 2, sets(f"n{number}", "x" * 20)) for number in range(MOST_COOKIES + 20)]
    with listening(scripted(*answers)) as served, conversation(served.server) as line:
        line.service.log_on()
        for _ in answers:
            line.service.status(ID)
    last = served.received[-1]
    assert last.count(b"=xxxxxxxxxxxxxxxxxxxx") == MOST_COOKIES - 1
    assert b"session=" in last
    assert len(last) < MOST_BYTES


def test_large_cookies_are_bounded_too() -> None:
    """All names and values together; a value that is replaced counts once."""
    answers = [http(200, {"AmtLogonToken": "t"}, *(sets(f"n{number}", "x" * 3000) for number in range(5)))]
    answers += [http(200, 2, sets("n0", "y" * 3000))]
    with listening(scripted(*answers)) as served, conversation(served.server) as line:
        line.service.log_on()
        for _ in range(3):
            line.service.status(ID)
    assert len(served.received[1]) < MOST_BYTES + 500
    assert b"n0=yyy" in served.received[-1]
