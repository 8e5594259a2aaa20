"""Trust: which certificates are accepted, and what a failed handshake means.

Verification can't be turned off. The operating system's certificate store decides, on Windows through truststore, and
CA_FILE adds a private authority or a self-signed certificate. `explain` turns what OpenSSL or Windows report into what
an administrator can act on.
"""

from __future__ import annotations

import os
import ssl
import sys
from pathlib import Path

from amtconnector.errors import ConfigurationError

NO_TLS_HINT = (
    "It speaks plain HTTP on this port, or something else listens there. Check SERVER_ADDRESS;\n"
    "only if AMT is really served without TLS: SERVER_USES_TLS=False (credentials then travel in clear)."
)

_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Red Hat, Fedora
    "/etc/pki/tls/cert.pem",
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine, Arch
)
"""Where systems keep their authorities, for a program that was built on another one."""

# OpenSSL's codes, then those of Windows, whose messages are in the system's language.
_WRONG_NAME = frozenset({62, 64, 0x800B010F})
_EXPIRED = frozenset({10, 0x800B0101})
_NOT_YET_VALID = 9
_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"})
_TOO_OLD = frozenset({"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "VERSION_TOO_LOW"})


def context(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context that verifies certificate and host name and speaks TLS 1.2 or newer.

    Raises ConfigurationError when CA_FILE holds no certificate.
    """
    result = _trusting_the_system()
    result.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        try:
            result.load_verify_locations(cafile=str(ca_file))
            # A server's own certificate in CA_FILE is enough, even where another authority issued it.
            result.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                "The file that CA_FILE names holds no certificate that can be read.",
                subject=f"CA_FILE {ca_file}",
                hint="It must be a PEM file: -----BEGIN CERTIFICATE----- and so on. "
                "'amt check --save-chain FILE' writes one from what the server presents.",
            ) from error
    return result


if sys.platform == "linux":

    def _trusting_the_system() -> ssl.SSLContext:
        """Return a context with the system's bundle of authorities, read once.

        truststore does the same here, but reads the bundle anew for every connection: 25 ms of every poll.
        """
        result = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        known = ssl.get_default_verify_paths()
        if known.cafile or (known.capath and any(Path(known.capath).iterdir())):
            result.set_default_verify_paths()
        elif bundle := next(filter(os.path.isfile, _BUNDLES), None):
            result.load_verify_locations(cafile=bundle)
        return result

else:

    def _trusting_the_system() -> ssl.SSLContext:
        """Return a context that asks the operating system about each certificate."""
        import truststore  # where the system is asked

        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def explain(error: ssl.SSLError, name: str) -> tuple[str, str]:
    """Return what a failed handshake with the server called `name` means, and what to do about it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate(error, name)
    reason = (getattr(error, "reason", None) or "").upper()
    if reason in _NOT_TLS:
        return (
            "the server did not answer in TLS",
            NO_TLS_HINT,
        )
    if reason in _TOO_OLD:
        return "the server offers no TLS 1.2 or newer", "Enable TLS 1.2 or 1.3 on the AMT web server."
    return f"the TLS handshake failed ({reason.replace('_', ' ').lower() or 'connection cut'})", ""


def _certificate(error: ssl.SSLCertVerificationError, name: str) -> tuple[str, str]:
    detail = getattr(error, "verify_message", "") or str(error)
    code = getattr(error, "verify_code", 0)
    if code in _WRONG_NAME or "hostname" in detail.lower():
        return (
            f"the server's certificate is not issued for the name {name}",
            (
                "Use the name that the certificate carries in SERVER_ADDRESS, or set TLS_SERVER_NAME to it.\n"
                "'amt check' lists the names in the certificate."
            ),
        )
    if code in _EXPIRED or "expired" in detail.lower():
        return "the server's certificate has expired", "Renew the certificate on the AMT web server."
    if code == _NOT_YET_VALID:
        return (
            "the server's certificate is not valid yet",
            "Compare the clocks of this machine and of the AMT web server.",
        )
    return (
        f"the server's certificate comes from an authority that this machine does not trust ({detail})",
        (
            "Save what the server presents with 'amt check --save-chain FILE', compare the fingerprints with the\n"
            "administrator of the AMT web server, and set CA_FILE to that file."
        ),
    )
