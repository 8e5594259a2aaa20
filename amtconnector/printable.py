"""Make any text safe to print on one line of a job log."""

from __future__ import annotations

import re

_ALARMING = re.compile(r"\S*(?:error|failed)\S*", re.IGNORECASE)
_UNSAFE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


def escaped(text: str) -> str:
    r"""Return the text with control characters other than tab, U+2028 and U+2029 shown as `\x1b` or `\u2028`.

    The text can then neither break out of its line nor drive a terminal.
    """
    if text.isprintable():
        return text
    return _UNSAFE.sub(lambda match: _shown(ord(match[0])), text)


def excerpt(text: str, limit: int = 200) -> str:
    """Return the text on one line, `limit` characters at most, blanks folded and control characters escaped."""
    folded = escaped(" ".join(text.split()))
    return folded if len(folded) <= limit else folded[: limit - 3] + "..."


def calm(text: str) -> str:
    """Return a foreign text for a line that a run may print before it ends well: words that sites search for left out.

    They search job logs for "error" and "failed", and a run that ends with 4 must not be found. Its log has the words.
    """
    return _ALARMING.sub("[...]", text)


def _shown(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
