from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amtconnector.config import inifile

if TYPE_CHECKING:
    from pathlib import Path

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="modes, owners and links as POSIX has them")

NAMES = st.text("ABab _-", min_size=1, max_size=6).filter(lambda name: bool(name.strip()))
VALUES = st.text(
    st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]) | st.sampled_from("=:;#[]%\"' "), max_size=12
)
LINES = st.one_of(
    NAMES.map("[{}]".format),
    st.builds("{}{}{}".format, NAMES, st.sampled_from(["=", ":", " = "]), VALUES),
    VALUES,
)
TEXTS = st.lists(st.tuples(LINES, st.sampled_from(["\n", "\r\n", "\r"])), max_size=12).map(
    lambda lines: "".join(line + newline for line, newline in lines)
)


def values(text: str) -> list[tuple[str, str, str, int]]:
    """Return the entries of a text as section, key, value and line."""
    return [(entry.section, entry.key, entry.value, entry.line) for entry in inifile.parse(text).entries]


@pytest.mark.parametrize("name", ["AMT_BATCH_SERVER", "amt batch server", "Amt-Batch_Server", " AMT\tBATCH SERVER "])
def test_letter_case_blanks_and_dashes_make_no_difference_in_a_name(name: str) -> None:
    """Section and key names: any letter case; blank, `_` and `-` are the same."""
    assert inifile.folded(name) == "AMT_BATCH_SERVER"


def test_the_first_equals_sign_or_colon_ends_the_key() -> None:
    """The first `=` or `:` ends the key; the value keeps the others."""
    assert values("[S]\na=b=c\nd:e:f=g\n h i = j : k \n") == [
        ("S", "a", "b=c", 2),
        ("S", "d", "e:f=g", 3),
        ("S", "h i", "j : k", 4),
    ]


def test_a_comment_is_a_whole_line() -> None:
    """A `;` or `#` opens a comment at the start of a line, and is an ordinary character behind a value."""
    assert values("[S]\n;a=1\n  # b=2\nc=3 ; no # comment\n") == [("S", "c", "3 ; no # comment", 4)]


def test_percent_signs_and_quotes_are_ordinary_characters() -> None:
    """Nothing in a value is expanded or taken away but the blanks around it."""
    assert values('[S]\na= "%(b)s %TEMP% $x" \n') == [("S", "a", '"%(b)s %TEMP% $x"', 2)]


def test_lines_that_are_nothing_are_named_by_number() -> None:
    """A line that is neither section, key nor comment is odd: so is an empty key, and a section that goes on."""
    ini = inifile.parse("[S]\nnonsense\n=value\n[T] ; x\n[U\n[]\n\n; fine\nk=v\n[V]]\n")
    assert ini.odd_lines == (2, 3, 4, 5, 6, 10)


def test_the_keys_below_an_unclosed_section_belong_to_it() -> None:
    """One wrong line is one problem: its section is known although the line is not in order."""
    assert values("[S]\n[T\na=1\n") == [("T", "a", "1", 3)]


def test_keys_above_the_first_section_have_none() -> None:
    """A key without a section is not lost: the reader of the settings complains about it."""
    assert values("a=1\n[S]\n") == [("", "a", "1", 1)]


def test_line_numbers_count_every_kind_of_newline_and_no_other_character() -> None:
    """LF, CR LF and CR end a line, as in any editor; a form feed or a line separator does not."""
    assert values("[S]\r\n\ra=1\n\fb=2\x0c\u2028c\r\nd=3") == [
        ("S", "a", "1", 3),
        ("S", "b", "2\x0c\u2028c", 4),
        ("S", "d", "3", 5),
    ]


@given(TEXTS)
def test_an_entry_says_where_its_value_stands(text: str) -> None:
    """For every text: the offsets of an entry cut its value out of it."""
    for entry in inifile.parse(text).entries:
        assert text[entry.value_start : entry.value_end] == entry.value == entry.value.strip()


@given(TEXTS, NAMES, NAMES, VALUES.map(str.strip))
def test_replacing_changes_the_values_of_that_key_and_nothing_else(
    text: str, section: str, key: str, value: str
) -> None:
    """For every text: each entry of the key has the new value, and all that is not such a value is as it was."""
    before = inifile.parse(text)
    after = inifile.replaced(before, section.strip(), key.strip(), value)
    assert {entry.value for entry in after.entries_of(section, key)} == {value}
    if before.entries_of(section, key):
        assert without_values(after, section, key) == without_values(before, section, key)
    else:
        assert_only_inserted(text, after.text)
        others = [entry for entry in after.entries if not entry.is_called(section, key)]
        assert [(entry.section, entry.key, entry.value) for entry in others] == [
            (entry.section, entry.key, entry.value) for entry in before.entries
        ]


def without_values(ini: inifile.IniText, section: str, key: str) -> str:
    """Return the text with the values of one key cut out."""
    text = ini.text
    for entry in reversed(ini.entries_of(section, key)):
        text = text[: entry.value_start] + text[entry.value_end :]
    return text


