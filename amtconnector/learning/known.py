"""What is known of a run, how its values' names look on a wire, and what is seen on the way."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from amtconnector.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amtconnector.learning.logons import Credentials
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


class Run(NamedTuple):
    """What is known of the run when a request was made; "" is not known."""

    task: Task
    credentials: Credentials
    token: str = ""
    request_id: str = ""
    run_id: str = ""
    cookies: Mapping[str, str] = {}

    def value(self, name: str) -> str | tuple[str, ...]:
        """Return a value of the task by the name of its placeholder."""
        return getattr(self.task, "user" if name == "run_as" else name)  # type: ignore[no-any-return]


class Seen:
    """What is found while requests are turned into templates, for all of them; `style` is how lists travel."""

    def __init__(self, style: str = "") -> None:
        self.not_given: dict[str, Counter[str]] = {}
        self.style = style
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
