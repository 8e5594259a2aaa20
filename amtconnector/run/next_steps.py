"""What an operator can do next: the exact commands, ready to be pasted, and what to look for in AMT."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from amtconnector.named_tuple import NamedTuple
from amtconnector.system.command_line import credentials_commands, own_command

if TYPE_CHECKING:
    from amtconnector.records.record import RunRecord
    from amtconnector.task import RequestId

PROFILE_HINT = "If AMT itself answers so, its interface differs from the built-in one: WIRE_PROFILE adapts it."

_NOT_GIVEN = "(AMT's own)"
_UNKNOWN = "(unknown)"


class NextSteps(NamedTuple):
    """The commands of this installation; `config` is the path of its Connector.config."""

    config: str

    @property
    def check(self) -> str:
        """Return the command that goes through the installation step by step."""
        return own_command("check", "--config", self.config)

    @property
    def credentials(self) -> str:
        """Return what to do when AMT refuses the credentials, which are not tried again by themselves."""
        return (
            "If the account is locked, it suffices to unlock it in AMT Control Center.\n"
            "If the credentials have changed, correct them:\n"
            f"{credentials_commands(self.config)}\n"
            "In either case, then try one logon (AMT locks accounts, so jobs do not try it again by themselves):\n"
            f"{self.check}"
        )

    @property
    def connection(self) -> str:
        """Return how the way to the server is examined, when nothing was started."""
        return f"Go through the connection step by step:  {self.check}\nThe job can be restarted as it is."

    @property
    def runs(self) -> str:
        """Return the command that lists the runs that are known here."""
        return own_command("runs", "--config", self.config)

    def command(self, action: str, request_id: str) -> str:
        """Return the command that does something about a batch request."""
        return own_command("-jt", action, "-id", request_id, "--config", self.config)

    def ways_on(self, request_id: str) -> str:
        """Return how to follow and how to end a task that may be running."""
        return self.restart(request_id, is_protected=False)

    def kill(self, request_id: str) -> str:
        """Return how to end a task that may be running."""
        return f"End it:                {self.command('KILL', request_id)}"

    def follow(self, request_id: str, *, is_protected: bool) -> str:
        """Return how a task is followed to its end; `is_protected` where a restart of the job takes it up."""
        first = "Restart this OpCon job: it starts nothing new and attaches to this request.\n" if is_protected else ""
        return f"{first}Follow it to its end:  {self.command('ATTACH', request_id)}"

    def restart(self, request_id: str, *, is_protected: bool) -> str:
        """Return how a job whose monitoring has ended early is taken up again, or its task ended."""
        return f"{self.follow(request_id, is_protected=is_protected)}\n{self.kill(request_id)}"

    def fate_unknown(self, record: RunRecord) -> str:
        """Return what to look for when nobody knows whether AMT received a start, and the two ways on."""
        if record.trouble:
            return (
                f"Mend what keeps this account from reading {record.file_name}.json in the run directory: "
                f"{record.trouble}.\n"
                "Then restart the job: the record tells what to do about its task."
            )
        return (
            "Look in AMT Control Center for a batch request with\n"
            f"  application {record.key.application or _UNKNOWN}, job {record.key.job or _UNKNOWN},\n"
            f"  submit user {record.submit_user or _UNKNOWN}, station {record.station or _UNKNOWN}, "
            f"queue {record.queue or (_UNKNOWN if record.is_damaged else _NOT_GIVEN)},\n"
            f"  received {_interval(record)}.\n"
            f"The log of the AMT web server or a proxy shows it by User-Agent, which ends in: run {record.run_id}\n"
            "If it is there, with request id N: run this OpCon job once with  -jt ATTACH -id N  in place of START.\n"
            f"If it is not there: {self.release(record)}"
        )

    def release(self, record: RunRecord) -> str:
        """Return how the job is started anew although an earlier run is open."""
        return (
            f"add  --release {record.run_id}  to this job's command line, or run\n"
            f"  {self.forget(record)}\n"
            "and restart the job: it then starts the task anew."
        )

    def forget(self, record: RunRecord) -> str:
        """Return the command that declares an earlier run settled."""
        return own_command("runs", "--forget", record.run_id, "--config", self.config)


class Subject(NamedTuple):
    """What is watched, in words for the operator: the job, its request, and what can be done about it.

    `follow` is how its end is seen, `kill` how it is ended. `way_out` is how a job is freed whose task is settled; ""
    where nothing holds it.
    """

    name: str
    request_id: RequestId
    server: str
    follow: str
    kill: str
    way_out: str = ""

    @property
    def ways_on(self) -> str:
        """Say how to see its end and how to end it."""
        return f"{self.follow}\n{self.kill}"

    @property
    def text(self) -> str:
        """Name the job, the request and the server."""
        return f"Job '{self.name}', request {self.request_id}, server {self.server}"


def moment(when: datetime | None) -> str:
    """Return a time for people: local and UTC."""
    if when is None:
        return "at an unknown time"
    return f"{when.astimezone():%Y-%m-%d %H:%M:%S} local time ({when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC)"


def _interval(record: RunRecord) -> str:
    if record.intended_at is None:
        return "at an unknown time"
    if record.answer_due_at is None:
        return f"at or after {moment(record.intended_at)}"
    first, last = moment(record.intended_at), moment(record.answer_due_at)
    return f"at {first}" if first == last else f"between {first} and {last}"
