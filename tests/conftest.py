"""Every test has folders of its own: no test reads or writes what belongs to a person."""

from pathlib import Path

import pytest

from storytui.models.starter import INSTEAD


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder that holds nothing; settings, data and logs go below it."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(folder))
    for kind in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(folder / kind.lower()))
    return folder


@pytest.fixture(autouse=True)
def bare_built_in_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """The built-in model is bare, so that what it writes hangs on no other file."""
    monkeypatch.setenv(INSTEAD, "")
