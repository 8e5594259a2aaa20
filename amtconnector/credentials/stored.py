"""The credentials of the AMT account: their stored forms, and the secret texts behind them.

A value in Connector.config has one of three forms. Encrypted: `amt1:<key id>:<Fernet token>`, where the key id tells a
wrong key from a damaged value. Legacy: the incumbent's encoding, accepted with one warning. Anything else is plain text
and refused. No text here, and no exception, ever holds a value or a part of one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn

from amtconnector.credentials import forms, key_places, legacy
from amtconnector.credentials.forms import Form
from amtconnector.errors import CredentialsError
from amtconnector.named_tuple import NamedTuple
from amtconnector.system.command_line import encrypt_command
from amtconnector.text import MASK

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.fernet import Fernet

    from amtconnector.credentials.keyfile import Key, KeyRing


class Secret:
    """A text that is never shown: `reveal` alone gives it out."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the secret text."""
        return self._text

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is neither pickled nor copied")


class Credentials(NamedTuple):
    """What to log on with; `warnings` are for the job log, one sentence each."""

    user: Secret
    password: Secret
    warnings: tuple[str, ...] = ()


class Opened(NamedTuple):
    """An encrypted value that was decrypted: its text, and the key and time (UTC) that it was encrypted with."""

    secret: Secret
    key: Key
    encrypted_at: datetime


class Stored(NamedTuple):
    """A value as Connector.config holds it: `name` is its key there, USER or PASSWORD."""

    name: str
    text: Secret
    config_path: Path

    @property
    def form(self) -> Form:
        """The form of the value; one that starts as an encrypted value is one, if damaged."""
        return forms.form_of(self.text.reveal())

    @property
    def key_id(self) -> str:
        """The id of the key that an encrypted value asks for; "" where the value is no whole one."""
        return forms.envelope(self.text.reveal())[0]

    @property
    def wrapping(self) -> tuple[str, ...]:
        """What stands around or within a value that is sound without it, a sentence each; () for nothing."""
        return tuple(f"The value of {self.name} {cause}." for cause in forms.wrapping(self.text.reveal()))


def read_credentials(user: str, password: str, key_file: Path | None, *, config_path: Path) -> Credentials:
    """Return the credentials behind the stored values; `key_file` None means the machine's place, else the user's.

    Raises CredentialsError for plain text, for a damaged value, and for a key that is missing, wrong or refused.
    """
    values = Stored("USER", Secret(user), config_path), Stored("PASSWORD", Secret(password), config_path)
    refuse_plain(values)
    secrets = [reveal(value, key_file) for value in values]
    return Credentials(secrets[0], secrets[1], _legacy_warnings(values))


def reveal(value: Stored, key_file: Path | None) -> Secret:
    """Return the text behind a value that is encrypted or legacy; raises CredentialsError."""
    secret = legacy_secret(value)
    return open_encrypted(value, key_file).secret if secret is None else secret


def open_encrypted(value: Stored, key_file: Path | None) -> Opened:
    """Find the key of an encrypted value and decrypt it; raises CredentialsError."""
    if not value.key_id:
        _refuse_damaged(value)
    return decrypt(value, key_places.ring_for(value.key_id, key_file, value.config_path))


def legacy_secret(value: Stored) -> Secret | None:
    """Return the text behind a legacy value, None when the value is none."""
    text = legacy.decode(value.text.reveal())
    return None if text is None else Secret(text)


def refuse_plain(values: tuple[Stored, ...]) -> None:
    """Raise CredentialsError when a value is plain text or missing, or sound but for what stands around it."""
    if wrapped := [value for value in values if value.form is Form.WRAPPED]:
        names = " and ".join(value.name for value in wrapped)
        raise CredentialsError(
            f"{names} can't be used: more than the encrypted value stands there.",
            subject=str(values[0].config_path),
            hint="\n".join(line for value in wrapped for line in value.wrapping),
        )
    refused = [value.name for value in values if value.form in {Form.PLAIN, Form.MISSING}]
    if refused:
        verb = "is" if len(refused) == 1 else "are"
        raise CredentialsError(
            f"{' and '.join(refused)} {verb} not encrypted: plain text, or nothing, stands there.",
            subject=str(values[0].config_path),
            hint="\n".join(
                f"Encrypt it in place: {command('--set', name, config_path=values[0].config_path)}" for name in refused
            ),
        )


