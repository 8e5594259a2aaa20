"""What a local user without rights puts, beforehand, where the connector looks: it decides nothing and exposes nothing.

A second account is made by becoming one in a child process, which only root can do.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.workplace import opcon_job, start_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.end_to_end.installation import Ended
    from tests.end_to_end.workplace import SharedSimulator, Workplace

if sys.platform != "win32":
    import fcntl

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root can be a second account as well"
)

ROOT = Path(__file__).parents[2]
STRANGER = 54321
SHORT, LONGER = start_of("SHORT"), start_of("LONGER")
JOB = opcon_job()


def plant(script: str, *arguments: object) -> None:
    """Run shell commands as an account that has nothing to do with the connector."""
    command = ["sh", "-euc", f"umask 0; {script}", "sh", *map(str, arguments)]
    subprocess.run(command, user=STRANGER, group=STRANGER, extra_groups=[], cwd="/", check=True, timeout=20)


@contextmanager
def held_by_stranger(lock: Path) -> Iterator[None]:
    """Let the stranger hold a lock; his process is a fork of this one, for he can't read this interpreter."""
    told, tells = os.pipe()
    holder = os.fork()
    if holder == 0:
        os.setgroups([])
        os.setgid(STRANGER)
        os.setuid(STRANGER)
        fcntl.lockf(os.open(lock, os.O_RDWR), fcntl.LOCK_EX, 1, 0, os.SEEK_SET)
        os.write(tells, b"held")
        signal.pause()
        os._exit(0)
    try:
        assert os.read(told, 4) == b"held"
        yield
    finally:
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)
        os.close(told)
        os.close(tells)


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Return a folder that everybody may pass, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="amt-planted-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def assert_refused(run: Ended, simulator: SharedSimulator, path: Path, *words: str) -> None:
    """See that a run ended with 102 before anything was sent, and named the path and the words."""
    assert run.exit_code == 102, run.text
    assert "can't be trusted" in run.text
    assert all(word in run.text for word in (str(path), "Nothing was started", *words)), run.text
    assert simulator.tasks() == []


def mend(run: Ended) -> None:
    """Do what the run printed as commands."""
    lines = re.findall(r" : ((?:chown|chmod|setfacl) .*)", run.text)
    assert lines, run.text
    for line in lines:
        subprocess.run(line, shell=True, check=True)  # noqa: S602  # as it is told


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o703])
def test_a_run_directory_that_others_may_write_is_refused_until_it_is_closed(
    site: Workplace, simulator: SharedSimulator, mode: int
) -> None:
    """102 with the command that mends it, after which the job runs."""
    site.runs.mkdir()
    site.runs.chmod(mode)
    refused = site.run(*SHORT, environment=JOB)
    assert_refused(refused, simulator, site.runs, "every account of this machine may write it", "chmod o-rwx")
    mend(refused)
    assert site.run(*SHORT, environment=JOB).exit_code == 4


def test_a_run_directory_that_was_made_by_a_stranger_is_refused(site: Workplace, simulator: SharedSimulator) -> None:
    """Its owner could change it at any time; a sticky folder above does not help who makes it first."""
    site.folder.chmod(0o1777)
    plant('mkdir "$1"', site.runs)
    refused = site.run(*SHORT, environment=JOB)
    assert_refused(refused, simulator, site.runs, f"it belongs to the account number {STRANGER}", "chown ")
    mend(refused)
    with pytest.raises(subprocess.CalledProcessError):
        plant(': > "$1"', site.runs / "by his group")
    assert site.run(*SHORT, environment=JOB).exit_code == 4


def test_a_list_that_a_stranger_gave_his_folder_goes_with_him(site: Workplace) -> None:
    """What he granted, himself most of all, is no grant of somebody who may."""
    if shutil.which("setfacl") is None:
        pytest.skip("there is no setfacl")
    site.folder.chmod(0o1777)
    plant('mkdir "$1"; setfacl -m "u:$2:rwx,d:u:$2:rwx" "$1"', site.runs, STRANGER)
    mend(site.run(*SHORT, environment=JOB))
    assert site.run(*SHORT, environment=JOB).exit_code == 4
    assert os.listxattr(site.runs) == []
    site.runs.chmod(0o2770)
    with pytest.raises(subprocess.CalledProcessError):
        plant('ls "$1"', site.runs)


