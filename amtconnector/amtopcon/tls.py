"""Trust: which certificates are accepted, and what a failed handshake means.

Verification can't be turned off. The operating system's certificate store decides, on Windows through truststore, and
CA_FILE adds a private authority or a self-signed certificate. With CA_FILE OpenSSL verifies on every system, the
system's certificates beside the file's: Windows itself takes authorities only out of such a file. `explain` turns what
OpenSSL or Windows report into what an administrator can act on; `amt check` takes its words from here.
"""

from __future__ import annotations

import os
import re
import ssl
import sys
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, TypeAlias

from amtconnector.errors import ConfigurationError
from amtconnector.system.command_line import own_command

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from ipaddress import IPv4Address, IPv6Address
    from pathlib import Path

    from amtconnector.config import Server

Explanation: TypeAlias = "tuple[str, str]"
"""What is wrong, and what to do about it."""

NO_TLS_HINT = (
    "It speaks plain HTTP on this port, or something else listens there. Check SERVER_ADDRESS;\n"
    "only if AMT is really served without TLS: SERVER_USES_TLS=False (credentials then travel in clear)."
)

_HASHED = ("/etc/ssl/certs", "/etc/pki/ca-trust/extracted/pem/directory-hash", "/etc/pki/tls/certs")
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Red Hat, Fedora
    "/etc/pki/tls/cert.pem",
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine, Arch
)
"""Where systems keep their authorities, for a program that was built on another one."""

_HASHED_NAME = re.compile(r"[0-9a-f]{8}\.[0-9]+")
_WHOLE_SYSTEM = 20
"""A directory with fewer of them holds what an administrator added, and the rest is in the bundle."""

