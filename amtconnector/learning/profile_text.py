"""Write what was learned as a profile that people read: TOML, each entry with its evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amtconnector.learning.evidence import CALLS
from amtconnector.learning.toml_text import key_text, value_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amtconnector.learning.lesson import Lesson

_WIDTH = 116
_SECTIONS = ("headers", "token", "not_given", "answers", "members", "statuses", "messages", "refused")


def profile_text(lesson: Lesson, sources: Sequence[str], proof: Sequence[str]) -> str:
    """Return the file."""
    source = f"# Learned from {', '.join(sources)} by 'amt profile learn'. docs/wire-profile.md explains every entry."
    lines = [source, ""]
    for section in _SECTIONS[:3]:
        lines += _section(section, lesson)
    for name in CALLS:
        lines += [f"# {lesson.calls[name]}"]
        if name == "heartbeat" and name not in lesson.tree["calls"]:
            lines += ["[calls]", "heartbeat = false"]
        elif name in lesson.tree["calls"]:
            lines += _call(name, lesson.tree["calls"][name])
        else:
            lines[-1] = f"# calls.{name}: {lesson.calls[name]}"
        lines.append("")
    for section in _SECTIONS[3:]:
        lines += _section(section, lesson)
    lines += _list("What the trace shows and a profile can't say:", lesson.unsaid)
    lines += _list("What another record would settle:", lesson.wanted)
    lines += _list("Where this profile and the trace differ:", proof)
    return "\n".join(line.rstrip() for line in lines).rstrip("\n") + "\n"


def _section(name: str, lesson: Lesson) -> list[str]:
    if not lesson.tree.get(name):
        return []
    said = " ".join(lesson.evidence.get(name, "").split())
    return [*([f"# {said}"] if said else []), f"[{name}]", *_entries(lesson.tree[name]), ""]


def _call(name: str, entries: dict[str, Any]) -> list[str]:
    lines = [f"[calls.{name}]"]
    wide: list[tuple[str, dict[str, Any]]] = []
    for key, value in entries.items():
        line = f"{key} = {value_text(value)}"
        if isinstance(value, dict) and value and len(line) > _WIDTH:
            wide.append((key, value))
        else:
            lines.append(line)
    for key, value in wide:
        lines += ["", f"[calls.{name}.{key}]", *_entries(value)]
    return lines


def _entries(table: dict[str, Any]) -> list[str]:
    return [f"{key_text(key)} = {value_text(value)}" for key, value in table.items()]


def _list(title: str, texts: Sequence[str]) -> list[str]:
    return [f"# {title}", *(f"# - {' '.join(text.split())}" for text in texts), ""] if texts else []
