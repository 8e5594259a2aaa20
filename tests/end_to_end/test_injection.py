"""The short form of the injection at calls to the system; docs/chaos.md tells of the long one."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.chaos.injection import Campaign
from tests.end_to_end.chaos.points import calls_of, point_of, sample

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Programs

MOST, WITHIN_S = 48, 75
_TRACE = """\
stat file 1
write file 1 {
send socket 1 POST_/api/Logon
write file 2 {
send socket 2 POST_/api/OpConJobAction
write file 3 {
recv socket 1
"""


def test_a_sample_has_every_kind_of_call_before_and_after_the_start() -> None:
    """What a call is on and on which side of the start it stands make its kind."""
    calls = calls_of(_TRACE)
    points = sample(calls, 100)
    assert {(call.name, call.number) for call in calls if call.is_before_start} == {
        ("stat", 1),
        ("write", 1),
        ("send", 1),
        ("write", 2),
        ("send", 2),
    }
    assert {(point.name, point.on) for point in points} == {(call.name, call.on) for call in calls}
    assert ("write", 3) in {(point.name, point.number) for point in points}
    assert {point.is_kill for point in points} == {True, False}


def test_a_point_is_played_again_by_its_text() -> None:
    """What is printed of a failure is what the command takes."""
    assert point_of("write:file:3:ENOSPC+").text == "write:file:3:ENOSPC+"
    assert point_of("write:file:3:ENOSPC+").setting == "write:file:3:28+"


@pytest.mark.begins_as(1, process=2)
@pytest.mark.posix_only
@pytest.mark.skipif(sys.platform != "linux", reason="preloads a library of Linux")
@pytest.mark.skipif(not (shutil.which("gcc") or shutil.which("cc")), reason="there is no C compiler")
def test_no_failing_call_and_no_kill_starts_a_task_twice(programs: Programs, tmp_path: Path) -> None:
    """At each kind of call to the system: one start, a true exit code, and a text that says how to go on."""
    campaign = Campaign(tmp_path, programs, at_once=min(4, 2 * (os.cpu_count() or 1)))
    findings = campaign.run(lambda calls: sample(calls, MOST), WITHIN_S)
    assert not findings.failures, "\n\n".join([*findings.failures, findings.summary])
    assert findings.hit >= min(findings.points, 20) * 0.8, findings.summary
    assert findings.codes[-9], findings.summary
    assert findings.codes[4], findings.summary
