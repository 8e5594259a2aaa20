"""A logon that came to nothing and may have been a refusal of the password: when it is not to be tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from amtconnector.amtopcon.wire.logon_doubts import Doubt, doubt_of
from amtconnector.errors import CallFailed, NotUnderstood, Rejected

if TYPE_CHECKING:
    from collections.abc import Callable

    from amtconnector.amtopcon.wire.profile import Profile
    from amtconnector.amtopcon.wire.reply import Reply

_FAILS_AT_LOGON = (
    "Look in AMT Control Center at the connector's account: its name, its password, and whether it is locked.\n"
    "If all is well with it, the log of the AMT web server tells why it fails at the logon."
)


class Notes(Protocol):
    """Who remembers it for the other processes."""

    def doubted(self) -> None:
        """Take note that the server may have refused the credentials, in words that nobody understood."""

    def failed(self) -> bool:
        """Take note that the server failed at this logon alone; the second time count it as doubted, and return so."""


def judge(error: CallFailed, reply: Reply, profile: Profile, notes: Notes, is_alive: Callable[[], bool]) -> None:
    """Note a failed logon whose answer may have refused the password, and say so in `error`.

    `is_alive` asks whether the server answers otherwise. Raises NotUnderstood in place of an error after which the
    logon would be tried again.
    """
    doubt = doubt_of(reply, profile)
    error.may_refuse = doubt is Doubt.LIKELY or (doubt is Doubt.IF_ALONE and is_alive())
    if doubt is Doubt.LIKELY:
        notes.doubted()
    elif not error.may_refuse or not notes.failed():
        return
    if not isinstance(error, NotUnderstood | Rejected):
        doubtful = NotUnderstood(error.message, hint=_FAILS_AT_LOGON)
        doubtful.may_refuse, doubtful.exchange = True, error.exchange
        raise doubtful from error
