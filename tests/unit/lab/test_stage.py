"""What the checks work with."""

from __future__ import annotations

import socket

import pytest

from amtconnector.lab.acceptance.stage import unused_address


def test_an_unused_address_stays_unused() -> None:
    """A simulator that is started meanwhile and takes any free port must not get this one."""
    with unused_address() as address:
        host, _, port = address.partition(":")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, int(port)))
        with socket.socket() as other, pytest.raises(OSError, match=r"in use|10048|10013"):
            other.bind((host, int(port)))
