"""The Encrypt program: its command line, and what it does to Connector.config."""

from __future__ import annotations

import getpass
import io
import re
import shutil
import sys
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from amtconnector import config, credentials
from amtconnector.commands.click_command import run_command
from amtconnector.commands.encrypt import command
from amtconnector.config import inifile, places
from amtconnector.config import keys as config_keys
from amtconnector.credentials import Form, Secret, Stored, key_places, keyfile, secret_entry
from amtconnector.records import RunDirectory, RunKey, RunRecord, RunState
from amtconnector.system import file_access
from amtconnector.system.files import ContentElsewhere

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLE = """\
; the documented sample\r
[CONNECTOR]\r
NAME=Asysco AMT Connector\r
KEY_FILE=keys/connector.key\r
\r
[AMT BATCH SERVER]\r
SERVER_ADDRESS=amt.example.com:4004\r
# USER=not this one\r
USER= 62324e685a47303d\r
PASSWORD : 6233426a6232353463484d3d  \r
"""
PLAIN = SAMPLE.replace("6233426a6232353463484d3d", "opconxps")


@dataclass(frozen=True, slots=True)
class Site:
    """A folder with a Connector.config, and Encrypt running there inside this process."""

    path: Path
    capsys: pytest.CaptureFixture[str]

    @property
    def keys(self) -> Path:
        """The key file that the configuration names."""
        return self.path.parent / "keys" / "connector.key"

    def run(self, *args: str) -> tuple[int, str, str]:
        """Run Encrypt; return exit code, stdout and stderr."""
        code = run_command(command, args, "Encrypt", "HELP")
        return code, *self.capsys.readouterr()

    def revealed(self, path: Path | None = None) -> tuple[str, str]:
        """Return user and password as a run reads them."""
        user, password = (self.stored(name, path).text.reveal() for name in ("USER", "PASSWORD"))
        found = credentials.read_credentials(user, password, self.keys, config_path=self.path)
        return found.user.reveal(), found.password.reveal()

    def stored(self, name: str, path: Path | None = None) -> Stored:
        """Return a value as the file holds it."""
        entry = inifile.read(path or self.path).entries_of(config_keys.SERVER, name)[-1]
        return Stored(name, Secret(entry.value), self.path)

    def another(self, name: str) -> Path:
        """Return a copy of the configuration beside it."""
        return Path(shutil.copyfile(self.path, self.path.with_name(name)))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Site:
    """Return a site with the documented sample; nothing of the machine is in reach."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(key_places, "machine_place", lambda: tmp_path / "machine" / "connector.key")
    monkeypatch.setattr(places, "_state_directory", lambda: tmp_path / "state")
    monkeypatch.setattr(key_places, "user_place", lambda: tmp_path / "user" / "connector.key")
    path = tmp_path / "Connector.config"
    path.write_bytes(SAMPLE.encode())
    return Site(path, capsys)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Answer the prompts from a list; the prompts themselves are put into it as they are answered."""
    given: list[str] = []

    def answer(prompt: str) -> str:
        given.append(prompt)
        return given.pop(0)

    monkeypatch.setattr(secret_entry, "_hidden_line", answer)
    monkeypatch.setattr(secret_entry, "_has_terminal", lambda: True)
    return given


def type_in(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Put bytes on standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def opened(envelope: str, keys: Path) -> str:
    """Return the text behind a printed value."""
    value = Stored("PASSWORD", Secret(envelope.strip()), Path("printed"))
    return credentials.decrypt(value, keyfile.load(keys)).secret.reveal()


def test_a_value_is_printed_encrypted_and_nothing_else_is(site: Site) -> None:
    """Encrypt -v prints one line, the value that a run with this configuration decrypts."""
    code, out, err = site.run("-v", "abcdefg")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"amt1:[0-9a-f]{8}:\S+\n", out)
    assert opened(out, site.keys) == "abcdefg"


