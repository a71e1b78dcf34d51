"""Mains power, as Linux tells it."""

import pytest

from storytui.app.mains import mains_of

CHARGER = {"type": "Mains", "online": "1"}
UNPLUGGED = {"type": "Mains", "online": "0"}
EMPTYING = {"type": "Battery", "status": "Discharging"}
FULL = {"type": "Battery", "status": "Full"}
MOUSE = {"type": "Battery", "status": "Discharging", "scope": "Device"}


@pytest.mark.parametrize(
    ("supplies", "mains"),
    [
        ([], True),
        ([CHARGER], True),
        ([UNPLUGGED, EMPTYING], False),
        ([EMPTYING], False),
        ([FULL], True),
        ([CHARGER, EMPTYING], True),
        ([MOUSE], True),
    ],
)
def test_a_machine_whose_battery_empties_is_not_on_mains(tmp_path, supplies, mains):
    for number, supply in enumerate(supplies):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, text in supply.items():
            (folder / name).write_text(f"{text}\n")
    assert mains_of(tmp_path) is mains


def test_where_nothing_tells_it_counts_as_mains(tmp_path):
    assert mains_of(tmp_path / "none")
