"""Secrets never reach a trace; their stand-ins tell which value comes back where."""

from __future__ import annotations

import html
import json
from base64 import b64encode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from amtconnector.learning import har
from amtconnector.learning.exchange import Exchange
from amtconnector.learning.stand_ins import PASSWORD, USER, StandIns

if TYPE_CHECKING:
    from collections.abc import Callable

ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "URL": lambda text: quote(text, safe=""),
    "form": quote_plus,
    "HTML": html.escape,
    "Base64": lambda text: b64encode(text.encode()).decode(),
    "Base64 for URLs": lambda text: urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "user and password": lambda text: b64encode(f"somebody:{text}".encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "HEX": lambda text: text.encode().hex().upper(),
    "hex of Base64": lambda text: b64encode(text.encode()).hex(),
}
SECRETS = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_categories=["Cc"]), min_size=6, max_size=24
)


def exchange(**changes: object) -> Exchange:
    """Return a logon with its answer."""
    logon = Exchange(
        begun=datetime(2026, 11, 23, 6, 58, 47, tzinfo=UTC),
        origin="https://amt:4004",
        method="POST",
        target="/api/Logon",
        headers=(("Content-Type", "application/json"),),
        body=b'{"UserName":"ocadm","Password":"opconxps"}',
        status=200,
        answer_headers=(("Content-Type", "application/json"), ("Set-Cookie", "sid=c00kie-value; path=/")),
        answer=b'{"AmtLogonToken":"t0ken+/==","token_type":"bearer","Welcome":"Hello Olga Cadm"}',
    )
    return logon._replace(**changes)  # type: ignore[arg-type]  # the test's own names


@settings(deadline=None, max_examples=60)  # the machine may be slow
@given(
    secret=SECRETS,
    encoding=st.sampled_from(sorted(ENCODINGS)),
    where=st.sampled_from(["target", "body", "answer", "header"]),
)
def test_no_secret_reaches_the_file_in_any_encoding(secret: str, encoding: str, where: str) -> None:
    """Wherever a password stands, in whichever form, the file holds it in none."""
    text = f"x={ENCODINGS[encoding](secret)};"
    assume(secret not in har.written([exchange()]).decode())  # `queryS` is a part of every such file
    places: dict[str, dict[str, object]] = {
        "target": {"target": f"/a?{text}"},
        "body": {"body": text.encode()},
        "answer": {"answer": text.encode()},
        "header": {"headers": (("X-Some", text),)},
    }
    kept = StandIns("somebody", secret).without_secrets(exchange(**places[where]))
    inside = "\n".join(
        [kept.target, (kept.body or b"").decode(), kept.answer.decode(), *(value for _, value in kept.headers)]
    )
    assert ENCODINGS[encoding](secret) not in inside
    assert secret not in inside
    assert secret not in har.written([kept]).decode()


@pytest.mark.parametrize("encoding", sorted(ENCODINGS))
def test_a_stand_in_keeps_the_encoding(encoding: str) -> None:
    """What was Base64 is Base64 of the stand-in, so that the learner sees how the server wants it."""
    encode = ENCODINGS[encoding]
    assert StandIns("ocadm", "opcon&xps1").text(f"<{encode('opcon&xps1')}>") == f"<{encode(PASSWORD)}>"


def test_the_token_is_unknown_until_it_is_there() -> None:
    """Every unknown text of a logon's answer and every cookie gets a stand-in, the same one when it comes back."""
    stand_ins = StandIns("ocadm", "opconxps")
    logon = stand_ins.without_secrets(exchange())
    after = stand_ins.without_secrets(
        exchange(
            target="/api/MonitorJob?t=t0ken%2B%2F%3D%3D",
            body=None,
            headers=(("Cookie", "sid=c00kie-value"),),
            answer=b"2",
        )
    )
    token = json.loads(logon.answer)["AmtLogonToken"]
    assert logon.body == f'{{"UserName":"{USER}","Password":"{PASSWORD}"}}'.encode()
    assert token.startswith("STANDIN-")
    assert json.loads(logon.answer)["token_type"] == "bearer"
    assert b"Olga" not in logon.answer
    assert after.target == f"/api/MonitorJob?t={token}"
    assert after.header("cookie") == logon.answer_header("set-cookie").partition(";")[0]


def test_foreign_credentials_are_taken_out_too() -> None:
    """Who records a client with other credentials than Connector.config does not give them away."""
    basic = b64encode(b"other:s3cret").decode()
    kept = StandIns("ocadm", "opconxps").without_secrets(
        exchange(body=b"pwd=hunter2&grant_type=password", headers=(("Authorization", f"Basic {basic}"),))
    )
    text = har.written([kept]).decode()
    assert not [word for word in ("hunter2", basic, "s3cret", "t0ken", "c00kie") if word in text]
    assert b"grant_type=password" in (kept.body or b"")


def test_a_reader_gets_what_was_written() -> None:
    """The archive holds all of an exchange that matters, bytes that are no text included."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    one = exchange(body=b"\xff\x00", answer=b"\xfe", target="/a?b=%20c&d=")
    with TemporaryDirectory() as folder:
        path = Path(folder, "t.har")
        path.write_bytes(har.written([one]))
        assert har.read(path) == [one]


def test_a_wrong_password_with_the_known_user_is_taken_out_whatever_its_name() -> None:
    """It may be the right one of yesterday."""
    hidden = StandIns("ocadm", "opconxps")
    body = json.dumps({"action": "log in", "given": {"u": "ocadm", "p": "yesterday7"}})
    exchange = Exchange(
        datetime.now(UTC), "http://amt:1", "POST", "/graphql", (("Content-Type", "application/json"),), body.encode(),
        200, (), b'{"errors":[{"message":"no"}]}')  # fmt: skip
    sent = json.loads(hidden.without_secrets(exchange).body or b"")
    assert sent == {"action": "log in", "given": {"u": "STANDIN-USER", "p": "STANDIN-TEXT-1"}}


def test_a_logon_with_unknown_names_and_credentials_gives_nothing_away() -> None:
    """Before a token is known, what looks like a logon is taken for one: all that it sends and gets has stand-ins."""
    stand_ins = StandIns("ocadm", "opconxps")
    kept = stand_ins.without_secrets(
        exchange(target="/api/SignIn", body=b'{"a":"somebody","b":"hunter22"}', answer_headers=())
    )
    text = har.written([kept]).decode()
    assert not [word for word in ("somebody", "hunter22", "t0ken") if word in text]
    later = stand_ins.without_secrets(
        exchange(target="/api/session/jobs", body=b'{"job":"REPORT"}', answer=b'["Started"]')
    )
    assert (later.body, later.answer) == (b'{"job":"REPORT"}', b'["Started"]')
