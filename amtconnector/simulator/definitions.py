"""The definitions file: what a user writes in TOML, as frozen values.

`docs/simulator.md` explains every key; `example.toml` beside this module is the file that is used when none is given.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING

from amtconnector.simulator.contract import Contract, read_contract
from amtconnector.simulator.faults import Fault, read_faults
from amtconnector.simulator.forms import Forms, read_forms
from amtconnector.simulator.messages import Message, read_messages
from amtconnector.simulator.statuses import ABORTED, DONE, KILLED
from amtconnector.simulator.table import DefinitionError, Table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Job:
    """A job or a script: what its task does, in seconds after the scheduler started it.

    `ends` is None for a task that never ends by itself. `statuses` are (seconds, status) in the order of time.
    `source` is the table it was read from: a task keeps its own copy, so that a changed file changes no running task.
    """

    name: str
    description: str = ""
    queue: str = ""
    duration: float = 1
    ends: int | None = DONE
    statuses: tuple[tuple[float, int], ...] = ()
    messages: tuple[Message, ...] = ()
    echo: bool = False
    stop_delay: float = 1
    stop_ends: int = ABORTED
    ignores_stop: bool = False
    kill_delay: float = 0.5
    kill_ends: int = KILLED
    ignores_kill: bool = False
    kill_clears_messages: bool = False
    forgotten_after: float = math.inf
    forms: Forms = field(default_factory=Forms)
    source: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class User:
    """An account of the Control Center. `may_not` names the calls that it is denied with 403."""

    name: str
    password: str = field(repr=False)
    may_not: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Definitions:
    """Everything that the simulator is told to be."""

    applications: Mapping[str, Mapping[str, Job]]
    scripts: Mapping[str, Job]
    queues: Mapping[str, int]
    users: Mapping[str, User]
    run_as_users: tuple[str, ...]
    controller_delay: float
    default_queue: str
    first_request_id: int
    unknown_job: str
    unknown_user: str
    token_lifetime: float
    tokens_outlive_restart: bool
    lock_after: int
    sessions: int
    forms: Forms
    contract: Contract
    faults: tuple[Fault, ...]

    def script(self, path: str) -> Job | None:
        """Return the script at a path of the AMT server, which takes no notice of letter case."""
        return self.scripts.get(path.casefold())


def example() -> str:
    """Return the text of the definitions that are used when none are given."""
    return (files("amtconnector.simulator") / "example.toml").read_text(encoding="utf-8")


def load(path: Path | None, server: Path | None = None) -> Definitions:
    """Read a definitions file, or the example when there is none; `server` is a second file that is laid over it.

    Raises DefinitionError with every problem of the files, one a line; OSError when one can't be read.
    """
    text = example() if path is None else path.read_text(encoding="utf-8-sig")
    return parse(text, "" if server is None else server.read_text(encoding="utf-8-sig"))


def parse(text: str, server: str = "") -> Definitions:
    """Read definitions from TOML; raises DefinitionError with every problem, one a line."""
    problems: list[str] = []
    definitions = _read(Table(_laid_over(_toml(text), _toml(server)), "", problems))
    if problems:
        raise DefinitionError("\n".join(problems))
    return definitions


def _toml(text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DefinitionError(f"this is not TOML: {error}") from error


def _laid_over(below: Mapping[str, object], above: Mapping[str, object]) -> dict[str, object]:
    """Return both tables as one: what the upper one says counts."""
    merged = dict(below)
    for key, value in above.items():
        known = merged.get(key)
        merged[key] = _laid_over(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return merged


def _read(root: Table) -> Definitions:
    scheduler, logon = root.table("scheduler"), root.table("logon")
    forms = read_forms(root.table("answers"), Forms())
    definitions = Definitions(
        applications={name: _read_application(table, forms) for name, table in root.tables("applications")},
        scripts={name.casefold(): read_job(name, table, forms) for name, table in root.tables("scripts")},
        queues={name: _read_queue(table) for name, table in root.tables("queues")},
        users={name: _read_user(name, table) for name, table in root.tables("users")} or _DEFAULT_USERS,
        run_as_users=scheduler.texts("run_as_users"),
        controller_delay=scheduler.seconds("controller_delay", 1),
        default_queue=scheduler.text("default_queue"),
        first_request_id=scheduler.whole("first_request_id", 2112, least=1),
        unknown_job=scheduler.choice("unknown_job", ("problem", "zero")),
        unknown_user=scheduler.choice("unknown_user", ("ends", "refused")),
        token_lifetime=logon.seconds("token_lifetime", 1200),
        tokens_outlive_restart=logon.flag("tokens_outlive_restart", default=True),
        lock_after=logon.whole("lock_after", 0),
        sessions=logon.whole("sessions", 0),
        forms=forms,
        contract=read_contract(root.table("contract")),
        faults=read_faults(root),
    )
    for table in (scheduler, logon, root):
        table.finish()
    return definitions


def read_job(name: str, table: Table, forms: Forms) -> Job:
    """Read one job or script; `forms` are those of the whole file."""
    plain = Job(name)
    job = Job(
        name=name,
        description=table.text("description"),
        queue=table.text("queue"),
        duration=table.seconds("duration", plain.duration),
        ends=None if table.value("ends") == "never" else table.status("ends", DONE),
        statuses=_read_statuses(table),
        messages=read_messages(table, "messages"),
        echo=table.flag("echo"),
        stop_delay=table.seconds("stop_delay", plain.stop_delay),
        stop_ends=table.status("stop_ends", plain.stop_ends),
        ignores_stop=table.flag("ignores_stop"),
        kill_delay=table.seconds("kill_delay", plain.kill_delay),
        kill_ends=table.status("kill_ends", plain.kill_ends),
        ignores_kill=table.flag("ignores_kill"),
        kill_clears_messages=table.flag("kill_clears_messages"),
        forgotten_after=table.seconds("forgotten_after", math.inf),
        forms=read_forms(table.table("answers"), forms),
        source=table.values,
    )
    table.finish()
    return job


def job_from(name: str, source: Mapping[str, object], forms: Forms) -> Job:
    """Make a job of a table that is known to be right: what a task of an earlier process was started with."""
    return read_job(name, Table(source, name, []), forms)


def _read_statuses(table: Table) -> tuple[tuple[float, int], ...]:
    steps: list[tuple[float, int]] = []
    for number, item in enumerate(table.items("statuses"), 1):
        step = Table(item, f"{table.where}.statuses[{number}]", table.problems)
        steps.append((step.seconds("at", 0), step.status("status", 2)))
        step.finish()
    return tuple(sorted(steps))


def _read_application(table: Table, forms: Forms) -> dict[str, Job]:
    jobs = {name: read_job(name, job, forms) for name, job in table.tables("jobs")}
    table.finish()
    return jobs


def _read_queue(table: Table) -> int:
    limit = table.whole("limit", 0)
    table.finish()
    return limit


def _read_user(name: str, table: Table) -> User:
    user = User(name, table.text("password"), table.texts("may_not"))
    table.finish()
    return user


_DEFAULT_USERS = {"ocadm": User("ocadm", "opconxps")}
