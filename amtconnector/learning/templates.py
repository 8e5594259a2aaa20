"""Turn recorded requests into the calls of a profile: which value of the run stands where."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from amtconnector.amtopcon.wire.requests import basic
from amtconnector.learning.documents import body_of, form_of, is_form
from amtconnector.learning.known import LISTS, hinted
from amtconnector.learning.list_forms import kinds_of, list_pairs
from amtconnector.learning.text_templates import TextTemplates

if TYPE_CHECKING:
    from collections.abc import Sequence

_OF_HTTP = frozenset(
    "host connection accept-encoding content-length user-agent cookie keep-alive te trailer transfer-encoding upgrade"  # noqa: SIM905
    " origin referer accept-language dnt pragma cache-control priority upgrade-insecure-requests expect"
    " traceparent tracestate request-id if-none-match if-modified-since proxy-connection x-forwarded-for".split()
)
_LEFT_OUT = object()
"""What stands for a member that a template does not have."""


class Template(TextTemplates):
    """Turns one request into the entries of its call."""

    def call(self) -> dict[str, Any]:
        """Return the entries of the call."""
        one = self._exchange
        entry: dict[str, Any] = {"method": one.method, "path": self._path(), "query": self._pairs(one.query, "query")}
        if headers := self.headers():
            entry["headers"] = headers
        if is_form(one) and one.body:
            entry["form"] = self._pairs(form_of(one), "body")
        elif one.body and (document := body_of(one)) is not None:
            entry["body"] = self._body(document, "", is_top=True)
        else:
            if one.body:
                kind = one.header("content-type") or "an unknown type"
                self._seen.say(f"calls.{self._name}: a request body of {kind} that is neither JSON nor a form")
            entry["body"] = False
        return entry

    def headers(self) -> dict[str, str]:
        """Return the headers that a profile has to name; where the token travels is noted."""
        found = {}
        for name, value in self._exchange.headers:
            lower = name.lower()
            if lower == "cookie":
                self._token_cookie(value)
            elif lower not in _OF_HTTP and not lower.startswith("sec-") and not _is_usual(lower, value):
                template = self._header(name, value)
                if template is not None:
                    found[name] = template
        return found

    def _header(self, name: str, value: str) -> str | None:
        run = self._run
        for user in run.credentials.users:
            for password in run.credentials.passwords:
                if (encoded := basic(user, password)) in value:
                    return value.replace(encoded, "{basic}")
        if value != run.token and (cookie := self._cookie(value)):
            return cookie
        if run.token and run.token in value:
            self._seen.token_headers[name] = value.replace(run.token, "{token}")
            return None
        return self._text(name, value, quotes_id=False)

    def _token_cookie(self, value: str) -> None:
        for part in value.split(";"):
            name, _, text = part.strip().partition("=")
            if self._run.token and text.strip('"') == self._run.token:
                is_set = self._run.cookies.get(name) == self._run.token
                self._seen.token["own cookie" if is_set else "cookie"] = name

    def _path(self) -> str:
        parts = [unquote(part) for part in self._exchange.path.split("/")]
        return "/".join(self._segment(part) for part in parts)

    def _segment(self, part: str) -> str:
        is_default = part in {self._run.task.station, self._run.task.submit_user}
        value = self._exact("", part, quotes_id=False) if part and not is_default else ""
        if value:
            return value
        pieces = re.split(r"([()])", part)
        if len(pieces) > 1:  # BatchRequests(2112)
            return "".join(piece if piece in "()" else self._segment(piece) for piece in pieces)
        return re.sub(r"[^!-~]|[?#%{}]", lambda match: f"%{ord(match[0]):02X}", part)

    def _pairs(self, pairs: Sequence[tuple[str, str]], token_place: str) -> dict[str, str]:
        """Return a query or a form; names that repeat or are numbered belong to a list."""
        found: dict[str, str] = {}
        rest = list(pairs)
        for list_name, element in LISTS.items():
            for name, names in list_pairs(rest, self._list(list_name), self._seen.style):
                found[name] = f"{{{element}}}"
                rest = [pair for pair in rest if pair[0] not in names]
                self._seen.style = "numbered" if "{" in name else "repeated"
        for name, value in rest:
            if self._run.token and value == self._run.token:
                self._seen.token[token_place] = name
            else:
                found[name] = self._text(name, value, quotes_id=False)
        order = {name: at for at, (name, _) in enumerate(pairs)}
        return dict(sorted(found.items(), key=lambda one: order.get(one[0], len(order))))

    def _body(self, value: Any, name: str, *, is_top: bool = False) -> Any:
        if isinstance(value, dict):
            return self._object(value, name, is_top=is_top)
        if isinstance(value, list):
            return self._array(value, name)
        if isinstance(value, str):
            return self._text(name, value, quotes_id=True)
        if value is None:
            return self._null(name)
        is_id = isinstance(value, int) and not isinstance(value, bool) and str(value) == self._run.request_id
        return "{request_id}" if is_id else value

    def _null(self, name: str) -> Any:
        hint = hinted(name)
        if hint and not self._run.value(hint):
            self._seen.note_nothing(hint, "null")
            return f"{{{hint}}}"
        self._seen.say(f"calls.{self._name}: null as the value of {name}; it is left out")
        return _LEFT_OUT

    def _object(self, value: dict[str, Any], name: str, *, is_top: bool) -> dict[str, Any]:
        found: dict[str, Any] = {}
        rest = dict(value)
        for list_name, element in LISTS.items():
            given = self._list(list_name)
            texts = [(key, entry) for key, entry in rest.items() if isinstance(entry, str)]
            for key, names in list_pairs(texts, given, "numbered", only_numbered=True):
                found[key] = f"{{{element}}}"
                rest = {other: entry for other, entry in rest.items() if other not in names}
        members: dict[str, Any] = {}
        for key, entry in rest.items():
            if is_top and self._run.token and entry == self._run.token:
                self._seen.token["body"] = key
                continue
            template = self._body(entry, f"{name}.{key}" if name else key)
            if template is not _LEFT_OUT:
                members[key] = template
        return {**members, **found}

    def _array(self, value: list[Any], name: str) -> Any:
        hint = hinted(name)
        texts = [entry for entry in value if isinstance(entry, str)]
        if not value and hint in LISTS and not self._list(hint):
            self._seen.note_nothing(hint, "empty")
            return f"{{{hint}}}"
        matching = [one for one in LISTS if value and texts == value == list(self._list(one))]
        if matching:
            return f"{{{hint if hint in matching else matching[0]}}}"
        for list_name, element in LISTS.items():
            given = self._list(list_name)
            is_fitting = given and len(value) == len(given) and (hint not in LISTS or self._list(hint) == given)
            if is_fitting and len(kinds := kinds_of(value, [(one, element) for one in given])) == 1:
                return kinds
        if mixed := self._both_lists(value):
            return mixed
        return [
            template
            for at, entry in enumerate(value)
            if (template := self._body(entry, f"{name}[{at}]")) is not _LEFT_OUT
        ]

    def _both_lists(self, value: list[Any]) -> list[Any]:
        """Return the templates of one list that holds the values of both, one after the other; none for any other."""
        for names in (list(LISTS), list(reversed(LISTS))):
            given = [(one, LISTS[name]) for name in names for one in self._list(name)]
            if len(given) != len(value) or len({element for _, element in given}) < len(LISTS):
                return []
            if len(kinds := kinds_of(value, given)) == len(LISTS):
                return kinds
        return []


def _is_usual(name: str, value: str) -> bool:
    if name == "accept":
        return "*/*" in value or value.strip().lower() == "application/json"
    return name == "content-type" and value.lower().startswith(
        ("application/json", "application/x-www-form-urlencoded", "text/json")
    )
