"""Encrypt as a process of its own: real streams, a real terminal, several at once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from amtconnector import credentials
from amtconnector.credentials import Secret, Stored, keyfile
from tests.support import processes

CONFIG = """\
[CONNECTOR]
KEY_FILE=connector.key
[AMT BATCH SERVER]
USER=62324e685a47303d
PASSWORD=6233426a6232353463484d3d
"""
VALUE = re.compile(r"amt1:[0-9a-f]{8}:[A-Za-z0-9_=-]+\r?\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a Connector.config whose key file is beside it, and no place of the machine in reach."""
    (tmp_path / "Connector.config").write_text(CONFIG)
    return tmp_path


def run(
    program: list[str], folder: Path, *args: str, typed: str = "", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Encrypt in a folder, without a terminal."""
    environment = {**processes.clean_environment(folder), **(env or {})}
    return processes.run([*program, *args], cwd=folder, entered=typed, env=environment, start_new_session=True)


def decrypted(text: str, folder: Path) -> str:
    """Return what a printed value holds."""
    value = Stored("PASSWORD", Secret(text.strip()), Path("printed"))
    return credentials.decrypt(value, keyfile.load(folder / "connector.key")).secret.reveal()


def test_the_value_is_printed_and_nothing_else(encrypt_program: list[str], folder: Path) -> None:
    """Encrypt -v abcdefg: one line on stdout, nothing on stderr, 0."""
    done = run(encrypt_program, folder, "-v", "abcdefg")
    assert VALUE.fullmatch(done.stdout)
    assert (done.stderr, done.returncode) == ("", 0)
    assert decrypted(done.stdout, folder) == "abcdefg"


def test_the_value_comes_from_standard_input(encrypt_program: list[str], folder: Path) -> None:
    """A script pipes the secret in."""
    assert decrypted(run(encrypt_program, folder, "-", typed="geheim ü\n").stdout, folder) == "geheim ü"


def test_the_words_of_the_program_work_on_the_configuration_here(encrypt_program: list[str], folder: Path) -> None:
    """Migrate, check and rotate end with 0, one after the other."""
    for words in (["migrate"], ["check"], ["rotate", "Connector.config"], ["check"]):
        done = run(encrypt_program, folder, *words)
        assert (done.returncode, "opconxps" in done.stdout) == (0, False), done.stderr


def test_a_wrong_command_line_ends_with_101(encrypt_program: list[str], folder: Path) -> None:
    """A misuse is one line on stderr."""
    done = run(encrypt_program, folder, "geheim")
    assert (done.returncode, done.stdout) == (101, "")
    assert "geheim" not in done.stderr


def test_a_variable_for_completion_changes_nothing(encrypt_program: list[str], folder: Path) -> None:
    """No variable of the environment turns the program into something else."""
    asked = dict.fromkeys(("_AMT_COMPLETE", "_ENCRYPT_COMPLETE", "_COMPLETE", "ENCRYPT_VALUE"), "bash_source")
    assert VALUE.fullmatch(run(encrypt_program, folder, "-v", "abcdefg", env=asked).stdout)


@pytest.mark.posix_only
def test_without_a_terminal_nothing_is_asked(encrypt_program: list[str], folder: Path) -> None:
    """In a service or a pipeline Encrypt says that there is no terminal, and takes no value that it would show."""
    done = run(encrypt_program, folder, typed="geheim\ngeheim\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no terminal" in done.stderr
    assert not re.search("geheim|Traceback|Warning", done.stderr)


@pytest.mark.posix_only
def test_a_terminal_does_not_show_what_is_typed(encrypt_program: list[str], folder: Path) -> None:
    """Both entries are typed without echo; the value arrives on stdout."""
    out, shown = at_a_terminal(encrypt_program, folder, "geheim")
    assert decrypted(out, folder) == "geheim"
    assert shown.startswith("Value: ")
    assert "geheim" not in shown


def at_a_terminal(program: list[str], folder: Path, secret: str) -> tuple[str, str]:
    """Run Encrypt and answer its prompts at a terminal; return stdout, and all that the terminal showed."""
    if sys.platform == "win32":
        pytest.skip("this system has no such terminals")
    else:
        ours, theirs = os.openpty()
        with subprocess.Popen(
            program,
            cwd=folder,
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
            encoding="utf-8",
            start_new_session=True,
        ) as process:
            shown = ""
            for prompt in ("Value: ", "Value again: "):
                while not shown.endswith(prompt):
                    shown += os.read(ours, 1000).decode()
                os.write(ours, f"{secret}\n".encode())
            out, _ = process.communicate(timeout=30)
        os.set_blocking(ours, False)
        shown += os.read(ours, 1000).decode()
        os.close(ours)
        os.close(theirs)
        return out, shown


@pytest.mark.posix_only
def test_first_uses_at_the_same_moment_share_one_key(encrypt_program: list[str], folder: Path) -> None:
    """Whoever makes the key file first wins; every value that was printed decrypts with it."""
    started = [
        subprocess.Popen([*encrypt_program, "-v", f"value{n}"], cwd=folder, stdout=subprocess.PIPE, encoding="utf-8")
        for n in range(6)
    ]
    printed = [process.communicate(timeout=60)[0] for process in started]
    assert [process.returncode for process in started] == [0] * 6
    assert [decrypted(text, folder) for text in printed] == [f"value{n}" for n in range(6)]
    assert sorted(path.name for path in folder.iterdir()) == ["Connector.config", "connector.key"]


@pytest.mark.posix_only
def test_rotations_at_the_same_moment_lose_no_key(encrypt_program: list[str], folder: Path) -> None:
    """Each rotation adds its key, or says that another one is under way; the values stay readable."""
    run(encrypt_program, folder, "migrate")
    for n in range(4):
        (folder / f"{n}.config").write_bytes((folder / "Connector.config").read_bytes())
    started = [
        subprocess.Popen([*encrypt_program, "rotate", f"{n}.config"], cwd=folder, stdout=subprocess.DEVNULL)
        for n in range(4)
    ]
    codes = [process.wait(timeout=60) for process in started]
    assert set(codes) <= {0, 1}
    assert len(keyfile.load(folder / "connector.key").keys) == 1 + codes.count(0)
    assert all(run(encrypt_program, folder, "check", "--config", f"{n}.config").returncode == 0 for n in range(4))


@pytest.mark.posix_only
@pytest.mark.parametrize("args", [["-v", "abcdefg"], ["--help"], ["check"]])
def test_a_result_that_nobody_can_read_is_not_done(encrypt_program: list[str], folder: Path, args: list[str]) -> None:
    """A closed pipe ends with 1, quietly, and not with an exit code of the interpreter."""
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(
        [*encrypt_program, *args], cwd=folder, stdout=writing, stderr=subprocess.PIPE, encoding="utf-8"
    ) as process:
        os.close(writing)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (1, "")


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux")
def test_a_full_disk_is_said(encrypt_program: list[str], folder: Path) -> None:
    """A result that can't be written is an error, and 1."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*encrypt_program, "-v", "abcdefg"],
            cwd=folder,
            stdout=full,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "Encrypt: No space left on device\n")


@pytest.mark.posix_only
@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        # A built program listens to no PYTHONIOENCODING.
        pytest.param("iso8859-15", "\\u2603", marks=pytest.mark.source_only),
        ("utf-8", "\u2603"),
    ],
)
def test_no_path_breaks_the_output(encrypt_program: list[str], folder: Path, encoding: str, shown: str) -> None:
    """A path that the output can't hold is shown with escapes."""
    there = folder / "\u2603"
    there.mkdir()
    (folder / "Connector.config").rename(there / "Connector.config")
    done = run(encrypt_program, there, "check", env={"PYTHONIOENCODING": encoding, "LC_ALL": "C"})
    assert done.returncode == 0
    assert f"{shown}/Connector.config:\n" in done.stdout
