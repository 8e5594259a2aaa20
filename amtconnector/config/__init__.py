"""Connector.config: where it is, what it says, and how it is rewritten in place."""

from amtconnector.config.connector_config import Config, Server, load, run_directory_of
from amtconnector.config.places import FILE_NAME, expected_path, find, own_directory, usual_folders

__all__ = [
    "FILE_NAME",
    "Config",
    "Server",
    "expected_path",
    "find",
    "load",
    "own_directory",
    "run_directory_of",
    "usual_folders",
]
