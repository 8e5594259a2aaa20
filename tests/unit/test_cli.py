"""The program's entry, as real processes: help, versions, misuse, and exit codes that nothing can change."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from amtconnector import __version__, cli
from amtconnector.run.arguments import FLAGS
from tests.support.configfile import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.conftest import Programs

START = ("-jt", "START", "-an", "DEMO2", "-jn", "X")


class Shell:
    """Runs the program in an empty folder."""

    def __init__(self, programs: Programs, folder: Path) -> None:
        self.programs = programs
        self.folder = folder

    def run(self, *tokens: str, stdout: int = subprocess.PIPE, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run it; the machine's own SMA_* variables are no concern of a test."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("SMA_")}
        return subprocess.run(
            [*self.programs.amt, *tokens],
            cwd=self.folder,
            env={**clean, **environment},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            timeout=60,
            check=False,
        )


def without_times(text: str) -> list[str]:
    """Return the lines without their timestamps."""
    return [line.partition(" : ")[2] or line for line in text.splitlines()]


@pytest.fixture
def shell(programs: Programs, tmp_path: Path) -> Shell:
    """Return a shell."""
    return Shell(programs, tmp_path)


def test_the_version_stands_alone(shell: Shell) -> None:
    """One line, and 0."""
    ended = shell.run("--version")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"amt {__version__}\n", "")


def test_the_help_names_every_flag_and_every_subcommand(shell: Shell) -> None:
    """On stdout, and 0."""
    ended = shell.run("--help")
    assert ended.returncode == 0
    for short, long in FLAGS.items():
        assert f"{short}, " in ended.stdout or long in ended.stdout
    for name in cli.SUBCOMMANDS:
        assert name in ended.stdout


def test_without_arguments_the_help_is_no_success(shell: Shell) -> None:
    """An OpCon job that lost its command line must not end well."""
    ended = shell.run()
    assert ended.returncode == 101
    assert ended.stdout == shell.run("--help").stdout


@pytest.mark.parametrize(
    "tokens",
    [
        ("-an", "DEMO2"),
        ("-jt", "START"),
        ("-jt", "RUN", "-an", "A", "-jn", "B"),
        (*START, "--help"),
        ("--help", *START),
        (*START, "--version"),
        ("--version", "--version"),
        (*START, "check"),
        (*START, "runs", "--json"),
        ("unknown",),
        ("CHECK",),
        ("-zz",),
        ("--unknown=1", *START),
        (*START, "-uBOB"),
        (*START, "-u=BOB"),
        (*START, "-id", "2112"),
        (*START, "-jn", "Y"),
        ("-jt", "KILL"),
        ("-jt", "KILL", "-id", "2112", "--release", "x"),
        ("",),
        ("@file",),
    ],
)
def test_misuse_is_one_line_on_stdout_and_101(tokens: Sequence[str], shell: Shell) -> None:
    """No header, nothing on stderr, nothing sent."""
    ended = shell.run(*tokens)
    assert ended.returncode == 101
    assert ended.stdout.startswith("amt: usage (101): ")
    assert ended.stdout.count("\n") == 1
    assert ended.stderr == ""


def test_a_wrong_subcommand_line_is_101_on_stderr(shell: Shell) -> None:
    """Administrators' programs complain on stderr."""
    ended = shell.run("runs", "--unknown")
    assert (ended.returncode, ended.stdout) == (101, "")
    assert "--unknown" in ended.stderr


@pytest.mark.parametrize("tokens", [(), ("--version",), ("-zz",), START, ("runs", "--help")])
def test_completion_variables_change_nothing(tokens: Sequence[str], shell: Shell) -> None:
    """A variable of the environment must not turn a run into a script that ends with 0."""
    plain = shell.run(*tokens)
    ended = shell.run(*tokens, _AMT_COMPLETE="bash_source", _AMT_RUNS_COMPLETE="bash_source", _PYTHON_M_COMPLETE="x")
    assert ended.returncode == plain.returncode
    assert without_times(ended.stdout) == without_times(plain.stdout)


def test_a_run_without_a_configuration_is_102_with_its_header(shell: Shell) -> None:
    """The header comes from the command line before anything can fail; the last lines name the outcome."""
    ended = shell.run(*START)
    texts = [line.partition(" : ")[2] for line in ended.stdout.splitlines()]
    assert ended.returncode == 102
    assert texts[1].startswith("AMT Connector")
    assert texts[-3:-1] == ["Outcome : configuration (102)", "Connector completed with return code 102"]
    assert ended.stderr == ""


