"""Read and check the calls of a wire profile."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from amtconnector.amtopcon.wire.checks import one_of, only, table, text
from amtconnector.amtopcon.wire.placeholders import (
    ALLOWED,
    COUNTERS,
    ELEMENTS,
    TASK,
    Placeholder,
    element_in,
    placeholders,
    placeholders_of,
)
from amtconnector.amtopcon.wire.profile import Call

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from amtconnector.amtopcon.wire.profile import CallName

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_OWN_HEADERS = frozenset(
    "accept-encoding connection content-length cookie expect host".split()  # noqa: SIM905 - reads
    + "te trailer transfer-encoding upgrade user-agent".split()  # noqa: SIM905
)
_ENTRIES = ("method", "path", "query", "headers", "body", "form", "unused")


def prefix(value: Any) -> str:
    """Return what every path begins with."""
    if not isinstance(value, str) or not re.fullmatch(r"(?:/[!-~]*[!-.0-~])?", value) or re.search(r"[?#{}]", value):
        raise ValueError('prefix: expected a path such as /AmtOpConService without a blank or a "/" at its end, or ""')
    return value


def call(name: CallName, entries: Any, before: str) -> Call:
    """Return one call from its entries."""
    where = f"calls.{name}"
    only(entries, _ENTRIES, f"{where}.")
    if "path" not in entries:
        raise ValueError(f"{where}.path: expected the path of this call")
    if "method" not in entries:
        raise ValueError(f"{where}.method: expected one of {', '.join(_METHODS)}")
    method = one_of(text(entries["method"], f"{where}.method").upper(), _METHODS, f"{where}.method")
    path = text(entries["path"], f"{where}.path")
    if not path.startswith("/") or re.search(r"[^!-~]|[?#]", re.sub(r"\{[^{}]*\}", "", path)):
        raise ValueError(f"{where}.path: expected a path in ASCII such as /api/Logon, without a query")
    if name != "start" and "unused" in entries:
        raise ValueError(f"{where}.unused: only calls.start has it")
    return Call(
        name,
        method,
        before + path,
        parameters(entries.get("query", {}), f"{where}.query"),
        _body(entries, where),
        headers(entries.get("headers", {}), f"{where}.headers"),
        parameters(entries["form"], f"{where}.form") if "form" in entries else None,
        frozenset(_unused(entries.get("unused", []))),
    )


def parameters(value: Any, where: str) -> Mapping[str, str]:
    """Return a table of texts: a query or a form."""
    if not isinstance(value, dict) or not all(isinstance(entry, str) for entry in value.values()):
        raise ValueError(f"{where}: expected a table of texts")
    return value


def headers(value: Any, where: str) -> Mapping[str, str]:
    """Return a table of headers."""
    for name, entry in table(value, where).items():
        header_name(name, f"{where}.{name}")
        if not isinstance(entry, str) or not re.fullmatch(r"[!-~](?:[ -~]*[!-~])?", entry):
            raise ValueError(f"{where}.{name}: expected a text in ASCII, no blank at its ends")
    return value  # type: ignore[no-any-return]  # table() has looked


def header_name(value: Any, where: str) -> str:
    """Return the name of a header that a profile may set."""
    name = text(value, where)
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
        raise ValueError(f"{where}: expected the name of an HTTP header")
    if name.lower() in _OWN_HEADERS:
        raise ValueError(f"{where}: {name} is a header that HTTP itself or the connector needs")
    return name


def names_in(one: Call) -> set[str]:
    """Return the names of all placeholders of a call."""
    return {found.name for found in placeholders_of(one)}


def check_common(common_headers: Mapping[str, str], query: Mapping[str, str]) -> None:
    """Check what every call carries: it can hold only what every call knows."""
    for where, entries in (("headers", common_headers), ("query", query)):
        for name, entry in entries.items():
            known = frozenset({"run_id", "now", "cookie"})
            _check_names(placeholders({name: entry}), known, f"{where}.{name}", "call at all")


def check_values(one: Call, *, is_request_found: bool) -> None:
    """Check that a call's placeholders exist, can stand where they stand, and lose nothing."""
    where = f"calls.{one.name}"
    _check_names(placeholders_of(one), ALLOWED[one.name], where, "call")
    for part, entries in (("query", one.query), ("form", one.form or {}), ("headers", one.headers)):
        for name, entry in entries.items():
            _check_flat(name, entry, f"{where}.{part}.{name}", may_repeat=part != "headers")
    _check_flat("", one.path, f"{where}.path", may_repeat=False)
    _check_body(one.body, f"{where}.body")
    used = names_in(one)
    used |= {ELEMENTS[name] for name in used & ELEMENTS.keys()}
    if "basic" in used:
        used |= {"user", "password"}
    if missing := sorted(_needed(one, is_request_found=is_request_found) - used):
        cure = "; if the server has no place for it, name it in unused" if one.name == "start" else ""
        raise ValueError(f"{where}: {{{missing[0]}}} is used nowhere, so what was given for it would be lost{cure}")
    if both := sorted(one.unused & used):
        raise ValueError(f"{where}.unused: {{{both[0]}}} is used")


