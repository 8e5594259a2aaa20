"""The rules of the account that a run logs on with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from amtconnector import config
from amtconnector.amtopcon import logon as account_module
from amtconnector.amtopcon.logon import Account
from amtconnector.errors import CredentialsError
from amtconnector.records import RunDirectory
from tests.support.configfile import INCUMBENT, written

if TYPE_CHECKING:
    from pathlib import Path

OTHER_PASSWORD = INCUMBENT.replace("6233426a6232353463484d3d", "62324e685a47303d")


def account(folder: Path) -> Account:
    """Return the account of an installation with the incumbent's sample configuration."""
    return Account(config.load(written(folder, INCUMBENT)), RunDirectory(folder / "runs"))


def passwords(of: Account) -> str:
    """Return the password that the next logon would use."""
    return of.credentials().password.reveal()


def test_plain_text_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    """The credentials are decrypted when the run is prepared."""
    path = written(tmp_path, INCUMBENT.replace("6233426a6232353463484d3d", "plain"))
    with pytest.raises(CredentialsError):
        Account(config.load(path), RunDirectory(tmp_path / "runs"))


def test_a_second_logon_uses_what_the_file_says_by_then(tmp_path: Path) -> None:
    """A password that was changed in the middle of a watch is taken up; the first logon uses what was read."""
    own = account(tmp_path)
    written(tmp_path, OTHER_PASSWORD)
    assert passwords(own) == "opconxps"
    assert passwords(own) == "ocadm"


@pytest.mark.parametrize(
    "text",
    ["[CONNECTOR\n", OTHER_PASSWORD.replace("62324e685a47303d", "plain"), OTHER_PASSWORD.replace(":4004", ":4005")],
)
def test_a_file_that_is_broken_or_of_another_server_leaves_the_credentials_as_they_were(
    tmp_path: Path, text: str
) -> None:
    """A watch does not end because somebody is editing, and no server gets another's credentials."""
    own = account(tmp_path)
    own.credentials()
    written(tmp_path, text)
    assert passwords(own) == "opconxps"


def test_a_missing_file_leaves_them_too(tmp_path: Path) -> None:
    """An installation may be replaced while a task runs."""
    own = account(tmp_path)
    own.credentials()
    (tmp_path / "Connector.config").unlink()
    assert passwords(own) == "opconxps"


def test_a_refusal_bars_these_credentials_for_every_run_until_they_change(tmp_path: Path) -> None:
    """Fifty jobs with an old password would lock the account."""
    first, second = account(tmp_path), account(tmp_path)
    for one in (first, second):
        one.credentials()
        assert one.barred_until() is None
    first.note(refused=True)
    until = second.barred_until()
    assert until is not None
    assert timedelta(minutes=9) < until - datetime.now(UTC) <= timedelta(minutes=10)
    written(tmp_path, OTHER_PASSWORD)
    second.credentials()
    assert second.barred_until() is None


def test_a_good_logon_clears_the_note(tmp_path: Path) -> None:
    """For the other runs as well."""
    own, other = account(tmp_path), account(tmp_path)
    other.note(refused=True)
    own.note(refused=False)
    assert own.barred_until() is None
    assert account(tmp_path).barred_until() is None


def test_a_run_remembers_a_refusal_that_it_can_not_note_for_10_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run directory may be one that can't be written; a bar in the past is none."""
    (tmp_path / "runs").write_text("a file is in the way", "utf-8")
    own = account(tmp_path)
    own.note(refused=True)
    assert own.barred_until() is not None

    class Later(datetime):
        """A clock that is 11 minutes ahead."""

        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]  # one time zone is enough here
            del tz
            return datetime.now(UTC) + timedelta(minutes=11)

    monkeypatch.setattr(account_module, "datetime", Later)
    assert own.barred_until() is None
