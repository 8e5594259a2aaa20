"""The stored forms of the credentials and the secrets behind them."""

from __future__ import annotations

import copy
import pickle
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amtconnector import credentials
from amtconnector.credentials import Form, Secret, Stored, keyfile, read_credentials
from amtconnector.credentials.keyfile import Key, KeyRing
from amtconnector.errors import CredentialsError

KEYS = ("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=", "VKiZX8ms8MciD3VL861j3OgwUTqJNL0wDCBvQwqER5Q=")
RING = KeyRing(tuple(Key(keyfile.key_id(text), text, Path("connector.key")) for text in KEYS))
OLD_RING = KeyRing(RING.keys[1:])
NEW_RING = KeyRing(RING.keys[:1])
CONFIG = Path("/opt/amt/Connector.config").absolute()  # on Windows a drive belongs to it
LEGACY_USER, LEGACY_PASSWORD = "62324e685a47303d", "6233426a6232353463484d3d"
TEXTS = st.text(st.characters(codec="utf-8"), max_size=80)


def stored(text: str, name: str = "PASSWORD") -> Stored:
    """Return a value as a configuration file holds it."""
    return Stored(name, Secret(text), CONFIG)


def refusal(text: str, ring: KeyRing = RING) -> CredentialsError:
    """Return how an encrypted value is refused."""
    with pytest.raises(CredentialsError) as caught:
        credentials.decrypt(stored(text), ring)
    return caught.value


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """Return a key file with both keys."""
    path = tmp_path / "connector.key"
    assert keyfile.create(path)
    path.write_text("\n".join(KEYS))
    return path


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{0!r}".format, lambda secret: repr([secret])])
def test_a_secret_shows_itself_masked(show: object) -> None:
    """No way of turning a secret into text gives it out but reveal."""
    assert callable(show)
    assert "hunter2" not in show(Secret("hunter2"))
    assert "****" in show(Secret("hunter2"))
    assert Secret("hunter2").reveal() == "hunter2"


def test_a_secret_is_neither_pickled_nor_copied() -> None:
    """A secret does not travel by accident."""
    for travel in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="neither pickled nor copied"):
            travel(Secret("hunter2"))


def test_no_value_object_shows_a_secret(key_file: Path) -> None:
    """The dataclasses around a secret show it masked."""
    envelope = credentials.encrypt("hunter2", RING)
    found = read_credentials(envelope, envelope, key_file, config_path=CONFIG)
    opened = credentials.decrypt(stored(envelope), RING)
    shown = repr((found, opened, stored(envelope), stored("hunter2"), RING))
    assert not any(secret in shown for secret in ("hunter2", envelope, *KEYS))


@given(TEXTS)
def test_every_text_comes_back(text: str) -> None:
    """What was encrypted decrypts to the same text."""
    assert credentials.decrypt(stored(credentials.encrypt(text, RING)), RING).secret.reveal() == text


def test_an_encrypted_value_names_its_key() -> None:
    """The stored form is amt1:<key id>:<Fernet token>, and the newest key encrypts."""
    envelope = credentials.encrypt("hunter2", RING)
    assert re.fullmatch(rf"amt1:{RING.newest.id}:gAAAA[A-Za-z0-9_=-]+", envelope)
    assert stored(envelope).key_id == RING.newest.id


def test_an_older_key_still_decrypts() -> None:
    """Values that were encrypted before a new key was added stay readable, and tell which key and when."""
    before = datetime.now(UTC) - timedelta(seconds=1)
    opened = credentials.decrypt(stored(credentials.encrypt("hunter2", OLD_RING)), RING)
    assert opened.secret.reveal() == "hunter2"
    assert opened.key == OLD_RING.newest
    assert before <= opened.encrypted_at <= datetime.now(UTC)


def test_two_encryptions_of_a_text_differ() -> None:
    """Nobody sees that two accounts have the same password."""
    assert credentials.encrypt("hunter2", RING) != credentials.encrypt("hunter2", RING)