@pytest.mark.posix_only
@pytest.mark.parametrize(("tokens", "code"), [(START, 102), (("-zz",), 101), ((), 101), (("--help",), 0)])
@pytest.mark.parametrize("trouble", ["full", "closed"])
def test_a_broken_stdout_does_not_change_the_code(
    tokens: Sequence[str],
    code: int,
    trouble: str,
    shell: Shell,
) -> None:
    """A full disk, or a reader that is gone."""
    if trouble == "full":
        descriptor = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, descriptor = os.pipe()
        os.close(reader)
    try:
        ended = shell.run(*tokens, stdout=descriptor)
    finally:
        os.close(descriptor)
    assert (ended.returncode, ended.stderr) == (code, "")


@pytest.mark.posix_only
@pytest.mark.source_only
def test_a_working_directory_that_is_gone_ends_with_a_code_of_ours(shell: Shell) -> None:
    """Never with Python's own 1, which is QUEUED to an operator."""
    shell.folder = shell.folder / "gone"
    shell.folder.mkdir()
    script = (
        "import os, sys; os.rmdir(os.getcwd()); "
        "os.execv(sys.executable, [sys.executable, '-m', 'amtconnector', *sys.argv[1:]])"
    )
    environment = {**os.environ, "SMA_MSLSAM_SCHEDULE_DATE": "20261123", "SMA_MSLSAM_SCHEDULE_NAME": "S"}
    environment["SMA_MSLSAM_JOB_NAME"] = "J 0000000001"
    for tokens, codes in ((START, {100, 102}), (("-zz",), {101})):
        shell.folder.mkdir(exist_ok=True)
        ended = subprocess.run(
            [sys.executable, "-c", script, *tokens],
            cwd=shell.folder,
            env=environment,
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert ended.returncode in codes, ended


@pytest.mark.parametrize(
    ("failure", "code"), [(KeyboardInterrupt(), 107), (MemoryError(), 100), (ValueError("secret"), 100)]
)
def test_whatever_a_run_raises_ends_with_a_code_of_ours(
    failure: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, without the words of an exception, which could hold a secret."""

    def run(_tokens: Sequence[str]) -> int:
        raise failure

    monkeypatch.setattr("amtconnector.commands.run.run", run)
    assert cli._run(START) == code
    text = capsys.readouterr().out
    assert text.count("\n") == 1
    assert f"({code})" in text
    assert "secret" not in text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("module", ["amtconnector.cli", "amtconnector.run.arguments", "amtconnector.commands.run"])
@pytest.mark.posix_only
@pytest.mark.source_only
def test_a_stop_during_an_import_ends_with_a_code_of_ours(module: str, number: int) -> None:
    """Before the run listens to signals: 107 and one line, where Python would end with 1, which is QUEUED."""
    program = (
        "import builtins, os, sys\n"
        f"sys.argv = ['amt', {', '.join(map(repr, START))}]\n"
        "original = builtins.__import__\n"
        "def imported(name, *others):\n"
        f"    if name == {module!r}:\n"
        f"        os.kill(os.getpid(), {int(number)})\n"
        "    return original(name, *others)\n"
        "builtins.__import__ = imported\n"
        "from amtconnector.__main__ import main\n"
        "main()\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    text = "amt: interrupted (107): told to stop before anything was started.\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (107, text, "")


@pytest.mark.posix_only
@pytest.mark.source_only
def test_an_interrupt_that_is_ignored_stays_ignored_while_the_program_starts() -> None:
    """A script that runs it in the background ignores Ctrl-C for it."""
    program = (
        "import os, signal\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from amtconnector.system import early_stop\n"
        "early_stop.listen()\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
        "early_stop.leave()\n"
        "print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN, signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stdout) == (0, "True True\n"), ended.stderr


@pytest.mark.source_only
def test_next_to_nothing_is_imported_before_a_stop_is_heard() -> None:
    """What comes before that would end with Python's 1; typing alone is half of it."""
    program = (
        "import sys; sys.path.append(sys.argv[1])\n"
        "import amtconnector.__main__\n"
        "print(*sorted({'typing', 're', 'contextlib'} & set(sys.modules)))"
    )
    bare = [sys.executable, "-I", "-S", "-c", program, str(ROOT)]
    assert subprocess.run(bare, capture_output=True, text=True, check=True, timeout=60).stdout == "\n"


@pytest.mark.source_only
def test_the_version_imports_nothing_heavy() -> None:
    """Start-up time is a feature: hundreds of these processes sit on one server."""
    program = (
        "import sys; sys.argv = ['amt', '--version']\n"
        "from amtconnector.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(*{'httpx', 'click', 'cryptography', 'tenacity', 'rich', 'truststore', 'asyncio'} & set(sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout.splitlines() == [f"amt {__version__}", ""]
