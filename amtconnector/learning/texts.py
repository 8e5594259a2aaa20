"""The messages in a trace: lists of texts, or of objects with a text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from amtconnector.amtopcon.wire.document import Object
from amtconnector.learning.documents import answer_in, leaves, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amtconnector.amtopcon.wire.document import Json
    from amtconnector.learning.exchange import Exchange

LEAST_SCORE = 3
"""What a call must have to be taken for the one of the messages."""

_MESSAGES = re.compile(r"message|log|output|protocol|lines|bericht|meldung", re.IGNORECASE)


def messages_score(group: list[Exchange]) -> int:
    """Return how much a call looks like the one of the messages."""
    documents = [answer_in(one) for one in group if one.is_success and one.answer]
    if not documents:
        return 0
    has_texts = any(list(text_lists(document)) for document in documents)
    is_plain = all("text/plain" in one.answer_header("content-type") for one in group if one.is_success)
    texts = [value for document in documents for _, value in leaves(document) if isinstance(value, str)]
    has_lines = any(len(text) > 3 for text in texts) + 2 * any("\n" in text.strip() for text in texts)
    is_named = bool(_MESSAGES.search(words_of(group[0])))
    return 3 * is_named + 3 * has_texts + 2 * is_plain + has_lines


def text_lists(document: Json, place: str = "") -> Iterator[tuple[str, list[Json]]]:
    """Yield the lists of texts, or of objects, in an answer, with their places."""
    if isinstance(document, Object):
        for name, value in document:
            yield from text_lists(value, f"{place}.{name}" if place else name)
    elif isinstance(document, list) and all(isinstance(entry, str | Object) for entry in document):
        yield place, [*document]
