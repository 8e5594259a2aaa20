"""Connector.config: where it is, what it says, and how it is rewritten in place."""

from amtconnector.config.connector_config import (
    FILE_NAME,
    Config,
    Server,
    find,
    load,
    program_directory,
    run_directory_of,
)

__all__ = [
    "FILE_NAME",
    "Config",
    "Server",
    "find",
    "load",
    "program_directory",
    "run_directory_of",
]
