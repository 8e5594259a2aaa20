"""The log of the operating system: the Windows event log, elsewhere syslog."""

from __future__ import annotations

import sys

from amtconnector.text import escaped

SOURCE = "AMT Connector"
"""Who writes, as the log names it."""

_LONGEST = 8_000  # characters; both take more, and nobody reads more

if sys.platform == "win32":
    from amtconnector.system import windows_api

    def report(event_id: int, text: str, *, is_error: bool) -> None:
        """Add an entry; raises OSError. `event_id` is what monitoring asks for, here also its place in the text."""
        windows_api.report_event(SOURCE, event_id, text[:_LONGEST], is_error=is_error)

else:
    import syslog

    def report(event_id: int, text: str, *, is_error: bool) -> None:
        """Add an entry; raises OSError. `event_id` is what monitoring asks for, here also its place in the text."""
        line = escaped(" ".join(text[:_LONGEST].split()))
        syslog.openlog(SOURCE.replace(" ", ""), syslog.LOG_PID, syslog.LOG_USER)
        priority = syslog.LOG_ERR if is_error else syslog.LOG_WARNING
        syslog.syslog(priority, f"[{event_id}] {line}".encode("utf-8", "backslashreplace").decode("utf-8"))
        syslog.closelog()
