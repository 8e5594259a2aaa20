"""Everything that is made for the checks: a folder, simulators, sites, processes. All of it is gone afterwards."""

from __future__ import annotations

import itertools
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from amtconnector.lab.acceptance import certificates
from amtconnector.lab.acceptance.site import USER, Account, Job, Site, legacy
from amtconnector.lab.programs import encrypt
from amtconnector.lab.simulated_amt import SimulatedAmt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from amtconnector.lab.acceptance.agent import Started
    from amtconnector.lab.acceptance.certificates import ServerCertificate

_DEFINITIONS = """\
[scheduler]
controller_delay = 0
[logon]
token_lifetime = 0
[users.{user}]
password = "{password}"
[applications.ACCEPTANCE.jobs.ENDS_DONE]
duration = 0.5
messages = ["Started", {{ at = 0.4, text = "Done" }}]
[applications.ACCEPTANCE.jobs.ENDS_ABORTED]
duration = 0.5
ends = "ABORTED"
messages = ["Control totals differ"]
[applications.ACCEPTANCE.jobs.NEVER_ENDS]
ends = "never"
messages = ["Started"]
[applications.ACCEPTANCE.jobs.LETTERS]
duration = 0.5
messages = ["caf\\u00e9 \\u2603", "twice", "twice"]
"""


class Wishes(NamedTuple):
    """What the administrator asked for: the program, and a run directory of his own (a share) or None."""

    command: tuple[str, ...]
    run_directory: Path | None = None

    @property
    def program(self) -> Path:
        """The program's file."""
        return Path(self.command[0])


class Stage:
    """What the checks work with. Checks on several threads may use it."""

    def __init__(self, wishes: Wishes) -> None:
        self.wishes = wishes
        self.password = secrets.token_hex(8)
        self.folder = Path()
        self.encryption_problem = ""
        self._started: list[Started] = []
        self._numbers = itertools.count(1)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Make the folder, and credentials that the program itself has encrypted."""
        self.folder = Path(tempfile.mkdtemp(prefix="amt-acceptance-"))
        self._stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.folder.joinpath("amt.toml").write_text(
            _DEFINITIONS.format(user=USER, password=self.password), encoding="utf-8"
        )
        try:
            self.account = self._encrypted_account()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End every process and remove every file, however impatient the user is."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for started in self._started:
            started.end()
        self._stack.close()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no report may hold, although it is made up for this run."""
        return self.password, legacy(self.password), self.account.user, self.account.password

    @cached_property
    def amt(self) -> SimulatedAmt:
        """The simulator over http."""
        return self._simulator()

    @cached_property
    def tls_amt(self) -> SimulatedAmt:
        """The simulator whose certificate a private authority has signed."""
        return self._simulator(*self.private_authority.options)

    @cached_property
    def self_signed_amt(self) -> SimulatedAmt:
        """The simulator whose certificate signs itself."""
        return self._simulator(*self.self_signed.options)

    @cached_property
    def private_authority(self) -> ServerCertificate:
        """The certificate of `tls_amt`."""
        return certificates.of_private_authority(self.folder / "private-authority")

    @cached_property
    def self_signed(self) -> ServerCertificate:
        """The certificate of `self_signed_amt`."""
        return certificates.self_signed(self.folder / "self-signed")

    def job(self, amt_job: str) -> Job:
        """Return a job of OpCon that nobody else has."""
        return Job(amt_job, f"acceptance-{next(self._numbers)}-{secrets.token_hex(3)}")

    def site(self, server: Mapping[str, object] | None = None, **sections: Mapping[str, object]) -> Site:
        """Return an installation of its own, of the simulator over http unless `server` has other lines."""
        site = Site(self.folder / f"site-{next(self._numbers)}", self.wishes.command, self._started)
        plain = {"SERVER_ADDRESS": self.amt.address, "SERVER_USES_TLS": False}
        site.configure(self.account, {"AMT_BATCH_SERVER": plain if server is None else server, **sections})
        return site

    def share(self) -> Path:
        """Return a run directory that several sites use: below the administrator's, or on this machine."""
        made = Path(tempfile.mkdtemp(prefix="amt-acceptance-", dir=self.wishes.run_directory or self.folder))
        self._stack.callback(shutil.rmtree, made, ignore_errors=True)
        share = made / "runs"
        share.mkdir()
        return share

    def _simulator(self, *options: str) -> SimulatedAmt:
        return self._stack.enter_context(SimulatedAmt(str(self.folder / "amt.toml"), *options))

    def _encrypted_account(self) -> Account:
        """Encrypt with the program; where that fails, fall back on what needs no key, so that the rest can be tried."""
        key_file = self.folder / "connector.key"
        values = []
        for value in (USER, self.password):
            try:
                done = encrypt(self.wishes.command, value, "--key-file", str(key_file))
            except (OSError, subprocess.TimeoutExpired) as error:
                self.encryption_problem = f"amt encrypt: {error}"
                break
            values.append(done.stdout.strip())
            if done.returncode != 0 or not values[-1].startswith("amt1:"):
                self.encryption_problem = f"amt encrypt: exit code {done.returncode}, no encrypted value on stdout"
                break
        if self.encryption_problem:
            values = [legacy(USER), legacy(self.password)]
        return Account(values[0], values[1], key_file)


@contextmanager
def unused_address() -> Iterator[str]:
    """Yield an address on this machine at which nobody listens, nor can while this lasts."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{reserved.getsockname()[1]}"
