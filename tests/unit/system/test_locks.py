"""The rules of the lock: one holder at a time, among processes and within one, for as long as the holder lives."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from amtconnector.system import lock_calls, locks
from amtconnector.system.file_owners import ForeignFile

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HOLDER = """
import sys
from pathlib import Path
from amtconnector.system import lock_calls, locks
lock = locks.take(Path(sys.argv[1]))
print("held" if lock else "refused", flush=True)
sys.stdin.read()
"""

CONTENDER = """
import os, sys
from pathlib import Path
from amtconnector.system import lock_calls, locks
lock_path, inside = Path(sys.argv[1]), sys.argv[2]
won = 0
while won < int(sys.argv[3]):
    lock = locks.take(lock_path)
    if lock is None:
        continue
    os.close(os.open(inside, os.O_CREAT | os.O_EXCL))  # fails where somebody else is inside
    os.unlink(inside)
    lock.remove() if won % 2 else lock.release()
    won += 1
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a lock file that does not exist yet."""
    return tmp_path / "run.lock"


@pytest.fixture
def hold() -> Iterator[Callable[[Path], subprocess.Popen[str]]]:
    """Start processes that hold a lock until they are killed or their input ends."""
    holders = []

    def start(path: Path) -> subprocess.Popen[str]:
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        holders.append(holder)
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        return holder

    yield start
    for holder in holders:
        holder.kill()
        holder.communicate()


def is_refused_elsewhere(path: Path) -> bool:
    """Let another process try the lock once."""
    answer = subprocess.run(
        [sys.executable, "-c", HOLDER, str(path)], input="", capture_output=True, text=True, check=True
    )
    return answer.stdout == "refused\n"


def test_a_lock_of_another_process_is_refused_and_seen(path: Path, hold: Callable[[Path], object]) -> None:
    """While a process holds the lock, nobody else gets it."""
    hold(path)
    assert locks.take(path) is None
    assert locks.is_taken(path)


def test_a_lock_is_refused_to_its_own_process_too(path: Path) -> None:
    """A POSIX lock would be granted twice to one process; this one is not, however its path is spelled."""
    lock = locks.take(path)
    assert lock
    assert locks.take(path.parent / "." / path.name) is None
    assert locks.is_taken(path)
    lock.release()
    assert not locks.is_taken(path)


def test_looking_at_a_lock_of_ones_own_does_not_lose_it(path: Path) -> None:
    """Closing any descriptor of the file would drop a POSIX lock: so looking opens none."""
    lock = locks.take(path)
    assert lock
    assert locks.is_taken(path)
    assert locks.take(path) is None
    assert is_refused_elsewhere(path)
    lock.release()
    assert not is_refused_elsewhere(path)


def test_a_killed_process_leaves_no_lock(path: Path, hold: Callable[[Path], subprocess.Popen[str]]) -> None:
    """The system gives the lock back however the process ends."""
    holder = hold(path)
    holder.kill()
    holder.wait()
    assert not locks.is_taken(path)
    lock = locks.take(path)
    assert lock
    lock.release()


def test_looking_for_a_lock_makes_no_file(path: Path) -> None:
    """Where there is no lock file, there is no lock, and none is made by asking."""
    assert not locks.is_taken(path)
    assert not path.exists()


def test_released_twice_is_released_once(path: Path) -> None:
    """A second release does not touch the lock that somebody else has taken meanwhile."""
    first = locks.take(path)
    assert first
    first.release()
    second = locks.take(path)
    assert second
    first.release()
    first.remove()
    assert path.exists()
    assert is_refused_elsewhere(path)
    assert (first.is_held, second.is_held) == (False, True)
    second.remove()
    assert not path.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="an open file can't be removed there")
def test_a_lock_on_a_file_that_has_lost_its_name_is_not_taken(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between opening and locking the file may be removed: the lock must be on the file that others will find."""
    real = lock_calls.try_lock
    attempts = []

    def lock_after_removal(descriptor: int, *, is_shared: bool) -> bool:
        attempts.append(descriptor)
        if len(attempts) == 1:
            path.unlink()
        return real(descriptor, is_shared=is_shared)

    monkeypatch.setattr(locks, "try_lock", lock_after_removal)
    lock = locks.take(path)
    assert lock
    assert len(attempts) == 2
    assert is_refused_elsewhere(path)
    lock.release()


