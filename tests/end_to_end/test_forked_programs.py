"""A program that is forked and one that is started show a test the same: what other tests prove with forks holds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.workplace import start_of
from tests.support import processes
from tests.support.processes import clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.end_to_end.workplace import SharedSimulator, Workplace

pytestmark = [pytest.mark.source_only, pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux")]
BOTH = (processes.start, subprocess.Popen)
PROGRAM = (sys.executable, "-m", "amtconnector")
PIPES = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("amtconnector", ["--version"]),
        ("amtconnector", []),
        ("amtconnector", ["-jt", "\udcff \u2603"]),
        ("amtconnector", ["check"]),
        ("encrypt", ["-v", "-", "--set", "NOBODY"]),
        ("amtconnector.lab", ["--help"]),
        ("amtconnector.simulator", ["/nonexistent"]),
    ],
)
def test_both_say_the_same_and_end_with_the_same_code(module: str, arguments: list[str], tmp_path: Path) -> None:
    """Every word on stdout and stderr, the way to call the program among them."""

    def outcome(begin: Callable[..., Any]) -> tuple[int, bytes, bytes]:
        environment = clean_environment(tmp_path)
        with begin([sys.executable, "-m", module, *arguments], cwd=tmp_path, env=environment, **PIPES) as process:
            said, complained = process.communicate(b"secret\n", timeout=60)
        return process.returncode, said, complained

    forked, started = (outcome(begin) for begin in BOTH)
    assert forked == started


def test_both_have_the_same_descriptors_folder_environment_and_signals(
    site: Workplace, simulator: SharedSimulator
) -> None:
    """Of a run that waits: what the system says of its process."""

    def facts(begin: Callable[..., Any]) -> tuple[object, ...]:
        simulator.refresh()
        command = [*PROGRAM, *start_of("NEVER_ENDS")]
        process = begin(command, cwd=site.folder, env={**clean_environment(site.folder), "SMA_X": "\u2603"}, **PIPES)
        try:
            simulator.wait_for_call("status", count=2)
            of_it = Path("/proc", str(process.pid))
            status = dict(line.split(":\t", 1) for line in (of_it / "status").read_text().splitlines())
            signals = {name: status[name] for name in ("SigBlk", "SigIgn", "SigCgt", "PPid", "Threads")}
            return os.readlink(of_it / "cwd"), len(os.listdir(of_it / "fd")), signals  # noqa: PTH115, PTH208 - texts
        finally:
            process.kill()
            process.communicate()

    forked, started = (facts(begin) for begin in BOTH)
    assert forked == started


@pytest.mark.parametrize("begin", BOTH, ids=["forked", "started"])
def test_a_signal_is_the_exit_code(begin: Callable[..., Any], site: Workplace, simulator: SharedSimulator) -> None:
    """A killed run is -9; one that is still there is None, and can be waited for."""
    process = begin([*PROGRAM, *start_of("NEVER_ENDS")], cwd=site.folder, env=clean_environment(site.folder), **PIPES)
    simulator.wait_for_call("status")
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=20)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("variables", "kind"),
    [
        ({"SMA_X": "1"}, processes.Forked),
        ({"TZ": "UTC"}, subprocess.Popen),
        ({"PYTHONUTF8": "0"}, subprocess.Popen),
    ],
)
def test_what_asks_for_a_start_gets_one(
    variables: dict[str, str], kind: type, site: Workplace, simulator: SharedSimulator
) -> None:
    """A run and a simulator are forks, and a program with a variable that Python or a library could read is none."""
    process = site.start("--version", environment=variables, names_config=False)
    assert type(process) is kind
    assert process.wait(60) == 0
    assert isinstance(simulator._process, processes.Forked)
