"""The earlier versions on the screen: what is seen of them, and what comes back."""

import threading
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from textual.widgets import OptionList

from storytui.app.screens.history import HistoryScreen, Restored
from storytui.app.version_rows import told, version_rows
from storytui.manuscript.history import HistoryError, Version
from storytui.storage.database import StorageError

NOW = datetime(2026, 3, 12, 15, 0).astimezone()
CURRENT = "The new lamp was out.\n\n" + "Filler stands here. " * 40 + "\n\nNobody said so twice.\n"
TEXTS = {
    3: CURRENT,
    2: CURRENT.replace("new", "old").replace(" twice", ""),
    1: "Something else altogether, [b]bold[/b] \x1b[2J\u202e \udc80.\n",
    0: "",
}
VERSIONS = [
    Version(3, NOW - timedelta(minutes=58), "saved", 1_126, 900),
    Version(2, NOW - timedelta(days=1, hours=3), "interrupted save", 1_125, 890),
    Version(1, NOW - timedelta(days=40), "accepted", 2_000, 12),
    Version(0, NOW - timedelta(days=800), "opened", 0, 0),
]


def history(versions=VERSIONS, read=TEXTS.__getitem__, current=CURRENT):
    return HistoryScreen(versions, read, current, now=lambda: NOW)


async def choose(shown, row):
    """Go to a row of the list and wait for its differences."""
    await shown.press(*["down"] * row)
    await shown.until(lambda: shown.screen._shown and shown.screen._shown.number == 3 - row)


def test_moments_are_told_as_a_writer_says_them():
    assert told(NOW - timedelta(minutes=58), NOW) == "today 14:02"
    assert told(NOW - timedelta(hours=16), NOW) == "yesterday 23:00"
    assert told(NOW - timedelta(days=2), NOW) == "10 Mar 15:00"
    assert told(datetime(2024, 12, 31, 9, 5).astimezone(), NOW) == "31 Dec 2024"


def test_rows_say_when_why_and_how_many_words():
    assert version_rows(VERSIONS, NOW) == [
        "today 14:02      saved             1,126 w      +1",
        "yesterday 12:00  interrupted save  1,125 w    −875",
        "31 Jan 15:00     accepted          2,000 w  +2,000",
        "2 Jan 2024       opened                0 w        ",
    ]


def test_no_versions_make_no_rows():
    assert version_rows([], NOW) == []


async def test_the_newest_version_is_chosen_first(on_stage):
    async with on_stage(history()) as shown:
        await choose(shown, 0)
        assert shown.counts == "No difference."
        assert shown.differences == "This version is the text as it stands now."


async def test_a_version_is_shown_as_what_changed_since(on_stage):
    async with on_stage(history()) as shown:
        await choose(shown, 1)
        assert shown.counts == (
            "2 changes · 1 word only in this version · 2 words only in the text now"
        )
        assert "The oldnew lamp was out." in shown.differences


async def test_enter_restores_all(on_stage):
    async with on_stage(history()) as shown:
        await choose(shown, 1)
        await shown.press("enter")
        said = "The version of yesterday 12:00 is restored."
        assert shown.answers == [Restored(TEXTS[2], said, 2, whole=True)]


@pytest.mark.parametrize(
    ("pressed", "text"),
    [
        (["r"], CURRENT.replace("new", "old")),
        (["n", "r"], CURRENT.replace(" twice", "")),
        (["n", "n", "p", "r"], CURRENT.replace("new", "old")),
    ],
    ids=["the first", "the next", "back at the first"],
)
async def test_r_restores_the_current_change_only(on_stage, pressed, text):
    async with on_stage(history()) as shown:
        await choose(shown, 1)
        await shown.press(*pressed)
        said = "A passage of the version of yesterday 12:00 is restored."
        assert shown.answers == [Restored(text, said, 2, whole=False)]


async def test_an_empty_version_can_be_restored(on_stage):
    async with on_stage(history()) as shown:
        await choose(shown, 3)
        await shown.press("enter")
        assert [each.text for each in shown.answers] == [""]


@pytest.mark.parametrize("key", ["enter", "r", "n", "p"])
async def test_there_is_nothing_to_restore_of_the_text_as_it_stands(on_stage, key):
    async with on_stage(history()) as shown:
        await choose(shown, 0)
        await shown.press(key)
        assert shown.answers == []


@pytest.mark.parametrize("key", ["escape", "q"])
async def test_leaving_restores_nothing(on_stage, key):
    async with on_stage(history()) as shown:
        await shown.press(key)
        assert shown.answers == [None]


