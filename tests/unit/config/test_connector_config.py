from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from amtconnector import config
from amtconnector.config.inifile import folded
from amtconnector.errors import ConfigurationError
from tests.support.configfile import INCUMBENT, SERVER, loaded, refused, written

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="places and rights as POSIX has them")


def test_the_incumbents_sample_loads_as_it_is(tmp_path: Path) -> None:
    """Files like the documented sample exist at every site."""
    read = loaded(tmp_path, INCUMBENT)
    assert read.server.address == "amtopcon-tst-a1.westeurope.cloudapp.azure.com:4004"
    assert (read.name, read.poll_interval_s, read.initial_poll_delay_s) == ("Asysco AMT Connector", 5, 5)
    assert (read.server.user, read.server.password) == ("62324e685a47303d", "6233426a6232353463484d3d")
    assert (read.server.uses_tls, read.debug, read.warnings) == (True, False, ())


def test_what_is_not_given_has_its_default(tmp_path: Path) -> None:
    """The defaults are those of the documentation."""
    read = loaded(tmp_path, SERVER)
    assert (read.initial_poll_delay_s, read.poll_interval_s, read.max_poll_interval_s) == (10, 5, 30)
    assert (read.max_outage_s, read.kill_confirm_timeout_s, read.retain_runs_days) == (900, 60, 30)
    assert (read.stream_messages, read.kill_task_on_interrupt, read.debug) == (True, True, False)
    assert (read.installation_id, read.keep_messages, read.mask_messages, read.event_log) == ("", False, None, False)
    assert (read.output_encoding, read.key_file, read.wire_profile, read.publish_status) == (None, None, None, False)
    assert (read.server.uses_tls, read.server.tls_server_name, read.server.ca_file) == (True, "", None)
    assert (read.server.connect_timeout_s, read.server.read_timeout_s, read.server.start_timeout_s) == (10, 60, 300)
    assert (read.server.submit_user, read.server.station, read.server.queue_name) == ("BATCH", "OPCON", "")
    assert (read.path, read.warnings) == (tmp_path / "Connector.config", ())


def test_every_key_is_read(tmp_path: Path) -> None:
    """A value that differs from the default arrives in the field of its name."""
    (tmp_path / "ca.pem").touch()
    (tmp_path / "wire.toml").touch()
    (tmp_path / "mask.txt").touch()
    read = loaded(
        tmp_path,
        "[Connector]\nName=100 % ours\nstatus-check-initial-poll-delay=.5\nSTATUS CHECK POLL INTERVAL=0.1\n"
        "STATUS_CHECK_MAX_POLL_INTERVAL=7.\nSTATUS_CHECK_MAX_OUTAGE=0\nSTREAM_MESSAGES=off\n"
        "KILL_TASK_ON_INTERRUPT=No\nKILL_CONFIRM_TIMEOUT=0\nDEBUG=1\nOUTPUT_ENCODING=cp850\nRUN_DIRECTORY=runs\n"
        "RETAIN_RUNS=0.5\nKEY_FILE=keys/k\nINSTALLATION_ID=AMT-Test-01\nKEEP_MESSAGES=on\n"
        "MASK_MESSAGES=mask.txt\nEVENT_LOG=yes\nWIRE_PROFILE=wire.toml\n"
        "[AMT_BATCH_SERVER]\nSERVER_ADDRESS: http://[::1]:80/\nSERVER_USES_TLS=FALSE\nTLS_SERVER_NAME=Other.Example\n"
        "CA_FILE=ca.pem\nCONNECT_TIMEOUT=1\nREAD_TIMEOUT=2\nSTART_TIMEOUT=3\nSUBMIT_USER=S\nSTATION=T\nQUEUE_NAME=Q\n"
        "USER=u=1\nPASSWORD=p:2\n[OpCon]\nPublish-Status=yes\n",
    )
    assert (read.name, read.initial_poll_delay_s, read.poll_interval_s) == ("100 % ours", 0.5, 0.1)
    assert (read.max_poll_interval_s, read.max_outage_s, read.stream_messages) == (7, 0, False)
    assert (read.kill_task_on_interrupt, read.kill_confirm_timeout_s, read.debug) == (False, 0, True)
    assert (read.output_encoding, read.run_directory) == ("cp850", tmp_path / "runs")
    assert (read.retain_runs_days, read.key_file) == (0.5, tmp_path / "keys" / "k")
    assert (read.wire_profile, read.publish_status) == (tmp_path / "wire.toml", True)
    assert (read.installation_id, read.keep_messages, read.event_log) == ("amt-test-01", True, True)
    assert read.mask_messages == tmp_path / "mask.txt"
    server = read.server
    assert (server.host, server.port, server.uses_tls, server.tls_server_name) == ("::1", 80, False, "other.example")
    assert (server.base_url, server.address, server.ca_file) == ("http://[::1]:80", "[::1]:80", tmp_path / "ca.pem")
    assert (server.connect_timeout_s, server.read_timeout_s, server.start_timeout_s) == (1, 2, 3)
    assert (server.submit_user, server.station, server.queue_name) == ("S", "T", "Q")
    assert (server.user, server.password) == ("u=1", "p:2")