def test_a_strangers_configuration_that_is_found_first_is_refused(site: Workplace, simulator: SharedSimulator) -> None:
    """A copy with another server would be sent the account: encrypted values can be read, and travel with a copy."""
    work = site.folder / "work"
    work.mkdir()
    work.chmod(0o1777)
    program = site.folder / "bin" / "amt"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nfrom amtconnector.__main__ import main\nmain()\n")
    program.chmod(0o755)
    shutil.copy(site.config, program.parent)
    command = ["env", "-C", str(work), f"PYTHONPATH={ROOT}", *(f"{name}={text}" for name, text in JOB.items())]
    shutil.move(site.folder / "connector.key", program.parent)
    assert site.run_bare(*command, str(program), *SHORT).exit_code == 4
    simulator.refresh()
    plant('cp "$1" "$2"', site.config, work)
    run = site.run_bare(*command, str(program), *SHORT)
    assert run.exit_code == 102, run.text
    assert f"the first may be planted: it belongs to the account number {STRANGER}" in run.text
    assert simulator.tasks() == []
    (work / "Connector.config").unlink()
    assert site.run_bare(*command, str(program), *SHORT).exit_code == 4


def test_a_folder_above_that_others_may_write_is_refused(site: Workplace, simulator: SharedSimulator) -> None:
    """Who may rename a folder on the way decides what is found below it, before and after it is made."""
    open_folder = site.folder / "open"
    open_folder.mkdir()
    open_folder.chmod(0o777)
    site.write_config({"RUN_DIRECTORY": "open/runs"})
    refused = site.run(*SHORT, environment=JOB)
    assert_refused(refused, simulator, open_folder, "by a folder on the way to it", f"chmod o-w {open_folder}")
    mend(refused)
    assert site.run(*SHORT, environment=JOB).exit_code == 4


def test_a_link_of_a_strangers_on_the_way_is_refused(site: Workplace, simulator: SharedSimulator) -> None:
    """It leads wherever its owner likes, today to a folder that is closed."""
    closed = site.folder / "closed"
    closed.mkdir(mode=0o700)
    site.folder.chmod(0o1777)
    plant('ln -s "$1" "$2"', closed, site.runs)
    refused = site.run(*SHORT, environment=JOB)
    leads = f"it belongs to the account number {STRANGER} and leads to {closed}"
    assert_refused(refused, simulator, site.runs, leads, f"rm {site.runs}")
    site.runs.unlink()
    assert site.run(*SHORT, environment=JOB).exit_code == 4
    assert list(closed.iterdir()) == []


def test_nothing_is_made_in_a_strangers_folder(site: Workplace, simulator: SharedSimulator) -> None:
    """It could be swapped for a link to any folder meanwhile."""
    site.folder.chmod(0o1777)
    plant('mkdir "$1"', site.runs)
    site.write_config({"RUN_DIRECTORY": "runs/below"})
    assert_refused(site.run(*SHORT, environment=JOB), simulator, site.runs, "by a folder on the way to it")
    assert list(site.runs.iterdir()) == []


def planted_record(site: Workplace, simulator: SharedSimulator, **members: object) -> Path:
    """Let the stranger plant tomorrow's record, as good as one that the connector writes."""
    assert site.run(*SHORT, environment=JOB).exit_code == 4
    [path] = site.runs.glob("*.json")
    record = {**json.loads(path.read_text("ascii")), **members}
    lines = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in record.items())
    content = "{\n" + ",\n".join(lines) + "\n}\n"
    path.unlink()
    simulator.refresh()
    site.runs.chmod(0o777)
    plant('printf %s "$1" > "$2"', content, path)
    site.runs.chmod(0o700)
    return path


