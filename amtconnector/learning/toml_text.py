"""Values as TOML has them: for the profile that is shown, and for the one that is written."""

from __future__ import annotations

import json
import re
from typing import Any


def value_text(value: Any) -> str:
    """Return a value on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        inner = ", ".join(f"{key_text(key)} = {value_text(entry)}" for key, entry in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(value_text, value))}]"
    return text_text(value) if isinstance(value, str) else str(value)


def key_text(key: str) -> str:
    """Return a key, in quotes where it needs them."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else text_text(key)


def text_text(text: str) -> str:
    """Return a text in quotes."""
    quoted = json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
    return quoted.encode("utf-8", "backslashreplace").decode()
