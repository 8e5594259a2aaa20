"""Who may own, write and read what is trusted on POSIX, and what mends it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from amtconnector.system import file_access
from amtconnector.system.file_access import Place

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="owners and modes are POSIX's")

if sys.platform != "win32":
    from amtconnector.system import access_commands_posix, file_access_posix, file_owners_posix
    from amtconnector.system.file_access_rules import reading_fault, writing_fault

    ALLOWED = frozenset({"0", "1000"})

    def status(mode: int, uid: int = 1000, gid: int = 50) -> os.stat_result:
        """Return the status of a file or folder with this mode and owner."""
        return os.stat_result((mode, 1, 1, 1, uid, gid, 0, 0, 0, 0))

    def fault(mode: int, place: Place, uid: int = 1000) -> str:
        """Say who may change it and must not."""
        return writing_fault(file_access_posix.access_of(status(mode, uid), place, ALLOWED), file_access_posix.name_of)

    @pytest.mark.parametrize("place", [Place.ABOVE, Place.FOLDER, Place.FILE])
    @pytest.mark.parametrize("mode", [0o700, 0o755, 0o770, 0o2775, 0o640])
    def test_what_its_owner_and_its_group_may_write_is_trusted(place: Place, mode: int) -> None:
        """The file's group is let in by its bits; reading is another question."""
        kind = stat.S_IFREG if place is Place.FILE else stat.S_IFDIR
        assert fault(kind | mode, place) == ""

    @pytest.mark.parametrize("place", [Place.ABOVE, Place.FOLDER, Place.FILE])
    def test_what_everybody_may_write_is_not(place: Place) -> None:
        """The bits of all others are everybody's."""
        assert fault(stat.S_IFDIR | 0o757, place) == "every account of this machine may write it"

    def test_a_sticky_folder_passes_on_the_way_and_not_as_the_place_itself() -> None:
        """In one that is sticky nobody renames or removes what is another's, but everybody may add."""
        assert fault(stat.S_IFDIR | 0o1777, Place.ABOVE) == ""
        assert fault(stat.S_IFDIR | 0o1777, Place.FOLDER) != ""

    @pytest.mark.parametrize("place", list(Place))
    def test_what_a_stranger_owns_is_not_trusted_whatever_its_mode(place: Place) -> None:
        """Its owner may change the mode at any time; the same holds for a link."""
        assert fault(stat.S_IFDIR | 0o700, place, uid=54321) == "it belongs to the account number 54321"
        assert fault(stat.S_IFLNK | 0o777, place, uid=54321) == "it belongs to the account number 54321"
        assert fault(stat.S_IFLNK | 0o777, place) == ""

    def test_a_group_that_reads_is_let_in_and_everybody_is_not() -> None:
        """0640 with a group of the job accounts is right."""
        readable = [
            file_access_posix.access_of(status(stat.S_IFREG | mode), Place.FILE, ALLOWED) for mode in (0o640, 0o644)
        ]
        assert [reading_fault(one, file_access_posix.name_of) for one in readable] == [
            "",
            "every account of this machine may read it",
        ]

    def test_every_folder_and_link_on_the_way_is_passed(tmp_path: Path) -> None:
        """A link leads through folders that its path does not show; what is not there yet ends the way."""
        real = tmp_path / "real" / "deep"
        real.mkdir(parents=True)
        (tmp_path / "link").symlink_to("real/../real/deep")
        passed = [path for path, _ in file_access_posix.way_to(tmp_path / "link" / "runs" / "later")]
        assert passed[-4:] == [tmp_path / "real", tmp_path, tmp_path / "real", real]
        assert tmp_path / "link" in passed

    def test_links_in_a_circle_end(tmp_path: Path) -> None:
        """Who makes one keeps nobody busy."""
        (tmp_path / "a").symlink_to("b")
        (tmp_path / "b").symlink_to("a")
        assert len(list(file_access_posix.way_to(tmp_path / "a" / "c"))) < 200

    def test_the_fault_nearest_to_the_root_is_told_with_what_mends_it(tmp_path: Path) -> None:
        """Whoever changes a folder on the way decides what is below it."""
        runs = tmp_path / "open" / "runs"
        runs.mkdir(parents=True)
        runs.chmod(0o777)
        runs.parent.chmod(0o777)
        allowed = file_access.owners(None)
        found = file_access.find_fault(runs, Place.FOLDER, allowed, is_run_directory=True)
        assert found is not None
        assert (found.path, found.commands) == (runs.parent, f"chmod o-w {runs.parent}")
        runs.parent.chmod(0o755)
        found = file_access.find_fault(runs, Place.FOLDER, allowed, is_run_directory=True)
        assert found is not None
        assert (found.path, found.commands) == (runs, f"chmod o-rwx {runs}")
        file_access.close(runs)
        assert file_access.find_fault(runs, Place.FOLDER, allowed, is_run_directory=True) is None

    def test_an_owner_in_the_group_that_the_folder_lets_write_may_put_files_there(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Several job accounts of one group work in one directory; in a folder without that bit they may not."""
        file = tmp_path / "file"
        file.write_text("")
        monkeypatch.setattr(os, "geteuid", lambda: 4242)
        monkeypatch.setattr(file_owners_posix, "ROOT", 4243)
        monkeypatch.setattr(file_owners_posix, "_is_member", lambda uid, _gid: uid == 77)
        monkeypatch.setattr(os, "fstat", lambda _descriptor: status(stat.S_IFREG | 0o660, uid=77))
        tmp_path.chmod(0o770)
        assert file_owners_posix.foreign_owner(file, 0) == ""
        tmp_path.chmod(0o750)
        assert file_owners_posix.foreign_owner(file, 0) == "the account number 77"

    def test_the_command_that_lets_an_account_write_opens_what_is_in_the_folder(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Else its logs and locks stay closed, and the same command is printed for ever."""
        runs, logs, lock = tmp_path / "runs", tmp_path / "runs" / "logs", tmp_path / "runs" / "x.lock"
        logs.mkdir(mode=0o700, parents=True)
        lock.touch(0o600)
        with monkeypatch.context() as another_account:
            another_account.setattr(os, "geteuid", lambda: 4242)
            command = access_commands_posix.granting_writes(runs)
        subprocess.run(["/bin/sh", "-c", command], check=True)
        assert [stat.S_IMODE(path.stat().st_mode) for path in (runs, logs, lock)] == [0o2770, 0o2770, 0o660]

    def test_on_a_share_the_owner_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The server of a share may show every owner as another one."""
        mounts = tmp_path / "mountinfo"
        mounts.write_text(
            "36 35 0:47 / /net rw,relatime shared:1 - nfs4 server:/runs rw\n7 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        )
        monkeypatch.setattr(file_owners_posix, "_MOUNTS", mounts)
        on_share = os.stat_result((0, 1, os.makedev(0, 47), 1, 0, 0, 0, 0, 0, 0))
        on_disk = os.stat_result((0, 1, os.makedev(8, 1), 1, 0, 0, 0, 0, 0, 0))
        assert [file_owners_posix.is_on_share(one) for one in (on_share, on_disk)] == [True, False]

    def test_a_file_that_another_group_reads_is_joined_and_not_taken_away(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A file has one group: a second chgrp would shut the first account out again."""
        key = tmp_path / "connector.key"
        key.write_text("")
        key.chmod(0o640)
        monkeypatch.setattr(file_owners_posix, "group_name", lambda gid: f"group{gid}")
        monkeypatch.setattr(type(key), "stat", lambda _path: status(stat.S_IFREG | 0o640, gid=4711))
        assert file_access.granting_command(key).startswith("usermod -aG group4711 ")
        monkeypatch.setattr(type(key), "stat", lambda _path: status(stat.S_IFREG | 0o600, gid=4711))
        assert file_access.granting_command(key) == f"chgrp group{os.getegid()} {key} && chmod 640 {key}"
        monkeypatch.setattr(type(key), "stat", lambda _path: status(stat.S_IFREG | 0o600, gid=os.getegid()))
        assert file_access.granting_command(key) == f"chmod 640 {key}"

    def test_a_folder_that_can_not_be_entered_comes_first_and_alone(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is below it can't be seen, so nothing is guessed about it."""
        monkeypatch.setattr(access_commands_posix, "_can_enter", lambda folder: folder != tmp_path)
        assert file_access.granting_command(tmp_path / "connector.key") == f"chmod a+x {tmp_path}"
