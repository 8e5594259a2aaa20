"""Which wire profile an installation has: the built-in one, or a site's file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from amtconnector.amtopcon.wire.profile import Profile


def load(path: Path | None = None) -> Profile:
    """Return the built-in profile, with the entries of the file at `path` in place of its own.

    Raises ConfigurationError, which names the entry, when the file is no such profile.
    """
    if path is None:
        from amtconnector.amtopcon.wire.built_in import BUILT_IN

        return BUILT_IN
    from amtconnector.amtopcon.wire.profile_file import read  # few need a reader of TOML

    return read(path)
