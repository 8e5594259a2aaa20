"""Files that are no configuration and as long as such files are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from amtconnector.config import connector_config
from amtconnector.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "content",
    [
        "[CONNECTOR]\n" + "odd\n" * 15_000,
        "[AMT_BATCH_SERVER]\n" + "USER\n" * 10_000,
        "[CONNECTOR]\n" + "".join(f"key{number}=1\n" for number in range(7_000)),
    ],
    ids=["lines that are none", "keys without a value", "keys that nobody knows"],
)
def test_the_time_for_a_file_grows_with_its_length_alone(content: str, tmp_path: Path) -> None:
    """A log in the place of Connector.config is refused at once, not after a minute."""
    path = tmp_path / "Connector.config"
    path.write_text(content, encoding="utf-8")
    begun = time.process_time()
    with pytest.raises(ConfigurationError):
        connector_config.load(path)
    assert time.process_time() - begun < 8


def test_unknown_keys_are_counted_where_there_are_too_many_to_explain(tmp_path: Path) -> None:
    """The first ones are named each, the others by their number and the first line."""
    path = tmp_path / "Connector.config"
    keys = "".join(f"KEY{number}=1\n" for number in range(40))
    server = "[AMT_BATCH_SERVER]\nSERVER_ADDRESS=amt:443\nUSER=a\nPASSWORD=b\n"
    path.write_text(f"{server}[CONNECTOR]\n{keys}", encoding="utf-8")
    warnings = connector_config.load(path).warnings
    assert sum("is not a known key" in warning for warning in warnings) == 30
    assert "10 further keys are unknown, the first of them in line 36." in warnings
