"""What every benchmark needs: the programs, the two servers, and a configuration for each."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from amtconnector import credentials
from amtconnector.credentials import key_places

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
COMPARISONS = Path(__file__).with_name("comparisons")
TUNED_JAVA = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Xmx64m")

CONFIG = """[CONNECTOR]
STATUS_CHECK_INITIAL_POLL_DELAY=0
STATUS_CHECK_POLL_INTERVAL={interval_s}
STATUS_CHECK_MAX_POLL_INTERVAL={interval_s}
STREAM_MESSAGES={streams}
RUN_DIRECTORY=runs
KEY_FILE=connector.key
[AMT_BATCH_SERVER]
SERVER_ADDRESS={address}
SERVER_USES_TLS={uses_tls}
{ca_line}
USER={user}
PASSWORD={password}
"""


@dataclass(frozen=True, slots=True)
class Target:
    """One benchmark server: its base address, and the CA that signed its certificate ("" for http)."""

    base: str
    ca_file: str

    @property
    def scheme(self) -> str:
        """`http` or `https`."""
        return self.base.partition(":")[0]

    @property
    def address(self) -> str:
        """`host:port`."""
        return self.base.partition("//")[2]


@dataclass(frozen=True, slots=True)
class Bench:
    """The programs and servers of one round of benchmarks; `folder` is thrown away after it."""

    folder: Path
    built: Path
    one_line: Path
    http: Target
    https: Target

    def amt(
        self, target: Target, job: str, *, interval_s: float = 0.1, source: bool = False, streams: bool = True
    ) -> list[str]:
        """Return the command that runs a job with the built connector, or with the source install."""
        program = [sys.executable, "-m", "amtconnector"] if source else [str(self.built)]
        config = self.config(target, interval_s, streams=streams)
        return [*program, "-jt", "START", "-an", "BENCH", "-jn", job, "--config", str(config)]

    def config(self, target: Target, interval_s: float = 0.1, *, streams: bool = True) -> Path:
        """Return a Connector.config for a target, with credentials encrypted by a key beside it."""
        path = (
            self.folder
            / f"{target.scheme}-{target.address.replace(':', '-')}-{interval_s}-{streams}"
            / "Connector.config"
        )
        if not path.exists():
            write_config(path, target, interval_s, streams=streams)
        return path

    def tuned_java(self, target: Target, job: str) -> list[str]:
        """Return the command that runs a job with HttpURLConnection, tuned for a fast start."""
        return ["java", *TUNED_JAVA, "-cp", str(self.folder / "java"), "TunedJob", target.base, job, *_ca(target)]

    def same_work_java(self, target: Target, job: str) -> list[str]:
        """Return the command that runs a job as tuned Java, and decrypts, locks and flushes as the connector does."""
        config = str(self.config(target))
        return [
            "java",
            *TUNED_JAVA,
            "-cp",
            str(self.folder / "java"),
            "SameWorkJob",
            target.base,
            job,
            config,
            *_ca(target),
        ]

    def java_client(self, target: Target, job: str) -> list[str]:
        """Return the command that runs a job with java.net.http.HttpClient."""
        return ["java", "-cp", str(self.folder / "java"), "HttpClientJob", target.base, job, *_ca(target)]

    def curl(self, target: Target, job: str) -> list[str]:
        """Return the command that runs a job as six calls of curl."""
        return ["sh", str(COMPARISONS / "six_calls.sh"), target.base, job, *_ca(target)]

    def http_client(self, target: Target, job: str, interval_s: float = 0) -> list[str]:
        """Return the command that runs a job with Python's http.client."""
        script = str(COMPARISONS / "bare_http_client.py")
        return [sys.executable, script, target.base, job, str(interval_s), *_ca(target)]

    def lean_httpx(self, target: Target, job: str, interval_s: float = 0) -> list[str]:
        """Return the command that runs a job with httpx, as lean as it can be imported."""
        script = str(COMPARISONS / "lean_httpx.py")
        return [sys.executable, script, target.base, job, str(interval_s), *_ca(target)]

    def others(self, target: Target, job: str) -> dict[str, list[str]]:
        """Return the commands that run a job as other tools do, by name: those of which this machine has the tools."""
        ca = _ca(target)
        given = [target.base, job, *ca]
        trusted = ["env", f"NODE_EXTRA_CA_CERTS={ca[0]}"] if ca else []
        commands = {
            "curl and jq": ("jq", ["bash", str(COMPARISONS / "curl_jq.sh"), *given]),
            "requests": ("", [sys.executable, str(COMPARISONS / "requests_job.py"), *given]),
            "Node's fetch": ("node", [*trusted, "node", str(COMPARISONS / "fetch_job.mjs"), *given]),
            "static Go, same work": ("go", [str(self.folder / "same_work"), *given[:2], str(self.config(target)), *ca]),
        }
        has_requests = find_spec("requests") is not None
        return {
            name: command
            for name, (tool, command) in commands.items()
            if (shutil.which(tool) if tool else has_requests)
        }


