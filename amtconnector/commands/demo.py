"""`amt demo`: a simulated AMT server, and one real run against it, from nothing to the exit code."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from amtconnector.commands.click_command import DONE, NOT_DONE

if TYPE_CHECKING:
    from collections.abc import Iterator

_HELP = """\
Run a job against a simulated AMT server and show what happens. Takes about ten seconds, needs no AMT and no
configuration, and leaves nothing behind.

\b
Example:
  amt demo"""

_EXTRAS = ("amtconnector.simulator", "starlette", "uvicorn", "trustme")
_MISSING = """the simulator is not installed here. In a clone of the project, with Python 3.11 or later:

    pip install ".[simulator]"
    amt demo"""
_GREETING = "AMT simulator listening on "
_START_TIMEOUT_S = 15.0
_END_TIMEOUT_S = 5.0
_USER, _PASSWORD = "ocadm", "opconxps"  # of the vendor's own sample; the simulator takes it
_JOB = ("-jt", "START", "-an", "DEMO2", "-jn", "RUN_PARAMETERTESTA", "-pa", "'PARAM'")
_SUCCESS = 4
_CONFIG = """\
[CONNECTOR]
STATUS_CHECK_INITIAL_POLL_DELAY=1
STATUS_CHECK_POLL_INTERVAL=1
RUN_DIRECTORY=runs
KEY_FILE=connector.key

[AMT_BATCH_SERVER]
SERVER_ADDRESS={address}
CA_FILE={ca_file}
USER=
PASSWORD=
"""


class _Demo(NamedTuple):
    """A folder of its own, and the address of the simulator that runs for it."""

    folder: Path
    url: str

    @property
    def config(self) -> Path:
        return self.folder / "Connector.config"


@click.command("demo", help=_HELP)
def command() -> int:
    """Do the whole demonstration; 0 when the run ended with 4."""
    if not _is_installed():
        raise click.ClickException(_MISSING)
    # Ended from outside like Ctrl-C, so that nothing is left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="amt-demo-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with _simulator(folder) as url:
            return _show(_Demo(folder, url))


def _is_installed() -> bool:
    if getattr(sys, "frozen", False):
        return False
    return all(importlib.util.find_spec(name) for name in _EXTRAS)


def _show(demo: _Demo) -> int:
    _heading("A simulated AMT server")
    click.echo(f"  {demo.url}, on this machine alone")
    _configure(demo)
    _heading("Connector.config, its credentials encrypted by Encrypt")
    click.echo("\n".join(f"  {_shortened(line)}" for line in demo.config.read_text(encoding="utf-8").splitlines()))
    _heading("The command line, as OpCon's agent starts it")
    click.echo(f"  amt {' '.join(_quoted(word) for word in _JOB)}")
    _heading("The job log")
    exit_code = _run(demo)
    _heading(f"Exit code {exit_code}")
    click.echo(_verdict(exit_code))
    return DONE if exit_code == _SUCCESS else NOT_DONE


@contextmanager
def _simulator(folder: Path) -> Iterator[str]:
    """Run the simulator as a process of its own and yield its URL; it ends with this process, whatever happens."""
    command = [*_python("amtconnector.simulator"), "--self-signed", str(folder), "--until-stdin-closes", "--quiet"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        # Out of reach of Ctrl-C: the run needs the server to end its task in good order.
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    ) as process:
        try:
            yield _url(process)
        finally:
            _end(process)


def _url(process: subprocess.Popen[str]) -> str:
    """Return the address that the simulator says; raises click.ClickException when it does not start."""
    stopper = threading.Timer(_START_TIMEOUT_S, process.kill)
    stopper.start()
    try:
        line = process.stdout.readline() if process.stdout else ""
    finally:
        stopper.cancel()
    if not line.startswith(_GREETING):
        raise click.ClickException("the simulator did not start; amt-simulator shows why.")
    return line.removeprefix(_GREETING).strip()


def _end(process: subprocess.Popen[str]) -> None:
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(_END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()


def _configure(demo: _Demo) -> None:
    """Write Connector.config and have Encrypt fill in the credentials, as an administrator does."""
    text = _CONFIG.format(address=demo.url.partition("://")[2], ca_file="ca.pem")
    demo.config.write_text(text, encoding="utf-8")
    for key, value in (("USER", _USER), ("PASSWORD", _PASSWORD)):
        encrypt = [*_python("encrypt"), "--config", str(demo.config), "--set", key, "-"]
        done = subprocess.run(encrypt, input=value, capture_output=True, text=True, encoding="utf-8", check=False)
        if done.returncode != DONE:
            raise click.ClickException(f"Encrypt failed: {done.stderr.strip()}")


def _run(demo: _Demo) -> int:
    """Run the program itself on this terminal and return its exit code; a signal is its own matter."""
    sys.stdout.flush()
    # Not as a job of OpCon, even inside one: the demonstration has no part in its restart protection.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SMA_MSLSAM_")}
    process = subprocess.Popen([*_python("amtconnector"), *_JOB, "--config", str(demo.config)], env=environment)
    earlier = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                # The terminal sent it to the run too, which now ends its task: see that to its end.
                continue
    finally:
        signal.signal(signal.SIGTERM, earlier)


def _python(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module)


def _heading(text: str) -> None:
    click.echo()
    click.secho(text, bold=True)


def _shortened(line: str) -> str:
    return line if len(line) <= 76 else f"{line[:73]}..."


def _quoted(word: str) -> str:
    return word if word.startswith("-") else json.dumps(word)


def _verdict(exit_code: int) -> str:
    if exit_code == _SUCCESS:
        return (
            "  AMT's completion code DONE, the only success. OpCon's rule for such a job is\n"
            '  "Exit code NE 4 fails": this one finished well, and everything above is in its job log.\n\n'
            "  Your own server: Connector.config.example, then amt check.\n"
            "  More simulated jobs, failures included: amt-simulator, docs/simulator.md."
        )
    return '  Not 4. OpCon\'s rule for such a job is "Exit code NE 4 fails": it failed. The lines above say why.'