ENVELOPE = credentials.encrypt("hunter2", RING)
LETTERS = st.sampled_from("abcdefABCDEF0123456789_-=+/: !é")


@given(st.integers(len("amt1:"), len(ENVELOPE) - 1), LETTERS)
def test_a_value_with_one_letter_changed_is_damaged(position: int, letter: str) -> None:
    """Whatever letter behind the prefix is another one, the value is told as damaged, and not shown."""
    damaged = ENVELOPE[:position] + letter + ENVELOPE[position + 1 :]
    if damaged != ENVELOPE:
        error = refusal(damaged)
        assert "damaged" in error.message
        assert ENVELOPE[20:40] not in f"{error} {error.subject} {error.hint}"


@given(st.integers(len("amt1:"), len(ENVELOPE)), st.integers(1, 200))
def test_a_value_with_a_part_missing_is_damaged(start: int, length: int) -> None:
    """A value that was cut, at its end or within, is told as damaged."""
    damaged = ENVELOPE[:start] + ENVELOPE[start + length :]
    if damaged != ENVELOPE:
        assert "damaged" in refusal(damaged).message


@given(st.integers(len("amt1:"), len(ENVELOPE)), st.text(LETTERS, min_size=1, max_size=10))
def test_a_value_with_something_added_is_damaged(position: int, added: str) -> None:
    """A value with anything added to it is told as damaged."""
    assert "damaged" in refusal(ENVELOPE[:position] + added + ENVELOPE[position:]).message


def test_a_value_that_another_key_signed_is_damaged_only_with_its_own_id() -> None:
    """A token that no key of the file opens, under the id of one that is there, is a damaged value."""
    token = credentials.encrypt("hunter2", OLD_RING).rpartition(":")[2]
    assert "damaged" in refusal(f"amt1:{NEW_RING.newest.id}:{token}", NEW_RING).message


def test_a_wrong_key_is_told_by_its_id() -> None:
    """A value of another machine names the key that is missing and those that are there."""
    error = refusal(credentials.encrypt("hunter2", OLD_RING), NEW_RING)
    assert OLD_RING.newest.id in error.message
    assert NEW_RING.newest.id in error.message
    assert "damaged" not in error.message


@pytest.mark.posix_only
def test_each_reason_has_its_own_message_and_next_step(key_file: Path, tmp_path: Path) -> None:
    """Wrong key, missing key file, damaged value, damaged key file, exposed key file, plain text: six messages, 103."""
    envelope = credentials.encrypt("hunter2", RING)
    wrong, damaged, exposed = tmp_path / "wrong", tmp_path / "damaged", tmp_path / "exposed"
    for path, content, mode in ((wrong, KEYS[1], 0o600), (damaged, "x", 0o600), (exposed, KEYS[0], 0o644)):
        path.write_text(content)
        path.chmod(mode)
    cases = [
        (envelope, wrong),
        (envelope, tmp_path / "missing"),
        (envelope[:-4], key_file),
        (envelope, damaged),
        (envelope, exposed),
        ("hunter2", key_file),
    ]
    errors = []
    for password, keys in cases:
        with pytest.raises(CredentialsError) as caught:
            read_credentials(envelope, password, keys, config_path=CONFIG)
        errors.append(caught.value)
    assert {error.exit_code for error in errors} == {103}
    assert len({error.message for error in errors}) == len(cases)
    assert all(error.hint and error.subject for error in errors)
    assert not any("hunter2" in f"{error}{error.hint}{error.subject}{error.__context__}" for error in errors)


def test_bytes_that_are_no_text_are_refused_without_showing_them() -> None:
    """What the terminal's encoding did not understand would become a wrong password; no exception carries it."""
    with pytest.raises(CredentialsError, match="no text") as caught:
        credentials.encrypt("hunter2\udcff", RING)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("text", ["ocadm", "Amt1:x", "AMT1:00000000:gAAAA", "62324E685A47303D", "deadbeef", "ü" * 9])
