"""The wire profile: routes, verbs and member names as data, read from TOML."""

from __future__ import annotations

import math
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, get_args

from amtconnector.errors import ConfigurationError
from amtconnector.statuses import AMT_STATUSES, Status, StatusClass, StatusTable

if TYPE_CHECKING:
    from collections.abc import Mapping

CallName: TypeAlias = Literal["heartbeat", "logon", "start", "stop", "kill", "status", "messages"]
Template: TypeAlias = "str | int | float | bool | list[Template] | dict[str, Template]"

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")

_BUILT_IN = Path(__file__).with_name("profile.toml")
_REQUEST = frozenset({"request_id"})
_VALUES: Mapping[str, frozenset[str]] = {
    "heartbeat": frozenset(),
    "logon": frozenset({"user", "password"}),
    "start": frozenset(
        "application job script submit_user run_as station queue task_values parameters".split()  # noqa: SIM905 - reads
    ),
    "stop": _REQUEST,
    "kill": _REQUEST,
    "status": _REQUEST,
    "messages": _REQUEST,
}
_LISTS = frozenset({"task_values", "parameters"})
_OWN_HEADERS = frozenset({"connection", "content-length", "content-type", "host", "te", "transfer-encoding", "upgrade"})
_LARGEST_STATUS = 99  # above begin the connector's own exit codes


class Call(NamedTuple):
    """How one call is made: its verb, path, query and JSON body, with placeholders for the values of a run."""

    name: CallName
    method: str
    path: str
    query: Mapping[str, str]
    body: Template | None


class Members(NamedTuple):
    """The names under which the members of answers are recognised, in lower case."""

    token: frozenset[str]
    request_id: frozenset[str]
    status: frozenset[str]
    messages: frozenset[str]
    message_text: frozenset[str]


class Profile(NamedTuple):
    """The whole wire contract of one installation."""

    token_header: str
    token_value: str
    calls: Mapping[CallName, Call]
    members: Members
    statuses: StatusTable


def load(path: Path | None = None) -> Profile:
    """Return the built-in profile, with the entries of the file at `path` in place of its own.

    Tables are merged entry by entry; a `body`, a `query` and a list of member names replace the built-in one whole.
    Raises ConfigurationError, which names the entry, when the file is no such profile.
    """
    built_in = tomllib.loads(_BUILT_IN.read_text("utf-8"))
    if path is None:
        return _profile(built_in, built_in)
    try:
        return _profile(_merged(built_in, _read(path)), built_in)
    except ValueError as error:
        raise ConfigurationError(
            f"The wire profile can't be used: {error}",
            subject=f"WIRE_PROFILE {path}",
            hint="Correct this entry; docs/wire-profile.md lists what a profile may hold.",
        ) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise ValueError(f"it can't be read ({error.strerror or 'unknown reason'})") from error
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"it is no TOML: {error}") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _merged(base: dict[str, Any], override: dict[str, Any], where: str = "") -> dict[str, Any]:
    result = dict(base)
    for key, value in override.items():
        replaces_whole = key in {"body", "query"} or where == "statuses."
        if isinstance(value, dict) and isinstance(base.get(key), dict) and not replaces_whole:
            result[key] = _merged(base[key], value, f"{where}{key}.")
        else:
            result[key] = value
    return result


def _profile(tree: dict[str, Any], built_in: dict[str, Any]) -> Profile:
    _only(tree, built_in, "")
    _only(tree["token"], built_in["token"], "token.")
    _only(tree["members"], built_in["members"], "members.")
    names: tuple[CallName, ...] = get_args(CallName)
    _only(tree["calls"], names, "calls.")
    token_value = _text(tree["token"]["value"], "token.value")
    if PLACEHOLDER.findall(token_value) != ["token"] or not re.fullmatch(r"[!-~]([ -~]*[!-~])?", token_value):
        raise ValueError("token.value: expected a text in ASCII, no blank at its ends, with {token} in it once")
    return Profile(
        token_header=_header(tree["token"]["header"]),
        token_value=token_value,
        calls={name: _call(name, tree["calls"][name]) for name in names},
        members=Members(**{name: _names(value, f"members.{name}") for name, value in tree["members"].items()}),
        statuses=StatusTable(_added_statuses(tree["statuses"])),
    )


def _only(table: Any, known: Any, where: str) -> None:
    if not isinstance(table, dict):
        raise ValueError(f"{where.rstrip('.')}: expected a table")  # noqa: TRY004 - a fault of the file
    for key in table:
        if key not in known:
            raise ValueError(f"{where}{key}: there is no such entry; expected one of {', '.join(known)}")


