"""OpCon's side: the agent's surroundings of a job, and job definitions for OpCon."""

from amtconnector.opcon.agent import OpConJob, StatusPublisher, missing_variables, status_text

__all__ = ["OpConJob", "StatusPublisher", "missing_variables", "status_text"]
