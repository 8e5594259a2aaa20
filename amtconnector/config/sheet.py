"""One Connector.config being read: its values, and everything that is wrong with it.

A problem names section, key and line and what is expected, never a value: one that stands in the wrong line could be a
credential. For the same reason an unknown key is not shown when it may hold one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from amtconnector.config import keys, unknown_names
from amtconnector.config.inifile import bare, folded
from amtconnector.config.values import Expected
from amtconnector.system.file_kinds import other_than_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from amtconnector.config.inifile import Entry, IniText
    from amtconnector.config.keys import Setting

T = TypeVar("T")

_MOST_LINES_NAMED = 20
_NO_LINE = 0

_MOST_EXPLAINED = 30
"""How many lines of a file are explained: one that is no configuration at all has thousands of wrong ones."""


class Sheet:
    """The settings of one file; `problems` and `warnings` tell what was found, in the order of the lines."""

    def __init__(self, ini: IniText, folder: Path) -> None:
        self._folder = folder
        self._problems: list[tuple[int, str]] = []
        self._warnings: list[tuple[int, str]] = []
        self._ini = ini
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
        """Everything that is odd and does no harm, but what is a problem of the same line."""
        wrong = {line for line, _ in self._problems} - {_NO_LINE}
        return _in_order([(line, text) for line, text in self._warnings if line not in wrong])

    def has(self, setting: Setting[T]) -> bool:
        """Whether the file holds the key."""
        return bool(self._found(setting))

    def value(self, setting: Setting[T]) -> T:
        """Return what the file says, or the default when it says nothing or nothing of use (which is a problem)."""
        found = self._found(setting)
        if found:
            self._check_repetition(setting, found)
        text = bare(found[-1].value) if found else ""
        if not text and (setting.required or not found or isinstance(setting.default, str)):
            return self._without(setting)
        value = setting.read(text)
        if isinstance(value, Expected):
            self.expect(setting, value.text + _odd(text, is_refused=True))
            return setting.default
        if text and (oddity := _odd(text)):
            self.warn(setting, f"{oddity.removeprefix('; the value ')}.")
        return value

    def path(self, setting: Setting[str]) -> Path | None:
        """Return a path, which may be relative to the file's folder; None when none is given."""
        value = self.value(setting)
        if {*"~$%"} & {*value} and _is_for_a_shell(value):
            self.warn(setting, "is taken as it stands: ~, $NAME and %NAME% are not expanded. Give the whole path.")
        return self._folder / value if value else None

    def existing_file(self, setting: Setting[str]) -> Path | None:
        """Return the path of a file that must be there; None when none is given."""
        path = self.path(setting)
        if path is None:
            return None
        try:
            kind = other_than_file(path)
            if not kind:
                return path
            self.expect(setting, f"a file, and {kind} is there")
        except (FileNotFoundError, NotADirectoryError, ValueError):
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
        if setting.required and not self._is_elsewhere(setting):
            self.expect(setting, f"{setting.required}; the key is required")
        return setting.default

    def _is_elsewhere(self, setting: Setting[T]) -> bool:
        """Whether a missing key is in the file after all, which is a problem of that line; it is told here or there."""
        if self._found(setting):
            return False
        from amtconnector.config import causes

        for entry in self._ini.entries:
            if folded(entry.key) in setting.names:
                self._tell_of_section(setting, entry)
                return True
            if folded(entry.section) == setting.section and causes.key_without_separator(entry.key) in setting.names:
                place = f"[{setting.section}] {setting.key} (line {entry.line})"
                self._problems.append((entry.line, f"{place}: expected {setting.key}=value; the = is missing"))
                return True
        odd = (causes.key_without_separator(line) for _, line in self._ini.lines(frozenset(self._ini.odd_lines)))
        return any(name in setting.names for name in odd)

    def _tell_of_section(self, setting: Setting[T], entry: Entry) -> None:
        """Say that a key is in the wrong section, once for each section that is misspelled."""
        heading = next((line for name, line in reversed(self._ini.sections) if line < entry.line), _NO_LINE)
        if heading == _NO_LINE:
            return  # a key above all sections is a problem that is told already
        is_misspelled = folded(entry.section) not in keys.SECTIONS
        line = heading if is_misspelled else entry.line
        key = "" if is_misspelled else f" {setting.key}"
        shown = f"[{entry.section}] " if is_misspelled and unknown_names.is_showable(entry.section) else ""
        place = f"{shown}(line {line}):" if shown else f"line {line}:"
        where = f"expected [{setting.section}]" if is_misspelled else f"expected{key} below [{setting.section}]"
        if (line, f"{place} {where}") not in self._problems:
            self._problems.append((line, f"{place} {where}"))

    def _check_repetition(self, setting: Setting[T], found: Sequence[Entry]) -> None:
        last_of = {folded(entry.key): entry for entry in found}
        if len({str(setting.read(bare(entry.value))) for entry in last_of.values()}) > 1:
            other = next(entry for entry in last_of.values() if entry is not found[-1])
            self.expect(setting, f"the same value as {folded(other.key)} (line {other.line}), another name of this key")
        elif len(found) > 1:
            lines = ", ".join(str(entry.line) for entry in found)
            self.warn(setting, f"is given {len(found)} times (lines {lines}): the last one counts.")

    def _check_lines(self, ini: IniText) -> None:
        shape = "expected [SECTION], KEY=value, or a comment, which is a whole line that starts with ; or #"
        if ini.odd_lines:
            self._check_odd_lines(ini, shape)
        homeless = [entry.line for entry in ini.entries if not entry.section]
        if homeless:
            shape = f"expected a section such as [{keys.CONNECTOR}] above the first key"
            self._problems.append((homeless[0], f"{_lines(homeless)}: {shape}"))

    def _check_odd_lines(self, ini: IniText, shape: str) -> None:
        from amtconnector.config import causes  # only a file with a wrong line pays for it

        plain: list[int] = []
        for number, line in ini.lines(frozenset(ini.odd_lines)):
            is_explained = len(self._problems) + len(plain) < _MOST_EXPLAINED
            if is_explained and (cause := causes.of_line(line)):
                self._problems.append((number, f"line {number}: {cause}"))
            else:
                plain.append(number)
        if plain:
            self._problems.append((plain[0], f"{_lines(plain)}: {shape}"))

    def _check_names(self, ini: IniText) -> None:
        for name, line in ini.sections:
            if name and folded(name) not in keys.SECTIONS:
                self._warnings.append((line, unknown_names.unknown_section(name, line)))
        known = {(setting.section, name) for setting in keys.SETTINGS for name in setting.names}
        unknown = [
            (section, entry)
            for (section, key), entries in self._entries.items()
            if section in keys.SECTIONS and (section, key) not in known
            for entry in entries
        ]
        told, further = unknown[:_MOST_EXPLAINED], unknown[_MOST_EXPLAINED:]
        self._warnings.extend((entry.line, unknown_names.unknown_key(section, entry)) for section, entry in told)
        if further:
            first = further[0][1].line
            self._warnings.append(
                (first, f"{len(further)} further keys are unknown, the first of them in line {first}.")
            )


