"""Compile once, during the build, what imports compile at every start: called by `build.spec` as a program.

A run of the connector imports some fifty dataclasses, whose methods Python generates as source text, and a hundred
regular expressions. Compiling them takes a fifth of the whole start-up. This imports what a run imports, notes each
text and each pattern with what it was compiled to, and writes them into the module `precompiled`, which `quick_start`
reads. The argument is the file to write.
"""

from __future__ import annotations

import builtins
import dataclasses
import marshal
import sys
from importlib import import_module
from pathlib import Path
from re import _compiler, _parser  # type: ignore[attr-defined]  # private: the results are for this interpreter only
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import CodeType

RUN = (
    "amtconnector.job",
    "amtconnector.session",
    "amtconnector.equipment",
    "amtconnector.tls",
    "amtconnector.commands",
    "cryptography.fernet",
    "amtconnector.credentials",
)
"""What a run imports, early or late."""
OPTIMIZE = 2


class Recorder:
    """Does what it stands in for and notes the results."""

    def __init__(self) -> None:
        self.code: dict[str, CodeType] = {}
        self.patterns: dict[tuple[str, int], tuple[Any, ...]] = {}
        self._compile = _compiler.compile

    def execute(self, text: str, *namespaces: Any) -> None:
        """Stand in for `exec` in `dataclasses`."""
        self.code[text] = compile(text, "<string>", "exec", dont_inherit=True, optimize=OPTIMIZE)
        builtins.exec(text, *namespaces)  # noqa: S102 - as dataclasses does

    def compile(self, pattern: Any, flags: int = 0) -> Any:
        """Stand in for the compiler of `re`; notes the arguments that `_sre.compile` takes after the pattern."""
        if isinstance(pattern, str):
            parsed = _parser.parse(pattern, flags)
            state = parsed.state
            code = [int(word) for word in _compiler._code(parsed, flags)]  # noqa: SLF001 - private
            names = [None] * state.groups
            for name, number in state.groupdict.items():
                names[number] = name
            key = pattern, int(flags)
            self.patterns[key] = int(flags | state.flags), code, state.groups - 1, dict(state.groupdict), tuple(names)
        return self._compile(pattern, flags)


def main() -> None:
    """Record and write."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    recorder = Recorder()
    dataclasses.exec = recorder.execute  # type: ignore[attr-defined]
    _compiler.compile = recorder.compile
    for module in RUN:
        import_module(module)
    data = marshal.dumps((recorder.code, recorder.patterns))
    text = f'"""Made by .ci/precompile.py."""\n\nDATA = {data!r}\n'
    Path(sys.argv[1]).write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(recorder.code)} generated methods and {len(recorder.patterns)} patterns compiled\n")


main()
