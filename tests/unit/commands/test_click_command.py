"""How a subcommand ends: its exit code, and what it says when something went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest

from amtconnector.commands.click_command import run_command
from amtconnector.errors import CredentialsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable


def outcome(action: Callable[[], object], *args: str) -> int:
    """Run a subcommand that does this."""

    @click.command()
    @click.option("--name")
    def command(name: str | None) -> object:
        del name
        return action()

    return run_command(command, args, "amt try", "HELP")


def raising(error: BaseException) -> Callable[[], object]:
    """Return an action that ends in this exception."""

    def action() -> object:
        raise error

    return action


@pytest.mark.parametrize(("result", "code"), [(None, 0), (0, 0), (1, 1)])
def test_the_result_of_a_command_is_its_exit_code(result: int | None, code: int) -> None:
    """None is 0, as is 0; 1 is not done."""
    assert outcome(lambda: result) == code


def test_help_is_done() -> None:
    """The help ends with 0."""
    assert outcome(lambda: 1, "--help") == 0


@pytest.mark.parametrize("args", [["--unknown"], ["--name"], ["word"]])
def test_a_wrong_command_line_is_one_line_and_101(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What click refuses is told on stderr under the program's name, and the help's command stands behind a label."""
    assert outcome(lambda: 0, *args) == 101
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("amt try: ")
    assert err.splitlines()[1:] == ["  See:  HELP"]


def test_a_failure_says_what_to_what_and_what_next(capsys: pytest.CaptureFixture[str]) -> None:
    """A failure is a block of message, subject and hint on stderr, and 1."""
    error = CredentialsError("It is exposed.", subject="/etc/key", hint="Close it.\nThen go on.")
    assert outcome(raising(error)) == 1
    assert capsys.readouterr() == ("", "amt try: It is exposed.\n  /etc/key\n  Close it.\n  Then go on.\n")


def test_a_subject_that_the_message_holds_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    """The subject stands on a line of its own only when it adds something."""
    assert outcome(raising(CredentialsError("/etc/key is exposed.", subject="/etc/key"))) == 1
    assert capsys.readouterr().err == "amt try: /etc/key is exposed.\n"


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (UsageError("No such run."), 101, "No such run."),
        (click.Abort(), 1, "stopped"),
        (KeyboardInterrupt(), 1, "stopped"),
        (click.ClickException("No."), 1, "No."),
        (OSError(28, "No space left on device", "/var/x"), 1, "No space left on device: /var/x"),
        (SystemExit(0), 1, ""),
    ],
)
def test_every_end_has_its_code(
    error: BaseException, code: int, text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing leaves a subcommand but 0, 1 and 101."""
    monkeypatch.setattr("os.dup2", lambda *_: None)
    assert outcome(raising(error)) == code
    assert text in capsys.readouterr().err


def test_a_defect_is_named_by_kind_and_place_and_not_by_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    """The words of an exception may hold a secret."""
    assert outcome(raising(ValueError("hunter2"))) == 1
    err = capsys.readouterr().err
    assert "ValueError at test_click_command.py:" in err
    assert "hunter2" not in err
