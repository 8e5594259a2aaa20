"""What each call answers: the documented answer in one of its forms, or the one that the contract has for it."""

from __future__ import annotations

import html
import json
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from amtconnector.simulator.answer import Answer, Refusal, dressed, now_text, value_answer
from amtconnector.simulator.contract.filling import FACTS, fill, is_known
from amtconnector.simulator.messages import Wrapping, json_text
from amtconnector.simulator.pages import next_address, page_of
from amtconnector.simulator.statuses import name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from amtconnector.simulator.contract import Contract
    from amtconnector.simulator.forms import Forms
    from amtconnector.simulator.requests import Received
    from amtconnector.simulator.task import Task

ALIVE = "AMT OpCon service is alive"
AFFINITY = ("AmtAffinity", "node-a")
"""A cookie that a load balancer would set."""


class Answers:
    """Writes the answers. `forms` are those of the whole server; a task's own come first where one is concerned."""

    def __init__(self, contract: Contract, forms: Forms, clock: Callable[[], float]) -> None:
        self._contract = contract
        self._forms = forms
        self._clock = clock

    def heartbeat(self) -> Answer:
        """Say that the service is alive."""
        call = self._contract.call("heartbeat")
        return value_answer(call.answer if call and call.answer is not None else ALIVE, self._forms)

    def logon(self, received: Received, token: str) -> Answer:
        """Hand out a token, and the cookies that have to come back."""
        plain = token if self._forms.has_bare_token else {self._member("AmtLogonToken"): token}
        facts = {"Token": token, "UserName": received.text("UserName")}
        answer = self._written(received, facts, plain, self._forms)
        cookies = [f"{'='.join(AFFINITY)}; path=/; httponly"] if self._forms.cookie else []
        if self._contract.antiforgery:
            cookies.append(f"{self._contract.antiforgery.cookie}={secrets.token_hex(12)}; path=/")
        return replace(answer, headers=(*answer.headers, *(("set-cookie", cookie) for cookie in cookies)))

    def id_of(self, received: Received, task: Task) -> Answer:
        """Answer the id of a task: that it is started, or that its stop or kill is accepted."""
        forms = task.job.forms
        number = forms.word_id(task.id)
        plain = number if forms.request_id == "bare" else {self._member("BatchRequestId"): number}
        return self._written(received, self._facts(task), plain, forms)

    def done(self, received: Received) -> Answer:
        """Answer a call that has nothing to tell."""
        return self._written(received, {}, None, self._forms)

    def not_started(self, reason: str, status: int | None = None) -> Answer:
        """Answer that there is no new task: request id 0, and why."""
        facts: dict[str, object] = {self._member("BatchRequestId"): 0}
        if status is not None:
            facts[self._member("Status")] = status
        return value_answer({**facts, "ErrorMessage": reason}, self._forms)

    def status(self, received: Received, task: Task) -> Answer:
        """Tell a task's status."""
        forms = task.job.forms
        status = forms.status_of(task.status(self._clock()))
        member = forms.status_member or self._member("Status", forms)
        plain: object = {self._member("BatchRequestId", forms): forms.word_id(task.id), member: status}
        return self._written(received, self._facts(task), status if forms.status.startswith("bare") else plain, forms)

    def all_statuses(self, received: Received, tasks: Sequence[Task]) -> Answer:
        """Tell the status of every task that is not forgotten."""
        now, call = self._clock(), received.call
        known = [fill(call.task, self._facts(task)) for task in tasks if call and not task.is_forgotten(now)]
        return self._written(received, {"Tasks": known}, known, self._forms)

    def messages(self, received: Received, task: Task) -> Answer:
        """Tell a task's messages, all of them or a page."""
        forms, is_over = task.job.forms, task.has_ended(self._clock())
        if forms.messages_before_end == "refused" and not is_over:
            raise Refusal(404, "The messages can be read when the task has ended.", kind="unknown")
        is_hidden = forms.messages_before_end == "empty" and not is_over
        has_own_answer = received.call is not None and received.call.answer is not None
        if forms.reshapes_messages or has_own_answer or is_hidden:
            return self._page(received, task, [] if is_hidden else self._texts(task))
        return self._documented_messages(task)

    def refused(self, refusal: Refusal) -> Answer:
        """Return a refusal as this server words it."""
        shape, plain = self._contract.shape(refusal.kind), refusal.answer()
        status = shape.status or refusal.status
        if shape.answer is None:
            return Answer(status, plain.body, plain.content_type, plain.headers)
        facts = {"Reason": refusal.reason, "HttpStatus": refusal.status, "Kind": refusal.kind, "Now": now_text()}
        answer = value_answer(fill(shape.answer, facts), replace(self._forms, envelope=None))
        return Answer(status, answer.body, shape.content_type or answer.content_type, plain.headers)

    def _documented_messages(self, task: Task) -> Answer:
        """Answer from bytes that lie ready, a million messages even."""
        forms = task.job.forms
        if forms.messages in ("null", "nothing"):
            return dressed((b"null",) if forms.messages == "null" else (), forms)
        before, after = b"[", b"]"
        if forms.messages.startswith("wrapped"):
            before, after = b'{"%s":[' % self._member("Messages", forms).encode(), b"]}"
        pieces = task.message_pieces(self._clock(), forms.wrapping)
        return dressed((before, *pieces, after), forms)

    def _page(self, received: Received, task: Task, texts: Sequence[str]) -> Answer:
        forms = task.job.forms
        entries = list(enumerate(texts, 1))[:: -1 if forms.newest_first else 1]
        page = page_of(entries, received, forms.page_size, self._contract.first_page)
        told = [self._message(task, number, text) for number, text in page.entries]
        one_text = "\n".join(text for _, text in page.entries)
        if forms.messages == "plain-text":
            return _text_answer(one_text, "text/plain")
        facts = {**self._facts(task), "Messages": told, "MessageText": one_text, "HasMore": page.has_more,
                 "Total": len(texts), "NextPage": page.next_page,
                 "NextAddress": next_address(received, page)}  # fmt: skip
        wrapped = {self._member("Messages", forms): told}
        paged = {**wrapped, "HasMore": page.has_more, "Total": len(texts)}
        plain = paged if forms.page_size else wrapped if forms.messages.startswith("wrapped") else told
        return self._written(received, facts, one_text if forms.messages == "one-text" else plain, forms)

    def _texts(self, task: Task) -> list[str]:
        texts: list[str] = json.loads(b"[%s]" % b"".join(task.message_pieces(self._clock(), Wrapping())))
        return [html.escape(text) for text in texts] if task.job.forms.html_escaped else texts

    def _message(self, task: Task, number: int, text: str) -> object:
        forms = task.job.forms
        if forms.message is not None:
            moment = datetime.fromtimestamp(task.submitted_at + number, UTC).isoformat(timespec="milliseconds")
            return fill(forms.message, {"Sequence": number, "Time": moment, "Text": text})
        return {forms.wrapping.member: text} if forms.wrapping.member else text

    def _facts(self, task: Task) -> dict[str, object]:
        forms, number = task.job.forms, task.status(self._clock())
        return {
            "BatchRequestId": forms.word_id(task.id),
            "UniqueId": task.order.unique_id,
            "Status": forms.status_of(number),
            "StatusNumber": number,
            "StatusName": name_of(number),
            "CompletionCode": number if task.has_ended(self._clock()) else 0,
        }

    def _written(self, received: Received, facts: Mapping[str, object], plain: object, forms: Forms) -> Answer:
        """Write an answer: the contract's own where it has one, else the plain one."""
        call = received.call
        if call is None:
            return value_answer(plain, forms)
        known = {**_NOTHING, "Now": now_text(), **facts}
        value = plain if call.answer is None else fill(call.answer, known)
        answer = _text_answer(value, call.answer_type) if call.answer_type else value_answer(value, forms)
        told = ((name.lower(), text) for name, text in call.answer_headers.items() if is_known(text, known))
        headers = tuple((name, str(fill(text, known))) for name, text in told)
        is_empty = not call.has_answer_body or call.answer_status == 204 or value is None
        body = () if is_empty else answer.body
        return Answer(call.answer_status, body, answer.content_type, headers, answer.is_chunked)

    def _member(self, name: str, forms: Forms | None = None) -> str:
        return (forms or self._forms).member(self._contract.member(name))


def _text_answer(value: object, content_type: str) -> Answer:
    """Answer with a text as it is, without the quotation marks of JSON."""
    text = value.encode(errors="replace") if isinstance(value, str) else json_text(value)
    return Answer(200, (text,), f"{content_type}; charset=utf-8")


_NOTHING: Mapping[str, object] = dict.fromkeys(FACTS)
