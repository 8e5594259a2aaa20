"""Turn recorded requests into the calls of a profile: which value of the run stands where."""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from amtconnector.learning.documents import body_of, form_of, is_form

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amtconnector.learning.exchange import Exchange
    from amtconnector.learning.roles import Credentials
    from amtconnector.task import Task

SCALARS = ("application", "job", "script", "submit_user", "run_as", "station", "queue")
LISTS = {"task_values": "task_value", "parameters": "parameter"}

_HINTS = (
    ("parameters", r"param|^par$|^pa$|^args$"),
    ("script", r"script|file|^fn$"),
    ("submit_user", r"submit|^by$|^su$"),
    ("run_as", r"runas|^user$|runuser|amtuser|asuser|^u$"),
    ("station", r"station|terminal|^st$"),
    ("queue", r"queue|^qn$"),
    ("application", r"appl|^app$|^an$|environment"),
    ("task_values", r"taskval|^values?$|^tvs?$"),
    ("job", r"job|^jn$|^task$|taskname"),
)
_NOTHING_WORDS = frozenset({"none", "default", "null", "n/a", "-", "*", "any"})
_OF_HTTP = frozenset(
    "host connection accept-encoding content-length user-agent cookie keep-alive te trailer transfer-encoding upgrade"  # noqa: SIM905
    " expect origin referer accept-language dnt pragma cache-control priority upgrade-insecure-requests x-requested-with"
    " traceparent tracestate request-id if-none-match if-modified-since proxy-connection x-forwarded-for".split()
)
_RUN_ID = re.compile(r"unique|correl|guid|uuid|runid|clientid|externalid", re.IGNORECASE)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?")
_FORMS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y%m%d%H%M%S",
    "%d.%m.%Y %H:%M:%S",
    "%m/%d/%Y %H:%M:%S",
    "%Y-%m-%d",
    "%Y%m%d",
    "%d.%m.%Y",
)


class Run(NamedTuple):
    """What is known of the run when a request was made; "" is not known."""

    task: Task
    credentials: Credentials
    token: str = ""
    request_id: str = ""
    run_id: str = ""
    cookies: dict[str, str] = {}

    def value(self, name: str) -> str | tuple[str, ...]:
        """Return a value of the task by the name of its placeholder."""
        return getattr(self.task, "user" if name == "run_as" else name)  # type: ignore[no-any-return]


class Seen:
    """What is found while requests are turned into templates, and holds for all of them."""

    def __init__(self) -> None:
        self.not_given: dict[str, Counter[str]] = {}
        self.style = ""
        self.token: dict[str, str] = {}
        self.token_headers: dict[str, str] = {}
        self.unsaid: list[str] = []
        self.assumed: list[str] = []

    def note_nothing(self, name: str, sent: str) -> None:
        """Note what was sent for a value that the job does not give."""
        self.not_given.setdefault(name, Counter())[sent] += 1

    def say(self, text: str) -> None:
        """Note once what a profile can't say."""
        if text not in self.unsaid:
            self.unsaid.append(text)

    def assume(self, text: str) -> None:
        """Note once what was taken without a proof."""
        if text not in self.assumed:
            self.assumed.append(text)


def hinted(name: str) -> str:
    """Return which value of a task a member's name speaks of, "" for none."""
    last = re.sub(r"\[\d+\]", "", name).rpartition(".")[2]
    folded = re.sub(r"[^a-z]", "", last.lower())
    return next((value for value, pattern in _HINTS if re.search(pattern, folded)), "")


