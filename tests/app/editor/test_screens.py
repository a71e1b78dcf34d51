"""The dialogs, each used by keyboard alone at 80 columns."""

from pathlib import Path

import pytest

from storytui.app import keys
from storytui.app.screens.confirm import ConfirmScreen
from storytui.app.screens.goto import GotoLineScreen
from storytui.app.screens.help import HelpScreen
from storytui.app.screens.outline import OutlineScreen
from storytui.app.screens.save_as import SaveAsScreen
from storytui.story.outline import Chapter

CHAPTERS = [
    Chapter(0, "The Lamp", 1),
    Chapter(10, "Eleven [minutes]", 2),
    Chapter(20, "The Key", 1),
    Chapter(30, "The Lamp again", 1),
]


async def answer(host, screen, *pressed):
    """What a screen is dismissed with after some keys."""
    app = host("text")
    answers = []
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(screen, answers.append)
        await pilot.pause()
        for key in pressed:
            await pilot.press(key)
        await pilot.pause()
        assert app.escapes == 0
        for widget in screen.query("*"):
            assert app.screen.region.contains_region(widget.region) or not widget.display
    return answers


@pytest.mark.parametrize(
    ("pressed", "line"),
    [
        (["enter"], 10),
        (["down", "enter"], 20),
        (["up", "up", "up", "enter"], 0),
        (["pagedown", "enter"], 30),
        ([*"key", "enter"], 20),
        ([*"lamp", "down", "enter"], 30),
        ([*"again", "space", *"THE", "enter"], 30),
        (["escape"], None),
    ],
)
async def test_the_outline_jumps_to_a_chapter(host, pressed, line):
    assert await answer(host, OutlineScreen(CHAPTERS, 15), *pressed) == [line]


async def test_the_outline_of_a_search_without_matches_waits(host):
    assert await answer(host, OutlineScreen(CHAPTERS), *"xyz", "enter") == []


async def test_a_story_without_chapters_says_what_makes_one(host):
    assert await answer(host, OutlineScreen([]), "down", "escape") == [None]


@pytest.mark.parametrize(
    ("pressed", "line"),
    [(["1", "2", "enter"], 11), (["0", "enter"], 0), (["9", "9", "enter"], 49), (["escape"], None)],
)
async def test_a_line_is_gone_to(host, pressed, line):
    assert await answer(host, GotoLineScreen(50), *pressed) == [line]


async def test_no_number_goes_nowhere(host):
    assert await answer(host, GotoLineScreen(50), "x", "enter") == []


@pytest.mark.parametrize(
    ("pressed", "result"),
    [
        (["s"], "save"),
        (["d"], "discard"),
        (["escape"], None),
        (["enter"], "save"),
        (["tab", "enter"], "discard"),
        (["right", "right", "enter"], None),
    ],
)
async def test_leaving_asks_what_to_do_with_changes(host, pressed, result):
    assert await answer(host, ConfirmScreen.leaving("[b]x\x1b[/b]"), *pressed) == [result]


@pytest.mark.parametrize("key", ["escape", "q", "enter", "f1"])
async def test_help_lists_the_keys_as_they_are_bound(host, key):
    groups = keys.help_groups({"save": "insert"})
    assert ("insert", "Save") in dict(groups)["The file"]
    assert await answer(host, HelpScreen(groups), "down", "pagedown", key) == [None]


async def test_a_story_is_saved_under_a_new_name(host, tmp_path):
    path = tmp_path / "new.md"
    assert await answer(host, SaveAsScreen(path), "enter") == [path]
    assert await answer(host, SaveAsScreen(path), "escape") == [None]


async def test_an_existing_file_is_asked_for_twice(host, tmp_path):
    path = tmp_path / "old.md"
    path.write_text("text")
    screen = SaveAsScreen(tmp_path / "old.m")
    assert await answer(host, screen, "end", "d", "enter") == []
    screen = SaveAsScreen(tmp_path / "old.m")
    assert await answer(host, screen, "end", "d", "enter", "enter") == [path]


@pytest.mark.parametrize("name", ["", "missing/story.md", ".", "\0", "~nobody-of-that-name/x"])
async def test_a_name_that_cannot_be_is_not_taken(host, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    screen = SaveAsScreen()
    app = host()
    async with app.run_test() as pilot:
        answers = []
        app.push_screen(screen, answers.append)
        await pilot.pause()
        field = screen.query_one("Input")
        field.value = name
        await pilot.press("enter")
        await pilot.pause()
        assert answers == []
        assert screen.query_one(".dialog-hint").content != "enter saves · esc leaves"


async def test_a_home_folder_is_found(host, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    answers = await answer(host, SaveAsScreen(Path("~/x.md")), "enter")
    assert answers == [tmp_path / "x.md"]