@pytest.mark.parametrize("key", ["SERVER_USE_TLS", "server uses tls", "Server-Use-TLS", "SERVER_USES_TLS"])
@pytest.mark.parametrize("section", ["AMT BATCH SERVER", "amt_batch_server", "Amt-Batch Server"])
def test_both_documented_spellings_are_right(tmp_path: Path, section: str, key: str) -> None:
    """The incumbent's sample and its table spell the section and the TLS key differently."""
    text = f"[{section}]\nSERVER_ADDRESS=host:1\nUSER=u\nPASSWORD=p\n{key}=False\n"
    read = loaded(tmp_path, text)
    assert not read.server.uses_tls
    assert read.warnings == (f"[AMT_BATCH_SERVER] {folded(key)} (line 5) is False: the credentials travel in clear.",)


@pytest.mark.parametrize(
    ("scheme", "tls", "expectation"),
    [
        ("http", "", "does not contradict the default SERVER_USES_TLS=True: https://host:port, or none"),
        ("http", "SERVER_USES_TLS=True", "does not contradict SERVER_USES_TLS=True: https://host:port, or none"),
        ("https", "SERVER_USE_TLS=False", "does not contradict SERVER_USES_TLS=False: http://host:port, or none"),
    ],
)
def test_a_scheme_that_contradicts_tls_is_refused(tmp_path: Path, scheme: str, tls: str, expectation: str) -> None:
    """Nobody sends credentials in clear by the slip of a letter: plain HTTP has to be said by SERVER_USES_TLS."""
    lines = refused(tmp_path, f"{SERVER.replace('host:4004', f'{scheme}://host:4004')}{tls}\n")
    assert lines[1] == f"[AMT_BATCH_SERVER] SERVER_ADDRESS (line 2): expected a scheme that {expectation}"


def test_the_longest_interval_is_never_below_the_first_one(tmp_path: Path) -> None:
    """STATUS_CHECK_POLL_INTERVAL counts, with a warning where the file itself says otherwise."""
    silent = loaded(tmp_path, f"{SERVER}[CONNECTOR]\nSTATUS_CHECK_POLL_INTERVAL=60\n")
    assert (silent.max_poll_interval_s, silent.warnings) == (60, ())
    told = loaded(tmp_path, f"{SERVER}[CONNECTOR]\nSTATUS_CHECK_MAX_POLL_INTERVAL=1\n")
    assert told.max_poll_interval_s == 5
    (warning,) = told.warnings
    assert warning.startswith("[CONNECTOR] STATUS_CHECK_MAX_POLL_INTERVAL (line 6) is below STATUS_CHECK_POLL_INTERVAL")


