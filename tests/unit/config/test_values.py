from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amtconnector.config import keys as config_keys
from amtconnector.config.values import Address, Expected, address, number
from tests.support.configfile import SERVER, refused

if TYPE_CHECKING:
    from pathlib import Path

NUMBERS = [setting for setting in config_keys.SETTINGS if isinstance(setting.default, float)]
BOOLEANS = [setting for setting in config_keys.SETTINGS if isinstance(setting.default, bool)]


@pytest.mark.parametrize(
    "value", ["", "-1", "+1", "1e3", "nan", "inf", "1,5", "1_0", "five", "0x10", "٣", "9" * 400, "5 s"]
)
@pytest.mark.parametrize("setting", NUMBERS, ids=lambda setting: setting.key)
def test_numbers_are_plain_decimals_that_are_not_negative(
    tmp_path: Path, setting: config_keys.Setting[float], value: str
) -> None:
    """Anything but digits with at most one point is refused, and so is a number that no wait could last."""
    (problem,) = refused(tmp_path, f"{SERVER}[{setting.section}]\n{setting.key}={value}\n")[1:]
    assert problem.startswith(f"[{setting.section}] {setting.key} (line 6): expected a number of ")


@pytest.mark.parametrize("value", ["0.09", "0", "0.0"])
def test_a_poll_interval_below_a_tenth_of_a_second_is_refused(tmp_path: Path, value: str) -> None:
    """The poll interval is at least 0.1 s."""
    text = f"{SERVER}[CONNECTOR]\nSTATUS_CHECK_POLL_INTERVAL={value}\n"
    assert "of 0.1 or more" in refused(tmp_path, text)[1]


@pytest.mark.parametrize("key", ["CONNECT_TIMEOUT", "READ_TIMEOUT", "START_TIMEOUT"])
def test_time_outs_of_calls_are_above_zero(tmp_path: Path, key: str) -> None:
    """A call that may last 0 seconds can't succeed."""
    assert (
        f"[AMT_BATCH_SERVER] {key} (line 5): expected a number of seconds above 0"
        in refused(tmp_path, f"{SERVER}{key}=0.0\n")[1]
    )


@given(st.decimals(min_value=0, max_value=999_999, places=3))
def test_every_plain_decimal_is_read_as_it_is(amount: object) -> None:
    """For all decimals in the range: the value is the number."""
    assert number("seconds", maximum=1e6)(str(amount)) == float(str(amount))


@pytest.mark.parametrize("value", ["", "Flase", "ja", "y", "t", "2", "01", "True False", "none"])
@pytest.mark.parametrize("setting", BOOLEANS, ids=lambda setting: setting.key)
def test_a_typo_is_never_taken_for_a_boolean(tmp_path: Path, setting: config_keys.Setting[bool], value: str) -> None:
    """The incumbent took a typo in SERVER_USES_TLS for "no TLS"."""
    assert refused(tmp_path, f"{SERVER}[{setting.section}]\n{setting.key}={value}\n")[1:] == [
        f"[{setting.section}] {setting.key} (line 6): expected True or False (or ON/OFF, YES/NO, 1/0)"
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("amt.example.com:4004", Address("amt.example.com", 4004)),
        ("AMT-1_x:1", Address("amt-1_x", 1)),
        ("10.0.0.1:65535", Address("10.0.0.1", 65535)),
        ("[::1]:4004", Address("::1", 4004)),
        ("[FE80:0:0::1]:4004", Address("fe80::1", 4004)),
        ("https://host:4004", Address("host", 4004, "https")),
        ("HTTPS://host:4004/", Address("host", 4004, "https")),
        ("http://[::1]:80/", Address("::1", 80, "http")),
        ("straße.example:4004", Address("xn--strae-oqa.example", 4004)),
        ("host.:4004", Address("host.", 4004)),
    ],
)
def test_addresses_are_read_in_all_their_forms(value: str, expected: Address) -> None:
    """`host:port`, IPv6 in brackets, a full URL, an internationalised name (as its ASCII form, by today's rules)."""
    assert address(value) == expected


@pytest.mark.parametrize(
    ("value", "expectation"),
    [
        ("host", "the port is missing, and there is no default"),
        ("https://host/", "the port is missing, and there is no default"),
        ("[::1]", "the port is missing, and there is no default"),
        ("host:", "a port from 1 to 65535"),
        ("host:0", "a port from 1 to 65535"),
        ("host:65536", "a port from 1 to 65535"),
        ("host:+80", "a port from 1 to 65535"),
        ("host:٤٠", "a port from 1 to 65535"),
        (":4004", "a valid host name"),
        ("a b:4004", "a valid host name"),
        ("a..b:4004", "a valid host name"),
        (f"{'a' * 64}:4004", "a valid host name"),
        ("\u2603\u2603.:4004", "a valid host name"),
        ("[::1%eth0]:4004", "a valid host name"),
        ("[host]:4004", "a valid host name"),
        ("[::1]4004", "[::1]:4004"),
        ("::1:4004", "with brackets around an IPv6 address"),
        ("ftp://host:21", "no other scheme is spoken"),
        ("://host:21", "no other scheme is spoken"),
        ("https://secret@host:4004", "without user, path or query"),
        ("https://secret:secret@host:4004", "without user, path or query"),
        ("https://host:4004/secret", "without user, path or query"),
        ("host:4004?secret", "without user, path or query"),
        ("host:4004#secret", "without user, path or query"),
        ("\\\\host:4004", "without user, path or query"),
    ],
)
def test_an_address_that_is_none_is_refused_without_showing_it(tmp_path: Path, value: str, expectation: str) -> None:
    """What is wrong is said in words; user and password of a URL are never repeated."""
    (problem,) = refused(tmp_path, SERVER.replace("host:4004", value))[1:]
    assert problem.startswith("[AMT_BATCH_SERVER] SERVER_ADDRESS (line 2): expected ")
    assert expectation in problem
    assert "secret" not in problem


@given(st.text(max_size=20) | st.text("a:[]/.@1%", max_size=12))
def test_every_text_is_an_address_or_refused(value: str) -> None:
    """For all texts: no text breaks the reader, and what it accepts is a host and a port."""
    read = address(value)
    assert isinstance(read, Expected) or (read.host.isascii() and read.host and 1 <= read.port <= 65535)


@pytest.mark.parametrize("value", ["hex", "rot13", "klingon", "undefined", "idna", "unicode_escape", "cp037", "☃"])
def test_the_output_encoding_is_one_of_text_and_lines(tmp_path: Path, value: str) -> None:
    """An encoding that Python does not know, or that no job log can be written in, is refused before the run."""
    assert refused(tmp_path, f"{SERVER}[CONNECTOR]\nOUTPUT_ENCODING={value}\n")[1:] == [
        "[CONNECTOR] OUTPUT_ENCODING (line 6): expected the name of a text encoding, such as utf-8 or cp1252"
    ]
