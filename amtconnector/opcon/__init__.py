"""OpCon's side: the agent's surroundings of a job, and job definitions for OpCon."""

from amtconnector.opcon.agent import (
    STATUS_LIMIT,
    OpConJob,
    StatusPublisher,
    missing_variables,
    status_text,
)

__all__ = [
    "STATUS_LIMIT",
    "OpConJob",
    "StatusPublisher",
    "missing_variables",
    "status_text",
]
