"""Configuration files to try."""

from __future__ import annotations

from pathlib import Path

import pytest

from amtconnector import config
from amtconnector.errors import ConfigurationError

ROOT = Path(__file__).parents[2]

INCUMBENT = """\
[CONNECTOR]
NAME=Asysco AMT Connector
STATUS_CHECK_POLL_INTERVAL=5
STATUS_CHECK_INITIAL_POLL_DELAY=5
DEBUG=OFF

[AMT BATCH SERVER]
SERVER_ADDRESS=amtopcon-tst-a1.westeurope.cloudapp.azure.com:4004
SERVER_USE_TLS=True
USER= 62324e685a47303d
PASSWORD= 6233426a6232353463484d3d
"""
"""The sample in the documentation of the connector's predecessor."""

SERVER = "[AMT_BATCH_SERVER]\nSERVER_ADDRESS=host:4004\nUSER=u\nPASSWORD=p\n"
"""The shortest section that loads: four lines."""


def written(folder: Path, text: str | bytes) -> Path:
    """Write a configuration file and return its path."""
    path = folder / "Connector.config"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def loaded(folder: Path, text: str) -> config.Config:
    """Load a configuration with this text."""
    return config.load(written(folder, text))


def refused(folder: Path, text: str | bytes) -> list[str]:
    """Return the lines of the message that refuses this text."""
    with pytest.raises(ConfigurationError) as caught:
        config.load(written(folder, text))
    assert caught.value.exit_code == 102
    return caught.value.message.splitlines()
