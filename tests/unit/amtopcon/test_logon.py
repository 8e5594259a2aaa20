"""The rules of the account that a run logs on with."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from amtconnector import config
from amtconnector.amtopcon import logon as account_module
from amtconnector.amtopcon.logon import Account
from amtconnector.errors import AnswerLate, Busy, CredentialsError, LogonRefused, NoAnswer, NotUnderstood
from amtconnector.records import RunDirectory, logon_notes
from tests.support.configfile import INCUMBENT, written

if TYPE_CHECKING:
    from collections.abc import Callable
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
    first.refused()
    until = second.barred_until()
    assert until is not None
    assert timedelta(minutes=9) < until - datetime.now(UTC) <= timedelta(minutes=10)
    with pytest.raises(LogonRefused, match=f"not tried again before {until.astimezone():%H:%M}"), second.attempt(free):
        pytest.fail("a barred logon was attempted")
    written(tmp_path, OTHER_PASSWORD)
    second.credentials()
    with second.attempt(free):
        assert second.barred_until() is None


def test_an_answer_that_may_have_been_a_refusal_bars_until_the_profile_is_another(tmp_path: Path) -> None:
    """Fifty jobs whose wrong password is refused in a form that nobody understands would lock the account too."""
    profile = tmp_path / "wire.toml"
    profile.write_text('prefix = "/a"\n', "utf-8")
    named = INCUMBENT.replace("[CONNECTOR]\n", "[CONNECTOR]\nWIRE_PROFILE=wire.toml\n")

    def own() -> Account:
        return Account(config.load(written(tmp_path, named)), RunDirectory(tmp_path / "runs"))

    own().doubted()
    assert own().barred_until() is None
    with pytest.raises(NotUnderstood, match="not tried again before") as barred, own().attempt(free):
        pytest.fail("a doubtful logon was attempted again")
    assert barred.value.may_refuse
    profile.write_text('prefix = "/b"\n', "utf-8")
    with own().attempt(free):
        own().doubted()
    own().forget_refusal()
    with own().attempt(free):
        pass


@pytest.mark.parametrize("how", [Account.accepted, Account.forget_refusal])
def test_a_good_logon_and_a_check_clear_the_note(tmp_path: Path, how: Callable[[Account], None]) -> None:
    """For the other runs as well."""
    own, other = account(tmp_path), account(tmp_path)
    other.refused()
    own.refused()
    how(own)
    assert own.barred_until() is None
    assert account(tmp_path).barred_until() is None


def test_at_most_two_log_on_at_once_however_good_the_credentials_were(tmp_path: Path) -> None:
    """A password can have been changed since the last good logon: an acceptance opens no door for more."""
    first, second, third = account(tmp_path), account(tmp_path), account(tmp_path)
    third.accepted()
    with first.attempt(free):
        with second.attempt(free):
            assert not has_a_place(third)
        assert has_a_place(third)


def test_other_credentials_are_another_question(tmp_path: Path) -> None:
    """Nobody waits for somebody who tries other credentials."""
    first, second, third = account(tmp_path), account(tmp_path), account(tmp_path)
    written(tmp_path, OTHER_PASSWORD)
    third.credentials()
    third.credentials()
    with first.attempt(free), second.attempt(free):
        assert has_a_place(third)


def test_whoever_waited_for_a_place_looks_at_the_note_before_it_sends(tmp_path: Path) -> None:
    """The one before it may have been refused; the note is there before the place is free."""
    first, second, waiting = account(tmp_path), account(tmp_path), account(tmp_path)
    with ExitStack() as both:
        both.enter_context(first.attempt(free))
        both.enter_context(second.attempt(free))

        def refuse() -> None:
            first.refused()
            both.close()

        with pytest.raises(LogonRefused), waiting.attempt(refuse):
            pytest.fail("a refused logon was attempted again")


def test_a_signal_ends_the_wait_for_a_place(tmp_path: Path) -> None:
    """What is called while waiting may raise."""
    with account(tmp_path).attempt(free), account(tmp_path).attempt(free):
        assert not has_a_place(account(tmp_path))


def test_a_wait_that_takes_too_long_is_that_for_a_busy_server(tmp_path: Path) -> None:
    """It is repeated and ends as such; nothing was sent."""
    config_file = config.load(written(tmp_path, INCUMBENT))
    impatient = Account(config_file, RunDirectory(tmp_path / "runs"), longest_wait_s=0)
    with (
        account(tmp_path).attempt(free),
        account(tmp_path).attempt(free),
        pytest.raises(Busy, match="two at a time"),
        impatient.attempt(free),
    ):
        pytest.fail("a third logon was attempted")


def test_two_logons_without_an_answer_bar_the_way_until_a_check(tmp_path: Path) -> None:
    """AMT may refuse them yet: none follows for a while, and the reason is said. Other trouble bars nobody."""
    impatient = Account(config.load(written(tmp_path, INCUMBENT)), RunDirectory(tmp_path / "runs"), longest_wait_s=0)
    for failure in (NoAnswer("reset"), AnswerLate("no answer in time"), NoAnswer("500"), AnswerLate("once more")):
        with pytest.raises(NoAnswer), account(tmp_path).attempt(free):
            raise failure
    with pytest.raises(Busy, match="left two logons with this account without an answer"), impatient.attempt(free):
        pytest.fail("a third logon was attempted")
    impatient.forget_refusal()
    assert has_a_place(impatient)


def test_a_logon_that_fails_alone_is_tried_once_more_after_a_pause_and_then_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many processes come: two in the air, then none for 45 s, then one, then none for 10 minutes."""
    impatient = Account(config.load(written(tmp_path, INCUMBENT)), RunDirectory(tmp_path / "runs"), longest_wait_s=0)
    first, second = account(tmp_path), account(tmp_path)
    with first.attempt(free), second.attempt(free):
        assert not first.failed()
        assert not second.failed()
    with pytest.raises(Busy, match="just failed at a logon with this account"), impatient.attempt(free):
        pytest.fail("a third logon was attempted")
    monkeypatch.setattr(logon_notes, "FAILURE_PAUSES", timedelta(0))
    third, fourth = account(tmp_path), account(tmp_path)
    with third.attempt(free):
        assert not has_a_place(fourth)
        assert third.failed()
    with pytest.raises(NotUnderstood, match="not tried again before"), fourth.attempt(free):
        pytest.fail("a fourth logon was attempted")


