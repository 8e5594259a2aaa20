"""A pytest plugin that puts httpx2, httpx's maintained successor, under the names of httpx and httpcore.

PYTHONPATH=.ci python -m pytest -p successor tests/unit

Only to know that the switch is possible; the programs are built with httpx. Programs that a test starts have httpx, too.
"""

from __future__ import annotations

from httpx2 import alias_httpx

alias_httpx()