def encrypt(text: str, ring: KeyRing) -> str:
    """Return a text in its stored form, encrypted with the newest key of the ring.

    Raises CredentialsError for a text that is none: bytes that the terminal's encoding did not understand.
    """
    try:
        content = text.encode()
    except UnicodeEncodeError:
        # From None: a UnicodeError carries the text.
        raise CredentialsError(
            "The value holds bytes that are no text in the encoding of this system; nothing was encrypted.",
            hint=f"Enter it at the prompt, or give it as UTF-8 on standard input: {encrypt_command('-v', '-')}",
        ) from None
    return f"{forms.PREFIX}{ring.newest.id}:{_fernet(ring.newest).encrypt(content).decode('ascii')}"


def decrypt(value: Stored, ring: KeyRing) -> Opened:
    """Return what is behind an encrypted value.

    Raises CredentialsError, and tells apart: the value is damaged, or no key of the ring is the one it asks for.
    """
    key_id, token = forms.envelope(value.text.reveal())
    if not key_id:
        _refuse_damaged(value)
    key = ring.find(key_id)
    if key is None:
        # Where another key opens it after all, the value's key id is what was damaged.
        if any(_opened(token, other) for other in ring.keys):
            _refuse_damaged(value)
        _refuse_wrong_key(value, key_id, ring)
    return _opened(token, key) or _refuse_damaged(value)


def command(*words: str, config_path: Path) -> str:
    """Return the command line of an Encrypt that works on this configuration, ready to be pasted."""
    return encrypt_command(*words, "--config", str(config_path.absolute()))


def _opened(token: str, key: Key) -> Opened | None:
    from cryptography.fernet import InvalidToken  # legacy values do without it

    fernet = _fernet(key)
    try:
        text = fernet.decrypt(token).decode()
        encrypted_at = datetime.fromtimestamp(fernet.extract_timestamp(token), UTC)
    except (InvalidToken, UnicodeDecodeError):
        return None
    return Opened(Secret(text), key, encrypted_at)


def _fernet(key: Key) -> Fernet:
    from cryptography.fernet import Fernet  # legacy values do without it

    return Fernet(key.text)


def _legacy_warnings(values: tuple[Stored, ...]) -> tuple[str, ...]:
    names = [value.name for value in values if value.form is Form.LEGACY]
    if not names:
        return ()
    verb = "is" if len(names) == 1 else "are"
    fix = command("migrate", config_path=values[0].config_path)
    return (f"{' and '.join(names)} {verb} stored in the old encoding, which protects nothing. Encrypt with: {fix}",)


def _refuse_damaged(value: Stored) -> NoReturn:
    raise CredentialsError(
        f"The encrypted value of {value.name} is damaged: a part of it is missing or was changed.",
        subject=str(value.config_path),
        hint="Put it back from a copy of the file, or encrypt it again.\n"
        f"Encrypt it again: {command('--set', value.name, config_path=value.config_path)}",
    )


def _refuse_wrong_key(value: Stored, key_id: str, ring: KeyRing) -> NoReturn:
    present = ", ".join(key.id for key in ring.keys)
    raise CredentialsError(
        f"{value.name} was encrypted with the key {key_id}, which is not in the key file (it holds {present}).",
        subject=f"{value.config_path}, key file {' and '.join(str(path) for path in ring.paths)}",
        hint="Bring that key: copy its line from the key file of the machine where the value was encrypted. Where "
        "another account of this machine has encrypted it, let KEY_FILE in Connector.config name its key file.\n"
        f"Or encrypt the value again here: {command('--set', value.name, config_path=value.config_path)}",
    )
