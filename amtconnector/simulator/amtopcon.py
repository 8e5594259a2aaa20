"""The calls of AMTOpCon: what each one does with the scheduler."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from amtconnector.simulator import answers
from amtconnector.simulator.answer import Answer, Refusal
from amtconnector.simulator.answers import AFFINITY
from amtconnector.simulator.contract.documented import NEED_NO_TOKEN
from amtconnector.simulator.contract.found import LISTS
from amtconnector.simulator.contract.matching import ORDER_NAMES
from amtconnector.simulator.scheduler import UnknownTarget, UnknownUser
from amtconnector.simulator.statuses import INVALID_USER
from amtconnector.simulator.task import Order

if TYPE_CHECKING:
    from collections.abc import Callable

    from amtconnector.simulator.definitions import Definitions
    from amtconnector.simulator.requests import Received
    from amtconnector.simulator.scheduler import Scheduler
    from amtconnector.simulator.store import Store
    from amtconnector.simulator.task import Task

ORDER_FIELDS = {
    "ApplicationName": "application",
    "JobName": "job",
    "ScriptName": "script",
    "SubmitUser": "submit_user",
    "User": "user",
    "Station": "station",
    "QueueName": "queue",
    "TaskValues": "task_values",
    "Parameters": "parameters",
    "UniqueId": "unique_id",
}


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
        self._answers = answers.Answers(definitions.contract, definitions.forms, clock)

    def answer(self, received: Received) -> Answer:
        """Execute one request; raises Refusal when it is not executed."""
        if received.name == "unknown" or received.name in NEED_NO_TOKEN:
            _check(received)
            return self._logon(received) if received.name == "logon" else self._answers.heartbeat()
        user = self._authenticate(received)
        if received.name in self._definitions.users[user].may_not:
            raise Refusal(403, f"User '{user}' lacks the right for this call.", kind="right")
        _check(received)
        return self._execute(received)

    def refused(self, refusal: Refusal) -> Answer:
        """Return a refusal as this server words it."""
        return self._answers.refused(refusal)

    def target(self, received: Received) -> Task | None:
        """Return the task that a request is about; None when it is about none, or none that is known."""
        number = received.values.get("BatchRequestId")
        return self._scheduler.get(number) if isinstance(number, int) else None

    def _authenticate(self, received: Received) -> str:
        """Return the user whose token the request carries; raises Refusal (401, or 400 for a missing cookie)."""
        user = self._store.token_user(received.text("Token"), self._clock())
        if user is None or user not in self._definitions.users:
            raise Refusal(401, "The logon token is missing, unknown or expired.", kind="token")
        if self._definitions.forms.cookie and received.cookies.get(AFFINITY[0]) != AFFINITY[1]:
            raise Refusal(400, "The cookie of the logon is missing.")
        self._check_antiforgery(received)
        return user

    def _check_antiforgery(self, received: Received) -> None:
        rule = self._contract.antiforgery
        if rule is None or received.call is None or received.call.method == "GET":
            return
        sent = received.cookies.get(rule.cookie)
        if not sent or received.headers.get(rule.header.lower()) != sent:
            raise Refusal(400, f"The antiforgery token is missing: send the cookie {rule.cookie} as {rule.header} too.")

    def _execute(self, received: Received) -> Answer:
        match received.name:
            case "start":
                return self._start(received)
            case "logoff":
                self._store.drop_token(received.text("Token"))
                return self._answers.done(received)
            case "stop" | "kill":
                return self._end(received)
            case "status":
                return self._status(received)
            case _:
                return self._answers.messages(received, self._known(received))

    def _logon(self, received: Received) -> Answer:
        name = received.text("UserName")
        user = self._definitions.users.get(name)
        rejections = self._store.rejections().get(name, 0)
        is_locked = 0 < self._definitions.lock_after <= rejections
        if user is None or user.password != received.text("Password") or is_locked:
            self._store.set_rejections(name, rejections + 1)
            raise Refusal(401, "User name or password is wrong, or the account is locked.", kind="logon")
        if "logon" in user.may_not:
            raise Refusal(403, f"User '{name}' lacks the right for this call.", kind="right")
        if 0 < self._definitions.sessions <= self._store.count_tokens(name, self._clock()):
            raise Refusal(403, "Maximum number of sessions reached.", kind="sessions")
        self._store.set_rejections(name, 0)
        return self._answers.logon(received, self._new_token(name))

    def _new_token(self, user: str) -> str:
        token = secrets.token_hex(16)
        lifetime = self._definitions.token_lifetime or float("inf")
        self._store.add_token(token, user, self._clock() + lifetime)
        return token

    def _start(self, received: Received) -> Answer:
        try:
            task = self._scheduler.start(read_order(received))
        except UnknownTarget as error:
            if self._definitions.unknown_job == "problem":
                raise Refusal(400, str(error), kind="start") from error
            return self._answers.not_started(str(error))
        except UnknownUser as error:
            if "start" in self._contract.refusals:
                raise Refusal(400, str(error), kind="start") from error
            return self._answers.not_started(str(error), INVALID_USER)
        task.prepare(task.job.forms.wrapping)
        return self._answers.id_of(received, task)

    def _end(self, received: Received) -> Answer:
        task = self._known(received)
        if received.name == "kill":
            self._scheduler.kill(task)
        else:
            self._scheduler.stop(task)
        return self._answers.id_of(received, task)

    def _status(self, received: Received) -> Answer:
        if received.call and received.call.task is not None and "BatchRequestId" not in received.values:
            return self._answers.all_statuses(received, list(self._scheduler))
        return self._answers.status(received, self._known(received))

    def _known(self, received: Received) -> Task:
        """Return the task that a request is about; raises Refusal when there is none, or it is another one's."""
        number = received.values.get("BatchRequestId")
        task = self.target(received)
        if task is None:
            raise Refusal(404, f"Batch request {number} does not exist.", kind="unknown")
        for name, field in ORDER_FIELDS.items():
            if name in received.values and received.values[name] != getattr(task.order, field):
                raise Refusal(400, f"Batch request {number} was started with another {name}.")
        return task


def read_order(received: Received) -> Order:
    """Return what a start asks for; a value that it does not carry was not given."""
    values = {name: received.values.get(name, () if name in LISTS else "") for name in (*ORDER_NAMES, *ORDER_FIELDS)}
    return Order(**{field: values[name] for name, field in ORDER_FIELDS.items()})  # type: ignore[arg-type]  # as read


def _check(received: Received) -> None:
    if received.refusal:
        raise received.refusal