def test_without_a_configuration_the_key_is_the_machines(site: Site) -> None:
    """Encrypt -v needs no Connector.config."""
    site.path.unlink()
    code, out, _ = site.run("-v", "abcdefg")
    assert code == 0
    assert opened(out, key_places.machine_place()) == "abcdefg"


def test_without_a_key_file_in_the_configuration_the_key_is_the_machines(site: Site) -> None:
    """A Connector.config without KEY_FILE means the machine's place."""
    site.path.write_text("[CONNECTOR]\n")
    _, out, _ = site.run("-v", "abcdefg")
    assert opened(out, key_places.machine_place()) == "abcdefg"


def test_the_named_configuration_counts(site: Site) -> None:
    """--config names the configuration whose key file is used."""
    other = site.path.parent / "other" / "Connector.config"
    other.parent.mkdir()
    other.write_text("[CONNECTOR]\nKEY_FILE=its.key\n")
    _, out, _ = site.run("--config", str(other), "-v", "abcdefg")
    assert opened(out, other.parent / "its.key") == "abcdefg"


def test_a_named_configuration_must_be_there(site: Site) -> None:
    """A wrong --config is not taken for none."""
    code, out, err = site.run("--config", "elsewhere.config", "-v", "abcdefg")
    assert (code, out) == (1, "")
    assert "elsewhere.config" in err


def test_a_key_file_can_be_named(site: Site) -> None:
    """--key-file counts before a configuration that happens to be here."""
    _, out, _ = site.run("--key-file", "my.key", "-v", "abcdefg")
    assert opened(out, site.path.parent / "my.key") == "abcdefg"


def test_a_second_value_uses_the_same_key(site: Site) -> None:
    """The key file is made once."""
    keys = {site.run("-v", text)[1].split(":")[1] for text in ("a", "b")}
    assert len(keys) == 1


def test_a_value_may_look_like_an_option(site: Site) -> None:
    """The token after -v is the value, whatever it looks like."""
    for text in ("-v", "--help", "--", "*", "%PATH%", "~", "ä ö\t☃"):
        assert opened(site.run("-v", text)[1], site.keys) == text


def test_the_prompt_asks_twice(site: Site, answers: list[str]) -> None:
    """Without -v the value is asked for, and again."""
    answers += ["geheim", "geheim"]
    code, out, err = site.run()
    assert code == 0
    assert answers == ["Value: ", "Value again: "]
    assert opened(out, site.keys) == "geheim"
    assert str(site.keys) in err


@pytest.mark.parametrize("given", [["geheim", "geheln"], ["", ""]])
def test_entries_that_differ_or_are_empty_change_nothing(site: Site, answers: list[str], given: list[str]) -> None:
    """A typing mistake is not encrypted."""
    answers += given
    code, out, err = site.run("--set", "PASSWORD")
    assert (code, out) == (1, "")
    assert "nothing was encrypted" in err
    assert site.path.read_bytes() == SAMPLE.encode()
    assert not site.keys.exists()