@pytest.mark.parametrize(
    "members",
    [
        {"state": "submitted", "request_id": "1", "exit_code": None},
        {"state": "finished", "request_id": "1", "exit_code": 4, "status": "DONE"},
        {"state": "not started"},
    ],
    ids=["submitted", "finished", "not started"],
)
def test_a_strangers_record_is_damaged_and_never_an_end(
    site: Workplace, simulator: SharedSimulator, members: dict[str, object]
) -> None:
    """A record from before the directory was closed is told by its owner: 104, and nothing is started or reported."""
    path = planted_record(site, simulator, **members)
    run = site.run(*SHORT, environment=JOB)
    assert run.exit_code == 104, run.text
    assert f"it belongs to the account number {STRANGER}" in run.text
    assert str(path) in run.text
    assert simulator.tasks() == []
    listed = site.run_bare(*site.programs.amt, "runs", "--config", str(site.config))
    assert f"it belongs to the account number {STRANGER}" in listed.text
    run_id = listed.text.split("damaged-")[1][:10]
    released = site.run(*SHORT, "--release", f"damaged-{run_id}", environment=JOB)
    assert released.exit_code == 4, released.text


def test_the_good_end_of_one_job_is_not_that_of_another(site: Workplace, simulator: SharedSimulator) -> None:
    """Renamed while the directory is open, a record stays the connector's own file; it says which file it was."""
    assert site.run(*SHORT, environment=opcon_job("Another")).exit_code == 4
    [other] = site.runs.glob("*.json")
    assert site.run(*SHORT, environment=JOB).exit_code == 4
    [own] = set(site.runs.glob("*.json")) - {other}
    simulator.refresh()
    site.runs.chmod(0o777)
    plant('mv "$1" "$2"', other, own)
    site.runs.chmod(0o700)
    run = site.run(*SHORT, environment=JOB)
    assert run.exit_code == 104, run.text
    assert "it is the record of another job" in run.text
    assert simulator.tasks() == []


def test_who_may_only_read_the_run_directory_holds_no_lock(site: Workplace) -> None:
    """A shared lock, which reading is enough for, would keep every run of the job out."""
    site.runs.mkdir(mode=0o755)
    assert site.run(*SHORT, environment=JOB).exit_code == 4
    [record] = site.runs.glob("*.json")
    with pytest.raises(subprocess.CalledProcessError):
        plant('exec 3< "$1"', record.with_suffix(".lock"))


def test_a_strangers_lock_is_replaced_by_one_run_alone(site: Workplace, simulator: SharedSimulator) -> None:
    """However many start at once: who comes second must not remove what the first one holds."""
    assert site.run(*LONGER, environment=JOB).exit_code == 4
    [record] = site.runs.glob("*.json")
    lock = record.with_suffix(".lock")
    record.unlink()
    lock.unlink()
    simulator.refresh()
    site.runs.chmod(0o777)
    plant(': > "$1"', lock)
    site.runs.chmod(0o700)
    with ThreadPoolExecutor(4) as pool:
        ends = list(pool.map(lambda _: site.run(*LONGER, environment=JOB), range(4)))
    assert sorted(end.exit_code for end in ends) == [4, 104, 104, 104], [end.text for end in ends]
    assert len(simulator.tasks()) == 1


def test_a_strangers_lock_stops_nothing(site: Workplace) -> None:
    """A lock file from before the directory was closed is replaced, however long its owner holds the lock."""
    assert site.run(*SHORT, environment=JOB).exit_code == 4
    [record] = site.runs.glob("*.json")
    lock = record.with_suffix(".lock")
    lock.unlink()
    site.runs.chmod(0o777)
    plant(': > "$1"', lock)
    with held_by_stranger(lock):
        site.runs.chmod(0o700)
        assert site.run(*SHORT, environment=JOB).exit_code == 4


