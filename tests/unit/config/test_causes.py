"""Connector.config as editors, word processors and crashes leave it: it loads, or the cause is named at its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from amtconnector import config
from amtconnector.errors import ConfigurationError
from tests.support.configfile import written

if TYPE_CHECKING:
    from pathlib import Path

SOUND = """\
[CONNECTOR]
NAME=N
DEBUG=OFF

[AMT BATCH SERVER]
SERVER_ADDRESS=amt.example.com:4004
SERVER_USE_TLS=True
USER= 62324e685a47303d
PASSWORD= 6233426a6232353463484d3d
"""
CREDENTIALS = ("62324e685a47303d", "6233426a6232353463484d3d")


def having(old: str, new: str) -> str:
    """Return the sound file with one thing changed."""
    assert SOUND.count(old) == 1
    return SOUND.replace(old, new)


@pytest.mark.parametrize(
    "text",
    [
        f"{SOUND}\x1a",
        SOUND.replace("\n", "\r\n") + "\x1a",
        SOUND.rstrip() + "\x1a",
        having("[AMT", "\x1a\n[AMT"),
        f"\ufeff{SOUND}",
        f"\ufeff\ufeff{SOUND}",
        having("[AMT", "\ufeff[AMT"),
        having("SERVER_USE", "\u200bSERVER_USE"),
        having("SERVER_USE", "SERVER\u200b_USE"),
        having("SERVER_ADDRESS", "SERVER\u00a0ADDRESS"),
        having("SERVER_ADDRESS", "SERVER\u2013ADDRESS"),
        having("BATCH SERVER", "BATCH\u00a0SERVER"),
        having("4004", "4004\u200b"),
        having("=amt", "=\u00a0\u2060amt"),
        SOUND.replace("\n", "\r"),
    ],
    ids=ascii,
)
def test_what_can_not_be_seen_around_names_and_values_is_read_over(tmp_path: Path, text: str) -> None:
    """Nothing is lost by it: the file means what it shows."""
    read = config.load(written(tmp_path, text))
    assert (read.server.address, read.server.uses_tls, read.name) == ("amt.example.com:4004", True, "N")
    assert (read.server.user, read.server.password, read.warnings) == (*CREDENTIALS, ())


def test_a_mark_in_a_file_that_is_not_utf_8_is_read_over_too(tmp_path: Path) -> None:
    """An ANSI file that was joined to a marked one."""
    raw = b"\xef\xbb\xbf" + having("NAME=N", "NAME=Z\u00fcrich").encode("cp1252")
    assert config.load(written(tmp_path, raw)).name == "Z\u00fcrich"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("OFF", "OFF ; no trace", "DEBUG (line 3): expected True or False (or ON/OFF, YES/NO, 1/0); the value has"),
        ("OFF", "OFF\t# no trace", "the value has a comment behind it"),
        ("=amt.example.com:4004", "=\u201camt.example.com:4004\u201d", "the value stands in quotation marks"),
        ("=True", '="True"', "SERVER_USE_TLS (line 7): expected True or False (or ON/OFF, YES/NO, 1/0); the"),
        ("amt.", "a\u200bmt.", "the value holds a character that can't be seen"),
        ("amt.", "amt\u2013tst.", "the value holds a dash of a word processor"),
        (":4004", "\uff1a4004", "the value holds a character that only looks like an ordinary one"),
        ("DEBUG=OFF", "RETAIN_RUNS=\u20135", "such as 5 or 0.5; the value holds a dash of a word processor"),
        ("DEBUG=OFF", "RETAIN_RUNS=0,5", "the value has a decimal comma in place of a point"),
        ("DEBUG=OFF", "DEBUG OFF", "line 3: expected DEBUG=value; the = is missing"),
        ("USER= ", "USER ", "line 8: expected USER=value; the = is missing"),
        ("ADDRESS=", "ADDRESS ", "SERVER_ADDRESS (line 6): expected SERVER_ADDRESS=value; the = is missing"),
        ("BATCH SERVER", "BATCH SERVR", "[AMT BATCH SERVR] (line 5): expected [AMT_BATCH_SERVER]"),
        ("SERVER]", "SERVER", "line 5: expected ] behind the section's name"),
        ("SERVER]", "SERVER] ; ours", "line 5: expected nothing behind the ]"),
        ("DEBUG=OFF", "// off", "line 3: expected a comment to start with ; or #"),
    ],
    ids=ascii,
)  # fmt: skip
def test_the_cause_is_named_in_the_line_that_is_wrong_and_nothing_untrue_follows(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    """One problem has one line, and no key that is there is called missing."""
    with pytest.raises(ConfigurationError) as caught:
        config.load(written(tmp_path, having(old, new)))
    head, line, *others = caught.value.message.splitlines()
    assert (head, others) == ("Connector.config has a problem:", [])
    assert problem in line
    assert not any(credential in caught.value.message for credential in CREDENTIALS)


def test_a_heading_without_brackets_is_named_and_so_is_where_its_keys_have_gone(tmp_path: Path) -> None:
    """The keys below it belong to the section above, which the lines say."""
    with pytest.raises(ConfigurationError) as caught:
        config.load(written(tmp_path, having("[AMT BATCH SERVER]", "AMT BATCH SERVER")))
    assert caught.value.message.splitlines()[1:5] == [
        "line 5: expected [AMT_BATCH_SERVER], in square brackets",
        "line 6: expected SERVER_ADDRESS below [AMT_BATCH_SERVER]",
        "line 8: expected USER below [AMT_BATCH_SERVER]",
        "line 9: expected PASSWORD below [AMT_BATCH_SERVER]",
    ]
    assert "required" not in caught.value.message


def test_two_files_that_were_joined_within_a_line_are_told_apart(tmp_path: Path) -> None:
    """`copy a+b c` puts the mark of the second file behind the last line of the first."""
    with pytest.raises(ConfigurationError, match=r"DEBUG \(line 3\).*two files were joined here"):
        config.load(written(tmp_path, having("OFF\n\n[", "OFF\ufeff[")))


@pytest.mark.parametrize(
    ("old", "new", "oddity"),
    [
        ("NAME=N", "NAME=\u201cN\u201d", "NAME (line 2) stands in quotation marks"),
        ("DEBUG=OFF", "RUN_DIRECTORY=runs ; here", "RUN_DIRECTORY (line 3) has a comment behind it"),
        ("NAME=N", "NAME=a\x0bb", "NAME (line 2) holds a character that can't be seen"),
        ("NAME=N", "NAME=a\u00a0b", "NAME (line 2) holds a blank of another kind"),
    ],
    ids=ascii,
)
def test_a_text_that_may_be_meant_so_is_taken_with_a_warning(tmp_path: Path, old: str, new: str, oddity: str) -> None:
    """Quotes, blanks and semicolons are ordinary characters of a name or path."""
    (warning,) = config.load(written(tmp_path, having(old, new))).warnings
    assert oddity in warning


@pytest.mark.parametrize(("raw", "line"), [(SOUND.encode() + b"\0" * 40, 10), (b"\0" * 400, 1)])
def test_nul_bytes_of_a_power_cut_are_named_with_their_line(tmp_path: Path, raw: bytes, line: int) -> None:
    """Nobody knows what stood there: the file is not used, and not taken for another encoding."""
    with pytest.raises(ConfigurationError, match=rf"\nline {line}: expected text, and there are NUL bytes, as a power"):
        config.load(written(tmp_path, raw))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_the_hint_names_the_encoding(tmp_path: Path, encoding: str) -> None:
    """What Notepad calls Unicode is named so."""
    with pytest.raises(ConfigurationError, match="neither UTF-8 nor ANSI") as caught:
        config.load(written(tmp_path, SOUND.encode(encoding)))
    assert "UTF-16" in caught.value.hint


@pytest.mark.parametrize("name", ["Connector.config.txt", "connector.config.TXT", "Connector.config.config"])
def test_a_file_that_an_editor_has_renamed_is_named(tmp_path: Path, name: str) -> None:
    """Notepad adds .txt, and Windows hides it."""
    (tmp_path / name).write_text(SOUND)
    with pytest.raises(ConfigurationError) as caught:
        config.find(None, working_directory=tmp_path, program_directory=tmp_path / "program")
    assert caught.value.hint == f"{tmp_path / name} is there: rename it to Connector.config."
    with pytest.raises(ConfigurationError, match="was not found") as caught:
        config.find(str(tmp_path / "Connector.config"))
    assert str(tmp_path / name) in caught.value.hint


def test_a_folder_of_that_name_is_told_and_the_file_in_it_too(tmp_path: Path) -> None:
    """Unpacking makes such folders."""
    (tmp_path / "Connector.config").mkdir()
    written(tmp_path / "Connector.config", SOUND)
    with pytest.raises(ConfigurationError, match="is a folder") as caught:
        config.find(None, working_directory=tmp_path)
    assert str(tmp_path / "Connector.config" / "Connector.config") in caught.value.hint


def test_a_file_whose_replacing_was_cut_off_is_named(tmp_path: Path) -> None:
    """On Windows a power cut can leave the content under another name."""
    kept = tmp_path / "Connector.config.0123456789ab.old"
    kept.write_text(SOUND)
    with pytest.raises(ConfigurationError, match="was not found") as caught:
        config.find(None, working_directory=tmp_path)
    assert str(kept) in caught.value.hint
