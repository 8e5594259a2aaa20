"""The program `amt-simulator`: AMTOpCon on this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from amtconnector import __version__
from amtconnector.simulator import definitions as definitions_of
from amtconnector.simulator.table import DefinitionError

if TYPE_CHECKING:
    from amtconnector.simulator.definitions import Definitions
    from amtconnector.simulator.server import Options

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("definitions", required=False, type=FILE)
@click.option("--server", type=FILE, help="TOML file that says how the server differs: [contract], [answers].")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="Port to listen on; 0 takes a free one.")
@click.option("--state", type=click.Path(dir_okay=False, path_type=Path), help="SQLite file that outlives a restart.")
@click.option("--speed", default=1.0, type=click.FloatRange(0, min_open=True), help="How fast the jobs' time passes.")
@click.option("--tls-cert", type=FILE, help="Serve HTTPS with this certificate (PEM); needs --tls-key.")
@click.option("--tls-key", type=FILE, help="The certificate's private key (PEM).")
@click.option("--self-signed", metavar="FOLDER", type=click.Path(file_okay=False, path_type=Path),
              help="Serve HTTPS with a certificate and a CA that are made in FOLDER.")  # fmt: skip
@click.option("--until-stdin-closes", is_flag=True, help="End when standard input is closed: with the parent process.")
@click.option("--no-admin", is_flag=True, help="Leave out the page and the administrators' interface.")
@click.option("--quiet", is_flag=True, help="Print the address and nothing else.")
@click.option("--example", is_flag=True, help="Print the example definitions and end.")
@click.version_option(__version__, prog_name="amt-simulator")
def command(  # noqa: PLR0913 - one parameter for each option
    *,
    definitions: Path | None,
    server: Path | None,
    host: str,
    port: int,
    state: Path | None,
    speed: float,
    tls_cert: Path | None,
    tls_key: Path | None,
    self_signed: Path | None,
    until_stdin_closes: bool,
    no_admin: bool,
    quiet: bool,
    example: bool,
) -> None:
    """Serve AMTOpCon with a batch scheduler behind it.

    DEFINITIONS is a TOML file with applications, jobs, users and faults; --example prints the one that is used
    without it.
    """
    if example:
        click.echo(definitions_of.example(), nl=False)
        return
    if (tls_cert is None) != (tls_key is None) or (tls_cert and self_signed):
        raise click.UsageError("Give --tls-cert and --tls-key together, or --self-signed alone.")
    ca = None
    if self_signed:
        from amtconnector.simulator import certificates  # only where it is wanted

        made = certificates.self_signed(self_signed, host)
        ca, tls_cert, tls_key = made.ca, made.certificate, made.key
    from amtconnector.simulator.server import Options  # main() explains a missing uvicorn

    options = Options(host, port, state, speed, tls_cert, tls_key, not no_admin, until_stdin_closes)
    run(_load(definitions, server), options, ca, is_quiet=quiet)


def run(definitions: Definitions, options: Options, ca: Path | None, *, is_quiet: bool) -> None:
    """Serve until told to stop, and say what is served."""
    from amtconnector.simulator import server  # main() explains a missing uvicorn
    from amtconnector.simulator.welcome import welcome  # as above

    simulator = server.Simulator(definitions, options)
    try:
        listening = server.listen(options, simulator)
    except OSError as error:
        raise click.ClickException(f"can't listen on {options.host}, port {options.port}: {error.strerror}") from error
    address = server.address(listening, uses_tls=options.certificate is not None)

    def ready() -> None:
        click.echo(f"AMT simulator listening on {address}")
        if not is_quiet:
            click.echo(welcome(definitions, options, ca))
        sys.stdout.flush()

    server.serve(simulator, options, listening, ready)


def _load(path: Path | None, server: Path | None) -> Definitions:
    try:
        return definitions_of.load(path, server)
    except (DefinitionError, OSError, UnicodeDecodeError) as error:
        files = ", ".join(str(file) for file in (path, server) if file)
        raise click.ClickException(f"{files}:\n{error}") from error


def main() -> None:
    """Run the program."""
    try:
        command()
    except ImportError as error:
        sys.exit(
            f"The simulator needs more packages ({error.name} is missing). "
            "In a clone of the project: pip install '.[simulator]'"
        )


if __name__ == "__main__":
    main()
