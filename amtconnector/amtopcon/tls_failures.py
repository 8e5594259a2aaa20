"""What a failed TLS handshake means, in words that an administrator can act on.

OpenSSL and Windows report numbers; their texts are in English or in the system's language. A run and `amt check` take
their words from here.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, TypeAlias, TypeGuard

from amtconnector.system.command_line import own_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amtconnector.config import Server

Explanation: TypeAlias = "tuple[str, str]"
"""What is wrong, and what to do about it."""

NO_TLS_HINT = (
    "It speaks plain HTTP on this port, or something else listens there. Check SERVER_ADDRESS;\n"
    "only if AMT is really served without TLS: SERVER_USES_TLS=False (credentials then travel in clear)."
)

SPEAKS_TLS: Explanation = (
    "the server speaks TLS on this port, and SERVER_USES_TLS is False",
    "Set SERVER_USES_TLS=True (and https:// where SERVER_ADDRESS begins with http://).",
)

_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"})
_TOO_OLD = frozenset({"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "VERSION_TOO_LOW"})


def is_of_tls(error: BaseException | None) -> TypeGuard[ssl.SSLError]:
    """Whether an exception is one of OpenSSL's; `ssl` itself, which a run over http does not import, is not asked."""
    return any(kind.__module__ == "ssl" for kind in type(error).__mro__)


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


def check_command(server: Server, *options: str) -> str:
    """Return the command line of `amt check` for this server's configuration."""
    config = ("--config", str(server.config_path)) if server.config_path else ()
    return own_command("check", *options, *config)


def save_command(server: Server) -> str:
    """Return the command line that saves what the server presents."""
    return check_command(server, "--save-chain", "amt-server.pem")


def wrong_name(server: Server, names: Sequence[str] | None = None, misplaced: Sequence[str] = ()) -> Explanation:
    """Explain a certificate for another name; `names` are those that it carries, None where they are not known.

    `misplaced` are addresses that stand among its host names, where they do not count.
    """
    text = f"the server's certificate is not issued for the name {verified_name(server)}"
    if names is None:
        return text, (
            f"This lists the names in the certificate:\n{check_command(server)}\n"
            "Use one of them in SERVER_ADDRESS, or set TLS_SERVER_NAME to it. Where none is listed, have the "
            "certificate issued again with the server's name as its subject alternative name."
        )
    if misplaced and not names:
        return text, (
            f"The certificate carries {', '.join(misplaced)} as a host name, where an address does not count. "
            "Have it issued again with the address as an IP address, or with a host name for TLS_SERVER_NAME."
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
HOSTNAME_MISMATCH = 62
_WRONG_NAME = frozenset({HOSTNAME_MISMATCH, 64, 0x800B010F})
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
        f"This saves what the server presents:\n{save_command(server)}\n"
        "Compare the fingerprints with the administrator of the AMT web server, and set CA_FILE to that file."
    )
    if code not in _CUT_CHAIN:
        return save
    whose = f"the certificate of {missing}" if missing else "its intermediate certificates"
    return f"{save}\nOr have the AMT web server send {whose} as well, where this machine trusts the authority above."
