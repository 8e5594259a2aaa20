"""The form of a run record on disk: JSON, a member a line, so that one cut short still tells something.

A record that can't be read in full, for whatever reason, is damaged: it counts as "intended", the most careful state,
for a task may be running. What it still tells is kept for people to read.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, TypeVar

from amtconnector.records import timestamps
from amtconnector.records.record import RunKey, RunRecord, RunState, is_run_id
from amtconnector.task import RequestId

VERSION = 1
"""The version of the form; members may be added to it, so unknown ones are ignored."""

_Value = TypeVar("_Value")

TEXTS = ("job_number", "submit_user", "station", "queue", "user", "status", "host", "config")
LISTS = ("parameters", "task_values")
TIMES = ("created_at", "intended_at", "answer_due_at", "submitted_at", "finished_at", "released_at")


def dumped(record: RunRecord) -> bytes:
    """Return the record as it goes to disk: ASCII, a member a line; raise `ValueError` for a time without zone."""
    members = {
        "version": VERSION,
        "file_name": record.file_name,
        "run_id": record.run_id,
        "state": record.state.value,
        "request_id": record.request_id,
        **{name: getattr(record.key, name) for name in RunKey._fields},
        **{name: getattr(record, name) for name in TEXTS},
        **{name: list(getattr(record, name)) for name in LISTS},
        **{name: _time_text(getattr(record, name)) for name in TIMES},
        "exit_code": record.exit_code,
        "pid": record.pid,
    }
    lines = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in members.items())
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode("ascii")


def loaded(content: bytes, *, run_id: str, written_at: datetime | None) -> RunRecord:
    """Read a record; a damaged one where the content is not exactly a record of this version.

    `run_id` and `written_at` are what a damaged record is given for its own where it does not tell them.
    """
    members = _Members(content)
    record = _record_of(members)
    if not members.are_sound or not _is_consistent(record):
        return _damaged(record, run_id=run_id, written_at=written_at)
    return record


def _record_of(members: _Members) -> RunRecord:
    others: dict[str, Any] = {name: members.text(name) for name in (*TEXTS, "file_name")}
    others |= {name: members.texts(name) for name in LISTS}
    others |= {name: members.time(name) for name in TIMES}
    return RunRecord(
        key=RunKey(**{name: members.text(name, is_required=True) for name in RunKey._fields}),
        run_id=members.run_id(),
        state=members.state(),
        request_id=members.request_id(),
        exit_code=members.number("exit_code"),
        pid=members.number("pid") or 0,
        **others,
    )


def _is_consistent(record: RunRecord) -> bool:
    match record.state:
        case RunState.SUBMITTED:
            return record.request_id != ""
        case RunState.FINISHED:
            return record.exit_code is not None
        case RunState.NOT_STARTED | RunState.INTENDED:
            return True


def _damaged(record: RunRecord, *, run_id: str, written_at: datetime | None) -> RunRecord:
    return record._replace(
        run_id=record.run_id or run_id,
        state=RunState.INTENDED,
        created_at=record.created_at or written_at,
        exit_code=None,
        status="",
        finished_at=None,
        is_damaged=True,
    )


def _time_text(value: datetime | None) -> str | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError("a time of a run record needs its zone")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


class _Members:
    """The members of a record's JSON object; every one that is not as it should be makes them unsound."""

    def __init__(self, content: bytes) -> None:
        self._members, self.are_sound = _parsed(content)

    def text(self, name: str, *, is_required: bool = False) -> str:
        value = self._members.get(name, None if is_required else "")
        return value if isinstance(value, str) else self._unsound("")

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._members.get(name, [])
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        return self._unsound(())

    def number(self, name: str) -> int | None:
        value = self._members.get(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        return self._unsound(None)

    def time(self, name: str) -> datetime | None:
        value = self._members.get(name)
        if value is None:
            return None
        try:
            time = datetime.fromisoformat(value) if isinstance(value, str) else None
            known = timestamps.usable(time.astimezone(UTC)) if time and time.tzinfo else None
        except (ValueError, OverflowError):
            known = None
        return known or self._unsound(None)

    def state(self) -> RunState:
        try:
            return RunState(self._members.get("state"))
        except ValueError:
            return self._unsound(RunState.INTENDED)

    def run_id(self) -> str:
        text = self.text("run_id", is_required=True)
        return text if is_run_id(text) else self._unsound("")

    def request_id(self) -> str:
        text = self.text("request_id")
        request = RequestId.parse(text)
        return text if text == "" or (request and request.text == text) else self._unsound("")

    def _unsound(self, value: _Value) -> _Value:
        self.are_sound = False
        return value


def _parsed(content: bytes) -> tuple[dict[str, object], bool]:
    try:
        members = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return _salvaged(content), False
    if not isinstance(members, dict):
        return {}, False
    version = members.get("version")
    return members, type(version) is int and version == VERSION


def _salvaged(content: bytes) -> dict[str, object]:
    # Only a line that still has its comma was written to its end: a number may have lost its last digits.
    members: dict[str, object] = {}
    for line in content.decode("ascii", "replace").split("\n"):
        if line.endswith(",") and "\ufffd" not in line:
            members.update(_member(line[:-1]))
    return members


def _member(line: str) -> dict[str, object]:
    try:
        member: dict[str, object] = json.loads("{" + line + "}")
    except (ValueError, RecursionError):
        return {}
    return member
