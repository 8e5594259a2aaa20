"""The key file and its places."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from amtconnector.credentials import key_access, key_places, keyfile
from amtconnector.errors import CredentialsError
from amtconnector.system import file_access

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.posix_only

KEY = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="
OTHER = "VKiZX8ms8MciD3VL861j3OgwUTqJNL0wDCBvQwqER5Q="


def write(path: Path, content: str, mode: int = 0o600) -> Path:
    """Write a key file with a mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode())
    path.chmod(mode)
    return path


def refusal(path: Path) -> CredentialsError:
    """Return how a key file is refused."""
    with pytest.raises(CredentialsError) as caught:
        keyfile.load(path)
    return caught.value


def refusal_or_none(path: Path) -> CredentialsError | None:
    """Return how a key file is refused, None when it is taken."""
    try:
        keyfile.load(path)
    except CredentialsError as error:
        return error
    return None


@pytest.fixture(params=[0o000, 0o022, 0o177, 0o777])
def umask(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:  # noqa: ARG001 - made before the umask
    """Set the process's umask for a test, but not for its temporary directory."""
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Put the machine's and the user's place into a directory of the test."""
    machine, user = tmp_path / "machine" / "connector.key", tmp_path / "user" / "connector.key"
    monkeypatch.setattr(key_places, "machine_place", lambda: machine)
    monkeypatch.setattr(key_places, "user_place", lambda: user)
    return machine, user


@pytest.mark.usefixtures("umask")
def test_a_new_key_file_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    """The key file is made with mode 0600, in a folder that others may enter."""
    path = tmp_path / "folder" / "connector.key"
    assert keyfile.create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o755
    assert len(keyfile.load(path).keys) == 1
    assert os.listdir(path.parent) == [path.name]  # noqa: PTH208  # nothing else is left in the folder


def test_the_first_of_two_new_key_files_stays(tmp_path: Path) -> None:
    """Making a key file never replaces one."""
    path = write(tmp_path / "connector.key", KEY)
    assert not keyfile.create(path)
    assert path.read_text() == KEY


def test_no_two_new_keys_are_alike(tmp_path: Path) -> None:
    """A key is random."""
    made = [tmp_path / name for name in "ab"]
    assert all(keyfile.create(path) for path in made)
    assert keyfile.load(made[0]).newest.id != keyfile.load(made[1]).newest.id


@pytest.mark.parametrize(
    "content", [f"{KEY}\n{OTHER}\n", f"\ufeff# note\r\n\r\n{KEY}\r\n {OTHER} \r\n", f"{KEY}\n{OTHER}"]
)
def test_a_key_file_holds_one_key_a_line_newest_first(tmp_path: Path, content: str) -> None:
    """The order of the lines is the order of the keys; empty lines, comments and a byte-order mark are no keys."""
    ring = keyfile.load(write(tmp_path / "connector.key", content))
    assert [key.text for key in ring.keys] == [KEY, OTHER]
    assert ring.newest.text == KEY


def test_a_key_is_named_without_revealing_it(tmp_path: Path) -> None:
    """The id of a key is a short digest, and no repr shows the key."""
    ring = keyfile.load(write(tmp_path / "connector.key", KEY))
    assert ring.newest.id == keyfile.key_id(KEY)
    assert len(ring.newest.id) == 8
    assert ring.newest.id not in KEY
    assert KEY not in repr(ring)
    assert ring.find(keyfile.key_id(KEY)) == ring.newest
    assert ring.find(keyfile.key_id(OTHER)) is None


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o440, 0o700])
def test_a_key_file_for_its_owner_and_its_group_is_taken(tmp_path: Path, mode: int) -> None:
    """0640 with a group of the job accounts is right, as is anything narrower."""
    assert keyfile.load(write(tmp_path / "connector.key", KEY, mode)).newest.text == KEY


@pytest.mark.parametrize(
    ("mode", "what", "closing"),
    [
        (0o604, "can read it", "chmod 600"),
        (0o644, "can read it", "chmod 640"),
        (0o666, "can read it", "chmod 640"),
        (0o620, "can write it", "chmod 600"),
        (0o602, "can write it", "chmod 600"),
        (0o660, "can write it", "chmod 640"),
    ],
)
def test_an_exposed_key_file_is_refused(tmp_path: Path, mode: int, what: str, closing: str) -> None:
    """When others can read it, or anyone but its owner can write it, the refusal names account and command."""
    path = write(tmp_path / "connector.key", KEY, mode)
    error = refusal(path)
    assert what in error.message
    assert f"{mode:04o}" in error.message
    assert f"'{file_access.account()}'" in error.message
    assert f"{closing} {path}" in error.hint
    os.chmod(path, int(closing.removeprefix("chmod "), 8))  # noqa: PTH101  # the command as it stands
    assert keyfile.load(path).newest.text == KEY


def test_a_key_file_that_this_account_may_not_read_names_account_and_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal names the account, and the command that lets its group in."""
    path = write(tmp_path / "key file", KEY)

    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(key_access, "_opened", denied)
    error = refusal(path)
    assert f"'{file_access.account()}'" in error.message
    assert error.subject == str(path)
    assert error.hint.endswith(f"chmod 640 '{path}'")


@contextmanager
def without_rights() -> Iterator[None]:
    """Be an account that root's rights do not help, for a while."""
    if sys.platform == "win32" or os.geteuid() != 0:
        yield
    else:
        groups = os.getgroups()
        os.setgroups([])
        os.setegid(65534)
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)
            os.setegid(0)
            os.setgroups(groups)


