from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest

from amtconnector.commands.click_command import run_command
from amtconnector.commands.opcon import command
from amtconnector.opcon import smaddi
from amtconnector.run import arguments
from tests.support.configfile import ROOT

if TYPE_CHECKING:
    from pathlib import Path

TEXT = (ROOT / "docs" / "job-definitions.md").read_text("utf-8")
COMMANDS = re.findall(r"```console\namt opcon (.*)\n```", TEXT)
KILL = re.search(r"^    (.*-jt \"KILL\".*)$", TEXT, re.MULTILINE)


def _split(line: str) -> list[str]:
    reader = shlex.shlex(line, posix=True, punctuation_chars=False)
    reader.whitespace_split, reader.escape, reader.quotes, reader.commenters = True, "", '"', ""
    return list(reader)


def test_the_table_names_every_flag() -> None:
    """The reference and the program know the same flags, in the same order."""
    rows = re.findall(r"^\| `(-[a-z-]+)` \| `(--[a-z-]+)` \|", TEXT, re.MULTILINE)
    assert rows == list(arguments.FLAGS.items())


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_works(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page shows can be typed."""
    monkeypatch.chdir(tmp_path)
    assert run_command(command, _split(line), "amt opcon", "HELP") == 0


def test_the_command_lines_are_those_that_the_program_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job, the XML and the kill job of the page come from its first command."""
    monkeypatch.chdir(tmp_path)
    run_command(command, _split(COMMANDS[0]), "amt opcon", "HELP")
    xml = (tmp_path / "postinterest.xml").read_text("ascii")
    (shown,) = re.findall(r"```xml\n(.*?) *\.\.\.\n```", TEXT, re.DOTALL)
    assert xml.startswith(shown)
    assert KILL
    assert f"<cmd_line>{KILL[1]}</cmd_line>" in xml
    assert smaddi.KILL_FREQUENCY in TEXT
    (line,) = re.findall(r"<cmd_line>(.*START.*)</cmd_line>", xml)
    assert f"| Command line | `{line}` |" in TEXT
