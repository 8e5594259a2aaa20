"""Whether an answer refuses in a way that its HTTP status does not tell: the conditions of a profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amtconnector.amtopcon.wire.document import UNREADABLE
from amtconnector.amtopcon.wire.paths import found
from amtconnector.amtopcon.wire.reply import document_in
from amtconnector.errors import NotUnderstood

if TYPE_CHECKING:
    from amtconnector.amtopcon.wire.document import Json
    from amtconnector.amtopcon.wire.profile import Condition, Expected
    from amtconnector.amtopcon.wire.reply import Reply


def fits(conditions: tuple[Condition, ...], reply: Reply) -> bool:
    """Return whether an answer fits one of these conditions."""
    return any(_fits(condition, reply) for condition in conditions)


def _fits(condition: Condition, reply: Reply) -> bool:
    is_status = reply.status in condition.http if condition.http else reply.is_success
    if not is_status or not (condition.words or condition.members):
        return is_status
    if condition.words and not _has_words(condition.words, reply):
        return False
    if not condition.members:
        return True
    try:
        document = document_in(reply)
        return all(_is_as_expected(document, one) for one in condition.members)
    except (NotUnderstood, *UNREADABLE):
        return False


def _has_words(words: tuple[str, ...], reply: Reply) -> bool:
    text = " ".join(reply.text.split()).casefold()
    return any(word in text for word in words)


def _is_as_expected(document: Json, one: Expected) -> bool:
    values = [_text(value) for value in found(document, one.place)]
    given = [text for text in values if text not in ("", None)]
    return any((text in one.values) is not one.is_negated for text in given)


def _text(value: Json) -> str | None:
    """Return a value's text form; None for one that has none, or says nothing."""
    if value is None or isinstance(value, list):
        return None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**64:
        return "more"
    return str(value).strip().casefold()