def _call(name: CallName, table: Any) -> Call:
    where = f"calls.{name}"
    _only(table, ("method", "path", "query", "body"), f"{where}.")
    method = _text(table["method"], f"{where}.method").upper()
    if method not in {"GET", "POST", "PUT", "PATCH", "DELETE"}:
        raise ValueError(f"{where}.method: expected GET, POST, PUT, PATCH or DELETE")
    path = _text(table["path"], f"{where}.path")
    if not path.startswith("/") or re.search(r"[^!-~]|[?#]", path):
        raise ValueError(f"{where}.path: expected a path in ASCII such as /api/Logon, without a query")
    query = table.get("query", {})
    if not isinstance(query, dict) or not all(isinstance(value, str) for value in query.values()):
        raise ValueError(f"{where}.query: expected a table of texts")
    _check_json(table.get("body"), where)
    call = Call(name, method, path, query, table.get("body"))
    _check_placeholders(call, where)
    return call


def _check_placeholders(call: Call, where: str) -> None:
    used = {name for text in _texts([call.path, dict(call.query), call.body]) for name in PLACEHOLDER.findall(text)}
    if unknown := sorted(used - _VALUES[call.name]):
        known = ", ".join(sorted(_VALUES[call.name])) or "none"
        raise ValueError(f"{where}: {{{unknown[0]}}} is no value of this call; there are: {known}")
    if missing := sorted(_VALUES[call.name] - used):
        raise ValueError(f"{where}: {{{missing[0]}}} is used nowhere, so what was given for it would be lost")
    for text in _texts([call.path, dict(call.query), call.body]):
        for name in _LISTS.intersection(PLACEHOLDER.findall(text)):
            _check_alone(text, name, call, where)


def _check_json(template: Any, where: str) -> None:
    values = template.values() if isinstance(template, dict) else template if isinstance(template, list) else ()
    for value in values:
        _check_json(value, where)
    is_finite = not isinstance(template, float) or math.isfinite(template)
    if not isinstance(template, dict | list | str | int | float | None) or not is_finite:
        raise ValueError(f"{where}.body: a date, a time, inf and nan have no form in JSON")


def _check_alone(text: str, name: str, call: Call, where: str) -> None:
    if text != f"{{{name}}}" or text not in _texts(call.body):
        raise ValueError(f"{where}: {{{name}}} is a list and must be a whole value of the body")


def _texts(template: Any) -> list[str]:
    if isinstance(template, str):
        return [template]
    if isinstance(template, dict):
        return [text for value in template.values() for text in _texts(value)]
    if isinstance(template, list):
        return [text for value in template for text in _texts(value)]
    return []


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{where}: expected a text")
    return value


def _header(value: Any) -> str:
    name = _text(value, "token.header")
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
        raise ValueError("token.header: expected the name of an HTTP header")
    if name.lower() in _OWN_HEADERS:
        raise ValueError(f"token.header: {name} is a header that HTTP itself needs")
    return name


def _names(value: Any, where: str) -> frozenset[str]:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) and name for name in value):
        raise ValueError(f"{where}: expected a list of member names")
    return frozenset(name.casefold() for name in value)


def _added_statuses(table: Any) -> list[Status]:
    if not isinstance(table, dict):
        raise ValueError("statuses: expected tables such as [statuses.30]")  # noqa: TRY004 - a fault of the file
    added = [_status(code, entry, f"statuses.{code}") for code, entry in table.items()]
    for position, status in enumerate(added):
        if StatusTable(added[:position]).by_name(status.name):
            raise ValueError(f"statuses.{status.code}.name: another status is called {status.name}")
    return added


def _status(code: str, entry: Any, where: str) -> Status:
    _only(entry, ("name", "kind"), f"{where}.")
    taken = {status.code for status in AMT_STATUSES}
    if not re.fullmatch(r"[0-9]{1,2}", code) or int(code) > _LARGEST_STATUS or int(code) in taken:
        raise ValueError(f"{where}: expected a number up to {_LARGEST_STATUS} that AMT's own table does not use")
    kinds = {kind.value: kind for kind in StatusClass}
    if entry.get("kind") not in list(kinds):
        raise ValueError(f"{where}.kind: expected one of {', '.join(kinds)}")
    return Status(int(code), _text(entry.get("name"), f"{where}.name"), kinds[entry["kind"]])
