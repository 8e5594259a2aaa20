"""What of the environment the program ignores: settings of libraries that load code or write secrets."""

from __future__ import annotations

import os

_IGNORED = (
    "OPENSSL_CONF",  # names libraries to load, and a FIPS module that need not be there
    "OPENSSL_ENGINES",
    "OPENSSL_MODULES",
    "SSLKEYLOGFILE",  # a file that the keys of every TLS session are written to
)


def ignore_foreign_settings() -> None:
    """Take these variables away before a library reads them. Programs that this one starts do not see them either."""
    for name in _IGNORED:
        os.environ.pop(name, None)