@pytest.mark.posix_only
def test_a_terminal_that_can_not_hide_the_value_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where getpass would show the secret, Encrypt does not ask."""

    def echoing(prompt: str) -> str:
        warnings.warn(prompt, getpass.GetPassWarning, stacklevel=1)
        return "shown"

    monkeypatch.setattr(getpass, "getpass", echoing)
    code, out, err = site.run()
    assert (code, out) == (1, "")
    assert "no terminal" in err
    assert "put '-v -' behind the same command" in err


@pytest.mark.parametrize("args", [["-"], ["-v", "-"], ["--value=-"]])
@pytest.mark.parametrize("content", ["geheim", "geheim\n", "geheim\r\n", "\ufeffgeheim\n"])
def test_a_value_comes_from_standard_input(
    site: Site, monkeypatch: pytest.MonkeyPatch, args: list[str], content: str
) -> None:
    """`-` reads one line, without its newline and without a byte-order mark."""
    type_in(monkeypatch, content.encode())
    _, out, err = site.run(*args)
    assert opened(out, site.keys) == "geheim"
    assert err == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\n", "empty"),
        (b"geheim\nzeile\n", "line break"),
        ("geheim".encode("utf-16-le"), "control character"),
        ("geheim".encode("utf-16"), "not UTF-8"),
        ("geheimnis: ü".encode("cp1252"), "not UTF-8"),
        (b"\x16geheim", "control character"),
        (b"geheim" * 20000, "more than"),
    ],
)
def test_what_is_no_line_of_text_is_refused(
    site: Site, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str
) -> None:
    """A value that would be a wrong password is refused, and nothing of it is shown."""
    type_in(monkeypatch, content)
    code, out, err = site.run("-")
    assert (code, out) == (1, "")
    assert message in err
    assert "geheim" not in err


def test_no_standard_input_is_said(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process may have no standard input at all."""
    monkeypatch.setattr(sys, "stdin", None)
    assert "no standard input" in site.run("-")[2]


@pytest.mark.parametrize("name", ["USER", "PASSWORD", "password"])
def test_a_value_is_set_in_place(site: Site, name: str) -> None:
    """--set replaces the value and names the installation, and every other byte of the file stays."""
    code, out, _ = site.run("--set", name, "-v", "geheim")
    assert code == 0
    assert f"{name.upper()} in {site.path} is encrypted" in out
    written = site.stored(name).text.reveal()
    legacy = {"USER": "62324e685a47303d", "PASSWORD": "6233426a6232353463484d3d"}
    lines = site.path.read_bytes().decode().splitlines(keepends=True)
    named = [line for line in lines if line.startswith("INSTALLATION_ID=")]
    assert len(named) == 1
    assert "".join(line for line in lines if line not in named) == SAMPLE.replace(legacy[name.upper()], written)
    assert opened(written, site.keys) == "geheim"
    assert not re.search("geheim|amt1:", out)


def test_a_value_that_is_missing_is_added(site: Site) -> None:
    """--set works on a file without the key."""
    site.path.write_text("[CONNECTOR]\nKEY_FILE=keys/connector.key\n[AMT_BATCH_SERVER]\nUSER=\n")
    assert site.run("--set", "USER", "-v", "ocadm")[0] == 0
    assert site.run("--set", "PASSWORD", "-v", "geheim")[0] == 0
    assert site.revealed() == ("ocadm", "geheim")


def test_the_first_key_comes_with_what_is_left_to_do(site: Site) -> None:
    """When a key was made, the jobs' account must be let in: said once, on stderr."""
    first, second = (site.run("--set", "PASSWORD", "-v", "geheim")[2] for _ in range(2))
    assert file_access.sharing_advice(site.keys) in first
    assert second == ""


def test_legacy_values_are_migrated_in_place(site: Site) -> None:
    """Migrate encrypts both values; every other byte stays, and the run reads the same credentials."""
    code, out, _ = site.run("migrate")
    assert code == 0
    assert out.startswith("USER and PASSWORD in ")
    assert site.revealed() == ("ocadm", "opconxps")
    user, password = (site.stored(name).text.reveal() for name in ("USER", "PASSWORD"))
    expected = SAMPLE.replace("62324e685a47303d", user).replace("6233426a6232353463484d3d", password)
    assert site.path.read_bytes() == expected.encode()


def test_migrating_twice_changes_nothing(site: Site) -> None:
    """Encrypted values are left alone."""
    site.run("migrate")
    before = site.path.read_bytes()
    code, out, _ = site.run("migrate")
    assert code == 0
    assert "Nothing to do" in out
    assert site.path.read_bytes() == before


def test_plain_text_is_not_migrated(site: Site) -> None:
    """A value that could be anything is not guessed at, and nothing is changed."""
    site.path.write_bytes(PLAIN.encode())
    code, out, err = site.run("migrate")
    assert (code, out) == (1, "")
    assert "PASSWORD is not encrypted" in err
    assert "opconxps" not in err
    assert site.path.read_bytes() == PLAIN.encode()


