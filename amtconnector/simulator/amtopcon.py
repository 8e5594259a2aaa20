"""The calls of AMTOpCon: what each one does with the scheduler and what it answers."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from amtconnector.simulator import requests
from amtconnector.simulator.answer import Answer, Refusal, dressed, value_answer
from amtconnector.simulator.scheduler import UnknownTarget, UnknownUser
from amtconnector.simulator.statuses import INVALID_USER, name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from amtconnector.simulator.definitions import Definitions
    from amtconnector.simulator.forms import Forms
    from amtconnector.simulator.scheduler import Scheduler
    from amtconnector.simulator.store import Store
    from amtconnector.simulator.task import Task

ACTIONS = {"START": "start", "STOP": "stop", "KILL": "kill"}
COOKIE = "AmtAffinity=node-a"


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came, headers in lower case. `call` is its route's; `body` a JSON object where there is one."""

    call: str
    headers: Mapping[str, str]
    query: bytes
    body: Mapping[str, object]


class AmtOpCon:
    """The service. `clock` returns seconds since the epoch."""

    def __init__(
        self, definitions: Definitions, scheduler: Scheduler, store: Store, *, clock: Callable[[], float]
    ) -> None:
        self._definitions = definitions
        self._contract = definitions.contract
        self._scheduler = scheduler
        self._store = store
        self._clock = clock
        self.forms = definitions.forms

    def answer(self, received: Received) -> Answer:
        """Execute one request; raises Refusal when it is not executed."""
        match received.call:
            case "heartbeat":
                return value_answer("AMT OpCon service is alive", self.forms)
            case "logon":
                return self._logon(received)
            case _:
                return self._authenticated(received)

    def _authenticated(self, received: Received) -> Answer:
        user = self.authenticate(received)
        if received.call in self._definitions.users[user].may_not:
            raise Refusal(403, f"User '{user}' lacks the right for this call.")
        match received.call:
            case "start":
                return self._start(received)
            case "stop" | "kill":
                return self._end(received)
            case "status":
                return self._status(received)
            case "messages":
                return self._messages(received)
            case _:
                names = ", ".join(ACTIONS)
                raise Refusal(400, errors={self._contract.member("Action"): [f"The value must be one of {names}."]})

    def authenticate(self, received: Received) -> str:
        """Return the user whose token the request carries; raises Refusal (401, or 400 for a missing cookie)."""
        token = received.headers.get(self._contract.token_header.lower(), "")
        user = self._store.token_user(token, self._clock())
        if user is None or user not in self._definitions.users:
            raise Refusal(401, "The logon token is missing, unknown or expired.")
        if self.forms.cookie and COOKIE not in received.headers.get("cookie", ""):
            raise Refusal(400, "The cookie of the logon is missing.")
        return user

    def target(self, received: Received) -> Task | None:
        """Return the task that a request is about; None when it is about none, or none that is known."""
        try:
            if received.call in ("stop", "kill"):
                return self._scheduler.get(requests.read_body_id(received.body, self._contract))
            if received.call in ("status", "messages"):
                return self._scheduler.get(requests.read_query_id(received.query, self._contract))
        except Refusal:
            pass
        return None

    def _logon(self, received: Received) -> Answer:
        names = (self._contract.member("UserName"), self._contract.member("Password"))
        requests.check_members(received.body, dict.fromkeys(names, str))
        name, password = (str(received.body[member]) for member in names)
        user = self._definitions.users.get(name)
        rejections = self._store.rejections().get(name, 0)
        if user is None or user.password != password or 0 < self._definitions.lock_after <= rejections:
            self._store.set_rejections(name, rejections + 1)
            raise Refusal(401, "User name or password is wrong, or the account is locked.")
        if "logon" in user.may_not:
            raise Refusal(403, f"User '{name}' lacks the right for this call.")
        self._store.set_rejections(name, 0)
        return self._with_cookie(self._token_answer(self._new_token(name)))

    def _new_token(self, user: str) -> str:
        token = secrets.token_hex(16)
        lifetime = self._definitions.token_lifetime or float("inf")
        self._store.add_token(token, user, self._clock() + lifetime)
        return token

    def _token_answer(self, token: str) -> Answer:
        return value_answer(token if self.forms.has_bare_token else {self._member("AmtLogonToken"): token}, self.forms)

    def _with_cookie(self, answer: Answer) -> Answer:
        headers = (("set-cookie", f"{COOKIE}; path=/; httponly"),) if self.forms.cookie else ()
        return Answer(answer.status, answer.body, answer.content_type, headers, answer.is_chunked)

    def _start(self, received: Received) -> Answer:
        order = requests.read_order(received.body, self._contract)
        try:
            task = self._scheduler.start(order)
        except UnknownTarget as error:
            if self._definitions.unknown_job == "problem":
                raise Refusal(400, str(error)) from error
            return self._not_started({"ErrorMessage": str(error)})
        except UnknownUser as error:
            return self._not_started({self._member("Status"): INVALID_USER, "ErrorMessage": str(error)})
        task.prepare(task.job.forms.wrapping)
        return self._id_answer(task)

    def _not_started(self, facts: dict[str, object]) -> Answer:
        return value_answer({self._member("BatchRequestId"): 0, **facts}, self.forms)

    def _id_answer(self, task: Task) -> Answer:
        forms = task.job.forms
        number = forms.word_id(task.id)
        return value_answer(number if forms.request_id == "bare" else {self._member("BatchRequestId"): number}, forms)

    def _end(self, received: Received) -> Answer:
        task = self._known(requests.read_body_id(received.body, self._contract))
        if received.call == "kill":
            self._scheduler.kill(task)
        else:
            self._scheduler.stop(task)
        return self._id_answer(task)

    def _status(self, received: Received) -> Answer:
        task = self._known(requests.read_query_id(received.query, self._contract))
        forms, number = task.job.forms, task.status(self._clock())
        status: object = number
        if forms.status.endswith("quoted"):
            status = str(number)
        elif forms.status.endswith("name"):
            status = name_of(number)
        if forms.status.startswith("bare"):
            return value_answer(status, forms)
        member = forms.status_member or self._member("Status", forms)
        return value_answer({self._member("BatchRequestId", forms): forms.word_id(task.id), member: status}, forms)

    def _messages(self, received: Received) -> Answer:
        task = self._known(requests.read_query_id(received.query, self._contract))
        forms = task.job.forms
        if forms.messages in ("null", "nothing"):
            return dressed((b"null",) if forms.messages == "null" else (), forms)
        before, after = b"[", b"]"
        if forms.messages.startswith("wrapped"):
            before, after = b'{"%s":[' % self._member("Messages", forms).encode(), b"]}"
        pieces = task.message_pieces(self._clock(), forms.wrapping)
        return dressed((before, *pieces, after), forms)

    def _known(self, number: int) -> Task:
        task = self._scheduler.get(number)
        if task is None:
            raise Refusal(404, f"Batch request {number} does not exist.")
        return task

    def _member(self, name: str, forms: Forms | None = None) -> str:
        return (forms or self.forms).member(self._contract.member(name))
