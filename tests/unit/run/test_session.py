"""Runs after runs of one OpCon job, with records on a real disk: nothing is started twice and nothing lost."""

from __future__ import annotations

import tempfile
from collections import deque
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amtconnector.amtopcon.wire.answers import Started
from amtconnector.errors import (
    AuthenticationRefused,
    CallFailed,
    ConfigurationError,
    LogonRefused,
    LostContact,
    NoAnswer,
    NotFound,
    NotSent,
    NotUnderstood,
    Rejected,
    RunError,
    ServerUnreachable,
    StatusUnknown,
    SubmissionUnknown,
    TaskState,
    UsageError,
)
from amtconnector.opcon import OpConJob
from amtconnector.records.record import RunRecord, RunState
from amtconnector.run.arguments import parse
from amtconnector.run.context import Invocation
from amtconnector.run.session import Session
from tests.support.configfile import loaded
from tests.support.fakes import DONE, ERROR, KILLED, REQUEST, RUNNING, FakeClock, FakeService, FakeSink, job_log

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amtconnector.statuses import Status
    from amtconnector.system.signals import Interrupt

START = "-jt START -an DEMO2 -jn RUN_PARAMETERTESTA -pa 'PARAM'"
OPCON = OpConJob("20261123", "End of day", "PAYROLL", "0000012345")
CONFIG = """\
[CONNECTOR]
RUN_DIRECTORY=runs
[AMT_BATCH_SERVER]
SERVER_ADDRESS=amt:4004
USER=62324e685a47303d
PASSWORD=6233426a6232353463484d3d
"""


class Site:
    """One installation: every run is a session of its own, as if in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.config = loaded(folder, CONFIG)
        self.sink = FakeSink()
        self.service = FakeService(FakeClock())

    def run(
        self,
        line: str = START,
        *statuses: Exception | Status,
        start: Exception | Started | None = None,
        opcon: OpConJob | None = OPCON,
        logon: Exception | None = None,
        stops_at: float = float("inf"),
    ) -> int:
        """Run with a server that answers so; the last status is given for ever."""
        with self.session(line, opcon) as session:
            self.service.statuses = deque(statuses or [DONE])
            self.service.starts = deque([start or Started(REQUEST)])
            self.service.logons = deque([logon])
            self.service.clock.stops_at = stops_at
            exit_code = session.run()
            session.finish()
            return exit_code

    @contextmanager
    def session(self, line: str = START, opcon: OpConJob | None = OPCON) -> Iterator[Session]:
        """Build a session; what it holds is released in the end, as at the end of a process."""
        clock = FakeClock()
        self.service = FakeService(clock)
        log, self.sink = job_log()
        with (
            mock.patch.object(Session, "_client", return_value=self.service),
            mock.patch("amtconnector.run.session.RunClock", return_value=clock),
        ):
            arguments = parse(line.split())
            begun_at = datetime.now(UTC)
            interrupt = cast("Interrupt", clock)
            invocation = Invocation(arguments, opcon, begun_at)
            session = Session(invocation, self.config, log, interrupt, lambda _text, _age: None)
            try:
                yield session
            finally:
                if session._recorder and (claim := session._recorder._store):
                    claim.release()  # type: ignore[attr-defined]  # in a session the shelf is a claim
                session._run_log.close()

    def refused(self, line: str = START, *statuses: Exception | Status, **given: object) -> RunError:
        """Run, and return why that does not end with an exit code of AMT."""
        with pytest.raises(RunError) as caught:
            self.run(line, *statuses, **given)  # type: ignore[arg-type]  # passed through
        return caught.value

    @property
    def record(self) -> RunRecord:
        """The one record of this site."""
        [record] = self.service_records
        return record

    @property
    def service_records(self) -> list[RunRecord]:
        """All records."""
        from amtconnector.records import RunDirectory

        return RunDirectory(self.config.run_directory).records()

    @property
    def sent(self) -> int:
        """How many starts the last run sent."""
        return self.service.count("start")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return an installation without records."""
    return Site(tmp_path)


