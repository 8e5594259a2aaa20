"""Put the values of a run into the places of a profile."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote

from amtconnector.amtopcon.wire.placeholders import (
    COUNTERS,
    ELEMENTS,
    LISTS,
    TASK,
    Placeholder,
    element_in,
    filled,
    whole,
)
from amtconnector.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amtconnector.amtopcon.wire.profile import CallName, NotGiven, Template
    from amtconnector.task import Task

Value: TypeAlias = "str | int | tuple[str, ...] | None"


_LEFT_OUT = object()
"""What stands for a member that is not sent at all."""


def sent_values(task: Task) -> dict[str, Value]:
    """Return a task's values by the names of their placeholders."""
    return {
        "application": task.application,
        "job": task.job,
        "script": task.script,
        "submit_user": task.submit_user,
        "run_as": task.user,
        "station": task.station,
        "queue": task.queue,
        "task_values": task.task_values,
        "parameters": task.parameters,
    }


class Filling:
    """The values that one request is filled with; `known` by their names, `cookies` those of the server."""

    def __init__(
        self, not_given: NotGiven, known: Mapping[str, Value], cookies: Mapping[str, str], call: CallName
    ) -> None:
        self._not_given = not_given
        self._known = known
        self._cookies = cookies
        self._call = call

    def path(self, template: str) -> str:
        """Return a path; its values can't change its form."""
        return filled(template, lambda one: _quoted(self._text(one)))

    def pairs(self, table: Mapping[str, str]) -> list[tuple[str, str]]:
        """Return the names and values of a query or a form; one value of a list is sent once for each."""
        pairs = []
        for name, text in table.items():
            for one in self._each(element_in({name: text})):
                value = one.parameter(text)
                if value is not None:
                    pairs.append((one.embedded(name), value))
        return pairs

    def parameter(self, text: str) -> str | None:
        """Return the text of a parameter or a header; None when it is not to be sent."""
        if one := whole(text):
            value = self._whole(one)
            return None if value is None or value is _LEFT_OUT else str(value)
        return self.embedded(text)

    def body(self, template: Template) -> object:
        """Return a JSON body."""
        if isinstance(template, dict):
            return self._members(template)
        if isinstance(template, list):
            entries = [one.body(entry) for entry in template for one in self._each(element_in(entry))]
            return [entry for entry in entries if entry is not _LEFT_OUT]
        if not isinstance(template, str):
            return template
        one = whole(template)
        return self._whole(one) if one else self.embedded(template)

    def _members(self, template: Mapping[str, Template]) -> dict[str, object]:
        members = {}
        for name, entry in template.items():
            is_numbered = any(f"{{{counter}}}" in name for counter in COUNTERS)
            for one in self._each(element_in(entry) if is_numbered else ""):
                value = one.body(entry)
                if value is not _LEFT_OUT:
                    members[one.embedded(name)] = value
        return members

    def _each(self, list_name: str) -> list[Filling]:
        """Return a filling for each value of a list; just this one where there is none, or inside a repetition."""
        if not list_name or "n" in self._known:
            return [self]
        values = self._value(list_name)
        element = next(name for name, owner in ELEMENTS.items() if owner == list_name)
        repeated = enumerate(values if isinstance(values, tuple) else ())
        return [self._with({element: value, "n": index + 1, "index": index}) for index, value in repeated]

    def _with(self, more: Mapping[str, Value]) -> Filling:
        return Filling(self._not_given, {**self._known, **more}, self._cookies, self._call)

    def _whole(self, one: Placeholder) -> object:
        """Return what a text becomes that is nothing but this placeholder."""
        if one.name == "cookie":
            return self._cookies.get(one.option or "", _LEFT_OUT)
        if one.name == "page" and self._value("page") == "":
            return _LEFT_OUT
        if one.name in TASK and not self._value(one.name):
            return self._for_nothing(one)
        if one.name in LISTS and one.option is None:
            return list(self._value(one.name))  # type: ignore[arg-type]  # a list's value is one
        return self._value(one.name) if one.option is None and one.name != "now" else self._text(one)

    def _for_nothing(self, one: Placeholder) -> object:
        """Return what is sent for a value that the job does not give."""
        rules = self._not_given
        if one.name in rules.words:
            return rules.words[one.name]
        if one.name in rules.left_out or (rules.send == "left out" and one.name not in rules.null):
            return _LEFT_OUT
        if one.name in rules.null or rules.send == "null":
            return None
        return [] if one.is_whole_list else ""

    def embedded(self, text: str) -> str:
        """Return a text with its placeholders filled."""
        return filled(text, self._text)

    def _text(self, one: Placeholder) -> str:
        """Return a value inside another text."""
        if one.name == "cookie":
            return self._cookies.get(one.option or "", "")
        if one.name == "now":
            return _moment(one.option)
        value = self._value(one.name)
        if value in ("", ()) and one.name in self._not_given.words:
            return self._not_given.words[one.name]
        return _joined(one, value) if isinstance(value, tuple) else str(value)

    def _value(self, name: str) -> Value:
        try:
            return self._known[name]
        except KeyError:
            raise ConfigurationError(
                f"The wire profile sends {{{name}}} with calls.{self._call}; it is not known of this request.",
                hint="Give -an and -jn (or -fn) as well, on the machine that has the record of its run.",
            ) from None


def _joined(one: Placeholder, values: tuple[str, ...]) -> str:
    if one.option == "text":
        return " ".join(values)
    separator = one.option or ""
    for value in values:
        if separator in value:
            raise ConfigurationError(
                f"The server takes the {one.name.replace('_', ' ')} as one text with {separator!r} between them, "
                f"and the value '{value}' holds that itself: it would arrive as two.",
                hint="Change the value. Nothing was sent.",
            )
    return separator.join(values)


def _moment(form: str | None) -> str:
    now = datetime.now(UTC)
    if form == "ms":
        return str(int(now.timestamp() * 1000))
    if form == "utc":
        return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    here = now.astimezone()
    return here.isoformat(timespec="milliseconds") if form is None else here.strftime(form)


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")
