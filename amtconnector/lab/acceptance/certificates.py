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

from amtconnector.simulator import certificates

if TYPE_CHECKING:
    from pathlib import Path

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
    made = certificates.self_signed(folder, "localhost")
    return ServerCertificate(made.certificate, made.key, made.ca)


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
    os.close(os.open(files.key, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600))
    files.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files
