"""The simulator's faults: which call is hit."""

from __future__ import annotations

from amtconnector.simulator.faults import Fault, FaultTable


def hits(fault: Fault, calls: list[str], job: str = "") -> list[bool]:
    """Return which of the calls a fault hits."""
    table = FaultTable((fault,))
    return [table.take(call, job) is not None for call in calls]


def test_a_fault_hits_the_next_calls_of_its_kind() -> None:
    """`count` calls are hit, other calls are not counted."""
    calls = ["status", "messages", "status", "status"]
    assert hits(Fault("status", count=2), calls) == [True, False, True, False]


def test_a_fault_without_a_count_hits_every_call() -> None:
    """0 means all."""
    assert hits(Fault("status", count=0), ["status"] * 5) == [True] * 5


def test_a_fault_can_let_calls_pass_first() -> None:
    """`after` calls are skipped."""
    assert hits(Fault("status", count=1, after=2), ["status"] * 5) == [False, False, True, False, False]


def test_a_fault_for_any_call_is_not_for_connections_and_unknown_routes() -> None:
    """`any` is every documented call."""
    assert hits(Fault("any", count=0), ["heartbeat", "start", "connection", "unknown"]) == [True, True, False, False]


def test_a_fault_can_be_for_one_job() -> None:
    """Other jobs are left alone."""
    assert hits(Fault("status", job="A"), ["status"], "B") == [False]
    assert hits(Fault("status", job="A"), ["status"], "A") == [True]


def test_a_probable_fault_is_the_same_each_time() -> None:
    """The seed decides, so that a test that failed fails again."""
    calls = ["status"] * 200
    first = hits(Fault("status", count=0, probability=0.3, seed=7), calls)
    assert first == hits(Fault("status", count=0, probability=0.3, seed=7), calls)
    assert first != hits(Fault("status", count=0, probability=0.3, seed=8), calls)
    assert 30 < sum(first) < 90


def test_the_first_fault_that_fits_hits_and_the_others_do_not_see_the_call() -> None:
    """Faults stand in the order in which they were switched on."""
    table = FaultTable((Fault("status", "delay"), Fault("status", "big")))
    taken = [table.take("status") for _ in range(3)]
    assert [armed.fault.kind if armed else None for armed in taken] == ["delay", "big", None]
    assert [(armed.seen, armed.fired) for armed in table] == [(1, 1), (1, 1)]


def test_faults_are_switched_off_one_by_one_or_all() -> None:
    """What is switched off hits nothing."""
    table = FaultTable((Fault("status"), Fault("start"), Fault("stop")))
    assert (table.remove(2), table.take("start"), table.remove(), list(table)) == (1, None, 2, [])
