"""The pages that are shipped, and the commands of ours in them, for the tests that hold the pages to the program."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.configfile import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md")))
SHOWN = {"text", "ini", "toml", "xml", "json", "http", "yaml"}
"""Languages of fenced blocks that show something: output, a file. Nothing in them is typed."""

_FENCE = re.compile(r"^ *```(\w*)")
_PROGRAM = re.compile(r'(?:[^"\s]*[\\/])?(amt-simulator|amt|Encrypt)(?:\.exe)?')
_QUOTED_PROGRAM = re.compile(r'"[^"]*[\\/](amt|Encrypt)\.exe"')
_SIMULATOR = re.compile(r"\S*python\S* -m amtconnector\.simulator\b")
_INLINE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True, slots=True)
class Command:
    """One command of ours in a page: the program (`amt`, `Encrypt`, `amt-simulator`) and the rest of the line."""

    page: str
    line: int
    text: str
    program: str
    rest: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


def commands() -> list[Command]:
    """Return every command of ours, in code blocks and in inline code, each text once a page."""
    found = {(command.page, command.text): command for page in PAGES for command in _commands(page)}
    return list(found.values())


def blocks(page: Path, language: str) -> list[str]:
    """Return the texts of a page's fenced blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def _commands(page: Path) -> Iterator[Command]:
    for number, text, is_inline in _pieces(page.read_text("utf-8")):
        for part in text.split(" && "):
            for program, rest in _read(part.strip()):
                # A bare name in a sentence names the program; one with "..." is the shape of many commands.
                if (rest or not is_inline) and not rest.startswith("..."):
                    yield Command(page.relative_to(ROOT).as_posix(), number, part.strip(), program, rest)


def _pieces(text: str) -> Iterator[tuple[int, str, bool]]:
    """Yield each line of code that can be typed, and each piece of inline code, with the number of its line."""
    fence: str | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if mark := _FENCE.match(line):
            fence = None if fence is not None else mark[1]
        elif fence is not None:
            if fence not in SHOWN:
                yield number, line.strip(), False
        elif line.startswith("    "):
            yield number, line.strip(), False
        else:
            yield from ((number, span.strip(), True) for span in _INLINE.findall(line))


def _read(text: str) -> Iterator[tuple[str, str]]:
    for pattern in (_QUOTED_PROGRAM, _PROGRAM):
        if (match := pattern.match(text)) and (len(text) == match.end() or text[match.end()] == " "):
            yield match[1], text[match.end() :].strip()
            return
    if match := _SIMULATOR.match(text):
        yield "amt-simulator", text[match.end() :].strip()
