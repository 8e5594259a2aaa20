"""Windows: who may own, write and read what is trusted, by real security descriptors; nothing here needs Windows."""

from __future__ import annotations

import pytest

from amtconnector.system import security_descriptor
from amtconnector.system.file_access_rules import Access, Place, reading_fault, writing_fault
from amtconnector.system.file_access_sids import access_of, granted_to_children, is_administrator, wide_name
from tests.support.sddl import descriptor

OWN = "S-1-5-21-1-2-3-1001"
OTHER = "S-1-5-21-1-2-3-1002"
JOBS = "S-1-5-21-1-2-3-1103"
CLOSED = "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"


def access(text: str, place: Place = Place.FOLDER, *, is_shared: bool = False) -> Access:
    """Return who gets at what has this descriptor, where this account may own it."""
    return access_of(security_descriptor.parse(descriptor(text)), place, frozenset({OWN}), is_shared=is_shared)


def name(sid: str) -> str:
    """Name an account as the program does where Windows knows no name."""
    return wide_name(sid) or sid


@pytest.mark.parametrize("owner", [OWN, "BA", "SY", "DA"])
@pytest.mark.parametrize(
    "entries", ["", f"(A;OICI;FA;;;{OWN})", f"(A;OICI;M;;;{JOBS})", "(A;OICI;FR;;;BU)", "(A;OICIIO;FA;;;CO)"]
)
def test_a_run_directory_for_administrators_and_who_was_let_in_by_name_is_trusted(owner: str, entries: str) -> None:
    """Own account, Administrators, SYSTEM and domain administrators may own it; a group let in by name may write."""
    assert writing_fault(access(f"O:{owner}{CLOSED}{entries}"), name) == ""


@pytest.mark.parametrize(
    ("entry", "who"),
    [
        ("(A;OICI;M;;;BU)", "Users"),
        ("(A;ID;0x2;;;BU)", "Users"),
        ("(A;CIID;0x116;;;BU)", "Users"),
        ("(A;;FA;;;WD)", "Everyone"),
        ("(A;;GW;;;AU)", "Authenticated Users"),
        ("(A;;GA;;;IU)", "Interactive"),
        ("(A;;0x40000;;;NU)", "Network"),
        ("(A;;0x80000;;;SU)", "Service"),
        ("(A;;0x10000;;;BG)", "Guests"),
        ("(A;;0x40;;;DU)", "Domain Users"),
        ("(A;OICIIO;M;;;AU)", "Authenticated Users"),
        ("(XA;;M;;;WD)", "Everyone"),
        ("(OA;;M;;;WD)", "Everyone"),
        ("(OA;;M;bf967aba-0de6-11d0-a285-00aa003049e2;;AU)", "Authenticated Users"),
        ("(A;;M;;;S-1-5-13)", "Terminal Server Users"),
        ("(A;;M;;;S-1-5-80-0)", "All services"),
        ("(A;;M;;;S-1-5-64-10)", "NTLM Authentication"),
        ("(A;;M;;;S-1-15-2-1)", "All application packages"),
        ("(A;;M;;;S-1-15-2-11-22-33-44-55-66-77)", "Application package"),
        ("(A;;M;;;S-1-15-3-1)", "Application capability"),
        (f"(A;OICIID;M;;;{OTHER})", OTHER),
    ],
)
def test_a_run_directory_that_others_may_write_is_not(entry: str, who: str) -> None:
    """Wide groups count whoever let them in, and so does what the folder hands on; so does whoever merely inherited."""
    assert writing_fault(access(f"O:BA{CLOSED}{entry}"), name) == f"{who} may write it"


def test_a_folder_that_a_stranger_owns_is_not_trusted_though_he_let_himself_in() -> None:
    """Its owner can change the list at any time, and an entry of his own hand is no grant."""
    text = f"O:{OTHER}{CLOSED}(A;OICI;FA;;;{OTHER})"
    assert writing_fault(access(text), name) == f"it belongs to {OTHER}"
    assert writing_fault(access(text, is_shared=True), name) == ""


def test_on_a_share_the_access_rights_alone_count() -> None:
    """The server of a share may show every owner as another one."""
    open_to_all = f"O:{OTHER}{CLOSED}(A;OICI;M;;;WD)"
    assert writing_fault(access(open_to_all, is_shared=True), name) == "Everyone may write it"


