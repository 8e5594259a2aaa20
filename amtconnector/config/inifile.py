"""INI text: its sections and keys with their line numbers, and values replaced in place.

The reader knows no setting. It keeps every byte of the file, so that a rewritten file differs in the replaced values
alone. Rules: a comment is a whole line that starts with `;` or `#`; the first `=` or `:` ends the key; `%` and quotes
are ordinary characters; a section that is given twice is one section; what can't be seen is no part of a name, and none
of a value where it stands at its ends. Whatever may be a credential is in no `repr`.
"""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from amtconnector.named_tuple import NamedTuple
from amtconnector.system import files
from amtconnector.system.file_kinds import content_of
from amtconnector.text import described

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path

ANSI = "mbcs" if sys.platform == "win32" else "cp1252"

INVISIBLE = "\ufeff\u200b\u200c\u200d\u200e\u200f\u2060\u00ad\x1a"
"""What editors and `copy a+b c` leave in a text: byte-order marks, zero-width blanks, soft hyphens, Ctrl-Z."""

_BOM = b"\xef\xbb\xbf"
_BOM_AS_ANSI = "\u00ef\u00bb\u00bf"
_WHITE = " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
_BLANKS = _WHITE + INVISIBLE
_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_ALIKE = str.maketrans(dict.fromkeys(f"{_WHITE}{_DASHES}", "_") | dict.fromkeys(INVISIBLE, ""))


class Entry(NamedTuple):
    """One `key = value` line; names as written, the value without the blanks around it.

    `line` counts from 1; `value_start` and `value_end` are offsets in the text.
    """

    section: str
    key: str  # `PASSWORD secret=1` is a key
    value: str
    line: int
    value_start: int
    value_end: int

    def __repr__(self) -> str:
        return described(self, "section", "key", "value")

    def is_called(self, section: str, key: str) -> bool:
        """Whether the entry is this key of this section, in any spelling of both."""
        return folded(self.key) == folded(key) and folded(self.section) == folded(section)


class IniText(NamedTuple):
    """The text of a file, how it was encoded, and what its lines are.

    `sections` holds (name, line) of every section line. `odd_lines` are the lines that are neither section, key nor
    comment. Keys above the first section have the section "".
    """

    text: str
    encoding: str
    entries: tuple[Entry, ...]
    sections: tuple[tuple[str, int], ...]
    odd_lines: tuple[int, ...]

    def __repr__(self) -> str:
        return described(self, "text", "sections")

    def entries_of(self, section: str, key: str) -> tuple[Entry, ...]:
        """Return every entry of a key, in the order of the file; the last one counts."""
        return tuple(entry for entry in self.entries if entry.is_called(section, key))

    @property
    def is_wide(self) -> bool:
        """Whether a text with NULs was decoded from UTF-16 or UTF-32: most of them stand between single letters."""
        return self.text.count("\0") - len(self.text) + len(self.text.rstrip("\0")) > len(self.text) / 4

    def lines(self, numbers: Container[int]) -> Iterator[tuple[int, str]]:
        """Yield lines with their numbers, from 1, in the order of the file, without what can't be seen around them."""
        return ((at, bare(line)) for at, _, line in _lines(self.text) if at in numbers)

    def value_of(self, section: str, key: str) -> str:
        """Return the value of a key that counts, the last one; "" when there is none."""
        return next((bare(entry.value) for entry in reversed(self.entries) if entry.is_called(section, key)), "")


def bare(text: str) -> str:
    """Return a text without the blanks around it, also those that can't be seen."""
    return text.strip(_BLANKS)


def folded(name: str) -> str:
    """Return the one spelling of a section's or key's name: upper case, `_` for blanks and dashes."""
    return bare(name).upper().translate(_ALIKE)


def read(path: Path) -> IniText:
    """Read a file in UTF-8, with or without byte-order mark, else in the ANSI code page; raises OSError.

    What is no file is not read: a pipe would be waited for without end.
    """
    return parse(*_decoded(content_of(path)))


