from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amtconnector import config
from amtconnector.config import keys as config_keys
from amtconnector.errors import ConfigurationError
from tests.support.configfile import INCUMBENT, SERVER, loaded, refused, written

if TYPE_CHECKING:
    from pathlib import Path

LEFT_OUT = "is not a known key and is left out"


def test_all_problems_are_reported_together(tmp_path: Path) -> None:
    """Each problem has a line of its own with section, key, line and what is expected; a warning may explain it."""
    text = "[CONNECTOR]\nDEBUG=OF\nnonsense\n[AMT_BATCH_SERVER]\nSERVER_ADRESS=host:1\nUSER=\n"
    assert refused(tmp_path, text) == [
        "Connector.config has 5 problems:",
        "[CONNECTOR] DEBUG (line 2): expected True or False (or ON/OFF, YES/NO, 1/0)",
        "line 3: expected [SECTION], KEY=value, or a comment, which is a whole line that starts with ; or #",
        "[AMT_BATCH_SERVER] USER (line 6): expected a value that Encrypt has made; the key is required",
        "[AMT_BATCH_SERVER] SERVER_ADDRESS: expected host:port; the key is required",
        "[AMT_BATCH_SERVER] PASSWORD: expected a value that Encrypt has made; the key is required",
        f"Also noticed: [AMT_BATCH_SERVER] SERVER_ADRESS (line 5) {LEFT_OUT}; did you mean SERVER_ADDRESS?",
    ]


@pytest.mark.posix_only
@pytest.mark.parametrize("key", ["WIRE_PROFILE", "MASK_MESSAGES"])
def test_what_is_no_file_is_named_as_what_it_is(tmp_path: Path, key: str) -> None:
    """A pipe, a device and a folder exist: to look for a missing file would be the wrong way."""
    os.mkfifo(tmp_path / "pipe")
    for value, kind in (("pipe", "a pipe"), ("/dev/null", "a device"), (".", "a folder")):
        expected = f"[CONNECTOR] {key} (line 2): expected a file, and {kind} is there"
        assert refused(tmp_path, f"[CONNECTOR]\n{key}={value}\n{SERVER}")[1] == expected


def test_a_key_given_twice_counts_the_last_time(tmp_path: Path) -> None:
    """The last one counts, with a warning; a section given twice is one section."""
    read = loaded(tmp_path, f"[CONNECTOR]\nNAME=a\n{SERVER}[Connector]\nname=b\n")
    assert read.name == "b"
    assert read.warnings == ("[CONNECTOR] NAME (line 8) is given 2 times (lines 2, 8): the last one counts.",)


def test_two_names_of_one_key_must_agree(tmp_path: Path) -> None:
    """Different values are refused, whatever their order; the same meaning in other words is only a warning."""
    lines = refused(tmp_path, f"{SERVER}SERVER_USE_TLS=True\nSERVER_USES_TLS=False\n")
    place = "[AMT_BATCH_SERVER] SERVER_USES_TLS (line 6)"
    assert lines[1] == f"{place}: expected the same value as SERVER_USE_TLS (line 5), another name of this key"
    read = loaded(tmp_path, f"{SERVER}SERVER_USE_TLS=True\nSERVER_USES_TLS=YES\n")
    assert len(read.warnings) == 1


def test_unknown_names_are_warnings_with_the_nearest_known_one(tmp_path: Path) -> None:
    """A key of another section is told its place; what resembles nothing is only named."""
    text = f"{SERVER}[CONNECTOR]\nDEBUGG=x\nCA_FILE=x\nxyzzy=x\n[OPCOM]\nPUBLISH_STATUS=x\n[Plugh]\n"
    assert loaded(tmp_path, text).warnings == (
        f"[CONNECTOR] DEBUGG (line 6) {LEFT_OUT}; did you mean DEBUG?",
        f"[CONNECTOR] CA_FILE (line 7) {LEFT_OUT}; did you mean CA_FILE in [AMT_BATCH_SERVER]?",
        f"[CONNECTOR] xyzzy (line 8) {LEFT_OUT}.",
        "[OPCOM] (line 9) is not a known section and is left out with its keys; did you mean [OPCON]?",
        "[Plugh] (line 11) is not a known section and is left out with its keys.",
    )


