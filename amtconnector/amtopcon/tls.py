"""Trust: which certificates are accepted.

Verification can't be turned off. The operating system's certificate store decides, on Windows through truststore, and
CA_FILE adds a private authority or a self-signed certificate. With CA_FILE OpenSSL verifies on every system, the
system's certificates beside the file's: Windows itself takes authorities only out of such a file.
"""

from __future__ import annotations

import os
import re
import ssl
import sys
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from amtconnector.amtopcon.tls_failures import HOSTNAME_MISMATCH, save_command
from amtconnector.errors import ConfigurationError
from amtconnector.system.file_kinds import other_than_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Address, IPv6Address
    from pathlib import Path

    from amtconnector.config import Server

_HASHED = ("/etc/ssl/certs", "/etc/pki/ca-trust/extracted/pem/directory-hash", "/etc/pki/tls/certs")
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Red Hat, Fedora
    "/etc/pki/tls/cert.pem",
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine, Arch
)
"""Where systems keep their authorities, for a program that was built on another one."""

_HASHED_NAME = r"[0-9a-f]{8}\.[0-9]+"
_WHOLE_SYSTEM = 20
"""A directory with fewer of them holds what an administrator added, and the rest is in the bundle."""


def context(server: Server) -> ssl.SSLContext:
    """Return a context that verifies certificate and host name and speaks TLS 1.2 or newer; one serves all calls.

    Raises ConfigurationError when CA_FILE holds no certificate, or when OpenSSL itself can't be used.
    """
    try:
        result = _trusting_the_system(asks_openssl=server.ca_file is not None)
        result.minimum_version = ssl.TLSVersion.TLSv1_2
    except ssl.SSLError as error:
        raise _unusable(error) from error
    if server.ca_file is not None:
        _trust_also(result, server.ca_file, server)
    return result


def _trust_also(result: ssl.SSLContext, ca_file: Path, server: Server) -> None:
    try:
        kind = other_than_file(ca_file)
        if not kind:
            result.load_verify_locations(cafile=str(ca_file))
    except OSError as error:  # of which ssl.SSLError is one
        raise _unusable_ca_file(_fault_of(error), ca_file, server) from error
    if kind:
        raise _unusable_ca_file(f"is {kind}", ca_file, server)
    # A server's own certificate in CA_FILE is enough, even where another authority issued it.
    result.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def _fault_of(error: OSError) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "does not exist"
    is_content = isinstance(error, ssl.SSLError)
    return "holds no certificate that can be read" if is_content else f"can't be read ({error.strerror})"


def _unusable_ca_file(what: str, ca_file: Path, server: Server) -> ConfigurationError:
    return ConfigurationError(
        f"The file that CA_FILE names {what}.",
        subject=f"CA_FILE {ca_file}",
        hint="It must be a PEM file: -----BEGIN CERTIFICATE----- and so on. "
        f"This writes one from what the server presents:\n{save_command(server)}",
    )


def _unusable(error: ssl.SSLError) -> ConfigurationError:
    return ConfigurationError(
        f"OpenSSL can't be used on this machine ({getattr(error, 'reason', None) or type(error).__name__}).",
        hint="Its configuration asks for something that is not there, a FIPS module for example. "
        "See openssl.cnf of this machine.",
    )


def _openssl_context() -> ssl.SSLContext:
    """Return a context that takes a server's names from the subject alternative name alone, never the common name."""
    result = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    result.hostname_checks_common_name = False
    return result


if sys.platform == "win32":

    def _trusting_the_system(*, asks_openssl: bool) -> ssl.SSLContext:
        """Return a context that asks Windows about each certificate, or one for OpenSSL with Windows' certificates.

        They are loaded one by one: a single one that OpenSSL can't read would else hide all others.
        """
        if not asks_openssl:
            import truststore  # where Windows is asked

            return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        result = _openssl_context()
        for store in ("CA", "ROOT"):
            for certificate, encoding, trust in ssl.enum_certificates(store):
                if encoding == "x509_asn" and (trust is True or (trust and ssl.Purpose.SERVER_AUTH.oid in trust)):
                    with suppress(ssl.SSLError):
                        result.load_verify_locations(cadata=certificate)
        return result

elif sys.platform == "linux":

    def _trusting_the_system(*, asks_openssl: bool) -> ssl.SSLContext:
        """Return a context with the system's authorities.

        From a directory where there is one whose names are hashes OpenSSL reads only what a server's chain asks for;
        reading a whole bundle takes 22 ms. SSL_CERT_DIR and SSL_CERT_FILE stand for the usual places.
        """
        del asks_openssl
        result = _openssl_context()
        directories = os.environ.get("SSL_CERT_DIR", "").split(os.pathsep)
        hashed = {directory: _hashed_names(directory) for directory in (directories if any(directories) else _HASHED)}
        for directory in filter(hashed.get, hashed):
            result.load_verify_locations(capath=directory)
        named = os.environ.get("SSL_CERT_FILE", "")
        bundle = next(filter(os.path.isfile, (named,) if named else _BUNDLES), None)
        if bundle and not _stands_in_directories(bundle, hashed):
            result.load_verify_locations(cafile=bundle)
        return result

    def _stands_in_directories(bundle: str, hashed: dict[str, int]) -> bool:
        """Whether a system's directory holds all that its own bundle does: no certificate was added to that by hand."""
        held = max((count for directory, count in hashed.items() if directory in _HASHED), default=0)
        if bundle not in _BUNDLES or held < _WHOLE_SYSTEM:
            return False
        with open(bundle, "rb") as file:  # noqa: PTH123 - a name as OpenSSL takes it
            return file.read().count(b"-----BEGIN ") <= held

    def _hashed_names(directory: str) -> int:
        try:
            return sum(re.fullmatch(_HASHED_NAME, name) is not None for name in os.listdir(directory))  # noqa: PTH208 - names alone
        except OSError:
            return 0

else:

    def _trusting_the_system(*, asks_openssl: bool) -> ssl.SSLContext:
        """Return a context that asks the operating system about each certificate, or one for OpenSSL."""
        if asks_openssl:
            result = _openssl_context()
            result.load_default_certs()
            return result
        import truststore  # where the system is asked

        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def check_names(connection: ssl.SSLSocket, name: str) -> None:
    """Raise ssl.SSLCertVerificationError unless the certificate carries the name as subject alternative name.

    OpenSSL sees to that by itself; an operating system that is asked also takes a common name.
    """
    given: Any = (connection.getpeercert() or {}).get("subjectAltName", ())
    dns = [value for kind, value in given if kind == "DNS"]
    if not covers(dns, [value for kind, value in given if kind == "IP Address"], name):
        error = ssl.SSLCertVerificationError(1, "hostname mismatch")
        error.verify_code, error.verify_message = HOSTNAME_MISMATCH, "hostname mismatch"
        raise error


def covers(dns: Iterable[str], addresses: Iterable[str], name: str) -> bool:
    """Whether one of a certificate's names is this one; each counts as what it is, a wildcard for one label alone."""
    if wanted := _address(name):
        return wanted in map(_address, addresses)
    host = name.rstrip(".").casefold()
    _, _, domain = host.partition(".")
    given = {own.rstrip(".").casefold() for own in dns}
    return host in given or (bool(domain) and f"*.{domain}" in given)


def is_address(name: str) -> bool:
    """Whether a name is an IP address."""
    return _address(name) is not None


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text.strip())
    except ValueError:
        return None