def assert_only_inserted(before: str, after: str) -> None:
    """Check that `after` is `before` with something put in at one place."""
    assert len(after) > len(before)
    start = next((at for at, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), len(before))
    rest = before[start:]
    assert after.startswith(before[:start])
    assert after.endswith(rest)


def test_every_spelling_of_a_key_is_replaced() -> None:
    """No older value of a credential stays behind in the file."""
    ini = inifile.parse("[A B]\nUSER=old\n[X]\nUSER=other\n[a_b]\nuser : older\n")
    assert inifile.replaced(ini, "A_B", "USER", "new").text == "[A B]\nUSER=new\n[X]\nUSER=other\n[a_b]\nuser : new\n"


def test_a_missing_key_is_added_behind_the_last_line_of_its_section() -> None:
    """What follows a section, its blank lines and the next section's comments, stays together."""
    ini = inifile.parse("[A]\r\nx=1\r\n\r\n; about B\r\n[B]\r\ny=2")
    assert inifile.replaced(ini, "a", "USER", "u").text == "[A]\r\nx=1\r\nUSER=u\r\n\r\n; about B\r\n[B]\r\ny=2"
    assert inifile.replaced(ini, "b", "USER", "u").text == "[A]\r\nx=1\r\n\r\n; about B\r\n[B]\r\ny=2\r\nUSER=u\r\n"


def test_a_missing_section_is_added_at_the_end() -> None:
    """A key can be set in a file that does not have its section yet."""
    assert inifile.replaced(inifile.parse("[A]\nx=1"), "B", "k", "v").text == "[A]\nx=1\n[B]\nk=v\n"


@pytest.mark.parametrize("value", ["a\nb", "a\rb", " a", "a "])
def test_a_value_that_would_not_be_read_back_is_refused(value: str) -> None:
    """A value is one line without blanks around it: anything else would change the file's meaning."""
    with pytest.raises(ValueError, match="one line"):
        inifile.replaced(inifile.parse("[A]\nk=v\n"), "A", "k", value)


def test_an_empty_value_is_replaced_behind_the_blanks() -> None:
    """`USER= ` becomes `USER= x`."""
    assert inifile.replaced(inifile.parse("[A]\nk= \n"), "A", "k", "x").text == "[A]\nk= x\n"


@pytest.mark.parametrize(
    ("raw", "encoding", "value"),
    [
        ("[S]\nk=Zürich ☃\n".encode(), "utf-8", "Zürich ☃"),
        ("[S]\nk=Zürich ☃\n".encode("utf-8-sig"), "utf-8-sig", "Zürich ☃"),
        ("[S]\nk=Zürich €\n".encode("cp1252"), inifile.ANSI, "Zürich €"),
    ],
)
def test_files_are_utf8_else_in_the_ansi_code_page(tmp_path: Path, raw: bytes, encoding: str, value: str) -> None:
    """UTF-8 with or without byte-order mark, else the ANSI code page."""
    path = tmp_path / "Connector.config"
    path.write_bytes(raw)
    ini = inifile.read(path)
    assert (ini.encoding, [entry.value for entry in ini.entries]) == (encoding, [value])
    assert ini.entries[0].section == "S"


@given(st.binary(max_size=60), st.sampled_from([b"", b"\xef\xbb\xbf"]))
def test_no_byte_is_beyond_reading_and_all_come_back(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes, bom: bytes
) -> None:
    """For all bytes: what is in no code page does not break the reader, and writing the text gives the same bytes."""
    path = tmp_path_factory.getbasetemp() / "bytes.config"
    path.write_bytes(bom + raw)
    inifile.write(path, inifile.read(path))
    assert path.read_bytes() == bom + raw


@given(st.binary(max_size=40), st.binary(max_size=40).filter(lambda tail: b"USER" not in tail.upper()))
def test_every_other_byte_of_a_rewritten_file_is_untouched(
    tmp_path_factory: pytest.TempPathFactory, comment: bytes, tail: bytes
) -> None:
    """For all bytes around it: replacing a credential leaves them as they were."""
    start, end = b"; " + comment.translate(None, b"\r\n") + b"\r\n[A]\r\nUSER = ", b" \r\n#" + tail
    path = tmp_path_factory.getbasetemp() / "around.config"
    path.write_bytes(start + b"old" + end)
    inifile.write(path, inifile.replaced(inifile.read(path), "A", "USER", "amt1:k:new"))
    assert path.read_bytes() == start + b"amt1:k:new" + end


def test_nothing_that_may_be_a_credential_is_in_a_repr() -> None:
    """Neither values nor keys nor sections: `PASSWORD secret=1` is a key."""
    ini = inifile.parse("[secret1]\nPASSWORD=secret2\nPASSWORD secret3=1\nsecret4\n")
    assert "secret" not in repr(ini) + repr(ini.entries)


@on_posix
def test_a_pipe_in_the_place_of_the_file_is_not_waited_for(tmp_path: Path) -> None:
    """Nobody may ever write into it, and a job would stand still."""
    os.mkfifo(tmp_path / "Connector.config")
    with pytest.raises(OSError, match="pipe"):
        inifile.read(tmp_path / "Connector.config")
