"""Pictures of the comparing screens; `pytest --snapshot-update` makes them anew."""

from datetime import datetime, timedelta

from storytui.app.screens.compare import CompareScreen
from storytui.app.screens.confirm import Choice
from storytui.app.screens.history import HistoryScreen
from storytui.manuscript.history import Version

WIDE, SMALL = (120, 32), (80, 24)
NOW = datetime(2026, 3, 12, 15, 0).astimezone()
BEFORE = (
    "# Chapter Three\n\nThe lamp had been out for eleven minutes before anyone in the village "
    "noticed, and for twelve before anyone said so.\n\n“You knew,” he said.\n\n"
    + "The tide went out, and came in again, and nobody spoke of it. " * 9
    + "\n\nHe did not ask who had taken it.\n"
)
AFTER = (
    BEFORE.replace("eleven", "twenty")
    .replace("and for twelve before", "and for an hour before")
    .replace("“You knew,” he said.", "“You knew,” he said.\n\n“I knew,” she said.")
    .replace("He did not ask who had taken it.", "He asked who had taken it. [b]\x1b[2J[/b]")
)
VERSIONS = [
    Version(6, NOW - timedelta(minutes=58), "working", 18_406, 0),
    Version(5, NOW - timedelta(hours=2), "accepted", 18_402, 0),
    Version(4, NOW - timedelta(hours=3), "saved", 18_090, 0),
    Version(3, NOW - timedelta(days=1), "on disk", 18_214, 0),
    Version(2, NOW - timedelta(days=9), "saved", 9_876, 0),
    Version(1, NOW - timedelta(days=400), "opened", 12, 0),
]


async def _compared(pilot) -> None:
    while not pilot.app.screen.query_one("CompareView").change:
        await pilot.pause()
    await pilot.press("n")
    await pilot.pause()


async def _second_version(pilot) -> None:
    await pilot.press("down")
    shown = None
    while shown is None or shown.number != 5:
        await pilot.pause()
        shown = pilot.app.screen._shown
    await _compared(pilot)


def _history() -> HistoryScreen:
    return HistoryScreen(VERSIONS, lambda number: BEFORE, AFTER, now=lambda: NOW)


def test_what_was_recovered_and_the_file(snap_compare, stage):
    screen = CompareScreen(
        "lighthouse.md was not saved when the editor ended at 14:02. What was written is here.",
        BEFORE,
        AFTER,
        before_name="the file",
        after_name="what was recovered",
        choices=[Choice("keep", "k", "Keep it"), Choice("file", "f", "Go back to the file")],
    )
    assert snap_compare(stage(screen), terminal_size=WIDE, run_before=_compared)


def test_the_history(snap_compare, stage):
    assert snap_compare(stage(_history()), terminal_size=WIDE, run_before=_second_version)


def test_the_history_on_a_small_light_screen(snap_compare, stage):
    app = stage(_history(), "storytui-light")
    assert snap_compare(app, terminal_size=SMALL, run_before=_second_version)
