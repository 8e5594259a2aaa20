"""The program under test: the source install, or with `--program` a built one (amt.exe through wine on Linux).

    python -m pytest tests/end_to_end                                    the source install
    python -m pytest tests/end_to_end --program dist/amt/amt             the built folder
    python -m pytest tests/end_to_end --program .../amt.exe -m windows   the Windows programs, under wine

The environment variable AMT_TEST_PROGRAM does the same as `--program`. `Encrypt` is looked for beside `amt`.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from amtconnector.lab.acceptance.console import is_wine

WINE_SETTINGS = ("WINEPREFIX", "WINEDEBUG", "WINEDLLOVERRIDES", "HOME", "PATH")
"""What wine needs from our environment even where a test gives the program another one."""


@dataclass(frozen=True, slots=True)
class Programs:
    """The two programs under test, each as the start of an argument list for `subprocess`.

    `folder` is the built folder; None for the source install. `is_windows`: they are Windows programs, native or under
    wine. `is_wine`: wine runs them.
    """

    amt: tuple[str, ...]
    encrypt: tuple[str, ...]
    folder: Path | None
    is_windows: bool
    is_wine: bool

    def path(self, path: Path) -> str:
        """Return a path as the program must be given it: below drive Z under wine."""
        return "Z:" + str(path).replace("/", "\\") if self.is_wine else str(path)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch between the source install and a built program."""
    parser.addoption("--program", help="a built amt (or amt.exe) to run the end-to-end tests against")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers of the end-to-end tests."""
    config.addinivalue_line("markers", "windows: belongs to the selection that runs against amt.exe under wine")
    config.addinivalue_line(
        "markers", "source_only: looks inside the program, so there is nothing to see in a built one"
    )
    config.addinivalue_line("markers", "posix_only: is about something that only POSIX systems have")
    config.addinivalue_line("markers", "not_wine(reason): shows nothing under wine, for this reason")
    config.addinivalue_line(
        "markers",
        "begins_as(number, process=0): takes a minute, so it begins a process of pytest",
    )


def pytest_sessionstart() -> None:
    """Let programs under test see the signals that this was told to ignore, by nohup or `&`: it would be handed on."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return how many processes run the tests: one more than cores; two for each core where programs are waited for.

    From source they are three, for such a program takes less of a core. Files that are named one by one run in this
    process: starting others takes longer.
    """
    folders = [Path(argument) for argument in config.args if Path(argument).is_dir()]
    waits = any((folder / "end_to_end").is_dir() or "end_to_end" in folder.parts for folder in folders)
    cores = os.cpu_count() or 1
    for_waiting = (2 if _given_program(config) else 3) * cores
    return (for_waiting if waits else cores + 1) if folders else 0


def _given_program(config: pytest.Config) -> str:
    return str(config.getoption("--program") or os.environ.get("AMT_TEST_PROGRAM", ""))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each process of pytest its part of what waits, end to end, then of what computes; neighbours stay together.

    The processes get pieces of the list that are equally long, and take over from each other at the end. What takes a
    minute on any machine begins a piece.
    """
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    length = len(items)
    long = [(mark, item) for item in items if (mark := item.get_closest_marker("begins_as"))]
    short = [item for item in items if not item.get_closest_marker("begins_as")]
    kinds = [[item for item in short if ("end_to_end" in item.path.parts) is waits] for waits in (True, False)]
    items[:] = [item for piece in range(count) for kind in kinds for item in _piece(kind, piece, count)]
    for piece in range(count):
        begin = -(-piece * length // count)
        here = [(mark, item) for mark, item in long if mark.kwargs.get("process", 0) % count == piece]
        items[begin:begin] = [item for _, item in sorted(here, key=lambda pair: pair[0].args[0])]


def _piece(items: list[pytest.Item], number: int, count: int) -> list[pytest.Item]:
    return items[number * len(items) // count : (number + 1) * len(items) // count]


@pytest.fixture(scope="session")
def programs(pytestconfig: pytest.Config) -> Programs:
    """Return the programs under test."""
    given = _given_program(pytestconfig)
    return built_programs(Path(given).absolute()) if given else source_programs()


@pytest.fixture
def amt(programs: Programs) -> list[str]:
    """Return the start of a command line that runs `amt`."""
    return list(programs.amt)


@pytest.fixture
def lab(programs: Programs) -> list[str]:
    """Return the start of a command line that runs `amt-lab`: from the folder beside the built one, or from source."""
    if programs.folder is None:
        return [sys.executable, "-m", "amtconnector.lab"]
    program = programs.folder.parent / "amt-lab" / f"amt-lab{'.exe' if programs.is_windows else ''}"
    if not program.is_file():
        pytest.skip(f"there is no {program}")
    return [*programs.amt[:-1], str(program)]


@pytest.fixture
def encrypt_program(programs: Programs) -> list[str]:
    """Return the start of a command line that runs `Encrypt`."""
    return list(programs.encrypt)


@pytest.fixture(autouse=True)
def fits_the_program(request: pytest.FixtureRequest) -> None:
    """Skip what a marker excludes: `source_only` for a built program, `posix_only` for Windows, `not_wine` there."""
    if (mark := request.node.get_closest_marker("not_wine")) and is_wine():
        pytest.skip(mark.args[0])
    markers = {mark.name for mark in request.node.iter_markers()} & {"source_only", "posix_only"}
    if not markers:
        return
    programs: Programs = request.getfixturevalue("programs")
    if "source_only" in markers and programs.folder is not None:
        pytest.skip("looks inside the program; this is a built one")
    if "posix_only" in markers and programs.is_windows:
        pytest.skip("about something that only POSIX systems have")


def source_programs() -> Programs:
    """Return the programs as this interpreter runs them from the source install."""
    is_windows = sys.platform == "win32"
    return Programs((sys.executable, "-m", "amtconnector"), (sys.executable, "-m", "encrypt"), None, is_windows, False)


def built_programs(amt: Path) -> Programs:
    """Return the programs of the folder that holds `amt`; raise `FileNotFoundError` where one of the two is missing."""
    encrypt = amt.with_stem("Encrypt")
    for program in (amt, encrypt):
        if not program.is_file():
            raise FileNotFoundError(program)
    is_windows = amt.suffix.casefold() == ".exe"
    is_wine = is_windows and sys.platform != "win32"
    start = wine_command() if is_wine else ()
    return Programs((*start, str(amt)), (*start, str(encrypt)), amt.parent, is_windows, is_wine)


def wine_command() -> tuple[str, ...]:
    """Return the command that runs a Windows program under wine, whatever environment it is started with."""
    wine = shutil.which("wine")
    if wine is None:
        raise FileNotFoundError("wine")
    settings = (f"{name}={os.environ[name]}" for name in WINE_SETTINGS if name in os.environ)
    return ("/usr/bin/env", *settings, wine)
