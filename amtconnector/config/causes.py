"""What is probably wrong with a line or value of Connector.config, in words.

Editors, word processors and crashes leave their marks in files. No text here repeats a word of the file that could be a
credential: a name is shown only where it is one of the connector's own.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from amtconnector.config import keys
from amtconnector.config.inifile import INVISIBLE, folded

if TYPE_CHECKING:
    from collections.abc import Callable

    from amtconnector.config.inifile import IniText

_QUOTES = "\"'\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb\u2039\u203a`\u00b4"
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_BRACKETS = "[](){}<>\u3010\u3011\uff3b\uff3d \t"
_COMMENT = re.compile(r"\s[;#]")
_DECIMAL_COMMA = re.compile(r"[0-9]+,[0-9]+")
_FOREIGN_COMMENTS = ("//", "--", "'", "REM ", "rem ")
_BYTE_ORDER_MARK = "\ufeff"


def of_value(value: str) -> str:
    """Say what is odd about a value, as a sentence about it without its subject; "" for nothing."""
    return next((text for is_so, text in _ODDITIES if is_so(value)), "")


def of_each_part(value: str) -> tuple[str, ...]:
    """Say what is odd about a value and, where a comment stands behind it, about the value before the comment."""
    parts = (value, _before_comment(value))
    return tuple(dict.fromkeys(cause for part in parts if (cause := of_value(part))))


def without_marks(value: str) -> str:
    """Return a value without a comment, quotation marks, and letters that can't be seen."""
    seen = (letter for letter in _before_comment(value) if not (_has_invisible(letter) or _has_odd_blank(letter)))
    return "".join(seen).strip(f"{_QUOTES} ")


def of_refused_value(value: str) -> str:
    """Say what is odd about a value that can't be used; "" for nothing."""
    if cause := of_value(value):
        return cause
    if _DECIMAL_COMMA.fullmatch(value):
        return "has a decimal comma in place of a point"
    if unicodedata.normalize("NFKC", value) != value:
        return "holds a character that only looks like an ordinary one: type the value anew"
    return ""


def of_line(line: str) -> str:
    """Say what is expected in place of a line that is neither section, key nor comment; "" for nothing special."""
    if _BYTE_ORDER_MARK in line:
        return "expected a line break at the byte-order mark, where two files were joined"
    if line.startswith("["):
        return _of_section(line)
    if (name := folded(line.strip(_BRACKETS))) in keys.SECTIONS:
        return f"expected [{name}], in square brackets"
    if key := key_without_separator(line):
        return f"expected {key}=value; the = is missing"
    return "expected a comment to start with ; or #" if line.startswith(_FOREIGN_COMMENTS) else ""


def key_without_separator(line: str) -> str:
    """Return the known key that a line or an unknown key begins with; "" for none."""
    name = folded(line)
    known = (name for setting in keys.SETTINGS for name in setting.names)
    return max((key for key in known if name == key or name.startswith(f"{key}_")), key=len, default="")


def nul_line(ini: IniText) -> int:
    """Return the number of the first line with a NUL byte; 0 for none."""
    before, nul, _ = ini.text.partition("\0")
    return len(re.findall(r"\r\n|\r|\n", before)) + 1 if nul else 0


def _of_section(line: str) -> str:
    name, closing, rest = line[1:].partition("]")
    if not closing:
        return "expected ] behind the section's name"
    if not name.strip():
        return "expected a section's name between [ and ]"
    return "expected nothing behind the ]; a comment is a line of its own" if rest else ""


def _before_comment(value: str) -> str:
    return _COMMENT.split(value, maxsplit=1)[0].rstrip()


def _has_invisible(value: str) -> bool:
    return any(letter in INVISIBLE or unicodedata.category(letter) in {"Cc", "Cf"} for letter in value)


def _has_odd_blank(value: str) -> bool:
    return any(letter != " " and letter.isspace() for letter in value)


_ODDITIES: tuple[tuple[Callable[[str], object], str], ...] = (
    (
        lambda value: _BYTE_ORDER_MARK in value,
        "holds a byte-order mark: two files were joined here, and a line break is missing",
    ),
    (
        lambda value: len(value) > 1 and value[0] in _QUOTES and value[-1] in _QUOTES,
        "stands in quotation marks, which would be a part of it: leave them out",
    ),
    (_COMMENT.search, "has a comment behind it, which would be a part of it: give the comment a line of its own"),
    (_has_invisible, "holds a character that can't be seen: type the value anew"),
    (_has_odd_blank, "holds a blank of another kind than the ordinary one: type the value anew"),
    (lambda value: {*_DASHES} & {*value}, "holds a dash of a word processor in place of a hyphen: type the value anew"),
    (lambda value: {*_QUOTES[2:]} & {*value}, "holds a quotation mark of a word processor: type the value anew"),
)
"""What can be odd about a value, the likeliest cause first."""
