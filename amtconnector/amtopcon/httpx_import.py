"""httpx, without its own command line: that costs 35 ms of start-up. Others take it from here."""

from __future__ import annotations

import sys

sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

import httpx as httpx  # noqa: E402, PLC0414 - after the line above
