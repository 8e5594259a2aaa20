"""Modules that httpx and the standard library import, and that a run hardly ever uses, are imported when they are used.

They are a tenth of a start's instructions and 1 MB of a waiting process. importlib's LazyLoader is no help: up to
Python 3.13 the second `import` of a module loads it.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

_MODULES = ("email.header", "email.parser", "idna", "inspect", "locale", "mimetypes", "shutil", "ssl", "traceback")
"""`idna` is for a server's international name, `ssl` for https."""


def import_when_used() -> None:
    """Put a stand-in in the place of each of them that is not imported yet; whoever imports it by name gets that."""
    for name in _MODULES:
        if name not in sys.modules:
            sys.modules[name] = _StandIn(name)
            package, _, child = name.rpartition(".")
            if package:
                setattr(import_module(package), child, sys.modules[name])


class _StandIn(ModuleType):
    """Imports the module that it stands for when the first of its names is asked for."""

    def __getattr__(self, name: str) -> object:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        value = getattr(import_module(self.__name__), name)
        setattr(self, name, value)
        return value