def _ca(target: Target) -> list[str]:
    return [target.ca_file] if target.ca_file else []


def write_config(
    path: Path,
    target: Target,
    interval_s: float,
    account: tuple[str, str] = ("bench", "bench"),
    *,
    streams: bool = True,
) -> None:
    """Write a Connector.config for a target and the key that its credentials are encrypted with."""
    path.parent.mkdir(parents=True)
    ring, _ = key_places.ring_to_encrypt(path.with_name("connector.key"))
    user, password = (credentials.encrypt(text, ring) for text in account)
    path.write_text(
        CONFIG.format(
            interval_s=interval_s,
            streams=streams,
            address=target.address,
            uses_tls=bool(target.ca_file),
            ca_line=f"CA_FILE={target.ca_file}" if target.ca_file else "",
            user=user,
            password=password,
        ),
        encoding="utf-8",
    )


@contextmanager
def prepared(built: Path) -> Iterator[Bench]:
    """Build what is compared, start the servers, and clean up after the `with`."""
    javac = shutil.which("javac")
    if javac is None or shutil.which("curl") is None:
        raise SystemExit("The comparison programs need javac and curl: apt-get install openjdk-17-jdk-headless curl")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="amt-bench-")))
        sources = [str(source) for source in COMPARISONS.glob("*.java")]
        subprocess.run([javac, "-XDstringConcat=inline", "-d", str(folder / "java"), *sources], check=True)
        _build_go(folder)
        certificate, ca_file = _certificates(folder)
        http = stack.enter_context(_server("http", ""))
        https = stack.enter_context(_server("https", ca_file, certificate))
        yield Bench(folder, built, _one_line(folder), http, https)


@contextmanager
def _server(scheme: str, ca_file: str, *certificate: str) -> Iterator[Target]:
    command = [sys.executable, "-m", "tests.benchmarks.server", *certificate]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:
            raise RuntimeError("no pipe")
        try:
            yield Target(f"{scheme}://127.0.0.1:{int(process.stdout.readline())}", ca_file)
        finally:
            process.kill()


def _build_go(folder: Path) -> None:
    """Build the static Go program, where there is a compiler."""
    if shutil.which("go"):
        command = ["go", "build", "-ldflags=-s -w", "-o", str(folder / "same_work"), str(COMPARISONS / "same_work.go")]
        subprocess.run(command, check=True, env={**os.environ, "CGO_ENABLED": "0", "GOCACHE": str(folder / "go-cache")})


def _certificates(folder: Path) -> tuple[str, str]:
    """Return the files of a certificate with its key, and of the CA that signed it."""
    import trustme

    ca = trustme.CA()
    server = ca.issue_cert("127.0.0.1", "localhost")
    ca.cert_pem.write_to_path(folder / "ca.pem")
    server.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    return str(folder / "server.pem"), str(folder / "ca.pem")


def _one_line(folder: Path) -> Path:
    """Return a program that prints one line, frozen as the connector is."""
    (folder / "one_line.py").write_text("print('AMT Connector', flush=True)\n", encoding="utf-8")
    options = ["--onedir", "--optimize", "2", "--log-level", "ERROR", "--noconfirm", "--noupx"]
    places = ["--distpath", str(folder), "--workpath", str(folder / "work"), "--specpath", str(folder)]
    command = [sys.executable, "-m", "PyInstaller", *options, *places, str(folder / "one_line.py")]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONWARNINGS": "ignore"})
    return folder / "one_line" / "one_line"
