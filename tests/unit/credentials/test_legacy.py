"""The incumbent's encoding of a credential."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amtconnector.config.inifile import ANSI
from amtconnector.credentials import legacy


def incumbent(content: bytes) -> str:
    """Encode as the incumbent's Encrypt.exe does."""
    return base64.b64encode(content).hex()


@pytest.mark.parametrize(
    ("stored", "text"), [("62324e685a47303d", "ocadm"), ("6233426a6232353463484d3d", "opconxps"), ("59513d3d", "a")]
)
def test_documented_values_decode(stored: str, text: str) -> None:
    """The incumbent's documented sample loads as it is."""
    assert legacy.decode(stored) == text


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_every_text_decodes(text: str) -> None:
    """Whatever the incumbent encoded in UTF-8 is read back."""
    assert legacy.decode(incumbent(text.encode())) == text


def test_ansi_text_decodes() -> None:
    """Text that is no UTF-8 is in the ANSI code page."""
    assert legacy.decode(incumbent("müßig".encode("cp1252"))) == "müßig"


@given(st.text("0123456789abcdef", min_size=2, max_size=40) | st.binary(max_size=20).map(incumbent))
def test_only_the_one_spelling_of_a_value_decodes(stored: str) -> None:
    """A value that decodes is what the incumbent would have written for that text, and no other spelling of it."""
    text = legacy.decode(stored)
    if text is not None:
        spellings = {incumbent(text.encode(encoding, "replace")) for encoding in ("utf-8", ANSI)}
        assert stored in spellings


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "ocadm",
        "62324E685A47303D",
        " 62324e685a47303d",
        "62324e685a47303d\n",
        "62324e685a47303",
        "62324e685a4730",
        "62324e685a47313d",
        "62324e680a5a47303d",
        "62324e685a47303d3d",
        "3d3d3d3d",
        "deadbeef",
        "٦٢٣٢٤e685a47303d",
        incumbent(b"\x81\x8d"),
    ],
    ids=[
        "nothing", "plain text", "upper-case hex", "a blank before", "a newline after", "half a byte", "no padding",
        "stray bits", "a newline in the Base64", "too much padding", "padding alone", "no Base64", "foreign digits",
        "no text in any encoding",
    ],
)  # fmt: skip
def test_anything_else_is_no_legacy_value(stored: str) -> None:
    """Plain text is never taken for a legacy value: only the strict form decodes."""
    assert legacy.decode(stored) is None
