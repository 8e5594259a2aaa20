"""`amt encrypt`, and Encrypt, which is the same program: the credentials in Connector.config."""

from __future__ import annotations

from pathlib import Path

import click

from amtconnector import config, credentials
from amtconnector.commands import encrypt_file
from amtconnector.commands.click_command import DONE
from amtconnector.credentials import credential_file, key_places, secret_entry
from amtconnector.errors import ConfigurationError
from amtconnector.named_tuple import NamedTuple

_STDIN = "-"
_EXAMPLES = (
    ("", "ask twice, print the encrypted value"),
    ("--set PASSWORD", "ask twice, write into Connector.config"),
    ("-v abcdefg", "less safe: others can see command lines"),
    ("- < FILE", "read the value from standard input"),
    ("migrate", "encrypt what is in the old encoding"),
    ("check", "tell how USER and PASSWORD are stored"),
    ("rotate A.config B.config", "encrypt these files with a new key"),
    ("new-id", "give a copied file its own id"),
)
_OPTIONS = """\
  -v, --value VALUE     the value; -v - reads it from standard input
  --set USER|PASSWORD   write the value into Connector.config, in place
  --config FILE         default: Connector.config here, else beside the program
  --key-file FILE       the key of a value that is printed; default: KEY_FILE of
                        Connector.config, else this machine's key file
  --help                show this text"""


class _Options(NamedTuple):
    """The options of the command line, None for what is not given; `value` may be the secret itself."""

    value: str | None
    target: str | None
    config: str | None
    key_file: str | None


class _Encrypt(click.Command):
    """The command; none of its messages repeats a word of the command line, for that word could be the secret."""

    def get_help(self, ctx: click.Context) -> str:
        return _help(ctx.command_path)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.BadOptionUsage as error:
            raise click.UsageError(error.message) from None
        except click.UsageError:
            raise click.UsageError("There is no such option (not shown, it could be a secret).") from None


@click.command("encrypt", cls=_Encrypt)
@click.option("-v", "--value", "values", multiple=True)
@click.option("--set", "targets", multiple=True)
@click.option("--config", "configs", multiple=True)
@click.option("--key-file", "key_files", multiple=True)
@click.argument("words", nargs=-1)
def command(
    values: tuple[str, ...],
    targets: tuple[str, ...],
    configs: tuple[str, ...],
    key_files: tuple[str, ...],
    words: tuple[str, ...],
) -> int:
    """Do what the words say; without any, encrypt one value."""
    options = _Options(
        _once("-v", values), _target(targets), _once("--config", configs), _once("--key-file", key_files)
    )
    match words:
        case ():
            return _encrypt(options, options.value)
        case ("-",) if options.value is None:
            return _encrypt(options, _STDIN)
        case ("migrate" | "check" as action,):
            _refuse_values(action, options)
            file = credential_file.read(config.find(options.config))
            return encrypt_file.migrate(file) if action == "migrate" else encrypt_file.check(file)
        case ("new-id",):
            _refuse_values("new-id", options)
            return encrypt_file.new_id(credential_file.read(config.find(options.config)))
        case ("rotate", *files) if files:
            _refuse_values("rotate", options)
            if options.config is not None:
                raise click.UsageError("rotate takes its files after the word rotate, without --config.")
            return encrypt_file.rotate(map(config.find, files))
        case ("rotate",):
            raise click.UsageError("rotate needs the configuration files: rotate FILE...")
        case _:
            raise click.UsageError(
                "Expected migrate, check, new-id, rotate FILE... or - (what was given is not shown, it could be a "
                "secret). A value follows -v, in quotes where it holds blanks."
            )


def _encrypt(options: _Options, given: str | None) -> int:
    if options.target is None:
        return _print_encrypted(options, given)
    if options.key_file is not None:
        raise click.UsageError("--key-file is for values that are printed; with --set, KEY_FILE in the file counts.")
    file = credential_file.read(config.find(options.config))
    return encrypt_file.set_value(file, options.target, credentials.Secret(_entered(options.target, given)))


def _print_encrypted(options: _Options, given: str | None) -> int:
    key_file = _key_file(options)
    text = _entered("Value", given)
    ring, is_new = key_places.ring_to_encrypt(key_file)
    click.echo(credentials.encrypt(text, ring))
    if is_new and given is None:
        encrypt_file.tell_of_new_key(ring)
    return DONE


def _help(program: str) -> str:
    examples = "\n".join(f"  {f'{program} {arguments}':<{len(program) + 27}}{what}" for arguments, what in _EXAMPLES)
    return (
        f"Usage: {program} [OPTIONS] [migrate | check | new-id | rotate FILE... | -]\n\n"
        "Encrypt the credentials that Connector.config holds.\n\n"
        f"{examples}\n\nOptions:\n{_OPTIONS}\n\nExit codes: 0 done, 1 not done, 101 wrong command line."
    )


def _once(name: str, given: tuple[str, ...]) -> str | None:
    if len(given) > 1:
        raise click.UsageError(f"{name} is given more than once.")
    return given[0] if given else None


def _target(given: tuple[str, ...]) -> str | None:
    target = _once("--set", given)
    if target is not None and target.upper() not in credential_file.NAMES:
        raise click.UsageError("--set takes USER or PASSWORD (what was given is not shown, it could be a secret).")
    return target and target.upper()


def _refuse_values(action: str, options: _Options) -> None:
    if any(option is not None for option in (options.value, options.target, options.key_file)):
        raise click.UsageError(f"{action} goes without -v, --set and --key-file.")


def _entered(name: str, given: str | None) -> str:
    """Return the secret: asked for when nothing is given, from standard input for `-`."""
    match given:
        case None:
            return secret_entry.ask_twice(name)
        case "-":
            return secret_entry.read_stdin(name)
        case text:
            return secret_entry.checked(text)


def _key_file(options: _Options) -> Path | None:
    """Return the key file that a printed value is for: a run that uses the same configuration must decrypt it."""
    if options.key_file:
        if options.config:
            raise click.UsageError("--key-file and --config contradict each other: the file says which key it uses.")
        return Path(options.key_file).absolute()
    try:
        path = config.find(options.config)
    except ConfigurationError:
        if options.config:
            raise
        return None
    return credential_file.read(path).key_file
