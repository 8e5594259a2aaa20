"""Who can read a file that must stay closed, on whichever system this is."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from amtconnector.system.file_access_windows import (
        account,
        closing_command,
        exposure,
        granting_command,
        quoted,
        sharing_advice,
    )
else:
    from amtconnector.system.file_access_posix import (
        account,
        closing_command,
        exposure,
        granting_command,
        quoted,
        sharing_advice,
    )

__all__ = [
    "account",
    "closing_command",
    "exposure",
    "granting_command",
    "quoted",
    "sharing_advice",
]
