"""Connector.config: where it is, and what it says.

`load` reads a file into a frozen `Config` and reports every problem at once. `docs/configuration.md` is the reference.
All times are in seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from amtconnector.config import inifile, keys, places, values
from amtconnector.config.sheet import Sheet
from amtconnector.errors import ConfigurationError
from amtconnector.named_tuple import NamedTuple
from amtconnector.text import described

if TYPE_CHECKING:
    from pathlib import Path

_HINT = "Correct the file; docs/configuration.md explains every key."


class Server(NamedTuple):
    """The AMT web server and what is sent to it by default.

    `host` is in ASCII and lower case, an IPv6 address without brackets. `tls_server_name` is "" for the host itself,
    `queue_name` "" for AMT's own. `user` and `password` are as stored in the file
    `config_path`. With TLS `ca_file` need not be there: TLS says so when it is needed, and `amt check` may be about to
    write it.
    """

    host: str
    port: int
    uses_tls: bool
    tls_server_name: str
    ca_file: Path | None
    connect_timeout_s: float
    read_timeout_s: float
    start_timeout_s: float
    submit_user: str
    station: str
    queue_name: str
    user: str
    password: str
    config_path: Path | None = None

    def __repr__(self) -> str:
        return described(self, "user", "password")

    @property
    def address(self) -> str:
        """The server as `host:port`, an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def base_url(self) -> str:
        """The server as `https://host:port`."""
        return f"{'https' if self.uses_tls else 'http'}://{self.address}"


class Config(NamedTuple):
    """What one Connector.config says, with every default filled in.

    `path` is absolute. `output_encoding` None is the platform's default, `key_file` None the machine's place,
    `wire_profile` None the built-in contract. `run_directory` need not exist yet. `max_outage_s` 0 never gives up.
    `warnings` are whole sentences for the job log.
    """

    path: Path
    name: str
    initial_poll_delay_s: float
    poll_interval_s: float
    max_poll_interval_s: float
    max_outage_s: float
    stream_messages: bool
    kill_task_on_interrupt: bool
    kill_confirm_timeout_s: float
    debug: bool
    output_encoding: str | None
    run_directory: Path
    retain_runs_days: float
    installation_id: str
    keep_messages: bool
    mask_messages: Path | None
    event_log: bool
    key_file: Path | None
    wire_profile: Path | None
    server: Server
    publish_status: bool
    warnings: tuple[str, ...]


def load(path: Path) -> Config:
    """Read a configuration file; raises ConfigurationError with all its problems, one a line."""
    path = places.absolute(path)
    sheet = Sheet(load_text(path), path.parent)
    config = _config(path, sheet)
    if sheet.problems:
        raise ConfigurationError(_report(path, sheet), subject=str(path), hint=_HINT)
    return config


def run_directory_of(path: Path) -> Path:
    """Return where the runs of a configuration file are kept, as far as a missing or broken one tells; never raises."""
    path = places.absolute(path)
    try:
        ini = inifile.read(path)
    except (OSError, ValueError):
        return places.default_run_directory(path, "")
    if given := ini.value_of(keys.CONNECTOR, keys.RUN_DIRECTORY.key):
        return path.parent / given
    installation_id = values.installation_id(ini.value_of(keys.CONNECTOR, keys.INSTALLATION_ID.key))
    return places.default_run_directory(path, installation_id if isinstance(installation_id, str) else "")


def load_text(path: Path) -> inifile.IniText:
    """Read the sections and keys of a configuration file; raises ConfigurationError when it is missing or no text."""
    try:
        ini = inifile.read(places.existing(path))
    except OSError as error:
        raise places.unreadable(path, error) from error
    if "\0" in ini.text:
        _refuse_nul_bytes(path, ini)
    return ini


def _refuse_nul_bytes(path: Path, ini: inifile.IniText) -> NoReturn:
    """Raise ConfigurationError: the file is in another encoding, or has lost a part of its content."""
    from amtconnector.config import causes  # a sound file needs no causes

    if ini.is_wide:
        raise ConfigurationError(
            "The configuration file is neither UTF-8 nor ANSI text.",
            subject=str(path),
            hint='It is UTF-16, which Notepad calls "Unicode", or UTF-32. Save it as UTF-8 (in Notepad: "Save as", '
            'encoding "UTF-8").',
        )
    raise ConfigurationError(
        f"{path.name} has a problem:\nline {causes.nul_line(ini)}: expected text, and there are NUL bytes, as a power "
        "cut leaves them where a file had not been written to its end",
        subject=str(path),
        hint="Put the file back from a copy. If everything is still in it, remove the NUL bytes and save it as UTF-8.",
    )