async def test_a_manuscript_without_versions_says_when_there_will_be_some(on_stage):
    async with on_stage(history([])) as shown:
        await shown.press("n", "p", "r", "enter", "pagedown", "down")
        assert any("There are none yet." in row for row in shown.rows())
        await shown.press("escape")
        assert shown.answers == [None]


@pytest.mark.parametrize(
    "error",
    [
        HistoryError("Version 2 cannot be read: a part of it is [b]gone[/b]\x1b[2J."),
        StorageError("The local history is in use by another program. Try again."),
    ],
)
async def test_a_version_that_cannot_be_read_says_why(on_stage, error):
    def read(number):
        if number == 2:
            raise error
        return TEXTS[number]

    async with on_stage(history(read=read)) as shown:
        await choose(shown, 0)
        await shown.press("down")
        await shown.until(lambda: shown.differences == str(error).replace("\x1b", "␛"))
        await shown.press("enter", "r")
        assert shown.answers == []
        await shown.press("down")
        await shown.until(lambda: shown.screen._shown and shown.screen._shown.number == 1)


async def test_a_version_that_fails_does_not_keep_the_next_from_being_read(on_stage):
    go = threading.Event()

    def read(number):
        if number == 3:
            go.wait()
            raise KeyError(number)
        return TEXTS[number]

    async with on_stage(history(read=read)) as shown:
        await shown.press("down")
        go.set()
        await shown.until(lambda: "1 word only in this version" in shown.counts)


async def test_an_error_nobody_thought_of_does_not_end_the_editor(on_stage):
    def read(number):
        raise KeyError(number)

    async with on_stage(history(read=read)) as shown:
        await shown.until(lambda: "could not be read" in shown.differences)
        await shown.press("escape")
        assert shown.answers == [None]


async def test_only_one_version_is_read_at_a_time_and_the_last_chosen_is_shown(on_stage):
    go = threading.Event()
    asked = []
    together = []
    running = threading.Semaphore(1)

    def read(number):
        together.append(not running.acquire(blocking=False))
        asked.append(number)
        go.wait()
        running.release()
        return TEXTS[number]

    async with on_stage(history(read=read)) as shown:
        await shown.until(lambda: asked)
        await shown.press("down", "down", "down")
        go.set()
        await shown.until(lambda: shown.screen._shown and shown.screen._shown.number == 0)
        assert not any(together)
        assert asked == [3, 0]


async def test_enter_waits_for_the_version_to_be_read(on_stage):
    go = threading.Event()

    def read(number):
        go.wait()
        return TEXTS[number]

    async with on_stage(history(read=read)) as shown:
        await shown.press("down", "enter")
        assert shown.answers == []
        go.set()
        await shown.until(lambda: shown.answers)
        assert [each.number for each in shown.answers] == [2]


async def test_going_on_in_the_list_takes_enter_back(on_stage):
    go = threading.Event()

    def read(number):
        go.wait()
        return TEXTS[number]

    async with on_stage(history(read=read)) as shown:
        await shown.press("down", "enter", "down")
        go.set()
        await shown.until(lambda: shown.screen._shown and shown.screen._shown.number == 1)
        assert shown.answers == []


async def test_hostile_versions_are_shown_and_do_nothing(on_stage):
    versions = [replace(each, why="[@click=app.bell]x[/]\x1b[2J") for each in VERSIONS]
    async with on_stage(history(versions), size=(120, 40)) as shown:
        await choose(shown, 2)
        rows = "\n".join(shown.rows())
        assert "[@click=app.bell]x[/]␛[2J" in rows
        assert "[b]bold[/b]" in rows
        assert all(sign == "\n" or sign.isprintable() for sign in rows)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_list_and_differences_both_have_room(on_stage, size):
    many = [replace(VERSIONS[0], number=number) for number in range(300, 0, -1)]
    async with on_stage(history(many, read=lambda number: TEXTS[2]), size=size) as shown:
        await shown.until(lambda: shown.screen._shown)
        options = shown.screen.query_one(OptionList)
        assert options.size.height >= 6
        assert shown.view.size.height >= 6
        assert shown.view.size.width >= 50
        for widget in shown.screen.query("*"):
            assert shown.screen.region.contains_region(widget.region) or widget.parent is shown.view
        rows = "\n".join(shown.rows())
        assert "today 14:02  saved  1,126 w" in rows
        assert "esc leaves" in rows


async def test_the_differences_move_below_when_there_is_no_room_beside(on_stage):
    async with on_stage(history(), size=(120, 40)) as shown:
        await choose(shown, 1)
        options = shown.screen.query_one(OptionList)
        assert shown.view.region.x > options.region.right
        await shown.pilot.resize_terminal(80, 24)
        await shown.pilot.pause()
        assert shown.view.region.y >= options.region.bottom