@pytest.mark.parametrize(
    "line",
    [
        "PASSWORD s3cret=1",
        "password-s3cret=1",
        "USER s3cret:1",
        "Users3cret=1",
        "PASSWD s3cret=1",
        "PASWORD s3cret=1",
        "my password s3cret=1",
        "PASSWORD\ts3cret=1",
        "s3cret/+==",
        f"{'s3cret' * 10}=1",
        "\x1b[31ms3cret=1",
        "xyzzy=s3cret",
    ],
)
def test_an_unknown_key_that_may_hold_a_credential_is_not_shown(tmp_path: Path, line: str) -> None:
    """Only its line number is: `PASSWORD secret=1` is such a key."""
    (warning,) = loaded(tmp_path, f"{SERVER}{line}\n").warnings
    assert "(line 5)" in warning
    assert "s3cret" not in warning
    assert warning.isprintable()


@pytest.mark.parametrize("name", ["PASSWORD s3cret", "s3cret" * 10, "user s3cret"])
def test_an_unknown_section_that_may_hold_a_credential_is_not_shown(tmp_path: Path, name: str) -> None:
    """The same goes for sections."""
    (warning,) = loaded(tmp_path, f"{SERVER}[{name}]\n").warnings
    assert warning.startswith("line 5 is not a known section")


@given(st.data())
def test_no_message_contains_a_value(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """For every key, with a credential pasted in its place: the message that refuses it does not repeat it."""
    setting = data.draw(st.sampled_from(config_keys.SETTINGS))
    template = data.draw(st.sampled_from(["{}", "http://{}@host:1", "{}:x", "host:{}", "[{}]:1", "True {}", "5{}"]))
    text = f"{SERVER}[{setting.section}]\n{setting.key}={template.format('s3cret')}\ns3cret\nDEBUG=s3cret\n"
    path = written(tmp_path_factory.getbasetemp(), text)
    with pytest.raises(ConfigurationError) as caught:
        config.load(path)
    error: BaseException | None = caught.value
    while error:
        assert "s3cret" not in f"{error!r} {error} {getattr(error, 'hint', '')} {getattr(error, 'subject', '')}"
        error = error.__cause__ or error.__context__


def test_credentials_are_in_no_repr(tmp_path: Path) -> None:
    """The stored forms are not shown either: the legacy one is only an encoding."""
    shown = repr(loaded(tmp_path, INCUMBENT))
    assert "62324e685a47303d" not in shown
    assert "6233426a6232353463484d3d" not in shown


def test_keys_above_the_first_section_are_refused(tmp_path: Path) -> None:
    """A key belongs to a section; all such lines are one problem."""
    assert refused(tmp_path, f"NAME=x\nDEBUG=ON\n{SERVER}")[1:] == [
        "lines 1, 2: expected a section such as [CONNECTOR] above the first key"
    ]


def test_a_file_of_nonsense_is_refused_in_a_few_lines(tmp_path: Path) -> None:
    """The numbers of a thousand wrong lines would hide the other problems."""
    lines = refused(tmp_path, "nonsense\n" * 1000)
    assert len(lines) == 5
    assert "and 980 more: expected [SECTION]" in lines[1]


def test_a_text_without_value_is_as_good_as_not_given(tmp_path: Path) -> None:
    """An empty name, path or encoding leaves the default."""
    texts = [setting for setting in config_keys.SETTINGS if isinstance(setting.default, str) and not setting.required]
    read = loaded(tmp_path, SERVER + "".join(f"[{setting.section}]\n{setting.key}=\n" for setting in texts))
    assert read == loaded(tmp_path, SERVER)


@pytest.mark.parametrize(("section", "key"), [("CONNECTOR", "WIRE_PROFILE"), ("CONNECTOR", "MASK_MESSAGES")])
@pytest.mark.parametrize("value", ["missing", ".", "x" * 5000])
def test_files_that_are_read_must_be_there(tmp_path: Path, section: str, key: str, value: str) -> None:
    """A certificate or profile that is missing, or a folder, is found before anything is sent."""
    (problem,) = refused(tmp_path, f"{SERVER}[{section}]\n{key}={value}\n")[1:]
    assert problem.startswith(f"[{section}] {key} (line 6): expected a")
    assert "file" in problem