@pytest.mark.parametrize(
    ("path", "is_odd"),
    [
        *(("~/runs", True), ("~", True), ("$HOME/runs", True), ("${AMT_HOME}/runs", True)),
        *(
            ("%ProgramData%\\amt", True),
            ("%ProgramFiles(x86)%\\amt", True),
            ("\\\\host\\share$\\amt", False),
            ("C:\\PROGRA~1\\amt", False),
        ),
        *(("100% ours/50%", False), ("~amt/runs", False), ("runs", False)),
    ],
)
def test_a_path_that_is_written_for_a_shell_is_called_one(tmp_path: Path, path: str, *, is_odd: bool) -> None:
    """Nothing is expanded: records in a folder named ~ are found by nobody."""
    warnings = loaded(tmp_path, f"{SERVER}[CONNECTOR]\nRUN_DIRECTORY={path}\n").warnings
    assert any("RUN_DIRECTORY" in warning and "not expanded" in warning for warning in warnings) is is_odd


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_notepads_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    """UTF-8 with or without byte-order mark, else the ANSI code page."""
    text = f"[CONNECTOR]\r\nNAME=Zürich\r\n{SERVER}"
    assert config.load(written(tmp_path, text.encode(encoding))).name == "Zürich"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_notepads_unicode_is_refused_in_one_line(tmp_path: Path, encoding: str) -> None:
    """UTF-16 is said to be no text that is read, instead of a hundred wrong lines."""
    assert refused(tmp_path, SERVER.encode(encoding)) == ["The configuration file is neither UTF-8 nor ANSI text."]


def test_bytes_that_are_in_no_code_page_do_no_harm(tmp_path: Path) -> None:
    """Undecodable bytes, in a comment say, don't keep the file from being read."""
    assert config.load(written(tmp_path, b"; \x81\x8d\xff\n" + SERVER.encode())).server.port == 4004


def find(given: str | None, folder: Path) -> Path:
    """Look for a configuration as a program in `program` would that is started in `work`."""
    for name in ("work", "program"):
        (folder / name).mkdir(exist_ok=True)
    return config.find(given, working_directory=folder / "work", program_directory=folder / "program")


def test_the_configuration_is_looked_for_in_four_places(tmp_path: Path) -> None:
    """The given path, else the working directory, else beside the program, else in the folder above it."""
    with pytest.raises(ConfigurationError) as caught:
        find(None, tmp_path)
    beside, working = tmp_path / "program" / "Connector.config", tmp_path / "work" / "Connector.config"
    above = tmp_path / "Connector.config"
    assert caught.value.subject == f"{working} or {beside} or {above}"
    above.touch()
    assert find(None, tmp_path) == above
    beside.touch()
    assert find(None, tmp_path) == beside
    working.touch()
    assert find(None, tmp_path) == working
    given = tmp_path / "work" / "other.config"
    given.touch()
    assert find("other.config", tmp_path) == find(str(given), tmp_path) == given
    assert find("../program/Connector.config", tmp_path) == beside


@pytest.mark.parametrize(
    ("given", "message"),
    [("missing.config", "The configuration file was not found."), (".", "The configuration file is a folder.")],
)
def test_a_given_path_that_is_no_file_is_refused(tmp_path: Path, given: str, message: str) -> None:
    """Nothing else is taken in its place, and the path is named."""
    written(tmp_path, SERVER)
    with pytest.raises(ConfigurationError) as caught:
        find(given, tmp_path)
    assert caught.value.message == message
    assert caught.value.subject == os.path.normpath(tmp_path / "work" / given)


@on_posix
def test_what_is_no_file_is_called_what_it_is(tmp_path: Path) -> None:
    """A link that an update has left behind leads nowhere; "not found" would be believed by nobody who sees it."""
    written(tmp_path, SERVER)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/gone/Connector.config")
    for name, what in (("pipe", "a pipe"), ("link", "a link to /gone/Connector.config, which is not there")):
        with pytest.raises(ConfigurationError) as caught:
            find(str(tmp_path / name), tmp_path)
        assert caught.value.message == f"The configuration file is {what}."


