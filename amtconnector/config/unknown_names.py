"""Sections and keys of Connector.config that are not known: what they may have been meant for, and which may be shown.

An unknown key is not shown when it may hold a credential: a line with one in it ends at the first `=` or `:` too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amtconnector.config import keys
from amtconnector.config.inifile import folded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amtconnector.config.inifile import Entry
    from amtconnector.config.keys import AnySetting

_CREDENTIAL_NAMES = ("USER", "PASSWORD", "PASSWD", "PASSPHRASE", "PWD")
_CLOSE = 0.75
_LONGEST_SHOWN = 40


def unknown_section(name: str, line: int) -> str:
    """Return the warning about a section that is not known."""
    shown = f"[{name}] (line {line})" if is_showable(name) else f"line {line}"
    nearest = _nearest(folded(name), keys.SECTIONS)
    advice = f"; did you mean [{nearest}]?" if nearest else "."
    return f"{shown} is not a known section and is left out with its keys{advice}"


def unknown_key(section: str, entry: Entry) -> str:
    """Return the warning about a key that is not known in its section."""
    name = entry.key if is_showable(entry.key) else "a key that is not shown"
    nearest = _nearest_setting(section, folded(entry.key))
    advice = "."
    if nearest:
        where = "" if nearest.section == section else f" in [{nearest.section}]"
        advice = f"; did you mean {nearest.key}{where}?"
    return f"[{section}] {name} (line {entry.line}) is not a known key and is left out{advice}"


def _nearest_setting(section: str, key: str) -> AnySetting | None:
    here = {name: setting for setting in keys.SETTINGS if setting.section == section for name in setting.names}
    elsewhere = {name: setting for setting in keys.SETTINGS if setting.section != section for name in setting.names}
    if key in elsewhere:
        return elsewhere[key]
    return here.get(_nearest(key, here)) or elsewhere.get(_nearest(key, elsewhere))


def _nearest(name: str, known: Iterable[str], likeness: float = 0.6) -> str:
    import difflib  # only a file with an unknown name pays for it

    return next(iter(difflib.get_close_matches(name[: 2 * _LONGEST_SHOWN], known, 1, likeness)), "")


def is_showable(name: str) -> bool:
    """Whether a name is surely one: a line with a credential in it ends at the first `=` or `:` too."""
    if len(name) > _LONGEST_SHOWN or not all(letter.isalnum() or letter in " _-." for letter in name):
        return False
    if folded(name).startswith(_CREDENTIAL_NAMES):
        return False
    return not any(_nearest(word.upper(), _CREDENTIAL_NAMES, _CLOSE) for word in name.split()[:-1])
