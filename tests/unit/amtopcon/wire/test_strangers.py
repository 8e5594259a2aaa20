"""The rules of answers that are not AMT's own: what they are is said in the same words by a run and by `amt check`."""

from __future__ import annotations

import pytest

from amtconnector.amtopcon.wire.reply import Reply, failure_of
from amtconnector.check.findings import Step
from amtconnector.check.server import heartbeat
from amtconnector.errors import Busy, CallFailed, NoAnswer, Rejected, Unauthorized


def failure(status: int, location: str = "", page: bytes = b"", **headers: str) -> CallFailed:
    """Return what such an answer means for a call."""
    given = {"location": location, **{name.replace("_", "-"): value for name, value in headers.items()}}
    found = failure_of(Reply(status, given, page, conceal=lambda text: text.replace("s3cret", "********")))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("https://amt.example/api/Logon", "https://amt.example/api/Logon"),
        ("https://amt.example:8443/x?token=s3cret#s3cret", "https://amt.example:8443/x"),
        ("https://user:s3cret@amt.example/x", "https://amt.example/x"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("/login/s3cret", "/login/********"),
        ("//other.example/x", "//other.example/x"),
        ("http://[::1", "an address that can't be read"),
        ("https://amt.example:99999/", "an address that can't be read"),
        ("/a\x1b[2J\r\nb", r"/a\x1b[2Jb"),
    ],
)
def test_a_redirect_shows_where_it_leads(location: str, place: str) -> None:
    """Scheme, host and path; a user, a query and a fragment may hold a secret."""
    found = failure(301, location)
    assert type(found) is Rejected
    assert found.message == f"the server answered 301 and points to {place}"
    assert "follows no redirect" in found.hint


def test_a_redirect_to_tls_says_which_settings_follow_it() -> None:
    """They can be pasted; the port is the scheme's where none is given."""
    assert "\nSERVER_ADDRESS=amt.example:443\nSERVER_USES_TLS=True" in failure(307, "https://amt.example/x").hint
    assert "\nSERVER_ADDRESS=amt.example:8080\nSERVER_USES_TLS=False" in failure(308, "http://amt.example:8080/").hint


@pytest.mark.parametrize("location", ["/login", "ftp://x:y/", "http://[::1"])
def test_a_redirect_elsewhere_advises_no_setting(location: str) -> None:
    """A sign-in page on the same server, or nothing that could be AMT."""
    hint = failure(302, location).hint
    assert "SERVER_ADDRESS=" not in hint
    assert "Something else than AMTOpCon" in hint


def test_a_location_that_is_no_redirect_says_nothing() -> None:
    """Only a 3xx leads elsewhere."""
    assert failure(400, "https://amt.example/").message == "the server answered 400"


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, Unauthorized, "asks for a sign-in"),
        (404, CallFailed, "Something else than AMTOpCon"),
        (502, NoAnswer, "can't serve now"),
        (503, NoAnswer, "can't serve now"),
    ],
)
def test_a_web_page_is_called_one(status: int, kind: type[CallFailed], words: str) -> None:
    """By its title, with what to do about it."""
    page = b"<!DOCTYPE html><html><head><title>Service s3cret</title></head></html>"
    found = failure(status, page=page, content_type="text/html")
    assert isinstance(found, kind)
    assert found.message == f"the server answered {status} with a web page instead of AMT's answer: Service ********"
    assert words in found.hint


def test_a_server_that_asks_to_come_back_is_busy_all_the_same() -> None:
    """Whatever page it shows."""
    assert type(failure(503, page=b"<html>", retry_after="5")) is Busy


@pytest.mark.parametrize("status", [301, 401, 403, 404, 500, 503])
@pytest.mark.parametrize("page", [b"", b"<html><title>Here</title></html>", b'{"title":"no"}'])
def test_a_check_says_what_a_run_says(status: int, page: bytes) -> None:
    """The words of one function, and its advice where it has one."""
    reply = Reply(status, {"location": "https://amt.example/"}, page)
    found = failure_of(reply)
    assert found is not None
    told = heartbeat(reply, None)
    assert (told.step, told.text) == (Step.HEARTBEAT, found.message)
    assert found.hint in told.next_step
