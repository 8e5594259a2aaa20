"""The contract that the simulated server keeps, as data: routes, requests, answers and refusals.

Without `[contract]` in the definitions it is the documented one. A request's shape is a template that looks like the
request itself: `{Name}` stands for the value that the documented contract calls so.
"""

from __future__ import annotations

from amtconnector.simulator.contract.call import Antiforgery, Call, Contract, Shape
from amtconnector.simulator.contract.documented import ROUTES
from amtconnector.simulator.contract.file import read_contract

__all__ = ["ROUTES", "Antiforgery", "Call", "Contract", "Shape", "read_contract"]