_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"})
_TOO_OLD = frozenset({"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "VERSION_TOO_LOW"})


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
        result.load_verify_locations(cafile=str(ca_file))
    except OSError as error:  # of which ssl.SSLError is one
        is_missing = isinstance(error, FileNotFoundError)
        what = "does not exist" if is_missing else "holds no certificate that can be read"
        raise ConfigurationError(
            f"The file that CA_FILE names {what}.",
            subject=f"CA_FILE {ca_file}",
            hint="It must be a PEM file: -----BEGIN CERTIFICATE----- and so on. "
            f"This writes one from what the server presents:\n{_save_command(server)}",
        ) from error
    # A server's own certificate in CA_FILE is enough, even where another authority issued it.
    result.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def check_command(server: Server, *options: str) -> str:
    """Return the command line of `amt check` for this server's configuration."""
    config = ("--config", str(server.config_path)) if server.config_path else ()
    return own_command("check", *options, *config)


def _save_command(server: Server) -> str:
    return check_command(server, "--save-chain", "amt-server.pem")


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
                if encoding == "x509_asn" and (trust is True or ssl.Purpose.SERVER_AUTH.oid in trust):
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
        usual = _BUNDLES if max(hashed.values()) < _WHOLE_SYSTEM else ()
        named = os.environ.get("SSL_CERT_FILE", "")
        if bundle := next(filter(os.path.isfile, (named,) if named else usual), None):
            result.load_verify_locations(cafile=bundle)
        return result

    def _hashed_names(directory: str) -> int:
        try:
            return sum(_HASHED_NAME.fullmatch(name) is not None for name in os.listdir(directory))  # noqa: PTH208 - names alone
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


def explain(error: ssl.SSLError, server: Server, missing: str = "") -> Explanation:
    """Return what a failed handshake with the server means, and what to do about it.

    `missing` names the authority whose certificate the server does not send, where that is known.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate(error, server, missing)
    reason = (getattr(error, "reason", None) or "").upper()
    if reason in _NOT_TLS:
        return "the server did not answer in TLS", NO_TLS_HINT
    if reason in _TOO_OLD:
        return "the server offers no TLS 1.2 or newer", "Enable TLS 1.2 or 1.3 on the AMT web server."
    return (
        f"the TLS handshake failed ({reason.replace('_', ' ').lower() or 'connection cut'})",
        "Check that the port in SERVER_ADDRESS is that of the AMT web server.",
    )


def verified_name(server: Server) -> str:
    """Return the name that the server's certificate must carry."""
    return server.tls_server_name or server.host


def check_names(connection: ssl.SSLSocket, name: str) -> None:
    """Raise ssl.SSLCertVerificationError unless the certificate carries the name as subject alternative name.

    OpenSSL sees to that by itself; an operating system that is asked also takes a common name.
    """
    given: Any = (connection.getpeercert() or {}).get("subjectAltName", ())
    dns = [value for kind, value in given if kind == "DNS"]
    if not covers(dns, [value for kind, value in given if kind == "IP Address"], name):
        error = ssl.SSLCertVerificationError(1, "hostname mismatch")
        error.verify_code, error.verify_message = _HOSTNAME_MISMATCH, "hostname mismatch"
        raise error


def covers(dns: Iterable[str], addresses: Iterable[str], name: str) -> bool:
    """Whether one of a certificate's names is this one; each counts as what it is, a wildcard for one label alone."""
    if wanted := _address(name):
        return wanted in map(_address, addresses)
    host = name.rstrip(".").casefold()
    _, _, domain = host.partition(".")
    given = {own.rstrip(".").casefold() for own in dns}
    return host in given or (bool(domain) and f"*.{domain}" in given)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text.strip())
    except ValueError:
        return None


def wrong_name(server: Server, names: Sequence[str] | None = None) -> Explanation:
    """Explain a certificate for another name; `names` are those that it carries, None where they are not known."""
    text = f"the server's certificate is not issued for the name {verified_name(server)}"
    if names is None:
        return text, (
            "Use the name that the certificate carries in SERVER_ADDRESS, or set TLS_SERVER_NAME to it.\n"
            f"This lists the names in the certificate:\n{check_command(server)}"
        )
    if not names:
        return text, (
            "The certificate carries no name at all (a common name alone does not count). "
            "Have it issued again with the server's name as its subject alternative name."
        )
    usable = next((name for name in names if "*" not in name), "")
    use = f"Use such a name in SERVER_ADDRESS, or set TLS_SERVER_NAME={usable}." if usable else _WILDCARD
    return text, f"The certificate is for {', '.join(names)}.\n{use}"


_WILDCARD = "Set TLS_SERVER_NAME to a name that it covers."

EXPIRED: Explanation = (
    "the server's certificate has expired",
    "Renew the certificate on the AMT web server, or correct this machine's clock if it is wrong.",
)
NOT_YET_VALID: Explanation = (
    "the server's certificate is not valid yet",
    "Compare the clocks of this machine and of the AMT web server.",
)
_WRONG_PURPOSE: Explanation = (
    "the server's certificate is issued for another purpose than that of a server",
    "Have it issued again for server authentication (extended key usage serverAuth), or use another certificate.",
)
_NO_AUTHORITY: Explanation = (
    "a certificate that issued the server's is none of an authority",
    "Have the server's certificate issued by an authority (CA:TRUE), or put the server's own into CA_FILE.",
)
_TOO_WEAK: Explanation = (
    "a certificate of the server has a key or a signature that is too weak",
    "Have it issued again with an RSA key of 2048 bits or more, or an elliptic curve, and SHA-256.",
)
_REVOKED: Explanation = ("the server's certificate has been revoked", "Have a new one issued for the AMT web server.")

# OpenSSL's codes, then those of Windows, whose messages are in the system's language.
_KNOWN: dict[int, Explanation] = {
    **dict.fromkeys((10, 0x800B0101), EXPIRED),
    9: NOT_YET_VALID,
    **dict.fromkeys((26, 0x800B0110), _WRONG_PURPOSE),
    **dict.fromkeys((24, 25, 32, 79), _NO_AUTHORITY),
    **dict.fromkeys((66, 67, 68), _TOO_WEAK),
    **dict.fromkeys((23, 0x80092010), _REVOKED),
}
_HOSTNAME_MISMATCH = 62
_WRONG_NAME = frozenset({_HOSTNAME_MISMATCH, 64, 0x800B010F})
_SIGNED_BY_ITSELF = 18
_CUT_CHAIN = frozenset({2, 20, 21, 0x800B010A})


def _certificate(error: ssl.SSLCertVerificationError, server: Server, missing: str) -> Explanation:
    code = getattr(error, "verify_code", 0)
    detail = getattr(error, "verify_message", "") or str(error)
    if code in _WRONG_NAME or (code == 0 and "hostname" in detail.lower()):
        return wrong_name(server)
    return _KNOWN.get(code) or (_untrusted(code, detail, server), _trust_hint(code, server, missing))


def _untrusted(code: int, detail: str, server: Server) -> str:
    if code == _SIGNED_BY_ITSELF:
        what = "the server's certificate is signed by itself, and this machine does not trust it"
    else:
        what = f"the server's certificate comes from an authority that this machine does not trust ({detail})"
    if code in _CUT_CHAIN:
        what += "; the server may leave out the certificate of an intermediate authority"
    return what + (f"; nor does CA_FILE hold what would prove it ({server.ca_file})" if server.ca_file else "")


def _trust_hint(code: int, server: Server, missing: str) -> str:
    save = (
        f"This saves what the server presents:\n{_save_command(server)}\n"
        "Compare the fingerprints with the administrator of the AMT web server, and set CA_FILE to that file."
    )
    if code not in _CUT_CHAIN:
        return save
    whose = f"the certificate of {missing}" if missing else "its intermediate certificates"
    return f"{save}\nOr have the AMT web server send {whose} as well, where this machine trusts the authority above."