def test_plain_text_is_refused_and_not_shown(text: str) -> None:
    """A value that is neither encrypted nor legacy is plain text."""
    assert stored(text).form is Form.PLAIN
    with pytest.raises(CredentialsError, match=r"^PASSWORD is not encrypted") as caught:
        read_credentials(LEGACY_USER, text, None, config_path=CONFIG)
    assert text not in f"{caught.value} {caught.value.hint}"
    assert "ncrypt --set PASSWORD --config" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "causes"),
    [
        (f"{LEGACY_PASSWORD} ; from the old server", ("has a comment behind it",)),
        (f'"{LEGACY_PASSWORD}"', ("stands in quotation marks",)),
        (f"\u201c{ENVELOPE}\u201d", ("stands in quotation marks",)),
        (f"{ENVELOPE} # since May", ("has a comment behind it",)),
        (f"'{ENVELOPE}' ; since May", ("has a comment behind it", "stands in quotation marks")),
        (f"{ENVELOPE[:40]}\u200b{ENVELOPE[40:]}", ("can't be seen",)),
        (f"{ENVELOPE[:40]}\xa0{ENVELOPE[40:]}", ("a blank of another kind",)),
    ],
)
def test_what_stands_around_a_sound_value_is_the_whole_explanation(text: str, causes: tuple[str, ...]) -> None:
    """A comment behind a value and quotation marks are named as the cause; nothing is to be encrypted anew."""
    with pytest.raises(CredentialsError, match=r"^PASSWORD can't be used: more than the encrypted value") as caught:
        read_credentials(LEGACY_USER, text, None, config_path=CONFIG)
    hint = caught.value.hint.splitlines()
    assert len(hint) == len(causes)
    assert all(
        cause in line and line.startswith("The value of PASSWORD") for cause, line in zip(causes, hint, strict=True)
    )
    assert "ncrypt" not in caught.value.hint
    assert LEGACY_PASSWORD not in f"{caught.value} {caught.value.hint}"


def test_both_plain_values_are_refused_together() -> None:
    """One message names both values and both commands."""
    with pytest.raises(CredentialsError, match=r"^USER and PASSWORD are not encrypted") as caught:
        read_credentials("ocadm", "", None, config_path=CONFIG)
    assert all(f"--set {name}" in caught.value.hint for name in ("USER", "PASSWORD"))


def test_legacy_values_are_accepted_with_one_warning_that_names_the_fix() -> None:
    """Existing sites keep running; the job log says once what to do."""
    found = read_credentials(LEGACY_USER, LEGACY_PASSWORD, None, config_path=CONFIG)
    assert (found.user.reveal(), found.password.reveal()) == ("ocadm", "opconxps")
    assert len(found.warnings) == 1
    (warning,) = found.warnings
    assert f"ncrypt migrate --config {CONFIG}" in warning
    assert warning.startswith("USER and PASSWORD are")
    assert not re.search(r"\n|error|failed|ocadm|opconxps|62324e", warning, re.IGNORECASE)


def test_one_legacy_value_is_warned_of_and_none_is_not(key_file: Path) -> None:
    """The warning names what is legacy and nothing else."""
    envelope = credentials.encrypt("hunter2", RING)
    mixed = read_credentials(envelope, LEGACY_PASSWORD, key_file, config_path=CONFIG)
    assert mixed.warnings[0].startswith("PASSWORD is ")
    assert (mixed.user.reveal(), mixed.password.reveal()) == ("hunter2", "opconxps")
    assert read_credentials(envelope, envelope, key_file, config_path=CONFIG).warnings == ()


def test_a_legacy_configuration_does_not_pay_for_encryption() -> None:
    """Without an encrypted value neither cryptography nor platformdirs is imported."""
    program = (
        "import sys, pathlib; from amtconnector.credentials import read_credentials as read;"
        f"read({LEGACY_USER!r}, {LEGACY_PASSWORD!r}, None, config_path=pathlib.Path('x'));"
        "print([name for name in ('cryptography', 'platformdirs') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
