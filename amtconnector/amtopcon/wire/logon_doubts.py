"""Whether an answer to a logon that is neither a token nor a plain refusal may have refused the password all the same.

AMT locks accounts, and some servers answer a wrong password with 500: as they answer when their database is away.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from amtconnector.amtopcon.wire.refusals import fits
from amtconnector.amtopcon.wire.reply import is_page, server_words

if TYPE_CHECKING:
    from amtconnector.amtopcon.wire.profile import Profile
    from amtconnector.amtopcon.wire.reply import Reply

_BEFORE_ACCOUNTS = frozenset({404, 405, 406, 407, 411, 413, 414, 415, 417, 421, 426, 431})
"""About the route, the form of the request, or a proxy."""
_TROUBLE = frozenset({408, 409, 429})
_OWN_FAILURES = frozenset({409, 500})
"""What AMT itself answers when it fails. 502, 503 and 504 are of what stands before it, or of a service that starts."""

_ACCOUNT_WORDS = (
    *("password", "credential", "user name", "username", "user id", "userid", "unknown user", "user unknown"),
    *("user not found", "no such user", "user does not exist", "account", "locked", "lockout", "lock out", "denied"),
    *("unauthori", "not authori", "authenticat", "logon fail", "login fail", "kennwort", "passwort", "benutzer"),
    *("gesperrt", "wachtwoord", "gebruiker", "mot de passe", "utilisateur", "contraseña", "usuario"),
)
_DATABASE_WORDS = ("database", "sql server", "script upgrade", "connection string", "datenbank")
"""Of a database that starts: it refuses its own logons in the words of a wrong password."""


class Doubt(Enum):
    """What an answer leaves open about the password."""

    NONE = "it says nothing about it"
    IF_ALONE = "it may have refused it, where the server answers otherwise"
    LIKELY = "it may well have refused it"


def doubt_of(reply: Reply, profile: Profile) -> Doubt:
    """Return what an answer to a logon that gave no token leaves open about the password.

    A redirect comes from somebody else; a proxy, and a wrong route, verb or type of content, are seen before it.
    """
    if 300 <= reply.status < 400 or reply.status in _BEFORE_ACCOUNTS or fits(profile.refused.later, reply):
        return Doubt.NONE
    if reply.status in _TROUBLE or reply.status >= 500:
        return _doubt_of_failure(reply, profile)
    return Doubt.NONE if is_page(reply) else Doubt.LIKELY


def is_of_database(reply: Reply) -> bool:
    """Return whether a server says that it fails for its database, in which there is no logon of ours."""
    return reply.status >= 500 and any(word in server_words(reply).casefold() for word in _DATABASE_WORDS)


def _doubt_of_failure(reply: Reply, profile: Profile) -> Doubt:
    words = "" if is_page(reply) else server_words(reply, profile.refused.words).casefold()
    if any(word in words for word in _ACCOUNT_WORDS) and not is_of_database(reply):
        return Doubt.LIKELY
    return Doubt.IF_ALONE if reply.status in _OWN_FAILURES else Doubt.NONE
