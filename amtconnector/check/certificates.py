"""What certificates a server presents, for people to look at: nothing here decides about trust.

The server is asked a second time, without verification, and nothing is sent over that connection: so the certificates
can be shown although they are refused.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from amtconnector.amtopcon.tls import covers, is_address
from amtconnector.named_tuple import NamedTuple
from amtconnector.system.file_kinds import content_of

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path


class Certificate(NamedTuple):
    """One certificate: what it is for, who issued it, until when. Times are UTC and aware."""

    subject: str
    issuer: str
    dns_names: tuple[str, ...]
    addresses: tuple[str, ...]
    valid_from: datetime
    valid_until: datetime
    fingerprint: str
    pem: str

    @property
    def is_self_signed(self) -> bool:
        """Whether it names itself as its issuer, as the certificate of a root authority does."""
        return self.subject == self.issuer

    def covers(self, name: str) -> bool:
        """Whether it is issued for this name."""
        return covers(self.dns_names, self.addresses, name)

    @property
    def names(self) -> tuple[str, ...]:
        """All names that count; neither the common name does nor an address among the host names."""
        return (*(name for name in self.dns_names if not is_address(name)), *self.addresses)

    @property
    def misplaced(self) -> tuple[str, ...]:
        """The addresses among the host names."""
        return tuple(filter(is_address, self.dns_names))

    def days_left(self, now: datetime) -> int:
        """Return for how many whole days it is still valid; below 0 when it has expired."""
        return (self.valid_until - now).days


class Presented(NamedTuple):
    """What a server shows in a handshake: its own certificate first, then those of its issuers that it sends."""

    chain: tuple[Certificate, ...]
    protocol: str

    @property
    def own(self) -> Certificate:
        """The server's own certificate."""
        return self.chain[0]

    @property
    def missing_issuer(self) -> str:
        """Who issued the last certificate that the server sends, when that is somebody else; "" else."""
        last = self.chain[-1]
        return "" if last.is_self_signed else last.issuer


def presented(connection: socket.socket, server_name: str) -> Presented:
    """Return what the server presents to a client that asks for `server_name`; the connection is closed afterwards.

    Raises OSError, of which ssl.SSLError is one, when there is no TLS to be had; ValueError for a broken certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with connection, context.wrap_socket(connection, server_hostname=server_name) as tls:
        chain = tuple(read(der) for der in _chain(tls))
        return Presented(chain, tls.version() or "")


def _chain(tls: ssl.SSLSocket) -> Sequence[bytes]:
    """Return the DER forms of what the server sent.

    Python has a public method for this since 3.13. Before, the object beneath has had the same since 3.10, where
    truststore takes it from; should it be gone, the server's own certificate is still to be had.
    """
    if hasattr(tls, "get_unverified_chain"):
        return tls.get_unverified_chain()  # type: ignore[no-any-return]
    beneath: Any = getattr(tls, "_sslobj", None)
    if hasattr(beneath, "get_unverified_chain") and (chain := beneath.get_unverified_chain()):
        return [ssl.PEM_cert_to_DER_cert(certificate.public_bytes()) for certificate in chain]
    own = tls.getpeercert(binary_form=True)
    return [own] if own else []


def trusted_in(ca_file: Path) -> tuple[Certificate, ...]:
    """Return the certificates in CA_FILE, none where it can't be read: a run says why."""
    try:
        return tuple(map(_certificate, x509.load_pem_x509_certificates(content_of(ca_file))))
    except (OSError, ValueError):
        return ()


def read(der: bytes) -> Certificate:
    """Read one certificate; raises ValueError when it is none."""
    return _certificate(x509.load_der_x509_certificate(der))


def _certificate(certificate: x509.Certificate) -> Certificate:
    dns_names, addresses = _names(certificate)
    digest = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    return Certificate(
        subject=certificate.subject.rfc4514_string() or "(no subject)",
        issuer=certificate.issuer.rfc4514_string() or "(no issuer)",
        dns_names=dns_names,
        addresses=addresses,
        valid_from=certificate.not_valid_before_utc,
        valid_until=certificate.not_valid_after_utc,
        fingerprint=digest,
        pem=certificate.public_bytes(Encoding.PEM).decode("ascii"),
    )


def _names(certificate: x509.Certificate) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return DNS names and addresses; the common name is no longer looked at by any client."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return (), ()
    names = extension.value.get_values_for_type(x509.DNSName)
    return tuple(names), tuple(str(address) for address in extension.value.get_values_for_type(x509.IPAddress))
