"""Commands in printed texts: as they can be pasted, never the bare name of a program that is in no PATH."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from tests.support.configfile import ROOT

if TYPE_CHECKING:
    from pathlib import Path

BARE = re.compile(r"'(amt|Encrypt|amt-lab) [a-z-]")
OF_FILES = {"profile_text.py"}  # writes into a file how it was made


def texts(path: Path) -> set[str]:
    """Return the texts of a module, docstrings left out."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Expr(value=ast.Constant()):
                node.value = ast.Constant(None)
            case ast.Constant(value=str(text)):
                found.add(text)
            case _:
                pass
    return found


@pytest.mark.parametrize(
    "path",
    [path for folder in ("amtconnector", "encrypt") for path in (ROOT / folder).rglob("*.py")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_no_printed_text_quotes_a_command_by_a_bare_name(path: Path) -> None:
    """What an operator is told to type is printed with the program's own path."""
    assert path.name in OF_FILES or not [text for text in texts(path) if BARE.search(text)]
