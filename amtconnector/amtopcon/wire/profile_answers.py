"""Read and check what a wire profile says of answers: members, refusals, messages, statuses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from amtconnector.amtopcon.wire.checks import one_of, only, table, text, truth
from amtconnector.amtopcon.wire.paths import path
from amtconnector.amtopcon.wire.profile import Condition, Expected, Members, MessageForm, Pages, Refusals
from amtconnector.statuses import AMT_STATUSES, Status, StatusClass, StatusTable, folded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from amtconnector.amtopcon.wire.paths import Path

_LARGEST_STATUS = 99  # above begin the connector's own exit codes
_SOURCES = {"token": ("header", "cookie", "body"), "request_id": ("header", "cookie", "body"), "status": ("body",)}
_KNOWS_REQUEST = frozenset({"status", "messages"})
_FORMS = ("list", "lines", "text")
_ORDERS = ("oldest first", "newest first")


def members(entries: dict[str, Any]) -> Members:
    """Return where the members of answers stand."""
    found = {name: _paths(value, f"members.{name}", whole=name == "status") for name, value in entries.items()}
    for name, places in found.items():
        for place in places:
            if place.source and place.source not in _SOURCES.get(name, ()):
                raise ValueError(f"members.{name}: {place.text} can't be, only a token or a request id stands there")
            if place.around and name in {"messages", "message_text"}:
                raise ValueError(f"members.{name}: {place.text} can't be, a message is taken as it is")
            if place.uses_request_id and name not in _KNOWS_REQUEST:
                raise ValueError(f"members.{name}: {place.text}: the request id is not known here")
    for place in found["message_text"]:
        if any(step.selectors for step in place.steps):
            raise ValueError(f"members.message_text: {place.text} picks from a list; a text stands in one place")
    return Members(**found)


def refusals(entries: dict[str, Any]) -> Refusals:
    """Return which answers refuse."""
    conditions = {name: _conditions(entries[name], f"refused.{name}") for name in entries if name != "words"}
    return Refusals(**conditions, words=_paths(entries["words"], "refused.words") if entries["words"] else ())


def message_form(entries: dict[str, Any]) -> MessageForm:
    """Return the form of the messages."""
    pages = only(entries["pages"], ("next", "more", "total", "first"), "messages.pages.")
    first = pages["first"]
    if isinstance(first, bool) or not isinstance(first, int | str):
        raise ValueError("messages.pages.first: expected a number or a text")  # noqa: TRY004 - a fault of the file
    return MessageForm(
        one_of(entries["form"], _FORMS, "messages.form"),
        one_of(entries["order"], _ORDERS, "messages.order") == _ORDERS[1],
        truth(entries["unescape_html"], "messages.unescape_html"),
        Pages(**{name: _page_path(pages[name], name) for name in ("next", "more", "total")}, first=first),
    )


def statuses(entries: Any) -> StatusTable:
    """Return AMT's statuses with the words and the statuses that a profile adds."""
    if not isinstance(entries, dict):
        raise ValueError('statuses: expected entries such as 12 = ["Finished, aborted"]')  # noqa: TRY004 - of the file
    added: list[Status] = []
    words: dict[str, int] = {}
    for key, entry in entries.items():
        where = f"statuses.{key}"
        code = _code(key, where)
        known = StatusTable(added, words)
        if any(status.code == code for status in AMT_STATUSES):
            new = _words(entry, where)
        else:
            status = _status(code, entry, where)
            _check_new(status.name, known, f"{where}.name", code)
            added.append(status)
            new = _words(entry["words"], f"{where}.words") if "words" in entry else []
        for word in new:
            _check_new(word, known, where, code)
            words[word] = code
    return StatusTable(added, words)


def _code(key: str, where: str) -> int:
    if not re.fullmatch(r"[0-9]{1,2}", key, re.ASCII) or int(key) > _LARGEST_STATUS:
        raise ValueError(f"{where}: expected a number up to {_LARGEST_STATUS}")
    return int(key)


def _status(code: int, entry: Any, where: str) -> Status:
    only(entry, ("name", "kind", "words"), f"{where}.")
    kinds = {kind.value: kind for kind in StatusClass}
    kind = one_of(entry.get("kind"), list(kinds), f"{where}.kind")
    return Status(code, _word(entry.get("name"), f"{where}.name"), kinds[kind])


def _words(entry: Any, where: str) -> list[str]:
    if not isinstance(entry, list) or not entry:
        raise ValueError(
            f'{where}: expected a list of words for it, such as ["Finished, aborted"]; '
            "number, name and kind of AMT's own statuses can't be changed"
        )
    return [_word(word, where) for word in entry]


def _word(value: Any, where: str) -> str:
    word = text(value, where)
    if not folded(word) or re.fullmatch(r"\s*-?[0-9]+\s*", word):
        raise ValueError(f"{where}: expected a word; a number is the status with this number")
    return word


def _check_new(word: str, known: StatusTable, where: str, code: int) -> None:
    other = known.by_name(word)
    if other and other.code != code:
        raise ValueError(f"{where}: another status is called {other.name}")


def _paths(value: Any, where: str, *, whole: bool = False) -> tuple[Path, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) and name for name in value):
        raise ValueError(f"{where}: expected a list of member names or paths")
    try:
        return tuple(path(name, whole=whole) for name in value)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def _page_path(value: Any, name: str) -> Path | None:
    where = f"messages.pages.{name}"
    if value == "":
        return None
    (place,) = _paths([value], where)
    if place.source not in {"", "header"}:
        raise ValueError(f"{where}: {place.text} can't be, it stands in the body or in a header")
    return place


def _conditions(value: Any, where: str) -> tuple[Condition, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{where}: expected a list of conditions such as {{ success = false }}")  # noqa: TRY004 - file
    return tuple(_condition(entry, where) for entry in value)


def _condition(entry: Any, where: str) -> Condition:
    if not table(entry, where):
        raise ValueError(f"{where}: a condition that says nothing fits every answer")
    given = dict(entry)
    statuses = given.pop("http", [])
    statuses = statuses if isinstance(statuses, list) else [statuses]
    if not all(isinstance(one, int) and not isinstance(one, bool) and 200 <= one <= 599 for one in statuses):
        raise ValueError(f"{where}: http is an HTTP status from 200 to 599, or a list of them")
    words = given.pop("words", [])
    words = words if isinstance(words, list) else [words]
    if not all(isinstance(one, str) and one.strip() for one in words):
        raise ValueError(f"{where}: words is a text, or a list of texts")
    folded_words = tuple(" ".join(one.split()).casefold() for one in words)
    return Condition(frozenset(statuses), folded_words, tuple(_expected(given, where)))


def _expected(entries: Mapping[str, Any], where: str, before: str = "") -> Iterator[Expected]:
    for name, value in entries.items():
        if isinstance(value, dict) and set(value) != {"not"}:  # a path that TOML has taken for tables
            yield from _expected(value, where, f"{before}{name}.")
            continue
        is_negated = isinstance(value, dict)
        wanted = value["not"] if isinstance(value, dict) else value
        wanted = wanted if isinstance(wanted, list) else [wanted]
        if not wanted or not all(isinstance(one, str | int | float) for one in wanted):
            raise ValueError(
                f"{where}: {before}{name}: expected a text, a number, true, false, or {{ not = one of these }}"
            )
        (place,) = _paths([before + name], where)
        yield Expected(place, tuple(str(one).strip().casefold() for one in wanted), is_negated)
