"""A flag behind a backslash and a quotation mark, which Windows makes part of the value before it."""

from __future__ import annotations

import sys

import pytest

from amtconnector.run import swallowed_flags


@pytest.mark.parametrize(
    ("command_line", "flag"),
    [
        (r'amt.exe -jt START -an A -jn B -pa "C:\dir\" -tv 25', "-tv"),
        (r'amt.exe -pa "C:\dir\\\" -tv 25', "-tv"),
        (r'amt.exe -pa "C:\a b\" --task-value 25', "--task-value"),
        (r'amt.exe -pa "C:\a b\"   -tv', "-tv"),
        (r'amt.exe -pa "C:\a b\" "-tv" 25', "-tv"),
        (r'amt.exe -pa "C:\a\" x -pa "C:\b\" --config "C:\c"', "--config"),
    ],
)
def test_a_flag_behind_an_escaped_quotation_mark_is_named(command_line: str, flag: str) -> None:
    """With what was meant, and how it is written."""
    warning = swallowed_flags.warning(command_line)
    assert rf"\" before {flag}:" in warning
    assert rf'"C:\dir\\" {flag}' in warning
    assert "\n" not in warning


@pytest.mark.parametrize(
    "command_line",
    [
        r'amt.exe -pa "C:\dir\\" -tv 25',
        r"amt.exe -pa C:\dir\ -tv 25",
        r'amt.exe -pa "say \"hello\" to all" -tv 25',
        r'amt.exe -pa "C:\dir\" -zz 25',
        r'amt.exe -pa "C:\dir\" -tvx 25',
        r'"C:\Program Files\amt.exe" -jt START',
        "",
    ],
)
def test_whatever_windows_reads_as_it_was_meant_is_no_warning(command_line: str) -> None:
    """Two backslashes, none before a quotation mark, or no flag behind it."""
    assert swallowed_flags.warning(command_line) == ""


def test_a_value_is_never_repeated() -> None:
    """It may be a secret of the job."""
    assert "secret" not in swallowed_flags.warning(r'amt.exe -pa "secret\" -tv 25')


@pytest.mark.skipif(sys.platform == "win32", reason="there it reads the command line of the test")
def test_elsewhere_the_shell_has_split_the_line() -> None:
    """Nothing is known of what was typed."""
    assert swallowed_flags.from_process() == ""