def test_what_is_no_file_in_the_run_directory_keeps_no_run_waiting(site: Workplace) -> None:
    """Pipes, sockets, folders and links in the places of notes, stamps and locks of others change nothing."""
    assert site.run(*SHORT, environment=JOB).exit_code == 4
    for path in [*site.runs.glob("*.note"), *site.runs.glob("*.lock")]:
        if "-" in path.name and path.suffix == ".lock" and path.with_suffix(".json").exists():
            continue
        path.unlink()
        os.mkfifo(path)
    run = site.run(*SHORT, environment=JOB, timeout_s=60)
    assert run.exit_code == 4, run.text


@pytest.mark.parametrize("ending", [".json", ".lock"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "link"])
def test_what_is_no_file_in_the_place_of_a_record_or_its_lock_ends_a_run_at_once(
    site: Workplace, simulator: SharedSimulator, ending: str, kind: str
) -> None:
    """102 with what lies there and what to do, and nothing is started."""
    assert site.run(*SHORT, environment=JOB).exit_code == 4
    simulator.refresh()
    [record] = site.runs.glob("*.json")
    path = record.with_suffix(ending)
    path.unlink()
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case _:
            path.symlink_to("/etc/passwd")
    run = site.run(*SHORT, environment=JOB, timeout_s=60)
    assert run.exit_code == 102, run.text
    assert f"{kind}" in run.text
    assert str(path) in run.text
    assert simulator.tasks() == []


def test_a_strangers_link_in_the_place_of_the_logs_leads_nowhere(site: Workplace) -> None:
    """Logs are written in the run directory or not at all."""
    elsewhere = site.folder / "elsewhere"
    elsewhere.mkdir()
    site.runs.mkdir()
    site.runs.chmod(0o777)
    plant('ln -s "$1" "$2"', elsewhere, site.runs / "logs")
    site.runs.chmod(0o700)
    assert site.run(*SHORT, environment=JOB).exit_code == 4
    assert list(elsewhere.iterdir()) == []


def test_a_planted_key_is_neither_used_nor_encrypted_with(site: Workplace, simulator: SharedSimulator) -> None:
    """A key that a stranger knows would tell him the account: Encrypt and runs refuse it, and say what to do."""
    key = site.folder / "connector.key"
    content = key.read_text("ascii")
    key.unlink()
    site.folder.chmod(0o1777)
    plant('umask 077; printf %s "$1" > "$2"', content, key)
    site.folder.chmod(0o755)
    before = site.config.read_bytes()
    run = site.run(*SHORT, environment=JOB)
    assert run.exit_code == 103, run.text
    assert f"it belongs to the account number {STRANGER}" in run.text
    assert f"chown root {key}" in run.text
    assert simulator.tasks() == []
    encrypted = site.encrypt("--set", "PASSWORD", "-v", "-", entered=b"secret\n")
    assert encrypted.exit_code != 0
    assert site.config.read_bytes() == before


def test_a_pipe_as_the_key_file_keeps_no_run_waiting(site: Workplace) -> None:
    """KEY_FILE names a file."""
    key = site.folder / "connector.key"
    key.unlink()
    os.mkfifo(key, 0o600)
    run = site.run(*SHORT, environment=JOB, timeout_s=60)
    assert run.exit_code == 103, run.text


def test_others_who_may_change_connector_config_are_one_warning_and_a_failed_step(site: Workplace) -> None:
    """An existing site keeps running; `amt check` fails the step and prints the command that closes it."""
    site.config.chmod(0o666)
    run = site.run(*SHORT, environment=JOB)
    assert run.exit_code == 4
    [warning] = [line for line in run.lines if line.startswith("Warning: Others may change")]
    assert f"Connector.config ({site.config}: every account of this machine may write it)" in warning
    checked = site.run_bare(*site.programs.amt, "check", "--no-logon", "--config", str(site.config))
    assert checked.exit_code == 102
    assert "FAILED   access rights" in checked.text
    assert f"chmod o-w {site.config}" in checked.text
    site.config.chmod(0o664)
    assert "Others may change" not in site.run(*SHORT, environment=JOB).text
