"""The TLS step of `amt check`: what the server presents, whether a run would trust it, and if not, why.

Windows reports a certificate that CA_FILE should make trusted as coming from an unknown authority, whatever is wrong
with it, and its messages are in the system's language. The cause is therefore read from the certificate itself.
"""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

from amtconnector.check.findings import Finding, Step, failed, ok, warning
from amtconnector.errors import ServerUnreachable

if TYPE_CHECKING:
    from datetime import datetime

    from amtconnector.check.certificates import Certificate, Presented
    from amtconnector.config import Server

_UNTRUSTED = frozenset({18, 19, 20, 21})  # OpenSSL's; that of Windows also comes where CA_FILE settles the matter

SOON_DAYS = 30
"""A certificate that is valid for fewer days is warned about."""


def look(server: Server) -> Presented | None:
    """Return what the server presents to a TLS client, trusted or not; None when it does not speak TLS."""
    from amtconnector.check.certificates import presented  # cryptography is needed for TLS only

    try:
        return presented((server.host, server.port), _name(server), server.connect_timeout_s)
    except (OSError, ValueError):
        return None


def without(seen: Presented | None, now: datetime) -> Finding:
    """Judge a server that is used without TLS."""
    if seen is None:
        return warning(
            Step.TLS,
            "not used: the credentials travel in clear",
            "Where the AMT web server offers TLS, set SERVER_USES_TLS=True and its port in SERVER_ADDRESS.",
        )
    return failed(
        Step.TLS,
        ServerUnreachable,
        "the server speaks TLS on this port, and SERVER_USES_TLS is False",
        "Set SERVER_USES_TLS=True (and https:// where SERVER_ADDRESS begins with http://).",
        *described(seen.own, now),
    )


def handshake(server: Server, context: ssl.SSLContext, seen: Presented | None, now: datetime) -> Finding:
    """Shake hands as a run does, certificate and name verified; `seen` is what the server presented to `look`."""
    from amtconnector.amtopcon.tls import NO_TLS_HINT, explain  # truststore is needed for TLS only

    details = described(seen.own, now) if seen else ()
    try:
        protocol = _shaken(server, context)
    except ssl.SSLError as error:
        is_refused = isinstance(error, ssl.SSLCertVerificationError)
        known = _cause(seen.own, _name(server), now) if is_refused and seen else None
        causes = [known] if known else []
        if not known or getattr(error, "verify_code", 0) in _UNTRUSTED:
            causes.append(explain(error, _name(server)))
        text = "; ".join(cause for cause, _ in causes)
        hint = "\n".join(hint for _, hint in causes if hint)
        return failed(Step.TLS, ServerUnreachable, text, hint or _PORT, *details)
    except TimeoutError:
        return failed(Step.TLS, ServerUnreachable, "the TLS handshake is not answered", NO_TLS_HINT, *details)
    except OSError as error:
        text = f"the server cut the TLS handshake ({(error.strerror or str(error)).lower()})"
        return failed(Step.TLS, ServerUnreachable, text, _PORT, *details)
    left = seen.own.days_left(now) if seen else SOON_DAYS
    if left < SOON_DAYS:
        hint = "Have the certificate of the AMT web server renewed before it expires."
        return warning(Step.TLS, f"{protocol}, but the certificate expires in {left} days", hint, *details)
    return ok(Step.TLS, f"{protocol}, the certificate is trusted for {_name(server)}", *details)


_PORT = "Check that the port in SERVER_ADDRESS is that of the AMT web server."


def _shaken(server: Server, context: ssl.SSLContext) -> str:
    with (
        socket.create_connection((server.host, server.port), server.connect_timeout_s) as connection,
        context.wrap_socket(connection, server_hostname=_name(server)) as tls,
    ):
        return tls.version() or "TLS"


def _cause(certificate: Certificate, name: str, now: datetime) -> tuple[str, str] | None:
    """Return why a certificate was refused, and what to do, as far as it shows itself; else None."""
    if now > certificate.valid_until:
        text = f"the server's certificate has expired on {certificate.valid_until:%Y-%m-%d}"
        return text, "Renew the certificate on the AMT web server, or correct this machine's clock if it is wrong."
    if now < certificate.valid_from:
        text = f"the server's certificate is not valid before {certificate.valid_from:%Y-%m-%d %H:%M} UTC"
        return text, "Compare the clocks of this machine and of the AMT web server."
    if not certificate.covers(name):
        return f"the server's certificate is not issued for the name {name}", _names_hint(certificate)
    return None


def _names_hint(certificate: Certificate) -> str:
    names = certificate.names
    if not names:
        return "The certificate carries no name at all. Have it issued again with the server's name in it."
    usable = next((name for name in names if "*" not in name), "")
    listed = f"The certificate is for {', '.join(names)}."
    if not usable:
        return f"{listed}\nSet TLS_SERVER_NAME to a name that it covers."
    return f"{listed}\nUse such a name in SERVER_ADDRESS, or set TLS_SERVER_NAME={usable}."


def described(certificate: Certificate, now: datetime) -> tuple[str, ...]:
    """Return the lines that describe a certificate."""
    return (
        f"subject:     {certificate.subject}",
        f"issuer:      {certificate.issuer}" + (" (self-signed)" if certificate.is_self_signed else ""),
        f"names:       {', '.join(certificate.names) or '(none)'}",
        f"valid until: {certificate.valid_until:%Y-%m-%d %H:%M} UTC ({_days(certificate.days_left(now))})",
        f"SHA-256:     {certificate.fingerprint}",
    )


def _days(left: int) -> str:
    return "expired" if left < 0 else f"{left} days left"


def _name(server: Server) -> str:
    return server.tls_server_name or server.host
