"""The proof of a learned profile: the connector's own code rebuilds each recorded request and reads each answer."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from amtconnector.amtopcon.wire import answers, requests
from amtconnector.amtopcon.wire.pages import PageTurner
from amtconnector.errors import (
    Busy,
    CallFailed,
    ConfigurationError,
    LogonRefused,
    NoAnswer,
    NotUnderstood,
    Unauthorized,
)
from amtconnector.learning.documents import answer_in, body_of, form_of, is_form, leaves, reply_of, slots
from amtconnector.learning.known import Seen
from amtconnector.learning.templates import Template
from amtconnector.task import RequestId

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amtconnector.amtopcon.wire.profile import CallName, Profile
    from amtconnector.amtopcon.wire.requests import Request, Sender
    from amtconnector.learning.exchange import Exchange
    from amtconnector.learning.known import Run
    from amtconnector.learning.lesson import Lesson


class Proof:
    """Holds a profile against the exchanges that it was learned from."""

    def __init__(self, profile: Profile, lesson: Lesson) -> None:
        self._profile = profile
        self._lesson = lesson
        self._turners: dict[str, PageTurner] = {}
        self.checked = 0

    def differences(self) -> Iterator[str]:
        """Yield each difference as a line: which call, which member, what was recorded and what would be sent."""
        for name, group in self._lesson.roles.calls.items():
            for number, one in enumerate(group, 1):
                where = f"{name}, request {number} of {len(group)}"
                self.checked += 1
                try:
                    for difference in self._differences(name, one):  # type: ignore[arg-type]  # a call's name
                        yield f"{where}: {difference}"
                except (CallFailed, ConfigurationError) as error:
                    yield f"{where}: {error.message}"
        yield from self._unrecognised()

    def _unrecognised(self) -> Iterator[str]:
        """Yield the refusals that a run would not take for one."""
        roles = self._lesson.roles
        for one in roles.refused_logons:
            try:
                answers.read_logon(reply_of(one), self._profile)
            except (LogonRefused, Busy, NoAnswer):
                continue
            except CallFailed as error:
                yield f"a logon that was refused: {error.message}"
        for one in roles.refused_starts:
            try:
                answers.read_start(reply_of(one), self._profile)
            except (NotUnderstood, Unauthorized) as error:
                yield f"a start that was refused: {error.message}"
            except CallFailed:
                continue

    def _differences(self, name: CallName, one: Exchange) -> Iterator[str]:
        run = self._lesson.runs[id(one)]
        if name == "messages" and one.is_success:
            yield from self._differences_of_page(one, run)
            return
        yield from _compared(self._rebuilt(name, one, run), one, self._seen_headers(name, one, run))
        if one.is_success:
            yield from self._misread(name, one, run)

    def _differences_of_page(self, one: Exchange, run: Run) -> Iterator[str]:
        """Ask as the turner of pages goes on, or from the first page anew; a client may have gone either way."""
        fresh = PageTurner(self._profile, run.request_id, str)
        ways = [turner for turner in (self._turners.get(run.request_id), fresh) if turner]
        found = [
            list(_compared(self._page(turner, run), one, self._seen_headers("messages", one, run))) for turner in ways
        ]
        turner, differences = min(zip(ways, found, strict=True), key=lambda way: len(way[1]))
        self._turners[run.request_id] = turner
        yield from differences
        yield from self._misread_page(turner, one)

    def _page(self, turner: PageTurner, run: Run) -> Request:
        return requests.about(self._sender(run), "messages", RequestId(run.request_id), turner.page)

    def _misread_page(self, turner: PageTurner, one: Exchange) -> Iterator[str]:
        if not one.answer.strip():
            return
        turner.begin()
        reply = reply_of(one)
        texts = [*turner.feed(one.answer), *turner.turn(reply.headers)]
        try:
            turner.check()
        except NotUnderstood as error:
            yield error.message
        if not texts and any(isinstance(value, str) and " " in value for _, value in leaves(answer_in(one))):
            yield "no message is read from an answer that has texts"

    def _seen_headers(self, name: str, one: Exchange, run: Run) -> dict[str, str]:
        kept = set(Template(name, one, run, seen := Seen()).headers()) | set(seen.token_headers)
        return {header.lower(): value for header, value in one.headers if header in kept}

    def _rebuilt(self, name: CallName, one: Exchange, run: Run) -> Request:
        sender = self._sender(run)
        if name == "logon":
            user, password = _credentials_in(one, run)
            return requests.logon(sender, user, password)
        if name == "start":
            return requests.start(sender, run.task)
        if name in {"heartbeat", "logoff"}:
            return requests.heartbeat(sender) if name == "heartbeat" else requests.logoff(sender)
        return requests.about(sender, name, RequestId(run.request_id))

    def _sender(self, run: Run) -> Sender:
        return requests.Sender(
            self._profile, run.run_id or "0", run.task, run.run_id or "0", run.token or None, run.cookies
        )

    def _misread(self, name: CallName, one: Exchange, run: Run) -> Iterator[str]:
        profile, reply = self._profile, reply_of(one)
        if name == "logon":
            token = next((other.token for other in self._lesson.roles.logons if other.exchange is one), "")
            if answers.read_logon(reply, profile) != token:
                yield "another token is read than the one that came back later"
        elif name == "start":
            started = answers.read_start(reply, profile)
            episode = next((other for other in self._lesson.roles.episodes if other.start is one), None)
            if episode and (not isinstance(started, answers.Started) or started.request_id.text != episode.request_id):
                yield f"the request id {episode.request_id} is not read from the answer"
        elif name == "status":
            status = answers.read_status(reply, profile, RequestId(run.request_id))
            if not status.is_known:
                yield f"the status {status} is none of AMT's: give it in [statuses]"
        else:
            answers.check_accepted(reply, profile)


def _credentials_in(one: Exchange, run: Run) -> tuple[str, str]:
    """Return the credentials that a recorded logon carries: those of Connector.config or their stand-ins."""
    texts = {slot.text for slot in slots(one)}
    users, passwords = run.credentials.users, run.credentials.passwords
    for user, password in zip(users, passwords, strict=False):
        if password in texts:
            return user, password
    headers = " ".join(value for _, value in one.headers)
    for user, password in zip(users, passwords, strict=False):
        if requests.basic(user, password) in headers:
            return user, password
    return users[-1], passwords[-1]


def _compared(built: Request, one: Exchange, headers: dict[str, str]) -> Iterator[str]:
    path, _, query = built.target.partition("?")
    if built.method != one.method:
        yield f"{one.method} was recorded, {built.method} would be sent"
    if unquote(path) != unquote(one.path):
        yield f"path: {one.path} was recorded, {path} would be sent"
    yield from _compared_pairs("query", one.query, parse_qsl(query, keep_blank_values=True))
    sent = {name.lower(): value for name, value in built.headers}
    for name, value in headers.items():
        if not _is_equal(value, sent.get(name)):
            yield f"header {name}: {value!r} was recorded, {sent.get(name)!r} would be sent"
    if is_form(one):
        yield from _compared_pairs(
            "form", form_of(one), parse_qsl((built.body or b"").decode(), keep_blank_values=True)
        )
        return
    recorded = body_of(one)
    if recorded is None and one.body:
        yield "the body that was recorded is neither JSON nor a form"
        return
    yield from _compared_values("body", recorded, json.loads(built.body) if built.body else None)


def _compared_pairs(what: str, recorded: list[tuple[str, str]], built: list[tuple[str, str]]) -> Iterator[str]:
    names = dict.fromkeys(name for name, _ in (*recorded, *built))
    for name in names:
        before, after = [[value for key, value in pairs if key == name] for pairs in (recorded, built)]
        if len(before) != len(after) or not all(map(_is_equal, before, after)):
            yield f"{what} {name}: {_shown(before)} was recorded, {_shown(after)} would be sent"


def _compared_values(where: str, recorded: Any, built: Any) -> Iterator[str]:
    if isinstance(recorded, dict) and isinstance(built, dict):
        for name in dict.fromkeys((*recorded, *built)):
            if name not in recorded or name not in built:
                yield f"{where}.{name}: " + ("not recorded, but sent" if name in built else "recorded, but not sent")
            else:
                yield from _compared_values(f"{where}.{name}", recorded[name], built[name])
    elif not _is_equal(recorded, built):
        yield f"{where}: {_shown(recorded)} was recorded, {_shown(built)} would be sent"


def _is_equal(recorded: Any, built: Any) -> bool:
    """Return whether two values are the same, or two times of the same form."""
    if recorded == built and isinstance(recorded, bool) == isinstance(built, bool):
        return True
    if not isinstance(recorded, str) or not isinstance(built, str):
        return False
    return _is_time(recorded) and _is_time(built)


def _is_time(text: str) -> bool:
    return bool(re.match(r"\d{4}-?\d\d-?\d\d|\d\d[./]\d\d[./]\d{4}|(/Date\()?\d{13}", text))


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= 80 else f"{text[:77]}..."