def test_check_tells_how_each_value_is_stored(site: Site) -> None:
    """Encrypted with key and time, legacy with the fix; a run can use both, so the check ends with 0."""
    site.run("--set", "PASSWORD", "-v", "geheim")
    code, out, err = site.run("check")
    assert (code, err) == (0, "")
    assert re.search(r"USER +legacy.*\n +Encrypt it: .*ncrypt migrate --config ", out)
    assert re.search(rf"PASSWORD +encrypted since \d{{4}}-\d\d-\d\d \S+ with the key {key_id(site)}; it decrypts", out)
    assert str(site.keys) in out
    assert site.path.read_bytes().count(b"amt1:") == 1


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda site: site.path.write_text(PLAIN), "plain text"),
        (lambda site: site.path.write_text(PLAIN.replace("opconxps", "")), "missing"),
        (lambda site: site.keys.unlink(), "no key file"),
        pytest.param(lambda site: site.keys.chmod(0o644), "exposed", marks=pytest.mark.posix_only),
        (lambda site: site.keys.write_text(f"{'A' * 43}=\n"), "is not in the key file"),
        (lambda site: site.path.write_bytes(site.path.read_bytes().replace(b"==", b"")), "damaged"),
    ],
)
def test_check_ends_with_1_when_a_run_can_not_log_on(site: Site, spoil: Callable[[Site], object], text: str) -> None:
    """What a run would refuse is told on stdout with what to do."""
    site.run("--set", "PASSWORD", "-v", "geheim")
    spoil(site)
    code, out, _ = site.run("check")
    assert code == 1
    assert text in out
    assert not re.search("geheim|opconxps", out)


def test_rotate_encrypts_the_files_with_a_new_key(site: Site) -> None:
    """Every value is encrypted with the new key; the old one stays, and is named as unused in these files."""
    site.run("migrate")
    other, old = site.another("Other.config"), key_id(site)
    code, out, _ = site.run("rotate", str(site.path), str(other))
    assert code == 0
    assert [key.id for key in keyfile.load(site.keys).keys] == [key_id(site), old]
    assert f"No longer used in these files: {old} (line 2) of {site.keys}. No key was removed." in out
    assert "Other installations may still need them" in out
    for path in (site.path, other):
        assert site.revealed(path) == ("ocadm", "opconxps")
        assert {site.stored(name, path).key_id for name in ("USER", "PASSWORD")} == {key_id(site)}


def test_rotate_encrypts_legacy_values_too(site: Site) -> None:
    """The first rotation of a site makes its first key; there is no older one to name."""
    code, out, _ = site.run("rotate", str(site.path))
    assert code == 0
    assert len(keyfile.load(site.keys).keys) == 1
    assert "No longer used" not in out
    assert site.revealed() == ("ocadm", "opconxps")


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda path: path.write_text(PLAIN), "not encrypted"),
        (lambda path: path.write_text(SAMPLE.replace("keys/", "others/")), "different key files"),
        (lambda path: path.write_text(SAMPLE.replace("62324e685a47303d", "amt1:x")), "damaged"),
        (lambda path: path.unlink(), "was not found"),
    ],
)
def test_rotate_changes_nothing_when_a_file_is_not_fit_for_it(
    site: Site, spoil: Callable[[Path], object], text: str
) -> None:
    """All values are read before the first one is written, and before a key is made."""
    site.run("migrate")
    other, before, keys = site.another("Other.config"), site.path.read_bytes(), site.keys.read_bytes()
    spoil(other)
    code, out, err = site.run("rotate", str(site.path), str(other))
    assert (code, out) == (1, "")
    assert text in err
    assert (site.path.read_bytes(), site.keys.read_bytes()) == (before, keys)


