"""Fixtures for the tests of models: a stand-in for the Hub, and a machine that knows it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_fixtures import place_of, stocked
from hub_stand_in import HubStandIn

from storytui.models.hub.place import HubPlace


@pytest.fixture
def hub() -> Iterator[HubStandIn]:
    with stocked() as standing:
        yield standing


@pytest.fixture
def place(hub: HubStandIn, tmp_path: Path) -> HubPlace:
    return place_of(hub, tmp_path)
