"""Who may change a file besides administrators: POSIX modes, and access lists of Windows as icacls saves them."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

import pytest

from amtconnector.lab.acceptance import access

if TYPE_CHECKING:
    from pathlib import Path

FOLDER, FILE = stat.S_IFDIR, stat.S_IFREG
OWN = access.own_user_id()
STRANGER = 54321
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")


def status(mode: int, *, owner: int = OWN, group: int = 0) -> os.stat_result:
    """Return what stat says of something with this mode."""
    return os.stat_result((mode, 0, 0, 0, owner, group, 0, 0, 0, 0))


@POSIX
@pytest.mark.parametrize(
    ("found", "is_above", "said"),
    [
        (status(FILE | 0o644), False, ""),
        (status(FOLDER | 0o755, owner=0), False, ""),
        (status(FILE | 0o646), False, "every account may change it"),
        (status(FOLDER | 0o1777), False, "every account may change it"),
        (status(FOLDER | 0o1777), True, ""),
        (status(FOLDER | 0o777), True, "every account may change it"),
        (status(FILE | 0o664, group=STRANGER), False, f"group {STRANGER} may change it"),
        (status(FILE | 0o644, owner=STRANGER), False, f"account {STRANGER} owns it"),
        (status(stat.S_IFLNK | 0o777), False, ""),
    ],
)
def test_modes_tell_who_may_change_something(found: os.stat_result, said: str, *, is_above: bool) -> None:
    """A sticky folder protects what others own in it, not itself."""
    assert access.posix_writers(found, is_above=is_above) == said


@POSIX
def test_a_file_deep_inside_counts(tmp_path: Path) -> None:
    """A library that everybody may exchange is the program that everybody may exchange."""
    library = tmp_path / "_internal" / "library.so"
    library.parent.mkdir()
    library.touch(0o644)
    tmp_path.chmod(0o755)
    assert access.ordinary_writers(tmp_path) == ""
    library.chmod(0o666)
    assert access.ordinary_writers(tmp_path) == f"{library}: every account may change it"


@pytest.mark.parametrize(
    ("descriptor", "groups"),
    [
        ("D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)", []),
        ("D:AI(A;OICIID;0x1301bf;;;AU)(A;OICIID;FA;;;SY)", ["Authenticated Users"]),
        ("D:(A;;FA;;;WD)", ["Everyone"]),
        ("D:(A;;FW;;;S-1-5-32-545)(A;;GW;;;IU)", ["Interactive", "Users"]),
        ("D:(A;OICIIO;FA;;;BU)", []),
        ("D:(D;;FA;;;BU)", []),
        ("D:(A;;FR;;;BU)S:(AU;SA;FA;;;WD)", []),
        ("D:(A;;DCLCRPCR;;;BU)", ["Users"]),
    ],
)
def test_access_lists_tell_who_may_write(descriptor: str, groups: list[str]) -> None:
    """Read and execute are no write; entries for children only, denials and audits are none either."""
    assert access.allowed_by(descriptor, access.WRITE) == groups
