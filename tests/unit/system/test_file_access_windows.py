"""Who owns, writes and reads a file on Windows: what the system itself says of files that are made here."""

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

    from amtconnector.system import (
        access_lists_windows,
        file_access,
        file_access_windows,
        file_owners_windows,
        files,
        files_windows,
        security_descriptor,
        windows_api,
    )
    from amtconnector.system import file_access_sids as sids
    from amtconnector.system.file_access import Place
    from tests.support.sddl import descriptor

    @contextmanager
    def made_by_windows(text: str) -> Iterator[bytes]:
        """Yield the bytes that Windows itself makes of a text in the security descriptor language."""
        with windows_api.descriptor_from(text) as made:
            yield ctypes.string_at(made.value or 0, windows_api.GetSecurityDescriptorLength(made))

    @pytest.mark.parametrize(
        "text",
        [
            "O:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;ID;FR;;;NS)",
            "O:SYD:(A;CI;0x4;;;AU)(A;OICIIO;GA;;;CO)(D;;FR;;;WD)",
            "O:S-1-5-21-1-2-3-1001D:P(A;;GR;;;S-1-5-21-1-2-3-513)",
            "O:BAD:P",
            "O:BA",
        ],
    )
    def test_descriptors_are_read_as_windows_makes_them(text: str) -> None:
        """The tests of the rules, which run on every system, use descriptors made in the same form."""
        with made_by_windows(text) as content:
            assert security_descriptor.parse(content) == security_descriptor.parse(descriptor(text))

    def test_a_new_folder_and_what_is_in_it_is_for_system_administrators_and_this_account(tmp_path: Path) -> None:
        """The machine's folder inherits nothing, so no other user may add a file."""
        folder = tmp_path / "machine" / "runs"
        files.create_directory(folder)
        found = file_owners_windows.security_of(folder)
        assert not [entry.sid for entry in found.entries or () if entry.rights & 0x2 and sids.wide_name(entry.sid)]
        allowed = file_access.owners(None)
        assert file_access.own_fault(folder, Place.FOLDER, allowed) is None
        (folder / "record.json").write_text("")
        assert file_access.own_fault(folder / "record.json", Place.FILE, allowed) is None

    def test_a_new_key_file_is_not_exposed_and_stays_so(tmp_path: Path) -> None:
        """Its list is its own from its first moment on, and is kept when its content is replaced."""
        path = tmp_path / "folder" / "connector.key"
        files.create_directory(path.parent, is_open=True)
        files.replace_file(path, b"first", access=files.Access.OWNER, is_new=True)
        before = file_owners_windows.security_of(path)
        files.replace_file(path, b"second", access=files.Access.AS_BEFORE)
        assert path.read_bytes() == b"second"
        assert file_owners_windows.security_of(path).entries == before.entries
        with path.open("rb") as file:
            assert file_access.exposure(path, file.fileno()) == ""
            assert file_owners_windows.foreign_owner(path, file.fileno()) == ""

    def test_a_folder_can_be_closed(tmp_path: Path) -> None:
        """What version 1.0 left open is given a list of its own."""
        access_lists_windows.close(tmp_path)
        assert file_access.own_fault(tmp_path, Place.FOLDER, file_access.owners(None)) is None

    def test_refusals_name_the_account_and_the_command(tmp_path: Path) -> None:
        """The commands are icacls, by identifiers that are the same in every language."""
        path = tmp_path / "connector.key"
        path.write_text("")
        assert file_access.account() in file_access.granting_command(path)
        closing = file_access.closing_command(path)
        assert closing.startswith(f"icacls {file_access.quoted(str(path))} /inheritance:r")
        assert f'"*{sids.SYSTEM}:F"' in closing

    def test_a_name_is_looked_up_and_an_unknown_one_is_its_number() -> None:
        """Messages name accounts; the wide groups have one name in every language."""
        assert file_access_windows.name_of(sids.EVERYONE) == "Everyone"
        assert file_access_windows.name_of("S-1-5-21-1-2-3-4711") == "S-1-5-21-1-2-3-4711"

    def test_a_link_counts_as_what_it_is_and_goes_where_it_is_a_strangers(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whose it is decides where it leads tomorrow, whatever it leads to today."""
        link = tmp_path / "runs"
        link.mkdir()
        foreign = security_descriptor.parse(descriptor("O:S-1-5-21-1-2-3-1002D:P(A;OICI;FA;;;SY)"))
        monkeypatch.setattr(files_windows, "is_link", lambda path: path == link)
        monkeypatch.setattr(file_owners_windows, "security_of_link", lambda _path: foreign)
        assert (link, Place.ABOVE) in list(file_access_windows.way_to(link))
        fault = file_access.own_fault(link, Place.ABOVE, file_access.owners(None))
        assert fault is not None
        assert fault.is_foreign
        assert fault.commands.startswith("rmdir ")
        assert file_access.own_fault(link, Place.FOLDER, file_access.owners(None)) is None

    def test_a_link_is_looked_at_by_a_handle_of_its_own(tmp_path: Path) -> None:
        """What is no link is the same by both ways."""
        assert file_owners_windows.security_of_link(tmp_path) == file_owners_windows.security_of(tmp_path)
        assert not files_windows.is_link(tmp_path)

    def test_only_a_group_that_was_let_in_by_name_makes_its_members_ours(monkeypatch: pytest.MonkeyPatch) -> None:
        """What a wide group may, in a folder that version 1.0 left open, makes nobody's record one to believe."""
        asked: list[str] = []
        monkeypatch.setattr(windows_api, "GetEffectiveRightsFromAcl", lambda *_: asked.append("asked"))
        for text, count in (("O:BAD:(A;OICI;FA;;;BU)", 0), ("O:BAD:(A;OICI;M;;;S-1-5-21-1-2-3-1103)", 1)):
            asked.clear()
            folder = security_descriptor.parse(descriptor(text))
            assert not file_owners_windows._may_add("S-1-5-21-1-2-3-1002", folder)
            assert len(asked) == count