class Template:
    """Turns one request into the entries of its call."""

    def __init__(self, name: str, exchange: Exchange, run: Run, seen: Seen) -> None:
        self._name = name
        self._exchange = exchange
        self._run = run
        self._seen = seen
        self._whole = _whole_texts(exchange)

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
                basic = b64encode(f"{user}:{password}".encode("utf-8", "surrogatepass")).decode()
                if basic in value:
                    return value.replace(basic, "{basic}")
        cookie = next((one for one, text in run.cookies.items() if text and text == value and text != run.token), "")
        if cookie:
            return f"{{cookie:{cookie}}}"
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
        value = self._exact("", part, quotes_id=False) if part else ""
        return value or re.sub(r"[^!-~]|[?#%{}]", lambda match: f"%{ord(match[0]):02X}", part)

    def _pairs(self, pairs: Sequence[tuple[str, str]], token_place: str) -> dict[str, str]:
        """Return a query or a form; names that repeat or are numbered belong to a list."""
        found: dict[str, str] = {}
        rest = list(pairs)
        for list_name, element in LISTS.items():
            for name, names in _list_pairs(rest, self._list(list_name), self._seen.style):
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
        if value is None:
            if (hint := hinted(name)) and not self._run.value(hint):
                self._seen.note_nothing(hint, "null")
                return f"{{{hint}}}"
            self._seen.say(f"calls.{self._name}: null as the value of {name}; it is left out")
            return _LEFT_OUT
        if isinstance(value, bool):
            return value
        if isinstance(value, int) and self._run.request_id and str(value) == self._run.request_id:
            return "{request_id}"
        if isinstance(value, str):
            return self._text(name, value, quotes_id=True)
        return value

    def _object(self, value: dict[str, Any], name: str, *, is_top: bool) -> dict[str, Any]:
        found: dict[str, Any] = {}
        rest = dict(value)
        for list_name, element in LISTS.items():
            given = self._list(list_name)
            texts = [(key, entry) for key, entry in rest.items() if isinstance(entry, str)]
            for key, names in _list_pairs(texts, given, "numbered", only_numbered=True):
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
            if (
                given
                and len(value) == len(given)
                and (hint == list_name or self._list(hint if hint in LISTS else list_name) == given)
            ):
                templates = [
                    _repeated(entry, one, f"{{{element}}}", at)
                    for at, (entry, one) in enumerate(zip(value, given, strict=True))
                ]
                if templates[0] is not None and all(template == templates[0] for template in templates):
                    return [templates[0]]
        return [
            template
            for at, entry in enumerate(value)
            if (template := self._body(entry, f"{name}[{at}]")) is not _LEFT_OUT
        ]

    def _list(self, name: str) -> tuple[str, ...]:
        value = self._run.value(name)
        return value if isinstance(value, tuple) else ()

    def _text(self, name: str, value: str, *, quotes_id: bool) -> str:
        """Return a text with placeholders for what is known in it."""
        hint = hinted(name)
        if value == "" or (value.casefold() in _NOTHING_WORDS and hint in {"script", "run_as", "queue"}):
            if hint and not self._run.value(hint) and self._name != "logon":
                self._seen.note_nothing(hint, value or "empty")
                if hint in LISTS:
                    return self._joined_form(hint)
                return f"{{{hint}}}"
        if exact := self._exact(name, value, quotes_id=quotes_id):
            return exact
        return _moment(value, self._exchange.begun) or self._embedded(value)

    def _joined_form(self, name: str) -> str:
        separator = self._seen.style.removeprefix("joined ") if self._seen.style.startswith("joined ") else ""
        return f"{{{name}:{separator}}}" if separator else f"{{{name}:text}}"

    def _exact(self, name: str, value: str, *, quotes_id: bool) -> str:
        """Return the placeholder that a whole text is, "" for none."""
        run, hint = self._run, hinted(name)
        if self._name == "logon":
            return self._credential(name, value)
        if run.request_id and value == run.request_id:
            return "{request_id:text}" if quotes_id and value.isdigit() else "{request_id}"
        if run.token and value == run.token:
            return "{token}"
        if run.run_id and value == run.run_id:
            return "{run_id}"
        if cookie := next((one for one, text in run.cookies.items() if text and text == value), ""):
            return f"{{cookie:{cookie}}}"
        matching = [one for one in SCALARS if run.value(one) == value]
        if hint in matching:
            return f"{{{hint}}}"
        if matching and not self._is_constant(matching[0], value):
            return f"{{{matching[0]}}}"
        return self._exact_list(name, value)

    def _exact_list(self, name: str, value: str) -> str:
        hint = hinted(name)
        for list_name in sorted(LISTS, key=lambda one: one != hint):
            given = self._list(list_name)
            if len(given) > 1 and (separator := _separator(value, given)):
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
            known = [(str(run.value(one)), f"{{{one}}}") for one in SCALARS if run.value(one)]
            known += [(run.request_id, "{request_id}")] * bool(run.request_id) + [(run.token, "{token}")] * bool(
                run.token
            )
        known = [pair for pair in known if pair[0] != value]
        if not known or "{" in value:
            return value
        table = {text: placeholder for text, placeholder in reversed(known)}
        pattern = "|".join(re.escape(text) for text in sorted(table, key=len, reverse=True))
        changed = re.sub(rf"(?<![A-Za-z0-9])(?:{pattern})(?![A-Za-z0-9])", lambda match: table[match[0]], value)
        is_sentence = " " in value.strip()
        return value if is_sentence and changed.count("{") < 2 else changed


