"""Connector.config as Encrypt sees it: which file is meant is decided by whoever may."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from amtconnector.credentials import credential_file
from amtconnector.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

STRANGER = 54321


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root makes a link another account's")
@pytest.mark.parametrize("is_folder", [False, True])
def test_a_strangers_link_leads_to_no_file_that_is_written(tmp_path: Path, *, is_folder: bool) -> None:
    """In a folder that others may write it could lead to the configuration of another installation."""
    real = tmp_path / "real"
    real.mkdir()
    (real / "Connector.config").write_text("[AMT_BATCH_SERVER]\nUSER=x\n")
    link = tmp_path / "link" if is_folder else tmp_path / "Connector.config"
    link.symlink_to(real if is_folder else real / "Connector.config")
    path = link / "Connector.config" if is_folder else link
    assert credential_file.read(path).values
    os.chown(link, STRANGER, STRANGER, follow_symlinks=False)
    with pytest.raises(ConfigurationError, match=f"leads to {real}") as caught:
        credential_file.read(path)
    assert f"rm {link}" in caught.value.hint
