"""A run to which the system gives too little ends as one that its installation keeps from working, not as a defect."""

from __future__ import annotations

import pytest

from amtconnector import config
from amtconnector.commands.job import Job
from amtconnector.output.stdout import Output
from amtconnector.run.arguments import parse


class Kept(Output):
    """An output that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, text: str) -> None:
        """Keep a line."""
        self.lines.append(text)

    def flush(self) -> None:
        """Be out at once."""

    def close(self) -> None:
        """Have nothing left."""


@pytest.fixture
def no_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the test's own signals as they are."""
    monkeypatch.setattr("amtconnector.system.signals.Interrupt.install", lambda _self: None)


@pytest.mark.usefixtures("no_signals")
@pytest.mark.parametrize("error", [OSError(24, "Too many open files"), MemoryError(), ImportError(), SystemError()])
def test_what_the_system_lacks_is_no_defect(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where memory runs out, CPython raises SystemError in some places."""

    def fail(_path: object) -> None:
        raise error

    monkeypatch.setattr(config, "find", fail)
    output = Kept()
    job = Job(parse(["-jt", "START", "-an", "A", "-jn", "B"]), output)
    with job._interrupt._bell, job._interrupt._ringer:
        assert job.run() == 102
    assert "does not let the connector work here" in "\n".join(output.lines)