class _LeftOut:
    """What stands for a member that a template does not have."""


_LEFT_OUT = _LeftOut()


def _whole_texts(exchange: Exchange) -> list[tuple[str, str]]:
    from amtconnector.learning.documents import slots

    return [(slot.name, slot.text) for slot in slots(exchange) if slot.place != "path"]


def _is_usual(name: str, value: str) -> bool:
    if name == "accept":
        return "*/*" in value or value.strip().lower() == "application/json"
    return name == "content-type" and value.lower().startswith(
        ("application/json", "application/x-www-form-urlencoded", "text/json")
    )


def _list_pairs(
    pairs: Sequence[tuple[str, str]], given: tuple[str, ...], style: str, *, only_numbered: bool = False
) -> list[tuple[str, set[str]]]:
    """Return the name, with `{n}` where it is numbered, under which a list travels, and the names that it takes."""
    if not given:
        return []
    for counter, first in (("n", 1), ("index", 0)):
        by_base: dict[str, dict[int, str]] = {}
        for name, value in pairs:
            if match := re.fullmatch(r"(.*?)(\d+)(\D*)", name):
                by_base.setdefault(f"{match[1]}{{{counter}}}{match[3]}", {})[int(match[2])] = value
        for base, values in by_base.items():
            if [values.get(at + first) for at in range(len(given))] == list(given) and len(values) == len(given):
                return [(base, {base.replace(f"{{{counter}}}", str(at + first)) for at in range(len(given))})]
    if only_numbered:
        return []
    repeated: dict[str, list[str]] = {}
    for name, value in pairs:
        repeated.setdefault(name, []).append(value)
    return [
        (name, {name})
        for name, values in repeated.items()
        if values == list(given) and (len(given) > 1 or style == "repeated")
    ][:1]


def _separator(value: str, given: tuple[str, ...]) -> str:
    if not value.startswith(given[0]) or not value.endswith(given[-1]):
        return ""
    rest = value[len(given[0]) :]
    separator = rest[: rest.find(given[1])] if given[1] in rest else ""
    return separator if separator and separator.join(given) == value else ""


def _repeated(entry: Any, value: str, placeholder: str, at: int) -> Any:
    """Return the template of one object of a list; None when it does not hold the value."""
    if not isinstance(entry, dict):
        return None
    found: dict[str, Any] = {}
    for name, text in entry.items():
        if text == value:
            found[name] = placeholder
        elif isinstance(text, str) and (match := re.fullmatch(r"(.*?)(\d+)", text)) and int(match[2]) in {at, at + 1}:
            found[name] = f"{match[1]}{{{'n' if int(match[2]) == at + 1 else 'index'}}}"
        elif isinstance(text, int) and not isinstance(text, bool) and text in {at, at + 1}:
            found[name] = "{n}" if text == at + 1 else "{index}"
        else:
            found[name] = text
    return found if placeholder in found.values() else None


def _moment(value: str, begun: datetime) -> str:
    """Return the placeholder of a text that is a time, "" for any other."""
    if match := _MOMENT.fullmatch(value):
        return "{now:utc}" if match[1] == "Z" else "{now}" if match[1] else "{now:%Y-%m-%dT%H:%M:%S}"
    for form in _FORMS:
        try:
            moment = datetime.strptime(value, form)  # noqa: DTZ007 - only its day is compared
        except ValueError:
            continue
        if abs((moment.date() - begun.date()).days) <= 1:
            return f"{{now:{form}}}"
    return ""


def run_id_in(start: Exchange, later: Sequence[Exchange], known: set[str]) -> str:
    """Return the unique id that a client gave its start, "" where there is none."""
    for name, text in _whole_texts(start):
        is_named = bool(_RUN_ID.search(name.rpartition(".")[2]))
        is_unique = bool(re.fullmatch(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}", text))
        comes_back = (
            len(text) >= 8
            and any(char.isdigit() for char in text)
            and any((other == text) for one in later for _, other in _whole_texts(one))
        )
        if text and text not in known and (is_named or is_unique or comes_back) and not _MOMENT.fullmatch(text):
            return text
    return ""
