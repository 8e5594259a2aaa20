"""The rules of taking secrets out of a server's words."""

from __future__ import annotations

import base64
import html
import json
import time
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amtconnector.text import MASK, masked

if TYPE_CHECKING:
    from collections.abc import Callable

SECRETS = st.text(st.characters(codec="utf-8", exclude_categories=["Co"]), min_size=1, max_size=30)
AROUND = "\ue000"
"""A character that is in no secret."""

FORMS: dict[str, Callable[[str], str]] = {
    "raw": str,
    "JSON in ASCII": lambda text: json.dumps(text)[1:-1],
    "JSON": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON within JSON": lambda text: json.dumps(json.dumps(text))[3:-3],
    "JSON as .NET writes it": lambda text: "".join(
        c if c.isascii() and c.isalnum() else json.dumps("\u00ff" + c)[7:-1] if ord(c) > 127 else f"\\u{ord(c):04X}"
        for c in text
    ),
    "HTML": html.escape,
    "URL": lambda text: quote(text, safe=""),
    "form": quote_plus,
}


@given(secret=SECRETS)
def test_a_secret_is_found_in_every_form_that_servers_repeat_it_in(secret: str) -> None:
    """For all secrets: nothing of it is left between what surrounds it."""
    shown = {name: masked(AROUND + form(secret) + AROUND, [secret]) for name, form in FORMS.items()}
    assert shown == dict.fromkeys(FORMS, AROUND + MASK + AROUND)


ENCODINGS: dict[str, Callable[[bytes], str]] = {
    "Base64": lambda content: base64.b64encode(content).decode(),
    "Base64 for URLs": lambda content: base64.urlsafe_b64encode(content).decode().rstrip("="),
    "Base64 in JSON as .NET writes it": lambda content: base64.b64encode(content).decode().replace("+", "\\u002B"),
    "hex": bytes.hex,
    "HEX": lambda content: content.hex().upper(),
    "the Java connector's": lambda content: base64.b64encode(content).hex(),
    "URL, every byte": lambda content: "".join(f"%{byte:02X}" for byte in content),
}


@given(secret=SECRETS.filter(lambda text: len(text.encode()) >= 4))
def test_a_secret_is_found_where_it_is_encoded(secret: str) -> None:
    """For all secrets of four bytes or more: nothing of it is left."""
    content = secret.encode()
    shown = {name: masked(AROUND + encoded(content) + AROUND, [secret]) for name, encoded in ENCODINGS.items()}
    assert shown == dict.fromkeys(ENCODINGS, AROUND + MASK + AROUND)


@given(user=SECRETS, password=SECRETS.filter(lambda text: len(text.encode()) >= 6))
def test_a_password_is_found_in_basic_authentication(user: str, password: str) -> None:
    """Wherever it begins in it: no four characters in a row are left of what stands for it alone."""
    basic = base64.b64encode(f"{user}:{password}".encode()).decode()
    begin = (len(user.encode()) + 1) * 8 // 6
    shown = masked(basic, [password])
    assert MASK in shown
    assert len(shown.rpartition(MASK)[2]) <= 2
    assert len(shown.rpartition(MASK)[0].replace(MASK, "")) <= begin + 2


@given(st.text(), st.text(alphabet="abc", min_size=1, max_size=3))
def test_a_text_without_the_secret_stays_as_it_is(text: str, secret: str) -> None:
    """For all texts."""
    assert (masked(text, [secret]) == text) == (secret not in text)


def test_the_longer_secret_is_looked_for_first() -> None:
    """A user whose name begins with the password does not keep its rest."""
    assert masked("ocadm-2026", ["ocadm", "ocadm-2026"]) == MASK


def test_no_secrets_and_empty_ones_mask_nothing() -> None:
    """An empty user is in every text."""
    assert masked("words", []) == masked("words", [""]) == "words"


@pytest.mark.parametrize("secret", ["\\" * 12 + "a", "ä" * 12 + "a", '"/' * 12 + "a"])
def test_no_answer_makes_the_search_slow(secret: str) -> None:
    """A server can't stop the connector with a text that nearly is the secret, a million times."""
    begun = time.process_time()
    for filler in ("\\", "?", '\\"', "\\/"):
        assert masked(filler * 250_000 + "b", [secret]).endswith("b")
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("user ocadm is locked", f"user {MASK} is locked"),
        ('{"User":"ocadm"}', f'{{"User":"{MASK}"}}'),
        (r"first line\nocadm", rf"first line\n{MASK}"),
        ("ocadmin", "ocadmin"),
        ("T-ocadm2", "T-ocadm2"),
        ("b2NhZG0=", MASK),
    ],
)
def test_a_name_is_masked_where_it_stands_alone(text: str, shown: str) -> None:
    """What is masked is a whole secret, not a part of another word."""
    assert masked(text, [], ["ocadm"]) == shown


@pytest.mark.parametrize("word", ["string", "Batch", "USER"])
def test_an_ordinary_word_stays_readable_though_a_user_or_a_token_is_called_so(word: str) -> None:
    """The server's reason is worth more than hiding what gives nobody away; as a password it is hidden all the same."""
    text = f"The {word} is missing, {word.lower()}s are not"
    assert masked(text, [], [word]) == text
    assert masked(text, [word]) == text.replace(word, MASK)
