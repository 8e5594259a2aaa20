"""The proof of a learned profile: the connector's own code rebuilds each recorded request and reads each answer."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from amtconnector.amtopcon.wire import answers, requests
from amtconnector.amtopcon.wire.message_readers import reader_of
from amtconnector.errors import CallFailed, ConfigurationError, NotUnderstood
from amtconnector.learning.answers_learned import Pages
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

    def _differences(self, name: CallName, one: Exchange) -> Iterator[str]:
        run = self._lesson.runs[id(one)]
        yield from _compared(self._rebuilt(name, one, run), one, self._seen_headers(name, one, run))
        if one.is_success:
            yield from self._misread(name, one, run)

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
        page, offset = self._page_of(name, one)
        return requests.about(sender, name, RequestId(run.request_id), page=page, offset=offset)

    def _sender(self, run: Run) -> Sender:
        return requests.Sender(
            self._profile, run.run_id or "0", run.task, run.run_id or "0", run.token or None, run.cookies
        )

    def _page_of(self, name: str, one: Exchange) -> tuple[int | str | None, int]:
        """Return the page that a recorded request asked for; the reading of the pages is proven apart."""
        pages = Pages(self._lesson.roles) if name == "messages" else None
        if pages is None or not pages.name:
            return None, 0
        text = next((slot.text for slot in slots(one) if slot.name == pages.name), "")
        value: int | str = int(text) if text.isdigit() else text
        return value, value if isinstance(value, int) else 0

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
        elif name == "messages":
            yield from self._misread_messages(one, run)
        else:
            answers.check_accepted(reply, profile)

    def _misread_messages(self, one: Exchange, run: Run) -> Iterator[str]:
        if not one.answer.strip():
            return
        reader = reader_of(self._profile, str, run.request_id)
        texts = [*reader.feed(one.answer), *reader.feed(b"", is_last=True)]
        try:
            reader.check()
        except NotUnderstood as error:
            yield error.message
        if not texts and any(isinstance(value, str) and value for _, value in leaves(answer_in(one))):
            yield "no message is read from an answer that has texts"


def _credentials_in(one: Exchange, run: Run) -> tuple[str, str]:
    """Return the credentials that a recorded logon carries: those of Connector.config or their stand-ins."""
    texts = {slot.text for slot in slots(one)}
    users, passwords = run.credentials.users, run.credentials.passwords
    for user, password in zip(users, passwords, strict=False):
        if password in texts:
            return user, password
    headers = " ".join(value for _, value in one.headers)
    for user, password in zip(users, passwords, strict=False):
        if b64encode(f"{user}:{password}".encode("utf-8", "surrogatepass")).decode() in headers:
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
    return bool(re.match(r"\d{4}-?\d\d-?\d\d|\d\d[./]\d\d[./]\d{4}", text))


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= 80 else f"{text[:77]}..."
