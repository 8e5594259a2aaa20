from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from amtconnector.config import keys as config_keys
from tests.support.configfile import ROOT, loaded

if TYPE_CHECKING:
    from pathlib import Path


def test_the_example_loads_and_mentions_every_key(tmp_path: Path) -> None:
    """Connector.config.example explains every setting, commented out where the default is right."""
    text = (ROOT / "Connector.config.example").read_text("utf-8")
    assert loaded(tmp_path, text).warnings == ()
    mentioned = re.findall(r"^;?([A-Z_]+)=", text, re.MULTILINE)
    assert sorted(mentioned) == sorted(setting.key for setting in config_keys.SETTINGS)


def test_the_examples_settings_are_right_when_they_are_commented_in(tmp_path: Path) -> None:
    """Nothing that the example shows is refused or unknown, and what it shows as default is the default."""
    for name in ("wire.toml", "ca.pem", "mask.txt"):
        (tmp_path / name).touch()
    text = (ROOT / "Connector.config.example").read_text("utf-8")
    read = loaded(tmp_path, re.sub(r"^;([A-Z_]+=)", r"\1", text, flags=re.MULTILINE))
    default = loaded(tmp_path, text)
    assert read.warnings == ()
    assert (read.max_poll_interval_s, read.max_outage_s) == (default.max_poll_interval_s, default.max_outage_s)
    assert (read.stream_messages, read.retain_runs_days) == (default.stream_messages, default.retain_runs_days)
    assert read.server.start_timeout_s == default.server.start_timeout_s


def documented() -> dict[tuple[str, str], str]:
    """Return the default of each (section, key) in the tables of the configuration reference."""
    section, rows = "", {}
    for line in (ROOT / "docs" / "configuration.md").read_text("utf-8").splitlines():
        if line.startswith("##"):
            section = line.strip("# []")
        elif row := re.fullmatch(r"\| `([A-Z_]+)` \| .+ \| (.+) \|", line):
            rows[section, row[1]] = row[2].strip("`")
    return rows


def test_the_documented_keys_are_those_of_the_code() -> None:
    """The reference and the program name the same keys, in the same order."""
    assert list(documented()) == [(setting.section, setting.key) for setting in config_keys.SETTINGS]


@pytest.mark.parametrize("setting", config_keys.SETTINGS, ids=lambda setting: setting.key)
def test_the_documented_default_is_the_one_of_the_code(setting: config_keys.AnySetting) -> None:
    """A default that is a value is the same in both; a required key says so; other names of a key are mentioned."""
    default = documented()[setting.section, setting.key]
    assert bool(setting.required) == (default == "required")
    if isinstance(setting.default, float | bool) or (setting.default and not setting.required):
        assert setting.read(default) == setting.default
    text = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    assert all(f"`{name}`" in text for name in setting.names)


def test_every_setting_is_in_the_list() -> None:
    """A setting that is declared is documented and known: the list of them leaves none out."""
    declared = [value for value in vars(config_keys).values() if isinstance(value, config_keys.Setting)]
    assert declared == list(config_keys.SETTINGS)
