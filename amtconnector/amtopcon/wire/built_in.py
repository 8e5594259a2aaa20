"""The built-in profile as values: `profile.toml` without the reader of TOML. A test holds both together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amtconnector.amtopcon.wire.paths import Path, Step
from amtconnector.amtopcon.wire.profile import Call, Condition, Expected, Members, Profile, Refusals, TokenPlaces
from amtconnector.statuses import StatusTable

if TYPE_CHECKING:
    from pathlib import Path as FilePath


def _named(*names: str) -> tuple[Path, ...]:
    return tuple(Path(name, (Step(name.casefold()),)) for name in names)


UNSUCCESSFUL = Condition(members=(Expected(_named("success")[0], ("false",)),))
"""A 2xx that says of itself that it is none."""

_ACTION = "/api/OpConJobAction"
_REQUEST = {"BatchRequestId": "{request_id}"}

BUILT_IN = Profile(
    token=TokenPlaces("X-AMT-LogonToken"),
    calls={
        "heartbeat": Call("heartbeat", "GET", "/api/HeartBeat", {}),
        "logon": Call("logon", "POST", "/api/Logon", {}, {"UserName": "{user}", "Password": "{password}"}),
        "start": Call(
            "start",
            "POST",
            _ACTION,
            {},
            {
                "Action": "START",
                "ApplicationName": "{application}",
                "JobName": "{job}",
                "ScriptName": "{script}",
                "SubmitUser": "{submit_user}",
                "User": "{run_as}",
                "Station": "{station}",
                "QueueName": "{queue}",
                "TaskValues": "{task_values}",
                "Parameters": "{parameters}",
            },
        ),
        "stop": Call("stop", "POST", _ACTION, {}, {"Action": "STOP", **_REQUEST}),
        "kill": Call("kill", "POST", _ACTION, {}, {"Action": "KILL", **_REQUEST}),
        "status": Call("status", "GET", "/api/MonitorJob", _REQUEST),
        "messages": Call("messages", "GET", "/api/GetMessages", _REQUEST),
    },
    members=Members(
        token=_named("AmtLogonToken"),
        request_id=_named("BatchRequestId"),
        status=_named("Status", "JobStatus", "State", "CompletionCode"),
        messages=_named("Messages"),
        message_text=_named("Message", "Text"),
    ),
    statuses=StatusTable(),
    refused=Refusals(
        credentials=(
            Condition(frozenset({400}), (), (Expected(_named("error")[0], ("invalid_grant",)),)),
            UNSUCCESSFUL,
            Condition(members=(Expected(_named("ErrorCode")[0], ("0", "ok", "none", "success"), is_negated=True),)),
            Condition(
                frozenset({400, 409, 422, 423, 500}),
                (
                    "or password",
                    "invalid password",
                    "invalid credentials",
                    "invalid user",
                    "wrong password",
                    "incorrect password",
                    "password is incorrect",
                    "password is invalid",
                    "password is wrong",
                    "password has expired",
                    "login failed",
                    "logon failed",
                    "locked out",
                    "account is locked",
                    "account is disabled",
                ),
            ),
        ),
        later=(
            Condition(
                frozenset({403, 409, 429, 503}),
                ("number of sessions", "too many sessions", "session limit", "sessions reached"),
            ),
        ),
    ),
)


def load_profile(path: FilePath | None = None) -> Profile:
    """Return the built-in profile, with the entries of a site's file in place of its own.

    Raises ConfigurationError, which names the entry, when the file is no such profile.
    """
    if path is None:
        return BUILT_IN
    from amtconnector.amtopcon.wire.profile_file import read  # few need a reader of TOML

    return read(path)
