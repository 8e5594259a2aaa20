"""`amt profile`: the wire profile in effect, a recorder for another client, and the learner that writes a profile."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from amtconnector import config
from amtconnector.text import escaped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amtconnector.config import Config
    from amtconnector.learning.recorder import Recorder, Trace
    from amtconnector.task import Task

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
  amt profile learn run.har kill.har --output wire.toml -- -jt START -jn J1

Exit codes: 0 a run can work with the profile, 1 not, 101 wrong command line."""


class _Learn(click.Command):
    """A command that keeps what stands behind `--` apart, as it was typed: the flags of the run."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Split the arguments at the first `--`."""
        at = args.index("--") if "--" in args else len(args)
        ctx.obj = tuple(args[at + 1 :])
        return super().parse_args(ctx, args[:at])


@click.group("profile", epilog=_EPILOG)
def command() -> None:
    """Show the wire profile, record another client of AMT, learn a profile."""


@command.command("show", epilog=_SHOW_EPILOG)
@click.option("--config", "config_path", metavar="PATH", help="Connector.config, if it is not in its usual place.")
def show(*, config_path: str | None) -> int:
    """Show each entry of the profile in effect, and where it comes from."""
    from amtconnector.amtopcon.wire import profile_file
    from amtconnector.amtopcon.wire.built_in import load_profile
    from amtconnector.learning import in_effect

    path = config.load(config.find(config_path)).wire_profile
    load_profile(path)  # what can't be used is not shown as if it were in effect
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
    from amtconnector.amtopcon.logon import decrypted
    from amtconnector.learning.recorder import Trace
    from amtconnector.learning.stand_ins import StandIns

    address = _address(listen)
    settings = config.load(config.find(config_path))
    credentials = decrypted(settings)
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


@command.command("learn", cls=_Learn, epilog=_LEARN_EPILOG)
@click.argument("traces", nargs=-1, metavar="TRACE... -- FLAGS")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="The profile, a new file.")
@click.option("--config", "config_path", metavar="PATH", help="Connector.config, if it is not in its usual place.")
@click.pass_context
def learn(context: click.Context, *, traces: tuple[str, ...], output: Path | None, config_path: str | None) -> int:
    """Write a profile from recorded runs, and prove it with them."""
    from amtconnector.learning import teacher

    flags: tuple[str, ...] = context.obj
    if not traces or not flags:
        raise click.UsageError("Name the traces, and behind -- the flags that the recorded job was started with.")
    settings = config.load(config.find(config_path))
    result = teacher.taught([Path(trace) for trace in traces], _task(flags, settings), settings)
    for line in result.report:
        click.echo(escaped(line))
    if output is None:
        click.echo("")
        click.echo(result.text, nl=False)
    else:
        _write(output, result.text)
        click.echo(f"Written: {output}. WIRE_PROFILE={output} in Connector.config puts it into effect.")
    return 0 if result.is_usable else 1


def _task(flags: Sequence[str], settings: Config) -> Task:
    from amtconnector.run import arguments

    given = arguments.parse(flags)
    if given.action is not arguments.Action.START:
        raise click.UsageError("Behind -- stand the flags of the START that was recorded: -jt START -an ... -jn ...")
    return given.task(settings.server)


def _write(path: Path, text: str) -> None:
    from amtconnector.system import files

    try:
        files.replace_file(path, text.encode("utf-8", "backslashreplace"), is_new=True)
    except FileExistsError:
        raise click.ClickException(f"{path} exists and is not overwritten; name a new file.") from None


def _recorder(address: tuple[str, int], settings: Config, trace: Trace) -> Recorder:
    from amtconnector.learning import recorder

    context = None
    if settings.server.uses_tls:
        from amtconnector.amtopcon import tls

        context = tls.context(settings.server)
    upstream = recorder.Upstream(settings.server, context)
    try:
        return recorder.Recorder(address, upstream, trace)
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


def _tell(line: str) -> None:
    click.echo(escaped(line))
