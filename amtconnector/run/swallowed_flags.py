r"""Flags that Windows made part of a value, which only the command line as it was typed shows.

In `-pa "C:\dir\" -tv 25` the last backslash takes the meaning from the quotation mark behind it: the value goes on, and
`-tv` is a piece of it. Values are taken as they arrive, so this is a warning and no refusal.
"""

from __future__ import annotations

import re
import sys

from amtconnector.run.arguments import FLAGS

# An odd number of backslashes before a quotation mark, blanks, and what could be a flag.
_SWALLOWED = r'(?<!\\)(?:\\\\)*\\"\s+"?(-{1,2}[a-z-]+)(?=["\s]|$)'
_NAMES = frozenset({*FLAGS, *FLAGS.values()})


if sys.platform == "win32":

    def from_process() -> str:
        """Return the warning about this process's command line; "" for none."""
        from amtconnector.system import windows_api  # one platform only

        return warning(windows_api.GetCommandLine())

else:

    def from_process() -> str:
        """Return the warning about this process's command line; "" for none: here the shell splits it."""
        return ""


def warning(command_line: str) -> str:
    """Return the warning about a command line as it was typed; "" where no flag stands behind such a backslash."""
    flag = next((found for found in re.findall(_SWALLOWED, command_line) if found in _NAMES), "")
    if not flag:
        return ""
    return (
        rf"the command line has \" before {flag}: Windows takes that quotation mark as part of the value, and {flag}"
        rf' with it. A value that ends in a backslash is written with two of them, as in "C:\dir\\" {flag} ...'
    )