def test_the_command_lets_the_account_in_and_not_everybody() -> None:
    """What the refusal tells an administrator to do is enough, and leaves the key file one that is taken."""
    with tempfile.TemporaryDirectory() as name:
        path = write(Path(name, "closed", "deeper", "connector.key"), KEY)
        for folder in (path.parent, path.parent.parent):
            folder.chmod(0o600)
        Path(name).chmod(0o755)
        for _ in ("the folders, below which nothing can be seen", "the file"):
            with without_rights():
                error = refusal_or_none(path)
            if error is None:
                break
            assert "by the account '" in error.message
            subprocess.run(error.hint.partition(": ")[2], shell=True, check=True)  # noqa: S602  # as it is told
        with without_rights():
            assert keyfile.load(path).newest.text == KEY
        # Whoever owns the file can read it as soon as the folders let him in.
        assert stat.S_IMODE(path.stat().st_mode) == (0o640 if os.geteuid() == 0 else 0o600)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds no key"),
        ("# nothing\n", "holds no key"),
        (f"{KEY}\n{OTHER[:-2]}\n", "Line 2"),
        (f"{KEY[1:]}\n", "Line 1"),
        (f"{KEY[:-2]}5=\n", "Line 1"),
        (f"{KEY} {OTHER}\n", "Line 1"),
        (f"{KEY.replace('_', '/').replace('-', '+')}\n", "Line 1"),
        ("ü" * 44, "Line 1"),
        (f"{KEY}\n" * 2000, "too large"),
    ],
)
def test_a_damaged_key_file_is_told_by_its_line_and_not_shown(tmp_path: Path, content: str, message: str) -> None:
    """A line that is no key makes the file a damaged one; nothing of it is shown."""
    error = refusal(write(tmp_path / "connector.key", content))
    assert message in error.message
    assert KEY[:8] not in str(error) + error.hint


@pytest.mark.parametrize("content", [b"x", b"", b"#" * 70_000])
def test_the_commands_of_a_refused_key_file_name_the_configuration(tmp_path: Path, content: bytes) -> None:
    """What is pasted changes the Connector.config that the key file was read for, wherever it is pasted."""
    path, config = tmp_path / "connector.key", tmp_path / "Connector.config"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(CredentialsError) as caught:
        keyfile.load(path, config)
    assert all(f"ncrypt --set {name} --config {config}" in caught.value.hint for name in ("USER", "PASSWORD"))
    if sys.platform != "win32":
        path.chmod(0o666)
        with pytest.raises(CredentialsError, match="exposed") as caught:
            keyfile.load(path, config)
        assert any(line.endswith(f"ncrypt rotate {config}") for line in caught.value.hint.splitlines())


def test_a_missing_key_file_says_where_it_was_looked_for(places: tuple[Path, Path]) -> None:
    """A run without any key file names both places."""
    with pytest.raises(CredentialsError, match="no key file") as caught:
        key_places.ring_for("00000000", None)
    assert all(str(place) in caught.value.subject for place in places)


def test_a_folder_is_no_key_file(tmp_path: Path) -> None:
    """KEY_FILE names a file."""
    assert "is a folder" in refusal(tmp_path).message


@pytest.mark.posix_only
def test_what_is_no_file_is_named_as_what_it_is(tmp_path: Path) -> None:
    """A pipe or a device is no damaged key file."""
    os.mkfifo(tmp_path / "pipe")
    assert "is a pipe" in refusal(tmp_path / "pipe").message
    (tmp_path / "link").symlink_to("/gone/key")
    assert refusal(tmp_path / "link").message == "The key file is a link to /gone/key, which is not there."
    assert "is a device" in refusal(Path("/dev/null")).message


def test_what_the_system_says_becomes_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A share that breaks while the file is read is told in the system's words."""
    path = write(tmp_path / "connector.key", KEY)

    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(key_access, "_opened", broken)
    assert "can't be read: Input/output error." in refusal(path).message


