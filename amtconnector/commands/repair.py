"""What `amt check --repair` prints: the commands that set the access rights, and what people have to decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from amtconnector.check import repair
from amtconnector.system.command_line import own_command
from amtconnector.system.file_access import foreign_files
from amtconnector.text import escaped

if TYPE_CHECKING:
    from amtconnector.config import Config


def show(config: Config) -> None:
    """Print the commands and change nothing."""
    obstacle = repair.obstacle(config)
    if not obstacle:
        _tell_of_strangers_files(config)
    for line in repair.lines(config, repair.PLACEHOLDER):
        click.echo(line)
    for doubt in filter(None, (obstacle, repair.reservation(config))):
        click.echo(f"Before that: {doubt}", err=True)
    click.echo("Nothing was changed. To carry this out, for the group NAME:", err=True)
    click.echo(own_command("check", "--repair", "--group", "NAME", "--config", str(config.path)), err=True)


def carry_out(config: Config, group: str) -> None:
    """Carry the commands out for a group; raises ClickException for what is in the way or does not succeed."""
    if obstacle := repair.obstacle(config):
        raise click.ClickException(f"The rights are not set: {obstacle}")
    _tell_of_strangers_files(config)
    for outcome in repair.carry_out(config, group):
        if outcome.line:
            click.echo(outcome.line)
        if outcome.problem:
            what = "That did not succeed, and nothing after it was done" if outcome.line else "The rest is not done"
            raise click.ClickException(f"{what}: {outcome.problem}")


def _tell_of_strangers_files(config: Config) -> None:
    for stranger in foreign_files(config.run_directory):
        click.echo(f"Not believed, look at it and remove it: {escaped(stranger)}", err=True)
