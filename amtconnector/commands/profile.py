"""`amt profile`: the wire profile in effect, a recorder for another client, and the learner that writes a profile."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from amtconnector import config
from amtconnector.text import escaped

if TYPE_CHECKING:
    from amtconnector.config import Config
    from amtconnector.credentials import Credentials
    from amtconnector.learning.recorder import Recorder

_EPILOG = """\
\b
Examples:
  amt profile show
  amt profile record --listen 127.0.0.1:4010 --output trace.har
  amt profile learn trace.har --output wire.toml -- -jt START -an DEMO2 -jn J1

docs/wire-profile.md leads from an exit code 108 to a profile that works."""

_SHOW_EPILOG = """\
\b
Examples:
  amt profile show
  amt profile show --config /opt/amt/Connector.config

Exit codes: 0 shown, 1 the file can't be used, 101 wrong command line."""

_RECORD_EPILOG = """\
\b
Examples:
  amt profile record --output trace.har
  amt profile record --listen 127.0.0.1:4010 --output trace.har

Set SERVER_ADDRESS=127.0.0.1:4010 and SERVER_USE_TLS=False in the client.
User, password and token are not written: stand-ins take their place.
Exit codes: 0 ended by Ctrl-C, 1 not recorded, 101 wrong command line."""

_LEARN_EPILOG = """\
\b
Examples:
  amt profile learn trace.har -- -jt START -an DEMO2 -jn REPORTTEST01 -tv 25
  amt profile learn run.har kill.har --output wire.toml -- -jt START -an A -jn J

Exit codes: 0 a run can work with the profile, 1 not, 101 wrong command line."""


@click.group("profile", epilog=_EPILOG)
def command() -> None:
    """Show the wire profile, record another client of AMT, learn a profile."""


@command.command("show", epilog=_SHOW_EPILOG)
@click.option("--config", "config_path", metavar="PATH", help="Connector.config, if it is not in its usual place.")
def show(*, config_path: str | None) -> int:
    """Show each entry of the profile in effect, and where it comes from."""
    from amtconnector.amtopcon.wire import profile, profile_file
    from amtconnector.learning import in_effect

    path = config.load(config.find(config_path)).wire_profile
    profile.load(path)  # what can't be used is not shown as if it were in effect
    site = profile_file.site_entries(path) if path else {}
    click.echo(f"# {f'{path}, over the built-in profile' if path else 'The built-in profile; WIRE_PROFILE is not set'}")
    for line in in_effect.lines(site, path.name if path else ""):
        click.echo(escaped(line))
    return 0


@command.command("record", epilog=_RECORD_EPILOG)
@click.option("--listen", default="127.0.0.1:4010", metavar="ADDRESS", help="Of this machine; default: 127.0.0.1:4010.")
@click.option("--output", required=True, type=click.Path(path_type=Path), metavar="FILE", help="The trace, a new file.")
@click.option("--config", "config_path", metavar="PATH", help="Connector.config, if it is not in its usual place.")
def record(*, listen: str, output: Path, config_path: str | None) -> int:
    """Forward a client's requests to AMT, and keep them with the answers."""
    from amtconnector.learning.recorder import Trace
    from amtconnector.learning.stand_ins import StandIns

    address = _address(listen)
    settings = config.load(config.find(config_path))
    credentials = _credentials(settings)
    stand_ins = StandIns(credentials.user.reveal(), credentials.password.reveal())
    trace = Trace(output, stand_ins, _tell)
    recorder = _recorder(address, settings, trace)
    try:
        with recorder:
            try:
                trace.create()
            except FileExistsError:
                raise click.ClickException(f"{output} exists and is not overwritten; name a new file.") from None
            _tell(f"Recording what a client says to {settings.server.base_url} by way of {listen} into {output}.")
            _tell("Ctrl-C ends it.")
            recorder.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        _tell(f"Ended; the trace is {output}.")
    return 0


def _recorder(address: tuple[str, int], settings: Config, trace: object) -> Recorder:
    from amtconnector.learning import recorder

    context = None
    if settings.server.uses_tls:
        from amtconnector.amtopcon import tls

        context = tls.context(settings.server)
    upstream = recorder.Upstream(settings.server, context)
    try:
        return recorder.Recorder(address, upstream, trace)  # type: ignore[arg-type]  # a Trace, imported late
    except OSError as error:
        raise click.ClickException(
            f"--listen {address[0]}:{address[1]} can't be listened on: {error.strerror}. Name another port."
        ) from error


def _address(text: str) -> tuple[str, int]:
    """Read an address of this machine alone: what is recorded is nobody else's way to AMT."""
    host, _, port = text.strip().rpartition(":")
    host = host.strip("[]").lower()
    if host not in {"127.0.0.1", "localhost", "::1"} or not port.isdigit() or not 0 <= int(port) < 65536:
        raise click.UsageError(f"--listen {text}: expected an address of this machine such as 127.0.0.1:4010.")
    return ("127.0.0.1" if host == "localhost" else host), int(port)


def _credentials(settings: Config) -> Credentials:
    from amtconnector.credentials import read_credentials

    server = settings.server
    return read_credentials(server.user, server.password, settings.key_file, config_path=settings.path)


def _tell(line: str) -> None:
    click.echo(escaped(line))
