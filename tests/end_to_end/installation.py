"""An installation of the connector as a site has it: a folder with Connector.config and a key, and runs of the program.

    site = Installation(tmp_path, programs, simulator.address, ca_file=simulator.ca_file)
    ended = site.run("-jt", "START", "-an", "DEMO2", "-jn", "REPORTTEST01")
    assert ended.exit_code == 4
    assert "Connector completed with return code 4" in ended.text

The program sees a clean environment: none of the SMA_* variables of the machine, and a home folder of its own.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from amtconnector import credentials
from amtconnector.credentials import key_places
from tests.support import processes
from tests.support.processes import clean_environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.conftest import Programs

USER, PASSWORD = "ocadm", "opconxps"
TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Ended:
    """A program that has ended: its exit code and all that it printed, as bytes."""

    exit_code: int
    output: bytes
    errors: bytes = b""

    @property
    def text(self) -> str:
        """What was printed on stdout, read as UTF-8, with plain line ends."""
        return self.output.decode("utf-8", "backslashreplace").replace("\r\n", "\n")

    @property
    def lines(self) -> list[str]:
        """The lines without their timestamps."""
        parts = [line.partition(" : ") for line in self.text.split("\n")[:-1]]
        return [text if colon else start for start, colon, text in parts]


class Installation:
    """One folder with Connector.config. `settings` are further lines of its section CONNECTOR: DEBUG="ON"."""

    def __init__(
        self, folder: Path, programs: Programs, address: str, *, ca_file: Path | None = None, **settings: object
    ) -> None:
        self.folder = folder
        self.programs = programs
        self.address = address
        self.ca_file = ca_file
        self.runs = folder / "runs"
        self.config = folder / "Connector.config"
        self.write_config(settings)

    def write_config(self, settings: Mapping[str, object], *, uses_tls: bool | None = None) -> None:
        """Write Connector.config anew; TLS is on where there is a CA, unless it is said."""
        self.folder.mkdir(parents=True, exist_ok=True)
        wanted = {
            "STATUS_CHECK_INITIAL_POLL_DELAY": 0.1,
            "STATUS_CHECK_POLL_INTERVAL": 0.2,
            "RUN_DIRECTORY": "runs",
            "KEY_FILE": "connector.key",
            "OUTPUT_ENCODING": "utf-8",
            **settings,
        }
        ring, _ = key_places.ring_to_encrypt(self.folder / "connector.key")
        server = {
            "SERVER_ADDRESS": self.address,
            "SERVER_USES_TLS": (self.ca_file is not None) if uses_tls is None else uses_tls,
            "USER": credentials.encrypt(USER, ring),
            "PASSWORD": credentials.encrypt(PASSWORD, ring),
        }
        if self.ca_file is not None:
            server["CA_FILE"] = self.programs.path(self.ca_file)
        lines = ["[CONNECTOR]", *_lines(wanted), "", "[AMT_BATCH_SERVER]", *_lines(server)]
        self.config.write_text("\n".join([*lines, ""]), encoding="utf-8")

    def run(self, *arguments: str, environment: Mapping[str, str] | None = None, timeout_s: float = TIMEOUT_S) -> Ended:
        """Run `amt` with this configuration to its end."""
        return ended(self.start(*arguments, environment=environment), timeout_s)

    def start(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        names_config: bool = True,
        stdin: int = subprocess.PIPE,
        stdout: int = subprocess.PIPE,
    ) -> subprocess.Popen[bytes]:
        """Start `amt` with this configuration, named or found in the folder; stdout and stderr are one pipe."""
        config = ["--config", self.programs.path(self.config)] if names_config else []
        return processes.start(
            [*self.programs.amt, *arguments, *config],
            cwd=self.folder,
            env={**clean_environment(self.folder), **(environment or {})},
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.STDOUT,
        )

    def encrypt(self, *arguments: str, entered: bytes = b"") -> Ended:
        """Run `Encrypt` in this folder, with what is entered on stdin; stderr is kept apart."""
        return self.run_bare(*self.programs.encrypt, *arguments, entered=entered)

    def run_bare(self, *command: str, entered: bytes = b"") -> Ended:
        """Run a whole command line in this folder as it stands; stderr is kept apart."""
        process = processes.start(
            command,
            cwd=self.folder,
            env=clean_environment(self.folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        output, errors = process.communicate(entered, TIMEOUT_S)
        return Ended(process.returncode, output, errors)


def ended(process: subprocess.Popen[bytes], timeout_s: float = TIMEOUT_S) -> Ended:
    """Wait for the end of a program; it is killed when that takes too long."""
    try:
        output, errors = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
        raise AssertionError(f"still running after {timeout_s:g} s:\n{output.decode(errors='replace')}") from None
    return Ended(process.returncode, output, errors or b"")


def _lines(values: Mapping[str, object]) -> list[str]:
    return [f"{key}={value}" for key, value in values.items()]
