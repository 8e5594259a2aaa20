"""The routes and names of AMTOpCon, as data: a simulator can play a server whose contract differs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amtconnector.simulator.table import Table

ROUTES = {
    "heartbeat": "GET /api/HeartBeat",
    "logon": "POST /api/Logon",
    "action": "POST /api/OpConJobAction",
    "status": "GET /api/MonitorJob",
    "messages": "GET /api/GetMessages",
}
MEMBERS = (
    "AmtLogonToken",
    "Action",
    "ApplicationName",
    "BatchRequestId",
    "JobName",
    "Message",
    "Messages",
    "Parameters",
    "Password",
    "QueueName",
    "ScriptName",
    "Station",
    "Status",
    "SubmitUser",
    "TaskValues",
    "User",
    "UserName",
)

TOKEN_HEADER = "X-AMT-LogonToken"  # noqa: S105 - a header's name


@dataclass(frozen=True, slots=True)
class Contract:
    """Where the calls are and what their members are called.

    `routes` gives the name of the call for (path, method); `members` the name in use for a documented one.
    """

    routes: Mapping[tuple[str, str], str]
    members: Mapping[str, str] = field(default_factory=dict)
    token_header: str = TOKEN_HEADER

    def member(self, name: str) -> str:
        """Return what a documented member or query parameter is called here."""
        return self.members.get(name, name)

    def methods(self, path: str) -> list[str]:
        """Return the methods that a path knows; none when there is no such path."""
        return [method for known, method in self.routes if known == path]


def read_contract(table: Table) -> Contract:
    """Read what differs from the documented contract."""
    routes, members = table.table("routes"), table.table("members")
    lines = {call: routes.text(call, line) for call, line in ROUTES.items()}
    for call, line in lines.items():
        if len(line.split()) != 2:
            routes.problem(call, 'expected a method and a path, such as "GET /api/HeartBeat"')
    contract = Contract(
        routes={(line.split()[-1], line.split()[0]): call for call, line in lines.items() if line.split()},
        members={name: members.text(name, name) for name in MEMBERS},
        token_header=table.text("token_header", TOKEN_HEADER),
    )
    for part in (routes, members, table):
        part.finish()
    return contract