@pytest.mark.skipif(sys.platform == "win32", reason="an open file can't be removed there")
def test_a_lock_file_that_never_stays_is_a_failure(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that shows another file each time ends as an error, not in a loop."""
    monkeypatch.setattr(locks, "is_still_named", lambda _name, _descriptor: False)
    with pytest.raises(OSError, match="removed over and over"):
        locks.take(path)
    monkeypatch.undo()
    lock = locks.take(path)
    assert lock
    lock.release()


def test_a_file_system_without_locks_is_a_failure_and_not_a_lock(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only "held by another" means held; anything else is told to the caller, and nothing stays taken."""

    def fail(*_: object, **__: object) -> bool:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(locks, "try_lock", fail)
    with pytest.raises(OSError, match="lock"):
        locks.take(path)
    with pytest.raises(OSError, match="lock"):
        locks.is_taken(path)
    monkeypatch.undo()
    lock = locks.take(path)
    assert lock
    lock.release()


def test_a_directory_that_is_missing_is_a_failure(path: Path) -> None:
    """A lock makes its file, not its directory, and a failure leaves nothing taken."""
    with pytest.raises(FileNotFoundError):
        locks.take(path / "missing" / "run.lock")
    assert not locks.is_taken(path / "missing" / "run.lock")


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
@pytest.mark.parametrize(
    ("directory_mode", "file_mode"), [(0o700, 0o600), (0o770, 0o660), (0o750, 0o600), (0o755, 0o600)]
)
@pytest.mark.parametrize("is_there", [False, True])
def test_a_lock_is_for_those_alone_who_may_write_its_directory(
    path: Path, directory_mode: int, file_mode: int, *, is_there: bool
) -> None:
    """Accounts that share a directory can all take its locks; who may only read it could hold one by a shared lock."""
    path.parent.chmod(directory_mode)
    if is_there:
        path.touch(0o644)
    lock = locks.take(path)
    assert lock
    lock.release()
    assert path.stat().st_mode & 0o777 == file_mode


def test_processes_that_remove_the_lock_file_never_hold_it_together(path: Path, tmp_path: Path) -> None:
    """Taking, releasing and removing at the same time: at no moment are two processes inside."""
    command = [sys.executable, "-c", CONTENDER, str(path), str(tmp_path / "inside"), "200"]
    contenders = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    errors = [contender.communicate()[1] for contender in contenders]
    assert errors == [""] * 4
    assert [contender.returncode for contender in contenders] == [0] * 4


@pytest.mark.skipif(sys.platform != "linux", reason="POSIX leaves the number to the system")
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EACCES, errno.EOPNOTSUPP])
def test_a_lock_that_the_system_refuses_is_not_one_that_is_held(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """No locks on a share, or a security module: the system's words, not "another process is running this job"."""

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.lockf", refuse)
    with pytest.raises(locks.LockRefused, match="locks are refused there"):
        locks.take(path)


@pytest.mark.skipif(sys.platform == "win32", reason="owners are looked at by other means there")
def test_a_lock_file_of_a_stranger_is_replaced(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever planted it could hold it for ever; nobody who may is at work there."""
    path.write_text("planted")

    def foreign(looked_at: Path, descriptor: int | None) -> str:
        assert descriptor is not None
        return "'mallory'" if looked_at.exists() and looked_at.read_text() == "planted" else ""

    monkeypatch.setattr("amtconnector.system.file_owners.foreign_owner", foreign)
    assert not locks.is_taken(path)
    lock = locks.take(path)
    assert lock is not None
    assert path.read_text() == ""
    lock.release()


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
def test_a_lock_file_that_everybody_may_write_is_replaced_where_nobody_holds_it(
    path: Path, hold: Callable[[Path], object]
) -> None:
    """Anybody could hold it for ever; where it is held it may be by a run, and a run is not cut out."""
    path.touch()
    path.chmod(0o666)
    with path.open() as planted:  # else its number may be given to the new file
        lock = locks.take(path)
        assert not os.path.samestat(os.fstat(planted.fileno()), path.stat())
    assert lock is not None
    assert not path.stat().st_mode & 0o002
    lock.release()
    hold(path)
    path.chmod(0o666)
    assert locks.is_taken(path)
    assert locks.take(path) is None


@pytest.mark.skipif(sys.platform == "win32", reason="an open file can't be removed there")
def test_a_planted_lock_that_another_process_has_just_replaced_is_not_replaced_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slower one must not remove what the quicker one holds: both would start the task."""
    path.write_text("planted")
    quick: list[int] = []

    def foreign(_: Path, descriptor: int | None) -> str:
        if descriptor is None or os.fstat(descriptor).st_size == 0:
            return ""
        path.unlink()  # between our look and our removal
        path.touch()
        quick.append(path.stat().st_ino)
        return "'mallory'"

    monkeypatch.setattr("amtconnector.system.file_owners.foreign_owner", foreign)
    assert locks.take(path) is not None
    assert [path.stat().st_ino] == quick


@pytest.mark.skipif(sys.platform == "win32", reason="folders are not locked there")
def test_a_planted_lock_is_left_where_somebody_keeps_the_folder_locked(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it can't be told who else replaces it: the run ends and says whose file is in the way."""
    path.write_text("planted")
    monkeypatch.setattr("amtconnector.system.file_owners.foreign_owner", lambda *_: "'mallory'")
    monkeypatch.setattr("amtconnector.system.lock_calls.REPLACING_PATIENCE_S", 0)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        with pytest.raises(ForeignFile, match="'mallory'"):
            locks.take(path)
    finally:
        os.close(folder)