def test_a_rotation_that_stops_half_way_loses_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is on the disk before the first value: whatever is written can be decrypted, and so can the rest."""
    site.run("migrate")
    other, write = site.another("Other.config"), inifile.write

    def full(path: Path, ini: inifile.IniText) -> None:
        if path == other:
            raise OSError(28, "No space left on device")
        write(path, ini)

    monkeypatch.setattr(inifile, "write", full)
    code, _, err = site.run("rotate", str(site.path), str(other))
    assert code == 1
    assert "No space left on device" in err
    assert site.revealed() == site.revealed(other) == ("ocadm", "opconxps")
    assert site.stored("USER").key_id != site.stored("USER", other).key_id


@pytest.mark.parametrize(
    "args",
    [
        ["geheim"],
        ["-v", "mein", "geheim"],
        ["--geheim"],
        ["-geheim"],
        ["--set", "geheim"],
        ["--set", "PASSWORD", "geheim"],
        ["-v"],
        ["-v", "geheim", "-v", "geheim"],
        ["-v", "geheim", "-"],
        ["-v", "geheim", "migrate"],
        ["--set", "USER", "check"],
        ["migrate", "geheim"],
        ["rotate"],
        ["rotate", "--config", "Connector.config", "Connector.config"],
        ["--key-file", "k", "--config", "Connector.config", "-v", "geheim"],
        ["--key-file", "k", "--set", "USER", "-v", "geheim"],
        ["--config", "a", "--config", "b"],
        ["--help=geheim"],
        ["-", "geheim"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_101_and_repeats_no_word_of_it(site: Site, args: list[str]) -> None:
    """A misplaced word could be the secret, so it is not shown; nothing is changed."""
    code, out, err = site.run(*args)
    assert (code, out) == (101, "")
    assert err.startswith("Encrypt: ")
    assert err.splitlines()[1:] == ["  See:  HELP"]
    assert not re.search("geheim|mein", err)
    assert site.path.read_bytes() == SAMPLE.encode()
    assert not site.keys.exists()


@pytest.mark.parametrize("program", ["Encrypt", "amt encrypt"])
def test_the_help_fits_a_screen_and_names_everything(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    """24 lines of 80 columns show every option, every word, examples, and the exit codes."""
    assert run_command(command, ["--help"], program, "HELP") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < 24
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    options = [option for parameter in command.params for option in parameter.opts if option.startswith("-")]
    assert all(word in text for word in (*options, "--help", "migrate", "check", "rotate FILE", f"{program} -v", "101"))


def test_a_configuration_that_can_not_be_written_stays_as_it_was(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Encrypt says so, and what to do."""

    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(inifile, "write", denied)
    code, out, err = site.run("--set", "PASSWORD", "-v", "geheim")
    assert (code, out) == (1, "")
    assert "can't be written: Permission denied" in err
    assert site.path.read_bytes() == SAMPLE.encode()


@pytest.mark.parametrize("content", ["[AMT_BATCH_SERVER]\nUSER=a\n".encode("utf-16-le"), None])
def test_a_configuration_that_is_no_text_is_refused(site: Site, content: bytes | None) -> None:
    """A file in UTF-16, and what is no file, are left alone."""
    site.path.unlink()
    if content is None:
        site.path.mkdir()
    else:
        site.path.write_bytes(content)
    assert site.run("--set", "PASSWORD", "-v", "geheim")[0] == 1
    assert content is None or site.path.read_bytes() == content


def test_values_keep_the_encoding_of_the_file(site: Site) -> None:
    """An ANSI file with a byte-order-less umlaut stays one."""
    site.path.write_bytes(SAMPLE.replace("sample", "sämple").encode("cp1252"))
    assert site.run("migrate")[0] == 0
    assert "sämple".encode("cp1252") in site.path.read_bytes()
    assert [site.stored(name).form for name in ("USER", "PASSWORD")] == [Form.ENCRYPTED] * 2


