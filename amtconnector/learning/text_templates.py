"""Which placeholder of a profile a text of a recorded request is, or holds."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING

from amtconnector.learning.documents import named_texts
from amtconnector.learning.known import LISTS, SCALARS, hinted
from amtconnector.learning.list_forms import separator_of
from amtconnector.learning.moments import moment

if TYPE_CHECKING:
    from amtconnector.learning.exchange import Exchange
    from amtconnector.learning.known import Run, Seen

_NOTHING_WORDS = frozenset({"none", "default", "null", "n/a", "-", "*", "any"})
_WITHOUT_TASK = frozenset({"heartbeat", "logoff"})


class TextTemplates:
    """Turns the texts of one request into templates: each value of the run into its placeholder."""

    def __init__(self, name: str, exchange: Exchange, run: Run, seen: Seen) -> None:
        self._name = name
        self._exchange = exchange
        self._run = run
        self._seen = seen
        self._whole = named_texts(exchange)

    def _list(self, name: str) -> tuple[str, ...]:
        value = self._run.value(name)
        return value if isinstance(value, tuple) else ()

    def _text(self, name: str, value: str, *, quotes_id: bool) -> str:
        """Return a text with placeholders for what is known in it."""
        hint = hinted(name)
        is_nothing = value == "" or (value.casefold() in _NOTHING_WORDS and hint in {"script", "run_as", "queue"})
        if is_nothing and hint and not self._run.value(hint) and self._name != "logon":
            self._seen.note_nothing(hint, value or "empty")
            return self._joined_form(hint) if hint in LISTS else f"{{{hint}}}"
        if exact := self._exact(name, value, quotes_id=quotes_id):
            return exact
        return moment(value, self._exchange.begun) or self._embedded(value)

    def _joined_form(self, name: str) -> str:
        separator = self._seen.style.removeprefix("joined ") if self._seen.style.startswith("joined ") else ""
        return f"{{{name}:{separator}}}" if separator else f"{{{name}:text}}"

    def _exact(self, name: str, value: str, *, quotes_id: bool) -> str:
        """Return the placeholder that a whole text is, "" for none."""
        if self._name == "logon":
            return self._credential(name, value)
        run = self._run
        if run.request_id and value == run.request_id:
            return "{request_id:text}" if quotes_id and value.isdigit() else "{request_id}"
        if value and value in {run.token, run.run_id}:
            return "{token}" if value == run.token else "{run_id}"
        return self._cookie(value) or self._exact_scalar(name, value)

    def _cookie(self, value: str) -> str:
        return next((f"{{cookie:{name}}}" for name, text in self._run.cookies.items() if text and text == value), "")

    def _exact_scalar(self, name: str, value: str) -> str:
        if self._name in _WITHOUT_TASK:
            return ""
        hint = hinted(name)
        matching = [one for one in SCALARS if self._run.value(one) == value]
        if hint in matching:
            return f"{{{hint}}}"
        if matching and not self._is_constant(matching[0], value):
            return f"{{{matching[0]}}}"
        return self._exact_list(name, value)

    def _exact_list(self, name: str, value: str) -> str:
        hint = hinted(name)
        for list_name in sorted(LISTS, key=lambda one: one != hint):
            given = self._list(list_name)
            if len(given) > 1 and (separator := separator_of(value, given)):
                self._seen.style = f"joined {separator}"
                return f"{{{list_name}:{'text' if separator == ' ' else separator}}}"
            if len(given) == 1 and value == given[0] and (hint in {"", list_name}):
                if not self._seen.style.startswith("joined "):
                    self._seen.assume(f"how several {list_name.replace('_', ' ')} are joined in {name or 'the path'}")
                return self._joined_form(list_name)
        return ""

    def _is_constant(self, known: str, value: str) -> bool:
        """Return whether a text that equals a default is a word of the contract: another place speaks of the value."""
        if known not in {"submit_user", "station"}:
            return False
        if self._name != "start":
            return True
        return any(
            (hinted(name) == known and text == value) or (text != value and value in re.split(r"[^A-Za-z0-9]", text))
            for name, text in self._whole
        )

    def _credential(self, name: str, value: str) -> str:
        credentials = self._run.credentials
        if value in credentials.users:
            return "{user}"
        if value in credentials.passwords:
            return "{password}"
        for texts, what in ((credentials.users, "user"), (credentials.passwords, "password")):
            for raw in (text.encode("utf-8", "surrogatepass") for text in texts):
                if value in {b64encode(raw).decode(), raw.hex(), raw.hex().upper(), b64encode(raw).hex()}:
                    self._seen.say(f"calls.logon: the {what} travels encoded (Base64 or hex) in {name}")
        return ""

    def _embedded(self, value: str) -> str:
        """Replace known values inside a text, each where nothing of a word stands beside it."""
        run = self._run
        if self._name == "logon":
            known = [(text, "{user}") for text in run.credentials.users if len(text) > 2]
        else:
            scalars = () if self._name in _WITHOUT_TASK else SCALARS
            known = [(str(run.value(one)), f"{{{one}}}") for one in scalars]
            known += [(run.request_id, "{request_id}"), (run.token, "{token}")]
        known = [pair for pair in known if pair[0] not in {"", value}]
        value = value.replace("{", "{{").replace("}", "}}")
        if not known or "{" in value:
            return value
        table = dict(reversed(known))
        pattern = "|".join(re.escape(text) for text in sorted(table, key=len, reverse=True))
        changed = re.sub(rf"(?<![A-Za-z0-9])(?:{pattern})(?![A-Za-z0-9])", lambda match: table[match[0]], value)
        is_sentence = " " in value.strip()
        return value if is_sentence and changed.count("{") < 2 else changed