def parse(text: str, encoding: str = "utf-8") -> IniText:
    """Split INI text into its entries; newlines stay as they are."""
    entries: list[Entry] = []
    sections: list[tuple[str, int]] = []
    odd_lines: list[int] = []
    section = ""
    for number, start, line in _lines(text):
        content = bare(line)
        if not content or content[0] in ";#":
            continue
        if content[0] == "[":
            section = _section_name(content)
            sections.append((section, number))
        elif bare(line[: _separator(line)]):
            entries.append(_entry(section, number, start, line))
            continue
        if not _is_section(content):
            odd_lines.append(number)
    return IniText(text, encoding, tuple(entries), tuple(sections), tuple(odd_lines))


def replaced(ini: IniText, section: str, key: str, value: str) -> IniText:
    """Return the text with the value of every entry of this key replaced, so that no older one stays behind.

    A key that is missing is added at the end of its section, a missing section at the end of the text. Raises
    ValueError for a value that would not be read back as it is.
    """
    if value != value.strip() or "\n" in value or "\r" in value:
        raise ValueError("a value is one line without blanks around it")
    entries = ini.entries_of(section, key)
    text = ini.text if entries else _with_line(ini, section, f"{key}={value}")
    for entry in reversed(entries):
        text = text[: entry.value_start] + value + text[entry.value_end :]
    return parse(text, ini.encoding)


def write(path: Path, ini: IniText) -> None:
    """Replace the file atomically, keeping its encoding, permissions and, where the system lets us, its owner.

    Raises OSError; the file is then as it was.
    """
    content = ini.text.encode(ini.encoding, "surrogateescape" if ini.encoding == "cp1252" else "strict")
    files.replace_file(path, content, access=files.Access.AS_BEFORE)


def _decoded(raw: bytes) -> tuple[str, str]:
    for encoding in ("utf-8-sig" if raw.startswith(_BOM) else "utf-8", ANSI):
        try:
            text = raw.decode(encoding)
            # Double-byte code pages hold characters with two codes: decoding is not enough, the bytes must come back.
            if text.encode(encoding) == raw:
                return text, encoding
        except UnicodeError:
            continue
    return raw.decode("cp1252", "surrogateescape"), "cp1252"


def _lines(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield number, offset and text of each line, without its newline (LF, CR LF or CR, nothing else)."""
    start = 0
    for number, line in enumerate(io.StringIO(text, newline=""), 1):
        shown = line.removeprefix(_BOM_AS_ANSI)  # the file has bytes that are no UTF-8
        yield number, start + len(line) - len(shown), shown.rstrip("\r\n")
        start += len(line)


def _separator(line: str) -> int:
    """Return the offset of the first `=` or `:`; 0, where no key can end, when there is none."""
    return min((at for at in (line.find("="), line.find(":")) if at >= 0), default=0)


def _section_name(content: str) -> str:
    # A section line that is not closed still opens its section: the keys below it belong there.
    return content[1:].partition("]")[0].strip()


def _is_section(content: str) -> bool:
    return content[0] == "[" and content.find("]") == len(content) - 1 and bool(_section_name(content))


def _entry(section: str, number: int, start: int, line: str) -> Entry:
    separator = _separator(line)
    rest = line[separator + 1 :]
    value = rest.strip()
    value_start = start + len(line) - len(rest.lstrip())
    return Entry(section, line[:separator].strip(), value, number, value_start, value_start + len(value))


def _with_line(ini: IniText, section: str, line: str) -> str:
    newline = "\r\n" if "\r\n" in ini.text else "\n"
    lines = [*ini.sections, *((entry.section, entry.line) for entry in ini.entries)]
    last = max((number for name, number in lines if folded(name) == folded(section)), default=0)
    if last == 0:
        return _ended(ini.text, newline) + f"[{section}]{newline}{line}{newline}"
    end = next((start for number, start, _ in _lines(ini.text) if number == last + 1), len(ini.text))
    return _ended(ini.text[:end], newline) + line + newline + ini.text[end:]


def _ended(text: str, newline: str) -> str:
    return text if not text or text.endswith(("\n", "\r")) else text + newline
