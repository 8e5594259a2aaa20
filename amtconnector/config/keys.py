"""Every key of Connector.config: its section, how it is read, its default.

`docs/configuration.md` explains them to administrators; a test holds the two against each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from amtconnector.config import values
from amtconnector.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

CONNECTOR = "CONNECTOR"
SERVER = "AMT_BATCH_SERVER"
OPCON = "OPCON"
SECTIONS = (CONNECTOR, SERVER, OPCON)


class Setting(NamedTuple, Generic[T]):
    """One key: `read` understands its value, `default` holds without one.

    `aliases` are further names of the key. A setting that is `required` has no default of use, and says in `required`
    what is expected. An empty text means not given; an empty number or boolean is read, and refused.
    """

    section: str
    key: str
    read: Callable[[str], T | values.Expected]
    default: T
    aliases: tuple[str, ...] = ()
    required: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Every name of the key."""
        return (self.key, *self.aliases)


_seconds = values.number("seconds", maximum=values.LONGEST_WAIT_S)
_some_seconds = values.number("seconds", maximum=values.LONGEST_WAIT_S, above_minimum=True)
_CREDENTIAL = "a value that Encrypt has made"

NAME = Setting(CONNECTOR, "NAME", values.text, "Asysco AMT Connector")
INITIAL_POLL_DELAY = Setting(CONNECTOR, "STATUS_CHECK_INITIAL_POLL_DELAY", _seconds, 10.0)
POLL_INTERVAL = Setting(
    CONNECTOR, "STATUS_CHECK_POLL_INTERVAL", values.number("seconds", minimum=0.1, maximum=values.LONGEST_WAIT_S), 5.0
)
MAX_POLL_INTERVAL = Setting(CONNECTOR, "STATUS_CHECK_MAX_POLL_INTERVAL", _seconds, 30.0)
MAX_OUTAGE = Setting(CONNECTOR, "STATUS_CHECK_MAX_OUTAGE", values.number("seconds", maximum=1e9), 900.0)
STREAM_MESSAGES = Setting(CONNECTOR, "STREAM_MESSAGES", values.boolean, default=True)
KILL_TASK_ON_INTERRUPT = Setting(CONNECTOR, "KILL_TASK_ON_INTERRUPT", values.boolean, default=True)
KILL_CONFIRM_TIMEOUT = Setting(CONNECTOR, "KILL_CONFIRM_TIMEOUT", _seconds, 60.0)
DEBUG = Setting(CONNECTOR, "DEBUG", values.boolean, default=False)
OUTPUT_ENCODING = Setting(CONNECTOR, "OUTPUT_ENCODING", values.encoding, "")
RUN_DIRECTORY = Setting(CONNECTOR, "RUN_DIRECTORY", values.text, "")
RETAIN_RUNS = Setting(CONNECTOR, "RETAIN_RUNS", values.number("days", maximum=365_000), 30.0)
INSTALLATION_ID = Setting(CONNECTOR, "INSTALLATION_ID", values.installation_id, "")
KEEP_MESSAGES = Setting(CONNECTOR, "KEEP_MESSAGES", values.boolean, default=False)
MASK_MESSAGES = Setting(CONNECTOR, "MASK_MESSAGES", values.text, "")
EVENT_LOG = Setting(CONNECTOR, "EVENT_LOG", values.boolean, default=False)
KEY_FILE = Setting(CONNECTOR, "KEY_FILE", values.text, "")
WIRE_PROFILE = Setting(CONNECTOR, "WIRE_PROFILE", values.text, "")

SERVER_ADDRESS = Setting(SERVER, "SERVER_ADDRESS", values.address, values.Address("", 0), required="host:port")
SERVER_USES_TLS = Setting(SERVER, "SERVER_USES_TLS", values.boolean, default=True, aliases=("SERVER_USE_TLS",))
TLS_SERVER_NAME = Setting(SERVER, "TLS_SERVER_NAME", values.host_name, "")
CA_FILE = Setting(SERVER, "CA_FILE", values.text, "")
CONNECT_TIMEOUT = Setting(SERVER, "CONNECT_TIMEOUT", _some_seconds, 10.0)
READ_TIMEOUT = Setting(SERVER, "READ_TIMEOUT", _some_seconds, 60.0)
START_TIMEOUT = Setting(SERVER, "START_TIMEOUT", _some_seconds, 300.0)
SUBMIT_USER = Setting(SERVER, "SUBMIT_USER", values.text, "BATCH")
STATION = Setting(SERVER, "STATION", values.text, "OPCON")
QUEUE_NAME = Setting(SERVER, "QUEUE_NAME", values.text, "")
USER = Setting(SERVER, "USER", values.text, "", required=_CREDENTIAL)
PASSWORD = Setting(SERVER, "PASSWORD", values.text, "", required=_CREDENTIAL)

PUBLISH_STATUS = Setting(OPCON, "PUBLISH_STATUS", values.boolean, default=False)

AnySetting = Setting[str] | Setting[float] | Setting[bool] | Setting[values.Address]

SETTINGS: tuple[AnySetting, ...] = tuple(value for value in [*globals().values()] if isinstance(value, Setting))
"""All of the above, in the order of the documentation."""
