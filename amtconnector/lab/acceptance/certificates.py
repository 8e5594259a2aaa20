"""Certificates for simulators: of a private authority, and one that signs itself."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
from typing import TYPE_CHECKING, NamedTuple

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("localhost", "127.0.0.1")
_VALID = dt.timedelta(days=2)


class ServerCertificate(NamedTuple):
    """PEM files: what a server shows, its key, and what a client trusts (CA_FILE)."""

    certificate: Path
    key: Path
    trusted: Path

    @property
    def options(self) -> tuple[str, ...]:
        """The options of a simulator that shows it."""
        return "--tls-cert", str(self.certificate), "--tls-key", str(self.key)


def of_private_authority(folder: Path) -> ServerCertificate:
    """Make an authority, and a server certificate that it has signed."""
    folder.mkdir()
    files = ServerCertificate(folder / "server.pem", folder / "server.key", folder / "ca.pem")
    authority = trustme.CA()
    leaf = authority.issue_cert(*NAMES)
    authority.cert_pem.write_to_path(files.trusted)
    files.certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    _write_secret(files.key, leaf.private_key_pem.bytes())
    return files


def of_unknown_authority(folder: Path) -> Path:
    """Make an authority that has signed nothing; return its certificate."""
    path = folder / "other-ca.pem"
    trustme.CA().cert_pem.write_to_path(path)
    return path


def self_signed(folder: Path) -> ServerCertificate:
    """Make a server certificate that signs itself and is no authority."""
    folder.mkdir()
    files = ServerCertificate(folder / "server.pem", folder / "server.key", folder / "server.pem")
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - _VALID, now + _VALID)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    _write_secret(
        files.key,
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    return files


def _write_secret(path: Path, content: bytes) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600))
    path.write_bytes(content)
