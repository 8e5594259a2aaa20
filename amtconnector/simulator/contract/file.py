"""Read `[contract]`: what differs from the documented contract, as a site's engineer would say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from amtconnector.simulator.contract.call import NO_PARTS, Antiforgery, Call, Contract, Shape, Template
from amtconnector.simulator.contract.documented import (
    ACTIONS,
    CALLS,
    MEMBERS,
    NEED_NO_TOKEN,
    ROUTES,
    TOKEN_HEADER,
    VALUES,
)
from amtconnector.simulator.contract.filling import FACTS, REFUSAL_FACTS, placeholders
from amtconnector.simulator.contract.found import LISTS
from amtconnector.simulator.contract.matching import NAMES, ORDER_NAMES

if TYPE_CHECKING:
    from amtconnector.simulator.table import Table

PLACES = ("body", "query", "form")
LIST_FORMS = ("array", "joined", "numbered", "objects")
KINDS = ("any", "logon", "sessions", "token", "right", "start", "unknown", "invalid")
ABSENT = "none"


def read_contract(table: Table) -> Contract:
    """Read what differs from the documented contract; problems are noted in the table."""
    members = table.table("members")
    names = {name: members.text(name, name) for name in MEMBERS}
    members.finish()
    plan = _Plan(table, names)
    contract = Contract(
        calls=tuple(call for name in CALLS if (call := plan.call(name))),
        members=names,
        empty=_read_empty(table),
        refusals={kind: shape for kind in KINDS if (shape := _read_refusal(table.table("refusals"), kind))},
        antiforgery=_read_antiforgery(table),
        first_page=table.whole("first_page", 1),
    )
    plan.finish()
    for kind in table.table("refusals").values:
        if kind not in KINDS:
            table.table("refusals").problem(kind, f"unknown key; known are {', '.join(KINDS)}")
    table.finish()
    return contract


class _Plan:
    """The tables that all calls share, and what they make of one call."""

    def __init__(self, table: Table, members: Mapping[str, str]) -> None:
        self._members = members
        self._place = table.choice("place", PLACES)
        self._lists = table.choice("lists", LIST_FORMS)
        self._separator = table.text("separator", ";")
        self._routes, self._functions = table.table("routes"), table.table("functions")
        self._calls = table.table("calls")
        self._all, self._signed = table.table("all"), table.table("after_logon")
        header = table.text("token_header", TOKEN_HEADER)
        self._token: Template = NO_PARTS if "after_logon" in table else {header: "{Token}"}
        action = self._routes.text("action", ROUTES["action"])
        self._defaults = {**ROUTES, **dict.fromkeys(ACTIONS, action), "logoff": ABSENT}

    def call(self, name: str) -> Call | None:
        """Return one call; None where the server does not have it."""
        table = self._calls.table(name)
        method, path = self._route(name, table)
        call = self._with_extras(self._asked(Call(name, method, path), table), table)
        answer = table.table("answer_headers").values
        call = call._replace(
            answer=table.value("answer"),
            answer_status=table.whole("answer_status", 200, least=200),
            answer_headers={header: str(text) for header, text in answer.items()},
            answer_type=table.text("answer_type"),
            has_answer_body=table.flag("has_answer_body", default=True),
            task=table.value("task"),
        )
        _check(table, call)
        table.finish()
        return call if path else None

    def finish(self) -> None:
        """Note the keys that nobody asked for."""
        for table in (self._routes, self._functions, self._calls, self._all, self._signed):
            table.finish()

    def _route(self, name: str, table: Table) -> tuple[str, str]:
        """Return method and path; two empty texts where the server does not have the call."""
        table.text("route")
        line = self._line(name, table.values)
        parts = line.split()
        if len(parts) == 2:
            return parts[0], parts[1]
        if line != ABSENT:
            self._routes.problem(name, 'expected a method and a path, such as "GET /api/HeartBeat", or "none"')
        return "", ""

    def _line(self, name: str, call: object) -> str:
        route = call.get("route") if isinstance(call, Mapping) else None
        return str(route) if route else self._routes.text(name, self._defaults[name])

    def _asked(self, call: Call, table: Table) -> Call:
        """Return the call with the query and body that it has to carry."""
        given = {place: dict(table.table(place).values) for place in PLACES}
        if call.path and not any(place in table for place in PLACES):
            given["query" if call.method in ("GET", "DELETE") else self._place] = self._parts(call)
        encoding = "json" if given["body"] else "form" if given["form"] else "none"
        return call._replace(query=given["query"], body=given["body"] or given["form"], encoding=encoding)

    def _parts(self, call: Call) -> dict[str, object]:
        """Return what the documented call carries, without what stands in its path."""
        parts: dict[str, object] = {}
        function = self._functions.text(call.name) or self._action(call)
        if function:
            parts[self._members["Action"]] = function
        for name in VALUES[call.name]:
            if f"{{{name}}}" not in call.path:
                key, template = self._listed(name) if name in LISTS else (self._members[name], f"{{{name}}}")
                parts[key] = template
        return parts

    def _action(self, call: Call) -> str:
        """Return the word that tells start, stop and kill apart where they share a route."""
        lines = [self._line(name, self._calls.values.get(name)) for name in ACTIONS]
        is_shared = lines.count(f"{call.method} {call.path}") > 1
        return ACTIONS[call.name] if call.name in ACTIONS and is_shared and not self._functions.values else ""

    def _listed(self, name: str) -> tuple[str, object]:
        member = self._members[name]
        single = member.removesuffix("s")
        match self._lists:
            case "joined":
                return member, f"{{{name}:{self._separator}}}"
            case "numbered":
                return f"{single}{{n}}", f"{{{name}}}"
            case "objects":
                return member, [{"Name": f"{single}{{n}}", "Value": f"{{{name}}}"}]
            case _:
                return member, f"{{{name}}}"

    def _with_extras(self, call: Call, table: Table) -> Call:
        """Add what all calls, and those after the logon, carry beside their own values."""
        needs_token = call.name not in NEED_NO_TOKEN
        extras = [self._all, *([self._signed] if needs_token else []), table]
        headers: dict[str, object] = dict(self._token) if needs_token else {}
        query, body = dict(call.query), dict(call.body)
        cookies: dict[str, object] = {}
        for extra in extras:
            headers |= extra.table("headers").values
            cookies |= extra.table("cookies").values
        for extra in extras[:-1]:
            query |= extra.table("query").values
            body |= extra.table("body").values if call.method not in ("GET", "DELETE") else {}
        encoding = call.encoding
        if body and encoding == "none":
            encoding = "form" if self._place == "form" else "json"
        return call._replace(query=query, body=body, encoding=encoding, headers=headers, cookies=cookies)


def _check(table: Table, call: Call) -> None:
    """Note every placeholder that stands for nothing."""
    asked = placeholders([call.path, call.query, call.body, call.headers, call.cookies])
    told = placeholders([call.answer, call.task, call.answer_headers])
    for name in sorted(asked - set(NAMES)):
        table.problem("", f"{{{name}}} is no value of a request; known are {', '.join(NAMES)}")
    for name in sorted(told - set(FACTS)):
        table.problem("", f"{{{name}}} is no value of an answer; known are {', '.join(FACTS)}")


def _read_empty(table: Table) -> dict[str, str]:
    """Read how a value that was not given is written: one rule for all, or one for each name."""
    if isinstance(table.value("empty"), dict):
        rules = table.table("empty")
        found = {name: rules.text(name, "sent") for name in ORDER_NAMES}
        rules.finish()
    else:
        found = dict.fromkeys(ORDER_NAMES, table.text("empty", "sent"))
    for rule in set(found.values()):
        if rule not in ("sent", "absent", "null") and not rule.startswith("="):
            table.problem("empty", 'expected "sent", "absent", "null", or a word after "=" ("=default")')
    return found


def _read_refusal(refusals: Table, kind: str) -> Shape | None:
    table = refusals.table(kind)
    if kind not in refusals:
        return None
    shape = Shape(table.whole("status", 0), table.value("answer"), table.text("content_type"))
    for name in sorted(placeholders(shape.answer) - set(REFUSAL_FACTS)):
        table.problem("answer", f"{{{name}}} is no value of a refusal; known are {', '.join(REFUSAL_FACTS)}")
    table.finish()
    return shape


def _read_antiforgery(table: Table) -> Antiforgery | None:
    found = table.table("antiforgery")
    if "antiforgery" not in table:
        return None
    antiforgery = Antiforgery(found.text("cookie", "XSRF-TOKEN"), found.text("header", "X-XSRF-TOKEN"))
    found.finish()
    return antiforgery