def _needed(one: Call, *, is_request_found: bool) -> frozenset[str]:
    if one.name == "start":
        return TASK - one.unused
    if one.name == "logon":
        return frozenset({"user", "password"})
    is_about = one.name in {"stop", "kill", "status", "messages"} and not is_request_found
    return frozenset({"request_id"}) if is_about else frozenset()


def _unused(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise ValueError('calls.start.unused: expected a list such as ["station"]')  # noqa: TRY004 - a fault of the file
    return [one_of(name, sorted(TASK - {"application"}), "calls.start.unused") for name in value]


def _body(entries: dict[str, Any], where: str) -> Any:
    body = entries.get("body", False)
    if body is False:
        return None
    if "form" in entries:
        raise ValueError(f"{where}: a body or a form, not both")
    if not isinstance(body, dict | list):
        raise ValueError(f"{where}.body: expected a table, a list, or false for none")  # noqa: TRY004 - of the file
    _check_json(body, f"{where}.body")
    return body


def _check_json(template: Any, where: str) -> None:
    values = template.values() if isinstance(template, dict) else template if isinstance(template, list) else ()
    for value in values:
        _check_json(value, where)
    is_finite = not isinstance(template, float) or math.isfinite(template)
    if not isinstance(template, dict | list | str | int | float) or not is_finite:
        raise ValueError(f"{where}: a date, a time, inf and nan have no form in JSON; the time of the call is {{now}}")


def _check_names(given: Iterator[Placeholder], allowed: frozenset[str], where: str, what: str) -> None:
    for one in given:
        if one.name not in allowed:
            known = ", ".join(sorted(allowed))
            raise ValueError(f"{where}: {{{one.name}}} is no value of this {what}; there are: {known}")
        if fault := one.fault:
            raise ValueError(f"{where}: {{{one.name}}} {fault}")


def _check_flat(name: str, entry: str, where: str, *, may_repeat: bool) -> None:
    """Check a text of a query, a form, a header or a path: it can hold no list, and in the last two no single value."""
    for one in placeholders({name: entry}):
        if one.is_whole_list:
            raise ValueError(
                f"{where}: {{{one.name}}} is a list and must be a whole value of the body, or joined: {{{one.name}:;}}"
            )
        if one.name in ELEMENTS and not may_repeat:
            raise ValueError(f"{where}: {{{one.name}}} is one value of a list, and nothing can be repeated here")
    _check_repeated({name: entry}, where, is_inside=may_repeat)


def _check_repeated(template: Any, where: str, *, is_inside: bool) -> None:
    names = {one.name for one in placeholders(template)}
    if len(names & ELEMENTS.keys()) > 1:
        raise ValueError(f"{where}: {{task_value}} and {{parameter}} can't be counted together")
    if names & COUNTERS and not (names & ELEMENTS.keys() and is_inside):
        raise ValueError(f"{where}: {{n}} and {{index}} count what {{task_value}} or {{parameter}} repeats")


def _check_body(template: Any, where: str, *, is_repeated: bool = False) -> None:
    """Check each text: a list alone, one value of a list only inside what is repeated for it."""
    if isinstance(template, dict):
        for name, entry in template.items():
            is_numbered = any(one.name in COUNTERS for one in placeholders(name))
            if is_numbered:
                _check_repeated({name: entry}, f"{where}.{name}", is_inside=True)
            _check_body(entry, f"{where}.{name}", is_repeated=is_repeated or is_numbered)
    elif isinstance(template, list):
        for entry in template:
            if not is_repeated:
                _check_repeated(entry, where, is_inside=True)
            _check_body(entry, where, is_repeated=is_repeated or bool(element_in(entry)))
    elif isinstance(template, str):
        _check_text(template, where, is_repeated=is_repeated)


def _check_text(template: str, where: str, *, is_repeated: bool) -> None:
    for one in placeholders(template):
        if one.is_whole_list and template != f"{{{one.name}}}":
            raise ValueError(f"{where}: {{{one.name}}} is a list and must be a whole value of the body")
        if (one.name in ELEMENTS or one.name in COUNTERS) and not is_repeated:
            raise ValueError(
                f"{where}: {{{one.name}}} must stand inside a list, or in a member with {{n}} in its name: "
                "that is repeated for each value"
            )
