from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trustme

from tests.support.examined import AmtServer, Installation, server_tls, serving, sound_installation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """Make an installation without a fault, but for the address of its server."""
    return sound_installation(tmp_path)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Make a private certificate authority."""
    return trustme.CA(organization_name="Bank CA")


@pytest.fixture
def tls_server(authority: trustme.CA) -> Iterator[AmtServer]:
    """Run a server whose certificate is right."""
    with serving(server_tls(authority.issue_cert("127.0.0.1"))) as server:
        yield server
