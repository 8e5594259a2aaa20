"""The rules of the one stream: no character, no reader and no disk can break a run."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amtconnector.output.stdout import Output, default_encoding

if TYPE_CHECKING:
    from pathlib import Path


_now, _sleep = time.monotonic, time.sleep


def settle(stream: Output, *, flushes: bool = True) -> None:
    """Hand over what was added, and let the stream's own thread write it."""
    if flushes:
        stream.flush()
    end = _now() + 10
    while stream._writer.backlog and _now() < end:
        _sleep(0.0002)


class Written:
    """What reaches the descriptor of stdout; `answers` are errors to raise first."""

    def __init__(self) -> None:
        self.data = b""
        self.calls = 0
        self.answers: list[OSError] = []
        self.most = 1 << 30

    def __call__(self, descriptor: int, data: memoryview) -> int:
        """Take what os.write would."""
        assert descriptor == 1
        self.calls += 1
        if self.answers:
            raise self.answers.pop(0)
        taken = bytes(data[: self.most])
        self.data += taken
        return len(taken)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Written:
    """Catch what is written."""
    place = Written()
    monkeypatch.setattr(os, "write", place)
    return place


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return a clock's only hand."""
    hand = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: hand[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: hand.__setitem__(0, hand[0] + seconds))
    return hand


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("utf-8", "Größe ☃ 😀 \\ud83d"),
        ("ascii", "Gr\\xf6\\xdfe \\u2603 \\U0001f600 \\ud83d"),
        ("cp1252", "Größe \\u2603 \\U0001f600 \\ud83d"),
        ("cp850", "Größe \\u2603 \\U0001f600 \\ud83d"),
    ],
)
def test_what_the_encoding_cannot_hold_is_shown_escaped(encoding: str, expected: str, written: Written) -> None:
    """A snowman in a code page is a backslash, a u and four digits; so is a lone surrogate in UTF-8."""
    stream = Output(encoding)
    stream.write("Größe ☃ 😀 \ud83d")
    settle(stream)
    assert written.data.decode(encoding) == expected + os.linesep