def test_a_new_key_comes_first_and_no_key_is_removed(tmp_path: Path) -> None:
    """Rotation puts a key in front; comments, older keys, mode and group stay, and nothing is left beside the file."""
    path = write(tmp_path / "connector.key", f"# note\n{KEY}\n{OTHER}\n", 0o640)
    with suppress(PermissionError):
        shutil.chown(path, group=1)
    group = path.stat().st_gid
    ring = keyfile.with_new_key(keyfile.load(path))
    first, *others = path.read_text().splitlines()
    assert ring.newest.text == first
    assert others == ["# note", KEY, OTHER]
    assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_gid) == (0o640, group)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_key_file_behind_a_link_stays_behind_it(tmp_path: Path) -> None:
    """A new key goes into the file that a link names."""
    path = write(tmp_path / "real" / "connector.key", KEY)
    link = tmp_path / "link"
    link.symlink_to(path)
    assert len(keyfile.with_new_key(keyfile.load(link)).keys) == 2
    assert link.is_symlink()
    assert len(keyfile.load(path).keys) == 2


def test_a_new_key_that_can_not_be_written_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk costs no key."""
    path = write(tmp_path / "connector.key", KEY)
    ring = keyfile.load(path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CredentialsError, match="No space left on device"):
        keyfile.with_new_key(ring)
    assert path.read_text() == KEY
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_the_machines_place_is_never_beside_the_configuration() -> None:
    """The key is where a copy of the installation folder does not carry it."""
    assert str(key_places.machine_place()) == "/etc/amtconnector/connector.key"


def test_the_users_place_is_in_the_folder_for_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's place follows the system's conventions."""
    monkeypatch.setenv("XDG_CONFIG_HOME", "/home/somebody/.config")
    assert str(key_places.user_place()) == "/home/somebody/.config/amtconnector/connector.key"


def test_the_first_key_is_made_in_the_machines_place(places: tuple[Path, Path]) -> None:
    """Where the machine's place can be written, the key is there, and is found there the next time."""
    ring, is_new = key_places.ring_to_encrypt(None)
    assert is_new
    assert ring.path == places[0]
    assert key_places.ring_to_encrypt(None) == (ring, False)
    assert key_places.ring_for(ring.newest.id, None) == ring


def test_the_first_key_is_the_users_where_the_machines_place_can_not_be_written(places: tuple[Path, Path]) -> None:
    """An account that may not write the machine's place has a key of its own."""
    machine, user = places
    machine.parent.write_text("a file in the way of the folder")
    ring, is_new = key_places.ring_to_encrypt(None)
    assert (ring.path, is_new) == (user, True)
    assert key_places.ring_for(ring.newest.id, None) == ring


def test_a_key_that_can_be_made_nowhere_is_a_refusal(places: tuple[Path, Path]) -> None:
    """Encrypt says that it can't make a key, where, and as which account."""
    for place in places:
        place.parent.write_text("a file in the way of the folder")
    with pytest.raises(CredentialsError, match="No key file can be made") as caught:
        key_places.ring_to_encrypt(None)
    assert file_access.account() in caught.value.hint


def test_a_run_finds_a_key_in_either_place(places: tuple[Path, Path]) -> None:
    """A value names its key, so the place that holds it does not matter."""
    machine, user = places
    write(machine, KEY)
    write(user, OTHER)
    for key in (KEY, OTHER):
        ring = key_places.ring_for(keyfile.key_id(key), None)
        assert ring.find(keyfile.key_id(key))


def test_a_refused_key_file_matters_only_when_its_key_is_needed(places: tuple[Path, Path]) -> None:
    """The user's key works beside a machine's file that is refused; a key that is in neither is that refusal."""
    machine, user = places
    write(machine, KEY, 0o644)
    write(user, OTHER)
    assert key_places.ring_for(keyfile.key_id(OTHER), None).path == user
    with pytest.raises(CredentialsError, match="exposed"):
        key_places.ring_for(keyfile.key_id(KEY), None)


def test_a_refused_key_file_is_never_bypassed_to_encrypt(places: tuple[Path, Path]) -> None:
    """Encrypt makes no second key beside a machine's file that it may not use."""
    write(places[0], KEY, 0o644)
    with pytest.raises(CredentialsError, match="exposed"):
        key_places.ring_to_encrypt(None)
    assert not places[1].exists()


def test_a_key_file_of_the_configuration_is_the_only_place(places: tuple[Path, Path], tmp_path: Path) -> None:
    """KEY_FILE overrides both places."""
    write(places[0], KEY)
    given = write(tmp_path / "given.key", OTHER)
    assert key_places.ring_to_encrypt(given)[0].newest.text == OTHER
    assert key_places.ring_for(keyfile.key_id(KEY), given).keys == keyfile.load(given).keys


def test_a_key_file_that_has_lost_its_name_is_not_replaced_by_a_new_one(places: tuple[Path, Path]) -> None:
    """A new key would not decrypt what the old one has encrypted: the file that holds it is named."""
    kept = write(places[0].with_name(f"{places[0].name}.0123456789ab.old"), KEY)
    with pytest.raises(CredentialsError, match="not under its name") as caught:
        key_places.ring_to_encrypt(None)
    assert str(kept) in caught.value.hint
    assert not places[0].exists()
