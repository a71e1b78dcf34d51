"""A stand-in for the Hub, and a working folder to publish."""

from collections.abc import Iterator
from pathlib import Path

import published_folder
import pytest
from hub_contents import TOKEN
from hub_stand_in import HubStandIn


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubStandIn]:
    """A Hub that is this machine's, and knows its token."""
    with HubStandIn({}) as standing:
        monkeypatch.setenv("HF_ENDPOINT", standing.endpoint)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        # The stand-in takes large files by plain HTTP.
        monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
        yield standing


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return published_folder.make(tmp_path)
