"""A pytest plugin that puts httpx2, httpx's maintained successor, under the names of httpx and httpcore.

PYTHONPATH=.ci python -m pytest -p successor tests/unit

Only to know that the switch is possible; the programs are built with httpx, and those that a test starts have it, too.
"""

from __future__ import annotations

from importlib import import_module

import_module("httpx2").alias_httpx()
