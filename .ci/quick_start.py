"""The first module of a built program: spares it what Python would do at every start and the build has done once.

Imported before anything else. Nothing here changes what the program does: a text or pattern that the build has not seen
is compiled as always. The two programs are tested as they are built.
"""

from __future__ import annotations

import _sre  # type: ignore[import-not-found]
import builtins
import gc
import marshal
import sys
from re import _compiler  # type: ignore[attr-defined]  # private, and the same in the interpreter that is built in
from types import ModuleType
from typing import TYPE_CHECKING, Any

import precompiled  # type: ignore[import-not-found]

if TYPE_CHECKING:
    import re

gc.disable()  # until a run enables it: what is made during the imports is needed to the end


class _Later(ModuleType):
    """Stands in for `inspect`, which libraries import at their top and none of them uses in a run: 6 ms."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get("inspect") is self:
            del sys.modules["inspect"]
        import inspect

        return getattr(inspect, name)


class _NoSignature(_Later):
    """Stands in for `inspect` in `dataclasses`, which wants a signature as the docstring that optimizing removed."""

    @staticmethod
    def signature(*_: Any, **__: Any) -> str:
        """Return no signature."""
        return ""


sys.modules["inspect"] = _Later("inspect")
# httpcore imports it for a bundle of authorities that is never read: the system's certificate store decides.
sys.modules["certifi"] = ModuleType("certifi")

import dataclasses  # noqa: E402 - after its stand-in

# Each entry is taken out when it is used: most are used once, and five hundred of these processes sit on one server.
_CODE, _PATTERNS = marshal.loads(precompiled.DATA)  # noqa: S302 - made by the build, inside the program
del sys.modules["precompiled"], precompiled.DATA
_compile = _compiler.compile


def _execute(text: str, *namespaces: Any) -> None:
    builtins.exec(_CODE.pop(text, text), *namespaces)  # noqa: S102 - as dataclasses does


def _pattern(pattern: str | bytes | re.Pattern[str], flags: int = 0) -> Any:
    known = _PATTERNS.pop((pattern, int(flags)), None) if isinstance(pattern, str) else None
    return _sre.compile(pattern, *known) if known else _compile(pattern, flags)


dataclasses.inspect = _NoSignature("inspect")  # type: ignore[attr-defined]
dataclasses.exec = _execute  # type: ignore[attr-defined]  # generates the methods of every dataclass from source text
_compiler.compile = _pattern