def _config(path: Path, sheet: Sheet) -> Config:
    poll_interval_s = sheet.value(keys.POLL_INTERVAL)
    installation_id = sheet.value(keys.INSTALLATION_ID)
    return Config(
        path=path,
        name=sheet.value(keys.NAME),
        initial_poll_delay_s=sheet.value(keys.INITIAL_POLL_DELAY),
        poll_interval_s=poll_interval_s,
        max_poll_interval_s=_max_poll_interval_s(sheet, poll_interval_s),
        max_outage_s=sheet.value(keys.MAX_OUTAGE),
        stream_messages=sheet.value(keys.STREAM_MESSAGES),
        kill_task_on_interrupt=sheet.value(keys.KILL_TASK_ON_INTERRUPT),
        kill_confirm_timeout_s=sheet.value(keys.KILL_CONFIRM_TIMEOUT),
        debug=sheet.value(keys.DEBUG),
        output_encoding=sheet.value(keys.OUTPUT_ENCODING) or None,
        run_directory=sheet.path(keys.RUN_DIRECTORY) or places.default_run_directory(path, installation_id),
        retain_runs_days=sheet.value(keys.RETAIN_RUNS),
        installation_id=installation_id,
        keep_messages=sheet.value(keys.KEEP_MESSAGES),
        mask_messages=sheet.existing_file(keys.MASK_MESSAGES),
        event_log=sheet.value(keys.EVENT_LOG),
        key_file=sheet.path(keys.KEY_FILE),
        wire_profile=sheet.existing_file(keys.WIRE_PROFILE),
        server=_server(path, sheet),
        publish_status=sheet.value(keys.PUBLISH_STATUS),
        warnings=sheet.warnings,  # the last one, when everything has been read
    )


def _server(path: Path, sheet: Sheet) -> Server:
    address = sheet.value(keys.SERVER_ADDRESS)
    uses_tls = sheet.value(keys.SERVER_USES_TLS)
    _check_scheme(sheet, address.scheme, "https" if uses_tls else "http")
    return Server(
        host=address.host,
        port=address.port,
        uses_tls=uses_tls,
        tls_server_name=sheet.value(keys.TLS_SERVER_NAME),
        ca_file=sheet.path(keys.CA_FILE) if uses_tls else sheet.existing_file(keys.CA_FILE),
        connect_timeout_s=sheet.value(keys.CONNECT_TIMEOUT),
        read_timeout_s=sheet.value(keys.READ_TIMEOUT),
        start_timeout_s=sheet.value(keys.START_TIMEOUT),
        submit_user=sheet.value(keys.SUBMIT_USER),
        station=sheet.value(keys.STATION),
        queue_name=sheet.value(keys.QUEUE_NAME),
        user=sheet.value(keys.USER),
        password=sheet.value(keys.PASSWORD),
        config_path=path,
    )


def _check_scheme(sheet: Sheet, given: str, spoken: str) -> None:
    if spoken == "http":
        sheet.warn(keys.SERVER_USES_TLS, "is False: the credentials travel in clear.")
    if given and given != spoken:
        uses_tls = "True" if spoken == "https" else "False"
        says = f"SERVER_USES_TLS={uses_tls}" if sheet.has(keys.SERVER_USES_TLS) else "the default SERVER_USES_TLS=True"
        sheet.expect(keys.SERVER_ADDRESS, f"a scheme that does not contradict {says}: {spoken}://host:port, or none")


def _max_poll_interval_s(sheet: Sheet, poll_interval_s: float) -> float:
    max_poll_interval_s = sheet.value(keys.MAX_POLL_INTERVAL)
    if max_poll_interval_s < poll_interval_s and sheet.has(keys.MAX_POLL_INTERVAL):
        sheet.warn(keys.MAX_POLL_INTERVAL, f"is below {keys.POLL_INTERVAL.key}, which counts in its place.")
    return max(max_poll_interval_s, poll_interval_s)


def _report(path: Path, sheet: Sheet) -> str:
    count = len(sheet.problems)
    head = f"{path.name} has {count} problems:" if count > 1 else f"{path.name} has a problem:"
    return "\n".join((head, *sheet.problems, *(f"Also noticed: {warning}" for warning in sheet.warnings)))
