"""How a check ends when it does not find what it expects."""

from __future__ import annotations


class Failed(Exception):
    """The installation does not do what it must; `output` is what the program printed."""

    def __init__(self, finding: str, output: str = "") -> None:
        super().__init__(finding)
        self.finding = finding
        self.output = output


class NotTried(Exception):
    """This platform, or this account, can't do what the check needs; the text is the reason."""


def require(is_so: bool, otherwise: str, output: str = "") -> None:  # noqa: FBT001 - reads as a sentence
    """Raise Failed with a text when something is not so."""
    if not is_so:
        raise Failed(otherwise, output)
