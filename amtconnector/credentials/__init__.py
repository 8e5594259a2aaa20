"""The credentials of the AMT account: encrypted values, the key file, the old encoding, and who may read what."""

from amtconnector.credentials.forms import Form
from amtconnector.credentials.stored import (
    Credentials,
    Opened,
    Secret,
    Stored,
    command,
    decrypt,
    encrypt,
    legacy_secret,
    open_encrypted,
    read_credentials,
    refuse_plain,
    reveal,
)

__all__ = [
    "Credentials",
    "Form",
    "Opened",
    "Secret",
    "Stored",
    "command",
    "decrypt",
    "encrypt",
    "legacy_secret",
    "open_encrypted",
    "read_credentials",
    "refuse_plain",
    "reveal",
]