def test_a_run_and_its_restart_after_a_good_end(site: Site) -> None:
    """The first starts and finishes; the second starts anew, and its header names that end."""
    assert site.run() == 4
    assert (site.record.state, site.record.exit_code) == (RunState.FINISHED, 4)
    first = site.record.run_id
    assert site.run(START, RUNNING, ERROR) == 11
    assert site.sent == 1
    assert "ended with DONE" in site.sink.text
    assert site.record.run_id != first


def test_a_lost_watch_is_taken_up_by_the_restart(site: Site) -> None:
    """105, then a restart of the same job: nothing is started, and the code is the task's end."""
    assert isinstance(site.refused(START, RUNNING, NoAnswer("x")), LostContact)
    assert site.record.state is RunState.SUBMITTED
    assert site.run(START, RUNNING, DONE, opcon=OPCON._replace(number="0000012346")) == 4
    assert site.sent == 0
    assert "nothing is started, request 2112 of an earlier run is taken up" in site.sink.text
    assert site.run() == 4
    assert site.sent == 1


def test_a_start_of_unknown_fate_blocks_until_it_is_settled(site: Site) -> None:
    """104, again 104 without anything sent, ATTACH with the id that the operator found, then a new start."""
    assert isinstance(site.refused(start=NoAnswer("reset")), SubmissionUnknown)
    run_id = site.record.run_id
    for line in (START, f"{START} --release 20261123-ffffffffff"):
        error = site.refused(line)
        assert isinstance(error, SubmissionUnknown)
        assert f"--release {run_id}" in error.hint
        assert site.service.calls == []
    assert site.run("-jt ATTACH -id 2112", RUNNING, ERROR) == 11
    assert "this settles the record" in site.sink.text
    assert (site.record.run_id, site.record.state, site.record.request_id) == (run_id, RunState.FINISHED, "2112")
    assert site.run() == 4
    assert site.sent == 1


def test_a_release_starts_anew_once(site: Site) -> None:
    """The flag that is left behind in the job releases nothing else."""
    site.refused(start=NoAnswer("reset"))
    line = f"{START} --release {site.record.run_id}"
    site.refused(line, start=NotUnderstood("no id"))
    assert site.sent == 1
    assert isinstance(site.refused(line), SubmissionUnknown)
    assert site.sent == 0


def test_an_id_that_amt_does_not_know_settles_nothing(site: Site) -> None:
    """A mistyped id is 109, and the record still waits for the right one."""
    site.refused(start=NoAnswer("reset"))
    assert isinstance(site.refused("-jt ATTACH -id 2112", NotFound("404")), StatusUnknown)
    assert (site.record.state, site.record.request_id) == (RunState.INTENDED, "")


def test_what_proves_that_nothing_runs_leaves_the_job_free(site: Site) -> None:
    """23, 24 and 106 leave "not started"."""
    assert isinstance(site.refused(start=NotSent("refused")), ServerUnreachable)
    assert isinstance(site.refused(logon=LogonRefused("wrong")), AuthenticationRefused)
    assert site.refused(start=Rejected("400")).exit_code == 106
    assert site.record.state is RunState.NOT_STARTED
    assert site.run() == 4


def test_an_open_run_is_a_watch_from_its_first_second(site: Site) -> None:
    """Its restart survives trouble for STATUS_CHECK_MAX_OUTAGE, ends with 105 and names the request."""
    site.refused(START, NoAnswer("x"))
    error = site.refused(START, NotSent("refused"))
    assert isinstance(error, LostContact)
    assert "request 2112" in error.subject
    assert site.record.state is RunState.SUBMITTED


def test_other_parameters_are_for_an_operator(site: Site) -> None:
    """104, nothing sent, the record as it was."""
    site.refused(START, NoAnswer("x"))
    before = site.record
    assert isinstance(site.refused(f"{START} -pa more"), SubmissionUnknown)
    assert site.service.calls == []
    assert site.record == before


def test_two_processes_of_one_job_never_start_twice(site: Site) -> None:
    """The second ends with 104 while the first holds the record."""
    with site.session() as first:
        claim = first._lookup.claimed(first.run_id)
        assert claim is not None
        try:
            error = site.refused()
        finally:
            claim.release()
    assert isinstance(error, SubmissionUnknown)
    assert "Another process is running this job" in error.message
    assert site.service.calls == []


