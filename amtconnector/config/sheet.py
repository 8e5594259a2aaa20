"""One Connector.config being read: its values, and everything that is wrong with it.

A problem names section, key and line and what is expected, never a value: one that stands in the wrong line could be a
credential. For the same reason an unknown key is not shown when it may hold one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from amtconnector.config import keys
from amtconnector.config.inifile import folded
from amtconnector.config.values import Expected

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from amtconnector.config.inifile import Entry, IniText
    from amtconnector.config.keys import AnySetting, Setting

T = TypeVar("T")

_CREDENTIAL_NAMES = ("USER", "PASSWORD", "PASSWD", "PASSPHRASE", "PWD")
_CLOSE = 0.75
_LONGEST_SHOWN = 40
_MOST_LINES_NAMED = 20
_NO_LINE = 0


class Sheet:
    """The settings of one file; `problems` and `warnings` tell what was found, in the order of the lines."""

    def __init__(self, ini: IniText, folder: Path) -> None:
        self._folder = folder
        self._problems: list[tuple[int, str]] = []
        self._warnings: list[tuple[int, str]] = []
        self._entries: dict[tuple[str, str], list[Entry]] = {}
        for entry in ini.entries:
            self._entries.setdefault((folded(entry.section), folded(entry.key)), []).append(entry)
        self._check_lines(ini)
        self._check_names(ini)

    @property
    def problems(self) -> tuple[str, ...]:
        """Everything that keeps the file from being used."""
        return _in_order(self._problems)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Everything that is odd and does no harm."""
        return _in_order(self._warnings)

    def has(self, setting: Setting[T]) -> bool:
        """Whether the file holds the key."""
        return bool(self._found(setting))

    def value(self, setting: Setting[T]) -> T:
        """Return what the file says, or the default when it says nothing or nothing of use (which is a problem)."""
        found = self._found(setting)
        if found:
            self._check_repetition(setting, found)
        text = found[-1].value if found else ""
        if not text and (setting.required or not found or isinstance(setting.default, str)):
            return self._without(setting)
        value = setting.read(text)
        if isinstance(value, Expected):
            self.expect(setting, value.text)
            return setting.default
        return value

    def path(self, setting: Setting[str]) -> Path | None:
        """Return a path, which may be relative to the file's folder; None when none is given."""
        value = self.value(setting)
        return self._folder / value if value else None

    def existing_file(self, setting: Setting[str]) -> Path | None:
        """Return the path of a file that must be there; None when none is given."""
        path = self.path(setting)
        if path is None:
            return None
        try:
            if path.is_file():
                return path
            self.expect(setting, f"an existing file; a relative path starts in {self._folder}")
        except OSError as error:
            self.expect(setting, f"a file that can be read ({error.strerror})")
        return None

    def expect(self, setting: Setting[T], expectation: str) -> None:
        """Note a problem with a value, where it stands and what is expected there."""
        line, place = self._place(setting)
        self._problems.append((line, f"{place}: expected {expectation}"))

    def warn(self, setting: Setting[T], text: str) -> None:
        """Note something odd about a value; the text goes on after its place."""
        line, place = self._place(setting)
        self._warnings.append((line, f"{place} {text}"))

    def _found(self, setting: Setting[T]) -> list[Entry]:
        found = [entry for name in setting.names for entry in self._entries.get((setting.section, name), ())]
        return sorted(found, key=lambda entry: entry.line)

    def _place(self, setting: Setting[T]) -> tuple[int, str]:
        found = self._found(setting)
        if not found:
            return _NO_LINE, f"[{setting.section}] {setting.key}"
        return found[-1].line, f"[{setting.section}] {folded(found[-1].key)} (line {found[-1].line})"

    def _without(self, setting: Setting[T]) -> T:
        if setting.required:
            self.expect(setting, f"{setting.required}; the key is required")
        return setting.default

    def _check_repetition(self, setting: Setting[T], found: Sequence[Entry]) -> None:
        last_of = {folded(entry.key): entry for entry in found}
        if len({str(setting.read(entry.value)) for entry in last_of.values()}) > 1:
            other = next(entry for entry in last_of.values() if entry is not found[-1])
            self.expect(setting, f"the same value as {folded(other.key)} (line {other.line}), another name of this key")
        elif len(found) > 1:
            lines = ", ".join(str(entry.line) for entry in found)
            self.warn(setting, f"is given {len(found)} times (lines {lines}): the last one counts.")

    def _check_lines(self, ini: IniText) -> None:
        shape = "expected [SECTION], KEY=value, or a comment, which is a whole line that starts with ; or #"
        if ini.odd_lines:
            self._problems.append((ini.odd_lines[0], f"{_lines(ini.odd_lines)}: {shape}"))
        homeless = [entry.line for entry in ini.entries if not entry.section]
        if homeless:
            shape = f"expected a section such as [{keys.CONNECTOR}] above the first key"
            self._problems.append((homeless[0], f"{_lines(homeless)}: {shape}"))

    def _check_names(self, ini: IniText) -> None:
        for name, line in ini.sections:
            if name and folded(name) not in keys.SECTIONS:
                self._warnings.append((line, _unknown_section(name, line)))
        known = {(setting.section, name) for setting in keys.SETTINGS for name in setting.names}
        for (section, key), entries in self._entries.items():
            if section in keys.SECTIONS and (section, key) not in known:
                self._warnings.extend((entry.line, _unknown_key(section, entry)) for entry in entries)


