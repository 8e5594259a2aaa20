"""Local time as the system has it: on Windows the C run-time listens to `TZ`, and nothing else there does."""

from __future__ import annotations

import os
import sys


def forget_variable() -> None:
    """Let local times be Windows' own, whatever `TZ` in the environment says; elsewhere `TZ` is right and stays."""
    if sys.platform == "win32" and os.environ.pop("TZ", None) is not None:
        import ctypes  # hardly any environment there has it

        ctypes.CDLL("ucrtbase")["_tzset"]()  # the run-time had read it before the first line of Python ran