@pytest.mark.parametrize("place", [Place.ROOT, Place.ABOVE])
def test_who_may_only_add_to_a_folder_on_the_way_can_not_touch_what_is_there(place: Place) -> None:
    r"""C:\ and %ProgramData% let users add files and folders, and hand more on to what is made below."""
    assert writing_fault(access("O:SYD:(A;CI;0x4;;;AU)(A;CI;0x116;;;BU)(A;OICIIO;M;;;AU)", place), name) == ""


def test_who_may_rename_a_folder_on_the_way_can_replace_it() -> None:
    """Modify is enough below the root of a drive, which itself nobody can rename."""
    text = "O:SYD:(A;OICI;M;;;AU)"
    assert writing_fault(access(text, Place.ABOVE), name) == "Authenticated Users may write it"
    assert writing_fault(access(text, Place.ROOT), name) == ""
    assert writing_fault(access("O:SYD:(A;;0x40;;;AU)", Place.ROOT), name) == "Authenticated Users may write it"


@pytest.mark.parametrize(
    "entries",
    [f"(A;;FR;;;{JOBS})", "(A;;FR;;;NS)", "(A;;RC;;;WD)", "(A;;FW;;;WD)", "(D;;FR;;;WD)", "(A;IO;FR;;;WD)", ""],
)
def test_a_key_that_only_named_accounts_read_is_not_exposed(entries: str) -> None:
    """What denies, concerns children or is no right to read is no matter."""
    assert reading_fault(access(f"O:BA{CLOSED}{entries}", Place.FILE), name) == ""


@pytest.mark.parametrize(
    ("entries", "who"),
    [
        ("(A;;FR;;;WD)", "Everyone"),
        ("(A;;FA;;;BU)", "Users"),
        ("(A;;GR;;;AU)", "Authenticated Users"),
        ("(A;;GA;;;IU)", "Interactive"),
        ("(A;;FR;;;DU)", "Domain Users"),
        ("(A;;FR;;;BG)", "Guests"),
        ("(A;;FR;;;NU)", "Network"),
        ("(A;;FR;;;SU)", "Service"),
        ("(A;;FR;;;S-1-5-3)", "Batch"),
        ("(A;;0x1;;;WD)(A;ID;FR;;;BU)", "Everyone, Users"),
        ("(D;;FR;;;WD)(A;;FR;;;WD)", "Everyone"),
        (f"(A;ID;FR;;;{OTHER})", OTHER),
    ],
)
def test_a_key_that_anybody_reads_whom_nobody_let_in_is_exposed(entries: str, who: str) -> None:
    """Every wide group, and every account that merely inherited its right."""
    assert reading_fault(access(f"O:BA{CLOSED}{entries}", Place.FILE), name) == f"{who} may read it"


def test_no_access_list_at_all_is_everybodys() -> None:
    """Windows lets everybody do everything then; an empty list lets nobody do anything."""
    nothing = access("O:BA", Place.FILE)
    assert (writing_fault(nothing, name), reading_fault(nothing, name)) == (
        "Everyone may write it",
        "Everyone may read it",
    )
    assert reading_fault(access("O:BAD:P", Place.FILE), name) == ""


def test_administrators_are_known_by_their_numbers() -> None:
    """Of the machine, of the domain, and Windows itself; a user whose number ends alike is none."""
    assert all(map(is_administrator, ("S-1-5-18", "S-1-5-32-544", "S-1-5-21-7-8-9-512", "S-1-5-21-7-8-9-500")))
    assert not any(map(is_administrator, ("S-1-5-21-7-8-9-1512", "S-1-5-32-545", OWN)))


@pytest.mark.parametrize("content", [b"", b"\1\0\4\x80", descriptor("O:BAD:(A;;FA;;;SY)")[:-6]])
def test_what_is_no_descriptor_is_refused(content: bytes) -> None:
    """A descriptor that was cut is none."""
    with pytest.raises(ValueError, match="not a security descriptor"):
        security_descriptor.parse(content)


def test_who_was_let_in_by_name_has_the_rights_of_all_his_entries() -> None:
    """Rights come in several entries; closing a folder keeps them all."""
    jobs = f"(A;OICI;0x1200a9;;;{JOBS})(A;OICI;0x6;;;{JOBS})"
    others = f"(A;;0x10000;;;{OTHER})(A;OICI;FA;;;BU)(A;OICI;FA;;;SY)(A;OICIID;FA;;;{OWN})"
    assert granted_to_children(security_descriptor.parse(descriptor(f"O:BAD:{jobs}{others}"))) == {JOBS: 0x1200AF}