def _unknown_section(name: str, line: int) -> str:
    shown = f"[{name}] (line {line})" if _is_showable(name) else f"line {line}"
    nearest = _nearest(folded(name), keys.SECTIONS)
    advice = f"; did you mean [{nearest}]?" if nearest else "."
    return f"{shown} is not a known section and is left out with its keys{advice}"


def _unknown_key(section: str, entry: Entry) -> str:
    name = entry.key if _is_showable(entry.key) else "a key that is not shown"
    nearest = _nearest_setting(section, folded(entry.key))
    advice = "." if nearest is None else f"; did you mean {_name_from(section, nearest)}?"
    return f"[{section}] {name} (line {entry.line}) is not a known key and is left out{advice}"


def _name_from(section: str, setting: AnySetting) -> str:
    return setting.key if setting.section == section else f"{setting.key} in [{setting.section}]"


def _nearest_setting(section: str, key: str) -> AnySetting | None:
    here = {name: setting for setting in keys.SETTINGS if setting.section == section for name in setting.names}
    elsewhere = {name: setting for setting in keys.SETTINGS if setting.section != section for name in setting.names}
    if key in elsewhere:
        return elsewhere[key]
    return here.get(_nearest(key, here)) or elsewhere.get(_nearest(key, elsewhere))


def _nearest(name: str, known: Iterable[str], likeness: float = 0.6) -> str:
    import difflib  # only a file with an unknown name pays for it

    return next(iter(difflib.get_close_matches(name[: 2 * _LONGEST_SHOWN], known, 1, likeness)), "")


def _is_showable(name: str) -> bool:
    """Whether a name is surely one: a line with a credential in it ends at the first `=` or `:` too."""
    if len(name) > _LONGEST_SHOWN or not all(letter.isalnum() or letter in " _-." for letter in name):
        return False
    if folded(name).startswith(_CREDENTIAL_NAMES):
        return False
    return not any(_nearest(word.upper(), _CREDENTIAL_NAMES, _CLOSE) for word in name.split()[:-1])


def _lines(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"line {numbers[0]}"
    named = ", ".join(str(number) for number in numbers[:_MOST_LINES_NAMED])
    left_out = len(numbers) - _MOST_LINES_NAMED
    return f"lines {named} and {left_out} more" if left_out > 0 else f"lines {named}"


def _in_order(remarks: list[tuple[int, str]]) -> tuple[str, ...]:
    """Return the remarks by line, those about a key that is missing last."""
    return tuple(text for _, text in sorted(remarks, key=lambda remark: (remark[0] == _NO_LINE, remark[0])))
