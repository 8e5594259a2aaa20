"""Everything that can go wrong, as one tree.

    ConnectorError
    ├── RunError                    ends a run with an exit code of its own
    │   ├── ServerUnreachable          23  server-unreachable
    │   ├── AuthenticationRefused      24  authentication-refused
    │   ├── InternalError             100  internal-error
    │   ├── UsageError                101  usage
    │   ├── ConfigurationError        102  configuration
    │   ├── CredentialsError          103  credentials
    │   ├── SubmissionUnknown         104  submission-unknown
    │   ├── LostContact               105  lost-contact
    │   ├── StartRefused              106  start-refused
    │   ├── Interrupted               107  interrupted
    │   ├── ReplyNotUnderstood        108  reply-not-understood
    │   └── StatusUnknown             109  status-unknown
    └── CallFailed                  one call to the server did not succeed; the runner decides what follows
        ├── NotSent                    the request provably never left this machine
        │   └── CertificateRefused     the server's certificate failed verification
        ├── Busy                       the server provably did not execute it and asks to come back later
        ├── Unauthorized               the server provably did not execute it: the token is refused
        ├── LogonRefused               the credentials are refused
        ├── Forbidden                  understood and denied
        ├── NotFound                   the server knows no such thing
        ├── Rejected                   any other refusal: the request was not executed
        ├── NoAnswer                   it may have been received: time-out, reset, server error
        │   ├── AnswerLate             it may still be at work on it: time-out
        │   └── ServerFailed           it answered that it could not: 409, 5xx
        │       └── Unsupported        it answered that it has no such call: 501, 505
        └── NotUnderstood              an answer that does not fit the contract

A `RunError` says what happened, to what, and what to do next, for the operator who reads the job log; and, as values,
whether a task of AMT may be running now, under which request and of which run. The job log puts these into words.
"""

from __future__ import annotations

from enum import Enum

from amtconnector.named_tuple import NamedTuple


class TaskState(Enum):
    """Whether a task of AMT may be running when a run ends; the exit-code table has a column for it."""

    NONE = "no"
    MAYBE = "maybe"
    RUNNING = "yes"


class TaskFate(NamedTuple):
    """What is known of the task that a run is about; a request or run id is "" where it is not known."""

    state: TaskState
    request_id: str = ""
    run_id: str = ""


class ConnectorError(Exception):
    """The root of the tree: any failure that the connector itself recognised."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class RunError(ConnectorError):
    """A failure that ends the run.

    `message` says what happened, `subject` to what (a job, a request, a file; "" when the message says it all),
    `hint` what to do next, one step a line. `fate` is whether a task may be running; None for what the class says.
    """

    slug: str
    exit_code: int
    fate = TaskFate(TaskState.NONE)

    def __init__(self, message: str, *, subject: str = "", hint: str = "", fate: TaskFate | None = None) -> None:
        super().__init__(message)
        self.subject = subject
        self.hint = hint
        self.fate = self.fate if fate is None else fate


class ServerUnreachable(RunError):
    """The server could not be reached; nothing was submitted and no earlier run is open."""

    slug = "server-unreachable"
    exit_code = 23


class AuthenticationRefused(RunError):
    """AMT refused the credentials."""

    slug = "authentication-refused"
    exit_code = 24


class InternalError(RunError):
    """A defect in the connector."""

    slug = "internal-error"
    exit_code = 100


class UsageError(RunError):
    """The command line is wrong; nothing was sent."""

    slug = "usage"
    exit_code = 101


class ConfigurationError(RunError):
    """Connector.config is missing or wrong, or the run record can't be written; nothing was sent."""

    slug = "configuration"
    exit_code = 102


class CredentialsError(RunError):
    """The credentials can't be decrypted, or are plain text; nothing was sent."""

    slug = "credentials"
    exit_code = 103


class SubmissionUnknown(RunError):
    """A start request of this or an earlier run may or may not have been received, or another process runs this job."""

    slug = "submission-unknown"
    exit_code = 104
    fate = TaskFate(TaskState.MAYBE)


class LostContact(RunError):
    """The server gave no answer for as long as the watch may last without one."""

    slug = "lost-contact"
    exit_code = 105
    fate = TaskFate(TaskState.RUNNING)


class StartRefused(RunError):
    """AMT answered and did not start the task."""

    slug = "start-refused"
    exit_code = 106

    def with_status(self, code: int, name: str) -> StartRefused:
        """Return the failure that ends with the terminal status that AMT gave as its reason."""
        self.exit_code, self.slug = code, name
        return self


class Interrupted(RunError):
    """The connector was told to stop, and the end of the AMT task is not confirmed or nothing had been started."""

    slug = "interrupted"
    exit_code = 107
    fate = TaskFate(TaskState.MAYBE)


class ReplyNotUnderstood(RunError):
    """The server answered, and no answer fitted the contract."""

    slug = "reply-not-understood"
    exit_code = 108


class StatusUnknown(RunError):
    """The task's status stayed unknown, or AMT does not know the request any more."""

    slug = "status-unknown"
    exit_code = 109
    fate = TaskFate(TaskState.MAYBE)


class CallFailed(ConnectorError):
    """One call to the server did not succeed.

    `retry_after_s` is what the server asked to wait, in seconds; None when it did not say. `hint` is what an
    administrator can do about it, "" when the message says it all. `exchange` shows what was asked and the shape of
    what was answered, one a line, without secrets; "" where nothing was. `may_refuse` is whether a logon may have been
    refused by it, in words that nobody understood.
    """

    exchange: str = ""
    may_refuse: bool = False

    def __init__(self, message: str, *, retry_after_s: float | None = None, hint: str = "") -> None:
        # It becomes the middle of a sentence, and the words of a server often end one.
        super().__init__(message if message.endswith("...") else message.removesuffix("."))
        self.retry_after_s = retry_after_s
        self.hint = hint


class NotSent(CallFailed):
    """The request provably never reached the server: it may be sent again."""


class CertificateRefused(NotSent):
    """The server's certificate failed verification: trying again changes nothing."""


class Busy(CallFailed):
    """The server said that it did not execute the request and wants to be asked later (429, 503 with Retry-After)."""


class Unauthorized(CallFailed):
    """The server did not execute the request: the token was refused (401)."""


class LogonRefused(CallFailed):
    """The logon was answered by a refusal of the credentials; it is never tried again, for AMT locks accounts."""


class Forbidden(CallFailed):
    """The server understood the request and denies it (403)."""


class NotFound(CallFailed):
    """The server knows neither the route nor the request id, it does not say which (404)."""


class Rejected(CallFailed):
    """The server refused the request without executing it (any other 3xx or 4xx)."""


class NoAnswer(CallFailed):
    """No usable answer came although the request may have been received (time-out, reset, 408, 409, 5xx)."""


class AnswerLate(NoAnswer):
    """No answer came in time, so the server may still be at work on the request."""


class ServerFailed(NoAnswer):
    """The server answered that it could not do it, now or here (409, 5xx); a part may be done all the same."""


class Unsupported(ServerFailed):
    """The server answered that it can't do such a thing at all (501, 505): asking again changes nothing."""


class NotUnderstood(CallFailed):
    """An answer came that does not fit the wire contract."""
