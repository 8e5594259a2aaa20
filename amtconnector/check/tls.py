"""The TLS step of `amt check`: what the server presents, whether a run would trust it, and if not, why.

The words are those of a run. Windows may report a certificate as coming from an unknown authority whatever is wrong
with it; so what the certificate itself shows is told as well.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from amtconnector.amtopcon.failures import not_secured
from amtconnector.amtopcon.tls_failures import EXPIRED, NOT_YET_VALID, SPEAKS_TLS, verified_name, wrong_name
from amtconnector.check.connections import opened, secured, within
from amtconnector.check.findings import Finding, Step, failed, ok, warning
from amtconnector.errors import ServerUnreachable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from amtconnector.amtopcon.tls_failures import Explanation
    from amtconnector.check.certificates import Certificate, Presented
    from amtconnector.config import Server

SOON_DAYS = 30
"""A certificate that is valid for fewer days is warned about."""

_LONGEST_LOOK_S = 2.0
"""How long a server that is used without TLS is asked for it: many that speak HTTP wait for the end of a line."""


def look(server: Server) -> Presented | None:
    """Return what the server presents to a TLS client, trusted or not; None when it does not speak TLS."""
    from amtconnector.check.certificates import presented  # cryptography is needed for TLS only

    limit_s = server.connect_timeout_s if server.uses_tls else min(_LONGEST_LOOK_S, server.connect_timeout_s)
    try:
        return within(limit_s, lambda: presented(opened(server, limit_s), verified_name(server)))
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
    return failed(Step.TLS, ServerUnreachable, *SPEAKS_TLS, *described(seen, now))


def handshake(server: Server, context: ssl.SSLContext, seen: Presented | None, now: datetime) -> Finding:
    """Shake hands as a run does, certificate and name verified; `seen` is what the server presented to `look`."""
    details = described(seen, now) if seen else ()
    try:
        protocol = secured(server, context, verified_name(server))
    except OSError as error:
        is_refused = isinstance(error, ssl.SSLCertVerificationError)
        causes = dict(_visible_causes(seen.own, server, now)) if is_refused and seen else {}
        causes.setdefault(*not_secured(error, server, seen.missing_issuer if seen else ""))
        hint = "\n".join(filter(None, causes.values()))
        return failed(Step.TLS, ServerUnreachable, "; ".join(causes), hint, *details, *in_ca_file(server, seen))
    left = seen.own.days_left(now) if seen else SOON_DAYS
    if left < SOON_DAYS:
        hint = "Have the certificate of the AMT web server renewed before it expires."
        return warning(Step.TLS, f"{protocol}, but the certificate expires in {left} days", hint, *details)
    return ok(Step.TLS, f"{protocol}, the certificate is trusted for {verified_name(server)}", *details)


def _visible_causes(certificate: Certificate, server: Server, now: datetime) -> Iterator[Explanation]:
    """Yield why a certificate can't be accepted, as far as it shows itself: who corrects one finds no second one."""
    if now > certificate.valid_until:
        yield EXPIRED
    if now < certificate.valid_from:
        yield NOT_YET_VALID
    if not certificate.covers(verified_name(server)):
        yield wrong_name(server, certificate.names, certificate.misplaced)


def in_ca_file(server: Server, seen: Presented | None) -> tuple[str, ...]:
    """Return lines that say what CA_FILE holds, beside what the server presents."""
    from amtconnector.check.certificates import trusted_in  # cryptography is needed for TLS only

    if server.ca_file is None or seen is None:
        return ()
    known = {certificate.fingerprint for certificate in seen.chain}
    return tuple(
        f"in CA_FILE:   {one.subject}{'' if one.fingerprint in known else ' (the server does not present this one)'}"
        for one in trusted_in(server.ca_file)
    )


def described(seen: Presented, now: datetime) -> tuple[str, ...]:
    """Return the lines that describe the server's own certificate, and what it leaves out above it."""
    own, left = seen.own, seen.own.days_left(now)
    misplaced = (f"{address} (as a host name: does not count)" for address in own.misplaced)
    missing = f"not sent:    the certificate of {seen.missing_issuer}"
    return (
        f"subject:     {own.subject}",
        f"issuer:      {own.issuer}" + (" (self-signed)" if own.is_self_signed else ""),
        f"names:       {', '.join((*own.names, *misplaced)) or '(none)'}",
        f"valid until: {own.valid_until:%Y-%m-%d %H:%M} UTC ({f'{left} days left' if left >= 0 else 'expired'})",
        f"SHA-256:     {own.fingerprint}",
        *((missing,) if seen.missing_issuer else ()),
    )
