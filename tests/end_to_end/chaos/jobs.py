"""The AMT jobs that the chaos runs start."""

from __future__ import annotations

DEFINITIONS = r"""
[scheduler]
controller_delay = 0.1
run_as_users = ["BATCH"]
first_request_id = 2112

[logon]
token_lifetime = 0

[users.ocadm]
password = "opconxps"

[queues.SINGLE]
limit = 1

[applications.CHAOS.jobs.QUICK]
duration = 0.4
messages = ["Started", { at = 0.3, text = "Done" }]

[applications.CHAOS.jobs.PLAIN]
duration = 1.2
messages = ["Started", "same", "same", { at = 0.4, text = "step {n}", repeat = 5 }, { at = 1, text = "same" }, "Done"]

[applications.CHAOS.jobs.LONG]
duration = 2.5
messages = ["Started", { at = 1, text = "Half" }, { at = 2.4, text = "Done" }]

[applications.CHAOS.jobs.FAMILY]
duration = 1.4
messages = ["parent begins", "same", { at = 0.4, text = "parent goes on" }, { at = 0.7, text = "child", position = 1 },
    { at = 0.8, text = "child", position = 1 }, { at = 1.0, text = "same" }, { at = 1.3, text = "Done" }]

[applications.CHAOS.jobs.VANISHING]
duration = 1.2
messages = ["Started", { at = 0.1, text = "for a moment", until = 0.8 }, { at = 1.1, text = "Done" }]

[applications.CHAOS.jobs.AWKWARD]
duration = 0.8
messages = ["caf\u00e9 \u2603", "escape\u001b[2J", "two\nlines", "", " blanks ", { at = 0.5, json = '"lone \ud800"' }]

[applications.CHAOS.jobs.MANY]
duration = 1
messages = ["Started", { at = 0.3, text = "line {n}", repeat = 3000, length = 80 }, { at = 0.9, text = "Done" }]

[applications.CHAOS.jobs.STATUSES]
duration = 1.6
statuses = [{ at = 0, status = "WAIT FOR FILE" }, { at = 0.3, status = 25 }, { at = 0.6, status = "SUSPENDED" },
    { at = 1, status = "RUNNING" }]
messages = ["Started", { at = 1.5, text = "Done" }]

[applications.CHAOS.jobs.NEVER_ENDS]
ends = "never"
messages = ["Started", { at = 1, text = "still at work" }]

[applications.CHAOS.jobs.STUBBORN]
ends = "never"
ignores_kill = true
messages = ["Started"]

[applications.CHAOS.jobs.SLOW_TO_DIE]
ends = "never"
kill_delay = 1
messages = ["Started"]

[applications.CHAOS.jobs.DONE_WHEN_KILLED]
ends = "never"
kill_ends = "DONE"
messages = ["Started"]

[applications.CHAOS.jobs.CLEARED_WHEN_KILLED]
ends = "never"
kill_clears_messages = true
messages = ["Started"]
"""

ENDS = {3: "KILLED", 6: "SKIPPED_BY_OPS", 10: "DEL_QUEUE", 11: "ERROR", 12: "ABORTED", 22: "ABORTED_WITH_RECOVER"}
ENDS |= {23: "WEB_SERVER_ERROR", 24: "AUTHENTICATION_ERROR", 99: "INVALID AMT USER"}
DEFINITIONS += "\n".join(
    f'[applications.CHAOS.jobs.ENDS_{code}]\nduration = 0.7\nends = "{name}"\nmessages = ["Started", "Bad"]\n'
    for code, name in ENDS.items()
)

ENDING = ("QUICK", "PLAIN", "LONG", "FAMILY", "VANISHING", "AWKWARD", "MANY", "STATUSES")
ENDLESS = ("NEVER_ENDS", "STUBBORN", "SLOW_TO_DIE", "DONE_WHEN_KILLED", "CLEARED_WHEN_KILLED")
FAILING = tuple(f"ENDS_{code}" for code in ENDS)

GROWING_AT_ITS_END = frozenset({*ENDING, *ENDLESS, *FAILING}) - {"FAMILY", "VANISHING"}
"""Jobs whose messages come in the order in which they stay."""
