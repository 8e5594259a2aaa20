"""The rules of the operating system's log: one entry, one line, and whatever a text holds."""

from __future__ import annotations

import sys
from typing import Any

import pytest

if sys.platform == "win32":
    pytest.skip("about syslog", allow_module_level=True)

import syslog

from amtconnector.system import event_log


@pytest.fixture
def entries(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """Catch what would go to syslog."""
    caught: list[tuple[int, str]] = []

    def take(priority: int, text: str) -> Any:
        text.encode("utf-8")
        caught.append((priority, text))

    monkeypatch.setattr(syslog, "syslog", take)
    return caught


def test_an_entry_is_one_line_with_its_number(entries: list[tuple[int, str]]) -> None:
    """Monitoring asks for the number; an end that needs somebody is an error, a task that waits a warning."""
    event_log.report(105, "lost\ncontact", is_error=True)
    event_log.report(5, "waits", is_error=False)
    assert entries == [(syslog.LOG_ERR, "[105] lost contact"), (syslog.LOG_WARNING, "[5] waits")]


def test_no_character_breaks_it(entries: list[tuple[int, str]]) -> None:
    """A job's name may hold anything."""
    event_log.report(104, "\0 \x1b[2J \ud800" + "x" * 100_000, is_error=True)
    assert "\0" not in entries[0][1]
    assert len(entries[0][1]) < 10_000