def test_a_folder_in_place_of_the_configuration_is_refused(tmp_path: Path) -> None:
    """It is not passed over for the file beside the program, which may be another environment's."""
    (tmp_path / "work" / "Connector.config").mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="is a folder"):
        find(None, tmp_path)


def test_a_file_that_can_not_be_read_is_a_problem_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says so and what to do."""

    def denied(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    path = written(tmp_path, SERVER)
    monkeypatch.setattr("amtconnector.config.inifile.content_of", denied)
    with pytest.raises(ConfigurationError) as caught:
        config.load(path)
    assert caught.value.message == "The configuration file can't be read: Permission denied."
    assert caught.value.hint == "Give the account that runs the job the right to read it."


def test_relative_paths_start_in_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in the working directory, which is the agent's or the job's."""
    written(tmp_path, f"{SERVER}[CONNECTOR]\nKEY_FILE=k\nRUN_DIRECTORY=../r\n")
    monkeypatch.chdir(tmp_path)
    read = config.load(Path("Connector.config"))
    assert (read.path, read.key_file) == (tmp_path / "Connector.config", tmp_path / "k")
    assert read.run_directory == tmp_path / ".." / "r"


@pytest.mark.parametrize(
    "text",
    [SERVER, f"{SERVER}[CONNECTOR]\nRUN_DIRECTORY=there\n", f"{SERVER}[CONNECTOR]\nRUN_DIRECTORY=x\nrun-directory=y\n"],
)
def test_the_run_directory_of_a_broken_file_is_that_of_the_whole_one(tmp_path: Path, text: str) -> None:
    """An open earlier run can be named although the configuration has been broken since."""
    directory = loaded(tmp_path, text).run_directory
    path = written(tmp_path, f"{text}nonsense\nDEBUG=x\n")
    assert config.run_directory_of(path) == directory


def test_the_run_directory_of_a_missing_file_is_the_default(tmp_path: Path) -> None:
    """It never raises: a file that has gone, a folder, bytes."""
    default = loaded(tmp_path, SERVER).run_directory
    (tmp_path / "Connector.config").unlink()
    assert config.run_directory_of(tmp_path / "Connector.config") == default
    (tmp_path / "Connector.config").mkdir()
    assert config.run_directory_of(tmp_path / "Connector.config") == default


def test_each_installation_has_its_own_run_directory(tmp_path: Path) -> None:
    """The place is named for the folder of the file and its path, and not for NAME, which may be changed."""
    folders = [tmp_path / "a" / "AMT test", tmp_path / "b" / "AMT test"]
    for folder in folders:
        folder.mkdir(parents=True)
    first, second = (loaded(folder, SERVER).run_directory for folder in folders)
    assert first != second
    assert re.fullmatch(r"AMT-test-[0-9a-f]{12}", first.name)
    assert first.parent == second.parent
    assert first.parent.name == "runs"
    assert loaded(folders[0], f"{SERVER}[CONNECTOR]\nNAME=other\n").run_directory == first


@on_posix
def test_the_run_directory_of_root_is_the_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below /var/lib/amtconnector for root, else in the user's state directory."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert config.run_directory_of(tmp_path / "Connector.config").is_relative_to("/var/lib/amtconnector/runs")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert config.run_directory_of(tmp_path / "Connector.config").is_relative_to(tmp_path / "amtconnector" / "runs")


def test_a_sound_file_is_loaded_without_the_modules_that_only_a_wrong_one_needs(tmp_path: Path) -> None:
    """Every run pays for the imports of the configuration."""
    path = written(tmp_path, f"{INCUMBENT}[CONNECTOR]\nRUN_DIRECTORY=runs\n")
    script = (
        "import sys; from pathlib import Path; from amtconnector import config; config.load(Path(sys.argv[1]));"
        "print(sorted({'configparser', 'difflib', 'idna', 'platformdirs', 'shutil'} & set(sys.modules)))"
    )
    shown = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {script}", str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == "[]\n"