def test_a_record_that_moved_on_meanwhile_is_left_alone(site: Site) -> None:
    """Between the look and the lock another run came and went: what its record says must not be overwritten."""
    site.refused(start=NoAnswer("reset"))
    with site.session("-jt ATTACH -id 77") as session:
        found = session._lookup.found(session.run_id)
        site.service.starts = deque([Started(REQUEST)])
        with site.session() as other:
            claim = other._directory.claim_record(found)
            claim.save(found._replace(state=RunState.SUBMITTED, request_id="2113", submitted_at=found.created_at))
            claim.release()
        assert session._lookup.claimed_again(found) is None
    assert (site.record.state, site.record.request_id) == (RunState.SUBMITTED, "2113")


def test_a_kill_finishes_the_record_that_it_is_about(site: Site) -> None:
    """By -an and -jn from a shell; the OpCon job starts anew afterwards."""
    site.refused(START, NoAnswer("x"))
    assert site.run("-jt KILL -an DEMO2 -jn RUN_PARAMETERTESTA", RUNNING, KILLED, opcon=None) == 3
    assert site.record.exit_code == 3
    assert isinstance(site.refused("-jt KILL -an DEMO2 -jn RUN_PARAMETERTESTA", opcon=None), UsageError)


def test_a_kill_by_an_id_that_no_record_knows_says_what_may_be_running(site: Site) -> None:
    """The sentence for a second signal and for defects."""
    with site.session("-jt KILL -id 2112", None) as session:
        site.service.statuses = deque([DONE])
        assert session.fate.state is TaskState.NONE
        assert session.run() == 4
    with site.session("-jt KILL -id 2112", None) as session:
        site.service.statuses = deque([MemoryError()])
        with pytest.raises(MemoryError):
            session.run()
        assert session.fate.state is TaskState.MAYBE


def test_by_hand_nothing_blocks_and_open_runs_are_named(site: Site) -> None:
    """A record of its own; an unfinished run of the same application and job is a warning."""
    site.refused(START, NoAnswer("x"))
    assert site.run(opcon=None) == 4
    assert site.sent == 1
    assert "another run of this AMT job is unfinished: request 2112" in site.sink.text
    assert len(site.service_records) == 2


@pytest.mark.posix_only
def test_without_a_place_for_its_record_a_job_of_opcon_starts_nothing(site: Site) -> None:
    """102; by hand it is a warning."""
    site.config.run_directory.write_bytes(b"")  # a file where the folder should be
    assert isinstance(site.refused(), ConfigurationError)
    assert site.service.calls == []
    assert site.run(opcon=None) == 4
    assert "Warning: no run record can be kept" in site.sink.text


OUTCOMES = st.sampled_from(
    [None, NoAnswer("reset"), NotUnderstood("?"), NotSent("refused"), Rejected("400"), MemoryError()]
)
LIVES = st.sampled_from([(DONE,), (RUNNING, NoAnswer("x")), (RUNNING, NotFound("404")), (LogonRefused("x"),), (ERROR,)])
STOPS = st.sampled_from([float("inf"), 1000.0, 1011.0])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(OUTCOMES, LIVES, STOPS), min_size=2, max_size=6))
def test_whatever_happened_no_restart_starts_a_second_task(
    runs: list[tuple[Exception | None, tuple[Exception | Status, ...], float]],
) -> None:
    """For all stories: while a start that may have been received has no known end, no other one is sent."""
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder))
        is_open = False
        for outcome, life, stops_at in runs:
            code = None
            try:
                code = site.run(START, *life, start=outcome, stops_at=stops_at)
            except (RunError, CallFailed, MemoryError):
                code = None
            assert site.sent <= 1 or isinstance(outcome, NotSent)
            assert not (is_open and site.sent)
            may_run = site.sent > 0 and not isinstance(outcome, NotSent | Rejected)
            is_open = (is_open or may_run) and code is None
            assert site.record.is_unfinished or not is_open
