"""The administrators' subcommands, one module each, imported only when called, and how each of them ends."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TYPE_CHECKING

import click

from amtconnector.errors import RunError, UsageError
from amtconnector.output.stdout import occupy_standard_streams

if TYPE_CHECKING:
    from collections.abc import Sequence

DONE, NOT_DONE, USAGE = 0, 1, UsageError.exit_code


class WholeHelp(click.Command):
    """A command whose `help` is written as a whole, for a frozen program has no docstrings."""

    def get_help(self, ctx: click.Context) -> str:
        """Return it as it is."""
        del ctx
        return (self.help or "").rstrip()


def run_command(command: click.Command, args: Sequence[str], prog_name: str, help_command: str) -> int:
    """Run a subcommand and return its exit code: 0 done, 1 not done, 101 usage; it never raises and never exits.

    The command returns its exit code as an int, None for 0; `help_command` shows its help, as it can be pasted.
    Results are on stdout; what went wrong is on stderr. A defect is named by its kind and place alone, for an
    exception's own words could hold a secret.
    """
    _open_standard_streams()
    try:
        # Given as a list, the arguments are not expanded on Windows; without a variable for completion, nothing in the
        # environment turns a command into a completion script.
        words = list(args)
        result = command.main(words, prog_name, complete_var="", standalone_mode=False, windows_expand_args=False)
        code = result if isinstance(result, int) else DONE
        sys.stdout.flush()
    except click.UsageError as error:
        _complain(f"{prog_name}: {error.format_message()}\n  See:  {help_command}")
        code = USAGE
    except click.ClickException as error:
        _complain(f"{prog_name}: {error.format_message()}")
        code = NOT_DONE
    except (click.Abort, KeyboardInterrupt):
        _complain(f"{prog_name}: stopped, not done.")
        code = NOT_DONE
    except RunError as error:
        _complain(f"{prog_name}: {described(error)}")
        code = USAGE if isinstance(error, UsageError) else NOT_DONE
    except SystemExit:
        # How click ends, in spite of standalone_mode, when the reader has closed the pipe.
        _silence(1)
        code = NOT_DONE
    except OSError as error:
        _complain_of_system(prog_name, error)
        code = NOT_DONE
    except Exception as error:  # noqa: BLE001  # the edge of the program: a defect must not show a secret
        _complain(
            f"{prog_name}: a defect of this program: {type(error).__name__} at {_place(error)}. Please report it."
        )
        code = NOT_DONE
    return code


def described(error: RunError) -> str:
    """Return a failure as a block of lines: what happened, to what, what to do next."""
    lines = [error.message]
    if error.subject and error.subject not in error.message:
        lines.append(f"  {error.subject}")
    lines.extend(f"  {line}" for line in error.hint.splitlines())
    return "\n".join(lines)


def _open_standard_streams() -> None:
    """Let every character through, and every command go on where a standard stream is closed."""
    occupy_standard_streams()
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the process
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _complain(text: str) -> None:
    try:
        click.echo(text, err=True)
    except OSError:
        _silence(2)


def _complain_of_system(prog_name: str, error: OSError) -> None:
    # A reader that closed the pipe wants no more lines, and the rest of the buffer must not fail again at the exit.
    if error.errno != errno.EPIPE:
        subject = f": {error.filename}" if error.filename else ""
        _complain(f"{prog_name}: {error.strerror or type(error).__name__}{subject}")
    try:
        sys.stdout.flush()
    except OSError:
        _silence(1)


def _silence(descriptor: int) -> None:
    """Lead a broken stream into nothing, so that the interpreter's last flush does not change the exit code."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, descriptor)
    os.close(nothing)


def _place(error: BaseException) -> str:
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if frame is None:
        return "an unknown place"
    return f"{os.path.basename(frame.tb_frame.f_code.co_filename)}:{frame.tb_lineno}"  # noqa: PTH119  # a name, no file
