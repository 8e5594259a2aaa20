"""Wine's own certificate store: truststore together with a CA_FILE fails under wine, so a test's CA goes in there."""

from __future__ import annotations

import hashlib
import os
import ssl
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

ROOTS = r"HKEY_CURRENT_USER\Software\Microsoft\SystemCertificates\Root\Certificates"
SHA1_PROPERTY, CERTIFICATE_PROPERTY = 3, 32


def trust(ca_file: Path) -> None:
    """Add a CA to the roots that Windows programs of this wine prefix trust."""
    der = ssl.PEM_cert_to_DER_cert(ca_file.read_text(encoding="ascii"))
    digest = hashlib.sha1(der, usedforsecurity=False).digest()
    blob = _property(SHA1_PROPERTY, digest) + _property(CERTIFICATE_PROPERTY, der)
    value = ",".join(f"{byte:02x}" for byte in blob)
    key = rf"{ROOTS}\{digest.hex().upper()}"
    registry = ca_file.with_suffix(".reg")
    registry.write_text(f'REGEDIT4\n\n[{key}]\n"Blob"=hex:{value}\n', encoding="ascii")
    command = ["/usr/bin/env", "wine", "regedit", "/S", "Z:" + str(registry).replace("/", "\\")]
    subprocess.run(command, check=True, env=os.environ, stdin=subprocess.DEVNULL, capture_output=True)


def _property(number: int, value: bytes) -> bytes:
    """Return one property of a certificate as the registry holds it: its number, 1, its length, its value."""
    return b"".join(part.to_bytes(4, "little") for part in (number, 1, len(value))) + value
