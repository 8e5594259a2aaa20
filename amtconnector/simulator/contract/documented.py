"""The documented contract: routes, members and what each call carries."""

from __future__ import annotations

ROUTES = {
    "heartbeat": "GET /api/HeartBeat",
    "logon": "POST /api/Logon",
    "action": "POST /api/OpConJobAction",
    "status": "GET /api/MonitorJob",
    "messages": "GET /api/GetMessages",
}
"""`action` is the route of every call in ACTIONS."""
ACTIONS = {"start": "START", "stop": "STOP", "kill": "KILL"}
CALLS = ("heartbeat", "logon", *ACTIONS, "status", "messages", "logoff")
NEED_NO_TOKEN = ("heartbeat", "logon")

VALUES: dict[str, tuple[str, ...]] = {
    "heartbeat": (),
    "logon": ("UserName", "Password"),
    "start": (
        "ApplicationName",
        "JobName",
        "ScriptName",
        "SubmitUser",
        "User",
        "Station",
        "QueueName",
        "TaskValues",
        "Parameters",
    ),
    "stop": ("BatchRequestId",),
    "kill": ("BatchRequestId",),
    "status": ("BatchRequestId",),
    "messages": ("BatchRequestId",),
    "logoff": (),
}
"""What each call carries beside the token."""
MEMBERS = (
    *dict.fromkeys(name for names in VALUES.values() for name in names),
    "AmtLogonToken",
    "Action",
    "Message",
    "Messages",
    "Status",
)
TOKEN_HEADER = "X-AMT-LogonToken"  # noqa: S105 - a header's name
