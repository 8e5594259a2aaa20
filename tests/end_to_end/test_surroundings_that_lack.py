"""The end of a run where something is missing or in the way: it needs nothing, and says the truth all the same."""

from __future__ import annotations

import os
import resource
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.installation import Ended, ended
from tests.end_to_end.workplace import opcon_job, start_of
from tests.support.processes import clean_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.end_to_end.workplace import SharedSimulator, Workplace

pytestmark = pytest.mark.posix_only

JOB = opcon_job()
SHORT, NEVER_ENDS = start_of("SHORT"), start_of("NEVER_ENDS")
UNKNOWN_ACCOUNT = 54321


def in_shell(site: Workplace, before: str, *arguments: str, environment: Mapping[str, str] = JOB) -> Ended:
    """Run `amt` from a shell that does something first."""
    command = shlex.join([*site.programs.amt, *arguments, "--config", str(site.config)])
    process = subprocess.Popen(
        ["/bin/sh", "-c", f"{before}; exec {command}"],
        cwd=site.folder,
        env={**clean_environment(site.folder), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return ended(process)


def test_a_kill_before_the_log_is_out_leaves_a_record_that_a_restart_takes_up(
    site: Workplace, simulator: SharedSimulator
) -> None:
    """The reader stalls, the process is killed with its outcome unread: the restart starts nothing."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    while True:
        try:
            os.write(write_end, b"x" * 4096)
        except BlockingIOError:
            break
    os.set_blocking(write_end, True)
    process = site.start(*SHORT, environment=JOB, stdout=write_end)
    simulator.wait_for_call("messages", count=2)
    time.sleep(1)
    assert site.record()["state"] == "submitted"
    process.kill()
    process.wait()
    os.close(read_end)
    os.close(write_end)
    restarted = site.run(*SHORT, environment=JOB)
    assert restarted.exit_code == 4, restarted.text
    assert "Nothing was started. This is the end of request" in restarted.text
    assert len(simulator.tasks()) == 1
    assert site.record()["state"] == "finished"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_that_the_parent_ignores_kills_no_task(
    site: Workplace, simulator: SharedSimulator, number: signal.Signals
) -> None:
    """`nohup`, `trap ''` and a shell's background job mean it."""
    command = shlex.join([*site.programs.amt, *start_of("LONGER"), "--config", str(site.config)])
    process = subprocess.Popen(
        ["/bin/sh", "-c", f"trap '' {number.name.removeprefix('SIG')}; exec {command}"],
        cwd=site.folder,
        env=clean_environment(site.folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    simulator.wait_for_call("status")
    process.send_signal(number)
    run = ended(process)
    assert run.exit_code == 4, run.text
    assert simulator.requests("kill") == []


def test_a_signal_that_the_parent_has_blocked_is_served(site: Workplace, simulator: SharedSimulator) -> None:
    """An inherited mask is nobody's wish: an operator who ends the job means it."""
    blocking = "import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, {15, 2}); "
    blocking += "os.execvp(sys.argv[1], sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-c", blocking, *site.programs.amt, *NEVER_ENDS, "--config", str(site.config)],
        cwd=site.folder,
        env=clean_environment(site.folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    simulator.wait_for_call("status")
    process.send_signal(signal.SIGTERM)
    assert ended(process).exit_code == 3


FROM_A_GONE_FOLDER = "mkdir gone && cd gone && rmdir ../gone"


def test_a_working_directory_that_is_gone_ends_with_102(site: Workplace) -> None:
    """And says what was looked for, not that the program is defect."""
    command = shlex.join([*site.programs.amt, *SHORT])
    source = shlex.quote(str(Path.cwd()))
    run = site.run_bare("/bin/sh", "-c", f"export PYTHONPATH={source}; {FROM_A_GONE_FOLDER} && exec {command}")
    assert run.exit_code == 102, run.text + run.errors.decode()
    assert "Connector.config" in run.text


def test_a_working_directory_that_is_gone_matters_to_nobody_who_names_the_configuration(
    site: Workplace, simulator: SharedSimulator
) -> None:
    """The task runs."""
    run = in_shell(site, f"export PYTHONPATH={shlex.quote(str(Path.cwd()))}; {FROM_A_GONE_FOLDER}", *SHORT)
    assert run.exit_code == 4, run.text
    assert len(simulator.tasks()) == 1


def test_a_configuration_of_openssl_that_can_not_be_used_is_no_defect(site: Workplace, tmp_path: Path) -> None:
    """A FIPS module that is not there, asked for by OPENSSL_CONF: plain HTTP does not care."""
    conf = tmp_path / "openssl.cnf"
    conf.write_text(
        "openssl_conf = init\n[init]\nproviders = provs\nalg_section = algs\n"
        "[provs]\nfips = fips\nbase = base\n[fips]\nactivate = 1\n[base]\nactivate = 1\n"
        "[algs]\ndefault_properties = fips=yes\n"
    )
    run = site.run(*SHORT, environment={**JOB, "OPENSSL_CONF": str(conf)})
    assert run.exit_code == 4, run.text


@pytest.mark.parametrize("limit", [4, 5, 6, 8, 10, 12, 14, 16, 20, 24])
def test_few_descriptors_never_make_a_defect_of_a_run(site: Workplace, limit: int) -> None:
    """Whatever can't be opened, the run ends with a code of its own that says what happened, or well."""
    run = in_shell(site, f"ulimit -n {limit}", *SHORT)
    assert run.exit_code not in {0, 1, 2, 3} or "AMT Connector" not in run.text, run.text
    if any(line.startswith("-jt (job type)") for line in run.lines):
        assert run.exit_code != 100, run.text


def test_the_fate_is_told_where_no_descriptor_is_left_while_the_task_runs(
    site: Workplace, simulator: SharedSimulator
) -> None:
    """Contact is lost and comes back: the monitor takes it as an outage like any other."""
    process = site.start(*start_of("LONGER"), environment=JOB)
    simulator.wait_for_call("status")
    limits = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
    time.sleep(1)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, limits)
    run = ended(process)
    assert run.exit_code == 4, run.text


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become an account that nobody knows")
def test_an_account_without_an_entry_and_without_a_home_is_no_defect(site: Workplace) -> None:
    """HOME is unset and the account is in no passwd: the run says what it may not read."""
    look = ["/bin/sh", "-c", f"test -x {shlex.quote(site.programs.amt[0])}"]
    if subprocess.run(look, check=False, user=UNKNOWN_ACCOUNT).returncode:
        pytest.skip("the program under test lies where only its owner can start it")
    process = subprocess.Popen(
        [*site.programs.amt, *SHORT, "--config", str(site.config)],
        cwd="/",
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path.cwd()), **JOB},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        user=UNKNOWN_ACCOUNT,
        group=UNKNOWN_ACCOUNT,
        extra_groups=(),
    )
    run = ended(process)
    assert run.exit_code in {102, 103}, run.text
    assert "Nothing was started." in run.text