def key_id(site: Site) -> str:
    """Return the id of the key that encrypts at a site."""
    return keyfile.load(site.keys).newest.id


@pytest.mark.posix_only
def test_what_a_killed_encrypt_left_is_removed_by_the_next_one(site: Site) -> None:
    """Neither key material nor credentials stay in a file that nobody knows of."""
    site.run("migrate")
    left = [
        path.with_name(f"{path.name}.0123456789ab{ending}")
        for path in (site.path, site.keys)
        for ending in (".tmp", ".old")
    ]
    for path in left:
        path.write_bytes(b"secret")
    assert site.run("check")[0] == 0
    assert not [path for path in left if path.exists()]


@pytest.mark.posix_only
def test_two_spellings_of_a_key_file_are_one(site: Site) -> None:
    """Rotate takes files that name the same key file by a link, another path or the machine's place."""
    site.run("migrate")
    other, link = site.another("Other.config"), site.path.with_name("linked.key")
    link.symlink_to(site.keys)
    other.write_bytes(other.read_bytes().replace(b"keys/connector.key", b"keys/../linked.key"))
    code, _, err = site.run("rotate", str(site.path), str(other))
    assert (code, err) == (0, "")
    assert site.stored("USER").key_id == site.stored("USER", other).key_id


def test_where_the_new_content_took_no_name_encrypt_says_where_it_is(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one message that must not say that the file is unchanged."""
    site.run("migrate")
    kept = site.path.with_name("Connector.config.0123456789ab.tmp")

    def lost(path: Path, _ini: inifile.IniText) -> None:
        path.rename(kept)
        raise ContentElsewhere(OSError(5, "moved"), (kept,))

    monkeypatch.setattr(inifile, "write", lost)
    code, _, err = site.run("--set", "PASSWORD", "-v", "geheim")
    assert code == 1
    assert f"Its content is in {kept}: rename that file to Connector.config" in err
    assert "unchanged" not in err


def test_the_first_id_keeps_the_place_of_the_runs(site: Site) -> None:
    """Whoever has runs already finds them: the id is the name of the place that they have."""
    before = config.run_directory_of(site.path)
    code, out, _ = site.run("new-id")
    assert code == 0
    assert f"was written into {site.path}" in out
    after = config.load(site.path)
    assert after.run_directory.name == after.installation_id == places.as_id(before.name)


def test_a_copy_gets_an_id_of_its_own(site: Site) -> None:
    """`new-id` in a file that has an id writes another one, in its place."""
    site.run("new-id")
    first = config.load(site.path).installation_id
    assert site.run("new-id")[0] == 0
    second = config.load(site.path).installation_id
    assert second != first
    assert second in config.load(site.path).run_directory.name
    assert site.path.read_bytes().count(b"INSTALLATION_ID=") == 1


def test_credentials_for_a_copy_are_the_moment_to_tell_of_its_id(site: Site, tmp_path: Path) -> None:
    """A file that was copied for another server has the id of the first one; `--set` says so and how to mend it."""
    site.run("--set", "USER", "-v", "ocadm")
    first = config.load(site.path)
    key = RunKey("20261123", "Nightly", "End of day", first.server.address, "DEMO2", "X")
    run_id = "20261123-a1b2c3d4e5"
    now = datetime.now(UTC)
    record = RunRecord(
        key=key, run_id=run_id, state=RunState.SUBMITTED, request_id="7", submitted_at=now, config=str(site.path)
    )
    with RunDirectory(first.run_directory).claim(key, run_id) as claim:
        claim.save(record)
    copy = tmp_path / "copy" / "Connector.config"
    copy.parent.mkdir()
    copy.write_bytes(site.path.read_bytes().replace(b"amt.example.com", b"amt-test.example.com"))
    code, _, err = site.run("--set", "PASSWORD", "-v", "geheim", "--config", str(copy))
    assert code == 0
    assert f"INSTALLATION_ID is that of {site.path} too" in err
    assert "new-id --config" in err
