"""The program `amt-lab` where its packages are missing."""

from __future__ import annotations

import sys

import pytest

from amtconnector.lab import __main__ as lab


def test_missing_packages_are_named_with_what_works(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No index has the package: a clone has it, and the folder of the release; it is no defect."""
    monkeypatch.setattr(sys, "argv", ["amt-lab", "simulator"])
    monkeypatch.setattr(lab, "find_spec", lambda name: None if name == "uvicorn" else object())
    with pytest.raises(SystemExit) as ended:
        lab.main()
    assert ended.value.code == 1
    text = capsys.readouterr().err
    assert "pip install '.[simulator]'" in text
    assert "Missing: uvicorn." in text
    assert "defect" not in text
