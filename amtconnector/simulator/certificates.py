"""A certificate of its own for the simulator, signed by a CA of its own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files: what a client has to trust, and what the server shows."""

    ca: Path
    certificate: Path
    key: Path


def self_signed(folder: Path, host: str) -> Certificates:
    """Make a CA and a server certificate in a folder, or take those that an earlier call made there.

    The certificate names `localhost`, 127.0.0.1, ::1 and `host`. Raises ImportError without trustme, OSError.
    """
    files = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    if all(path.exists() for path in (files.ca, files.certificate, files.key)):
        return files
    import trustme  # an extra, and slow to import: only where it is wanted

    folder.mkdir(parents=True, exist_ok=True)
    ca = trustme.CA()
    leaf = ca.issue_cert(*dict.fromkeys(("localhost", "127.0.0.1", "::1", host)))
    ca.cert_pem.write_to_path(files.ca)
    for number, blob in enumerate(leaf.cert_chain_pems):
        blob.write_to_path(files.certificate, append=number > 0)
    os.close(os.open(files.key, os.O_CREAT | os.O_WRONLY, 0o600))
    leaf.private_key_pem.write_to_path(files.key)
    return files