def test_a_good_logon_after_one_that_failed_opens_both_places_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that was away for a moment costs nobody more than the pause, and the next failure is a first one."""
    own = account(tmp_path)
    own.failed()
    monkeypatch.setattr(logon_notes, "FAILURE_PAUSES", timedelta(0))
    with own.attempt(free):
        own.accepted()
    with account(tmp_path).attempt(free):
        assert has_a_place(account(tmp_path))
    assert not own.failed()


def test_a_run_remembers_a_failed_logon_that_it_can_not_note(tmp_path: Path) -> None:
    """The run directory may be one that can't be written."""
    (tmp_path / "runs").write_text("a file is in the way", "utf-8")
    own = account(tmp_path)
    with own.attempt(free):
        assert not own.failed()
    with own.attempt(free):
        assert own.failed()


def test_whoever_dies_gives_up_its_place(tmp_path: Path) -> None:
    """The place is a lock of the operating system."""
    program = (
        "import sys, pathlib; from amtconnector.records.logon_notes import LogonNotes\n"
        "slot = LogonNotes(pathlib.Path(sys.argv[1]), sys.argv[2]).slot()\n"
        "print('mine', flush=True); sys.stdin.read()"
    )
    own = account(tmp_path)
    command = [sys.executable, "-c", program, str(tmp_path / "runs"), own._digest]
    with (
        own.attempt(free),
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other,
    ):
        assert other.stdout is not None
        assert other.stdout.readline() == "mine\n"
        assert not has_a_place(account(tmp_path))
        other.kill()
        other.wait()
        assert has_a_place(account(tmp_path))


def test_a_run_remembers_a_refusal_that_it_can_not_note_for_10_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run directory may be one that can't be written; a bar in the past is none."""
    (tmp_path / "runs").write_text("a file is in the way", "utf-8")
    own = account(tmp_path)
    with own.attempt(free):
        own.refused()
    with pytest.raises(LogonRefused), own.attempt(free):
        pytest.fail("a refused logon was attempted again")

    class Later(datetime):
        """A clock that is 11 minutes ahead."""

        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]  # one time zone is enough here
            del tz
            return datetime.now(UTC) + timedelta(minutes=11)

    monkeypatch.setattr(account_module, "datetime", Later)
    assert own.barred_until() is None


class LookedAgain(Exception):
    """Somebody had to wait."""


def free() -> None:
    """Stand for a wait that does not happen."""
    raise AssertionError("nobody should have to wait here")


def look_again() -> None:
    """End the wait of a test."""
    raise LookedAgain


def has_a_place(one: Account) -> bool:
    """Tell whether an account could be tried now."""
    try:
        with one.attempt(look_again):
            return True
    except LookedAgain:
        return False
