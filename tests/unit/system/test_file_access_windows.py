"""Who can read a file, on Windows: its access list."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

if sys.platform == "win32":
    import ctypes
    from contextlib import contextmanager

    from amtconnector.system import file_access_windows, files, windows_api

    DACL_OFFSET = 16
    """Where a self-relative security descriptor says how far away its access list is; 0: it has none."""

    @contextmanager
    def access_list(text: str) -> Iterator[ctypes.c_void_p]:
        """Yield the access list that a text in the security descriptor language describes."""
        descriptor = ctypes.c_void_p()
        windows_api.ConvertStringSecurityDescriptorToSecurityDescriptor(text, 1, ctypes.byref(descriptor), None)
        address = descriptor.value or 0
        offset = ctypes.c_uint32.from_address(address + DACL_OFFSET).value
        yield ctypes.c_void_p(address + offset if offset else None)
        windows_api.LocalFree(descriptor)

    @pytest.mark.parametrize(
        "text",
        [
            "D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FR;;;NS)",
            "D:P(A;;FA;;;BA)(A;;RC;;;WD)",
            "D:P(A;;FA;;;BA)(A;;FW;;;WD)",
            "D:P(D;;FR;;;WD)(A;;FA;;;BA)",
            "D:P(A;IO;FR;;;WD)(A;;FA;;;BA)",
            "D:P",
        ],
    )
    def test_a_list_that_lets_no_wide_group_read_is_taken(text: str) -> None:
        """Named accounts may read, and what only denies or only concerns children is no matter."""
        with access_list(text) as acl:
            assert file_access_windows.exposure_by(acl) == ""

    @pytest.mark.parametrize(
        ("text", "groups"),
        [
            ("D:P(A;;FA;;;BA)(A;;FR;;;WD)", "Everyone may"),
            ("D:P(A;;FA;;;BA)(A;;FA;;;BU)", "Users may"),
            ("D:P(A;;FA;;;BA)(A;;GR;;;AU)", "Authenticated Users may"),
            ("D:P(A;;FA;;;BA)(A;;GA;;;IU)", "Interactive may"),
            ("D:(A;;0x1;;;WD)(A;ID;FR;;;BU)", "Everyone, Users may"),
            ("D:P(D;;FR;;;WD)(A;;FR;;;WD)", "Everyone may"),
        ],
    )
    def test_a_list_that_lets_a_wide_group_read_is_an_exposure(text: str, groups: str) -> None:
        """Everyone, Users, Authenticated Users and Interactive are as good as everybody."""
        with access_list(text) as acl:
            assert file_access_windows.exposure_by(acl).startswith(groups)

    def test_no_list_at_all_is_an_exposure() -> None:
        """A file without an access list is everybody's."""
        assert "every account" in file_access_windows.exposure_by(ctypes.c_void_p(None))

    def test_a_new_file_is_for_system_administrators_and_this_account(tmp_path: Path) -> None:
        """The list of a new file inherits nothing; the first of two who make it wins."""
        path = tmp_path / "folder" / "connector.key"
        files.create_directory(path.parent)
        _create(path, b"first")
        with pytest.raises(FileExistsError):
            _create(path, b"second")
        assert path.read_bytes() == b"first"
        assert [entry.name for entry in path.parent.iterdir()] == [path.name]
        with path.open("rb") as file:
            assert file_access_windows.exposure(path, file.fileno()) == ""

    def test_a_replaced_file_keeps_its_list(tmp_path: Path) -> None:
        """An exchange of the content changes nobody's access."""
        path = tmp_path / "connector.key"
        _create(path, b"first")
        before = entries(path)
        files.replace_file(path, b"second", access=files.Access.AS_BEFORE_WITH_OWNER)
        assert path.read_bytes() == b"second"
        assert entries(path) == before
        assert "S-1-5-18" in dict(before)

    def test_refusals_name_the_account_and_the_command(tmp_path: Path) -> None:
        """The commands are icacls, by identifiers that are the same in every language."""
        path = tmp_path / "connector.key"
        assert file_access_windows.account() in file_access_windows.granting_command(path)
        closing = file_access_windows.closing_command(path)
        assert closing.startswith(f'icacls "{path}" /inheritance:r')
        assert all(f'"*{sid}"' in closing for sid in file_access_windows.WIDE_GROUPS)

    def _create(path: Path, content: bytes) -> None:
        files.replace_file(path, content, access=files.Access.OWNER, is_new=True)

    def entries(path: Path) -> list[tuple[str, int]]:
        """Return identifiers and rights of a file's list."""
        with file_access_windows._security(path) as (acl, _):
            return list(windows_api.allowing_entries(acl))
