"""What outlives a restart: tasks, tokens, rejected logons, connections and the log of requests, in SQLite."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from amtconnector.simulator.definitions import Job, job_from
from amtconnector.simulator.task import Order, Task

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from amtconnector.simulator.forms import Forms

_TABLES = """
CREATE TABLE IF NOT EXISTS tasks (id INTEGER PRIMARY KEY, facts TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, user TEXT NOT NULL, expires_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS rejections (user TEXT PRIMARY KEY, count INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS connections (number INTEGER PRIMARY KEY, opened_at REAL NOT NULL, client_port INTEGER);
CREATE TABLE IF NOT EXISTS requests (number INTEGER PRIMARY KEY, facts TEXT NOT NULL);
"""
REQUESTS_KEPT = 200_000


class Store:
    """The simulator's memory. `path` None keeps it in this process."""

    def __init__(self, path: Path | None) -> None:
        self._database = sqlite3.connect(":memory:" if path is None else path, isolation_level=None)
        # What is written has to outlive this process, killed or not, but not the machine.
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=OFF")
        self._database.executescript(_TABLES)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def tasks(self, forms: Forms) -> Iterator[Task]:
        """Yield every task, oldest first; `forms` are those of the definitions, under those of its own job."""

        @lru_cache(maxsize=256)
        def job(name: str, source: str) -> Job:
            return job_from(name, json.loads(source), forms)

        for number, text in self._database.execute("SELECT id, facts FROM tasks ORDER BY id"):
            facts = json.loads(text)
            order = facts.pop("order")
            order["task_values"], order["parameters"] = tuple(order["task_values"]), tuple(order["parameters"])
            name, source = facts.pop("job"), facts.pop("source")
            yield Task(id=number, order=Order(**order), job=job(name, source), **facts)

    def save_task(self, task: Task) -> None:
        """Keep a task as it is now."""
        facts = {
            "order": asdict(task.order),
            "job": task.job.name,
            "source": json.dumps(task.job.source),
            "queue": task.queue,
            "speed": task.speed,
            "submitted_at": task.submitted_at,
            "starts_at": task.starts_at,
            "cut_at": task.cut_at,
            "cut_status": task.cut_status,
            "cut_by": task.cut_by,
            "is_removed": task.is_removed,
        }
        self._database.execute("INSERT OR REPLACE INTO tasks VALUES (?, ?)", (task.id, json.dumps(facts)))

    def add_token(self, token: str, user: str, expires_at: float) -> None:
        """Keep a token and the time at which it expires."""
        self._database.execute("INSERT INTO tokens VALUES (?, ?, ?)", (token, user, expires_at))

    def token_user(self, token: str, now: float) -> str | None:
        """Return whose token this is; None when there is no such token or it has expired."""
        found = self._database.execute("SELECT user FROM tokens WHERE token = ? AND expires_at > ?", (token, now))
        row = found.fetchone()
        return None if row is None else str(row[0])

    def count_tokens(self, user: str, now: float) -> int:
        """Return how many valid tokens a user has, or all have ("")."""
        return self._count("tokens WHERE expires_at > ? AND ? IN (user, '')", now, user)

    def drop_tokens(self) -> None:
        """Make every token invalid."""
        self._database.execute("DELETE FROM tokens")

    def drop_token(self, token: str) -> None:
        """Make one token invalid."""
        self._database.execute("DELETE FROM tokens WHERE token = ?", (token,))

    def rejections(self) -> dict[str, int]:
        """Return how many logons have been rejected since the last good one, per user."""
        return dict(self._database.execute("SELECT user, count FROM rejections ORDER BY user"))

    def set_rejections(self, user: str, count: int) -> None:
        """Keep how many logons of a user have been rejected since the last good one."""
        self._database.execute("INSERT OR REPLACE INTO rejections VALUES (?, ?)", (user, count))

    def add_connection(self, opened_at: float, client_port: int) -> int:
        """Note a connection; return its number."""
        row = (opened_at, client_port)
        added = self._database.execute("INSERT INTO connections (opened_at, client_port) VALUES (?, ?)", row)
        return added.lastrowid or 0

    def drop_connection(self, number: int) -> None:
        """Forget a connection."""
        self._database.execute("DELETE FROM connections WHERE number = ?", (number,))

    def connections(self) -> int:
        """Return how many connections there have been."""
        return self._count("connections")

    def add_request(self, facts: Mapping[str, Any]) -> int:
        """Note a request; return its number."""
        added = self._database.execute("INSERT INTO requests (facts) VALUES (?)", (json.dumps(facts),))
        number = added.lastrowid or 0
        if number % 1000 == 0:
            self._database.execute("DELETE FROM requests WHERE number <= ?", (number - REQUESTS_KEPT,))
        return number

    def update_request(self, number: int, facts: Mapping[str, Any]) -> None:
        """Note what became of a request."""
        self._database.execute("UPDATE requests SET facts = ? WHERE number = ?", (json.dumps(facts), number))

    def requests(self, after: int = 0) -> Iterator[dict[str, Any]]:
        """Yield the requests with a number above `after`, oldest first."""
        found = self._database.execute("SELECT number, facts FROM requests WHERE number > ? ORDER BY number", (after,))
        for number, facts in found:
            yield {"number": number, **json.loads(facts)}

    def last_requests(self, limit: int) -> list[dict[str, Any]]:
        """Return the last few requests, the latest first."""
        found = self._database.execute("SELECT number, facts FROM requests ORDER BY number DESC LIMIT ?", (limit,))
        return [{"number": number, **json.loads(facts)} for number, facts in found]

    def count_requests(self) -> int:
        """Return how many requests the log holds."""
        return self._count("requests")

    def clear_requests(self) -> None:
        """Forget the requests and connections; their numbers go on from 1."""
        self._database.executescript("DELETE FROM requests; DELETE FROM connections;")

    def _count(self, rows: str, *values: object) -> int:
        return int(self._database.execute(f"SELECT count(*) FROM {rows}", values).fetchone()[0])  # noqa: S608 - ours