@given(text=st.text(st.characters(exclude_categories=[]), max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_character_breaks_the_stream(text: str, written: Written) -> None:
    """Whatever is written, in whatever encoding, arrives and leaves the stream whole."""
    for encoding in (None, "ascii", "utf-16", "shift_jis", "cp437"):
        stream = Output(encoding)
        stream.write(text)
        stream.write("behind")
        settle(stream)
        assert stream.broken == ""
    assert written.data


def test_the_default_is_utf_8_but_on_windows_the_ansi_code_page() -> None:
    """The incumbent wrote the ANSI code page there."""
    assert default_encoding() == ("mbcs" if sys.platform == "win32" else "utf-8")


def test_another_encoding_counts_from_its_setting_on(written: Written) -> None:
    """The header is written before OUTPUT_ENCODING is known; what was added before stays as it was."""
    stream = Output("utf-8")
    stream.write("ä")
    stream.use("cp1252")
    stream.write("ä")
    settle(stream)
    assert written.data == "ä".encode() + os.linesep.encode() + "ä".encode("cp1252") + os.linesep.encode()


def test_lines_are_written_together_until_they_are_flushed(written: Written) -> None:
    """A burst of lines costs one write."""
    stream = Output("utf-8")
    for number in range(100):
        stream.write(str(number))
    assert written.calls == 0
    settle(stream)
    assert written.calls == 1
    assert written.data.decode().split() == [str(number) for number in range(100)]


def test_no_line_waits_longer_than_0_2_s_for_the_next(written: Written, hand: list[float]) -> None:
    """While lines keep coming, the oldest is never older than 0.2 s."""
    stream = Output("utf-8")
    stream.write("first")
    hand[0] += 0.19
    stream.write("second")
    assert written.calls == 0
    hand[0] += 0.01
    stream.write("third")
    settle(stream, flushes=False)
    assert written.data.decode().split() == ["first", "second", "third"]


def test_much_text_is_not_kept_back(written: Written) -> None:
    """64 K of characters are handed over at once, whatever the time."""
    stream = Output("utf-8")
    stream.write("x" * 65536)
    settle(stream, flushes=False)
    assert len(written.data) > 65536


def test_a_stream_that_takes_little_gets_all_of_it(written: Written) -> None:
    """A write that takes only a part is followed by the rest."""
    written.most = 3
    stream = Output("utf-8")
    stream.write("0123456789")
    settle(stream)
    assert written.data == b"0123456789" + os.linesep.encode()


@pytest.mark.parametrize("number", [errno.EPIPE, errno.ENOSPC, errno.EBADF, errno.EIO])
def test_a_stream_that_breaks_is_left_alone(number: int, written: Written) -> None:
    """Nothing is raised, the reason is kept, and nothing is written any more."""
    written.answers = [OSError(number, os.strerror(number))]
    stream = Output("utf-8")
    stream.write("lost")
    settle(stream)
    stream.write("lost too")
    stream.close()
    assert stream.broken == os.strerror(number)
    assert (written.calls, written.data) == (1, b"")


@pytest.mark.usefixtures("hand")
def test_a_full_non_blocking_pipe_is_waited_for(written: Written) -> None:
    """Somebody made the pipe non-blocking: its reader gets everything all the same."""
    written.answers = [BlockingIOError(errno.EAGAIN, "full") for _ in range(5)]
    stream = Output("utf-8")
    stream.write("late")
    settle(stream)
    assert (stream.broken, written.data) == ("", b"late" + os.linesep.encode())


def test_nothing_is_written_for_nothing(written: Written) -> None:
    """A flush without lines touches no descriptor."""
    Output("utf-8").flush()
    assert written.calls == 0


@pytest.mark.parametrize("jump_s", [7200.0, -7200.0])
def test_a_clock_that_jumps_loses_no_line(written: Written, monkeypatch: pytest.MonkeyPatch, jump_s: float) -> None:
    """A machine that was suspended while the last lines were written wakes up with every time over."""
    ahead_s = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: _now() + ahead_s[0])

    def write(descriptor: int, data: memoryview) -> int:
        _sleep(0.1)
        ahead_s[0] = jump_s
        _sleep(0.1)
        return written(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    stream = Output("utf-8")
    stream.write("the last line")
    stream.close()
    assert (written.data.split(), stream.broken) == ([b"the", b"last", b"line"], "")


def test_a_reader_that_stands_still_holds_nobody_up(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines pile up, the run goes on, and too many of them are noticed."""
    gate = threading.Event()

    def write(descriptor: int, data: memoryview) -> int:
        gate.wait(10)
        return written(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    stream = Output("utf-8")
    for _ in range(4):
        assert not stream.is_held_up
        stream.write("x" * 1024 * 1024)
    was_held_up = stream.is_held_up
    gate.set()
    settle(stream)
    assert (was_held_up, stream.is_held_up) == (True, False)
    assert len(written.data) == 4 * (1024 * 1024 + len(os.linesep))


def test_without_a_thread_to_spare_the_run_writes_itself(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system at its limits is no reason to leave a task alone."""

    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    stream = Output("utf-8")
    for line in ("first", "second"):
        stream.write(line)
        stream.flush()
    assert written.data.decode().split() == ["first", "second"]


PROGRAM = """
import os, sys
from amtconnector.output.stdout import Output, occupy_standard_streams
{before}
occupy_standard_streams()
stream = Output("utf-8")
for number in range({lines}):
    stream.write("x" * 99)
stream.close()
{after}
os._exit(4)
"""


def exit_code_of(before: str = "", after: str = "", lines: int = 2000, stdout: int | None = None) -> int:
    """Run a process that prints and ends with 4."""
    program = PROGRAM.format(before=before, after=after, lines=lines)
    return subprocess.run([sys.executable, "-c", program], check=False, timeout=30, stdout=stdout).returncode


@pytest.mark.posix_only
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no full disk at hand")  # noqa: PTH110 - as short as it gets
def test_a_full_disk_does_not_change_the_exit_code() -> None:
    """The run ends as it would have."""
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        assert exit_code_of(stdout=full.fileno()) == 4


def test_a_closed_pipe_does_not_change_the_exit_code() -> None:
    """A reader that goes away is no concern of the run."""
    reader, writer = os.pipe()
    os.close(reader)
    assert exit_code_of(stdout=writer) == 4
    os.close(writer)


@pytest.mark.posix_only
def test_a_closed_stdout_is_never_another_file(tmp_path: Path) -> None:
    """Where stdout is closed, the next file or socket must not take its number and the job log in."""
    target = tmp_path / "victim"
    after = f"descriptor = os.open({str(target)!r}, os.O_CREAT | os.O_WRONLY); stream.write('x'); stream.flush()"
    assert exit_code_of(before="os.close(0); os.close(1); os.close(2)", after=after) == 4
    assert target.read_bytes() == b""


@pytest.mark.posix_only
def test_a_slow_reader_of_a_non_blocking_pipe_gets_everything() -> None:
    """With real descriptors: nothing is lost although the pipe is full most of the time."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)  # type: ignore[attr-defined,unused-ignore]  # Windows has none before Python 3.12
    program = PROGRAM.format(before="", after="", lines=4000)
    with subprocess.Popen([sys.executable, "-c", program], stdout=writer) as process:
        os.close(writer)
        size = 0
        end = time.monotonic() + 30
        while (data := os.read(reader, 65536)) and time.monotonic() < end:
            size += len(data)
    os.close(reader)
    assert (process.returncode, size) == (4, 4000 * 100)
