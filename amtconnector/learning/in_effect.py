"""The profile in effect, entry by entry, each with where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amtconnector.amtopcon.wire import profile_file
from amtconnector.learning.toml_text import key_text, value_text

if TYPE_CHECKING:
    from collections.abc import Iterator

KNOWN = frozenset({"token.header", "members.token", "members.request_id"})
"""The built-in entries that public sources show; a test holds them to the comments of profile.toml."""

_WHOLE = frozenset({"body", "form", "query", "headers", "pages", "words"})
_COLUMN = 64


def lines(site: dict[str, Any], file_name: str) -> Iterator[str]:
    """Yield the entries as TOML, each with a comment: built-in (known or assumed), or the file."""
    tree, _ = profile_file.entries(site)
    for parts, value in _flat(tree):
        name = ".".join(map(key_text, parts))
        built_in = "built-in, known" if name in KNOWN else "built-in, assumed"
        source = file_name if _is_given(site, parts) else built_in
        if value not in ({}, []) or _is_given(site, parts):
            yield f"{f'{name} = {value_text(value)}':<{_COLUMN}}  # {source}"


def _flat(tree: dict[str, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in tree.items():
        parts = (*before, key)
        if isinstance(value, dict) and value and key not in _WHOLE and before[:1] != ("statuses",):
            yield from _flat(value, parts)
        else:
            yield parts, value


def _is_given(site: dict[str, Any], parts: tuple[str, ...]) -> bool:
    entry: Any = site
    for part in parts:
        if not isinstance(entry, dict) or part not in entry:
            return False
        entry = entry[part]
    return True
