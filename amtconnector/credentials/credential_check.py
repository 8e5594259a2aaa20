"""What `Encrypt check` says: how each credential of a configuration is stored, and whether a run can use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amtconnector import credentials
from amtconnector.credentials.forms import Form
from amtconnector.errors import CredentialsError
from amtconnector.named_tuple import NamedTuple

if TYPE_CHECKING:
    from amtconnector.credentials.credential_file import CredentialFile
    from amtconnector.credentials.stored import Stored


class Report(NamedTuple):
    """The findings as lines of text; `is_usable`: a run can log on with both credentials."""

    lines: tuple[str, ...]
    is_usable: bool


def report(file: CredentialFile) -> Report:
    """Look at USER and PASSWORD of a configuration file; nothing is changed and no value is shown."""
    findings = [_finding(value, file) for value in file.values]
    lines = [f"{file.path}:"]
    for value, (text, _) in zip(file.values, findings, strict=True):
        first, *others = text.splitlines()
        lines += [f"  {value.name:<8}  {first}", *(f"            {other}" for other in others)]
    return Report(tuple(lines), all(is_usable for _, is_usable in findings))


def _finding(value: Stored, file: CredentialFile) -> tuple[str, bool]:
    match value.form:
        case Form.ENCRYPTED:
            return _encrypted(value, file)
        case Form.LEGACY:
            fix = credentials.command("migrate", config_path=file.path)
            return f"legacy: the old encoding, which protects nothing; it can be read\nEncrypt it: {fix}", True
        case Form.WRAPPED:
            return "\n".join(("more than the encrypted value: no run will use it", *value.wrapping)), False
        case Form.PLAIN:
            fix = credentials.command("--set", value.name, config_path=file.path)
            return f"plain text: no run will use it\nEncrypt it: {fix}", False
        case Form.MISSING:
            fix = credentials.command("--set", value.name, config_path=file.path)
            return f"missing\nSet it: {fix}", False


def _encrypted(value: Stored, file: CredentialFile) -> tuple[str, bool]:
    try:
        opened = credentials.open_encrypted(value, file.key_file)
    except CredentialsError as error:
        key = f" with the key {value.key_id}" if value.key_id else ""
        subject = f"\n{error.subject}" if error.subject else ""
        return f"encrypted{key}; it does not decrypt\n{error.message}{subject}\n{error.hint}", False
    since = opened.encrypted_at.astimezone().isoformat(sep=" ", timespec="seconds")
    place = f"{opened.key.path}, line {opened.key.line}"
    return f"encrypted since {since} with the key {opened.key.id}; it decrypts\nKey file: {place}", True