def _odd(text: str, *, is_refused: bool = False) -> str:
    """Return what is odd about a value as the end of a sentence, "" for nothing."""
    if not is_refused and _is_ordinary(text):
        return ""
    from amtconnector.config import causes

    cause = causes.of_refused_value(text) if is_refused else causes.of_value(text)
    return f"; the value {cause}" if cause else ""


def _is_for_a_shell(path: str) -> bool:
    """Return whether a path was written for something that puts values in; a share's name may end in $."""
    import re

    return re.search(r"\A~(?![^/\\])|\$\{?[A-Za-z_]|%[A-Za-z_]\w*(\(\w+\))?%", path) is not None


def _is_ordinary(text: str) -> bool:
    """Whether nothing about a value can be odd; quick, for every run asks."""
    return text.isascii() and text.isprintable() and not ({*"\"'`"} & {text[0], text[-1]}) and not {*";#"} & {*text}


def _lines(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"line {numbers[0]}"
    named = ", ".join(str(number) for number in numbers[:_MOST_LINES_NAMED])
    left_out = len(numbers) - _MOST_LINES_NAMED
    return f"lines {named} and {left_out} more" if left_out > 0 else f"lines {named}"


def _in_order(remarks: list[tuple[int, str]]) -> tuple[str, ...]:
    """Return the remarks by line, those about a key that is missing last."""
    return tuple(text for _, text in sorted(remarks, key=lambda remark: (remark[0] == _NO_LINE, remark[0])))
